//! Pictures and lists.

use std::collections::HashSet;

use super::super::svg::{Picture, STYLE, View, render};
use super::super::*;
use super::{ids, layout, set};

struct Shown {
    layout: Layout,
    occupancy: Occupancy,
    chosen: SeatSet,
}

impl Shown {
    fn new(map: SeatMap) -> Self {
        let layout = Layout::new(map).unwrap();
        let (occupancy, chosen) = (
            Occupancy::new(&layout),
            SeatSet::empty(layout.places().len()),
        );
        Self {
            layout,
            occupancy,
            chosen,
        }
    }

    fn draw(&self, view: View) -> String {
        render(&Picture {
            layout: &self.layout,
            occupancy: &self.occupancy,
            chosen: &self.chosen,
            standing: &[("floor".parse().unwrap(), 120)],
            words: &Words::ENGLISH,
            prefix: "m",
            view,
        })
        .unwrap()
    }
}

fn id(text: &str) -> PartId {
    text.parse().unwrap()
}

/// The attributes of all elements with a name.
fn attributes(svg: &str, element: &str, names: &[&str]) -> Vec<Vec<String>> {
    let document = uppsala::parse(svg).unwrap();
    let nodes = document.get_elements_by_tag_name(element);
    nodes
        .into_iter()
        .map(|node| {
            let value = |name: &&str| document.get_attribute(node, name).unwrap_or("").to_owned();
            names.iter().map(value).collect()
        })
        .collect()
}

/// covers: WEB-2
#[test]
fn each_seat_can_be_reached_and_says_what_it_is() {
    let mut shown = Shown::new(templates::theatre().unwrap());
    let rows = [
        (ids(&["s1-1"])[0], TakenState::Sold),
        (ids(&["s1-2"])[0], TakenState::Held),
    ];
    shown.occupancy = Occupancy::from_rows(&shown.layout, rows).unwrap();
    shown.chosen = set(&shown.layout, &["s1-4"]);
    let svg = shown.draw(View::Seats(id("stalls")));
    let names = [
        "data-seat",
        "role",
        "aria-checked",
        "aria-disabled",
        "tabindex",
        "aria-label",
    ];
    let seats: Vec<_> = attributes(&svg, "use", &names)
        .into_iter()
        .filter(|seat| !seat[0].is_empty())
        .collect();
    assert_eq!(seats.len(), 14 * 22);
    let distinct: HashSet<_> = seats.iter().map(|seat| seat[0].clone()).collect();
    assert_eq!(distinct.len(), seats.len());
    assert_eq!(
        seats[0],
        [
            "s1-1",
            "checkbox",
            "false",
            "true",
            "-1",
            "Stalls, row 1, seat 21, Category A, step-free, sold"
        ]
    );
    assert_eq!(
        seats[1],
        [
            "s1-2",
            "checkbox",
            "false",
            "true",
            "-1",
            "Stalls, row 1, seat 19, Category A, somebody is buying it"
        ]
    );
    assert_eq!(
        seats[2],
        [
            "s1-3",
            "checkbox",
            "false",
            "",
            "0",
            "Stalls, row 1, seat 17, Category A, free"
        ]
    );
    assert_eq!(
        seats[3],
        [
            "s1-4",
            "checkbox",
            "true",
            "",
            "-1",
            "Stalls, row 1, seat 15, Category A, chosen"
        ]
    );
    // One of them is reached by the tabulator.
    assert_eq!(seats.iter().filter(|seat| seat[4] == "0").count(), 1);
    // What is referred to is there, and each state has a shape of its own.
    let known: HashSet<String> = ["circle", "g", "path", "rect"]
        .iter()
        .flat_map(|element| attributes(&svg, element, &["id"]))
        .flatten()
        .collect();
    for reference in attributes(&svg, "use", &["href"]) {
        assert!(
            known.contains(reference[0].trim_start_matches('#')),
            "{reference:?}"
        );
    }
    for state in SeatState::ALL {
        assert!(known.contains(&format!("m{state}")), "{state}");
        assert!(STYLE.contains(&format!("s-{state}")) || *state == SeatState::Free);
    }
    // A title and a description, which the picture names.
    let top = &attributes(&svg, "svg", &["role", "aria-labelledby"])[0];
    assert_eq!(*top, ["group", "mtitle mdesc"]);
    assert_eq!(attributes(&svg, "title", &["id"]), [["mtitle"]]);
    assert_eq!(attributes(&svg, "desc", &["id"]), [["mdesc"]]);
    let groups = attributes(&svg, "g", &["role", "aria-label"]);
    assert!(groups.contains(&vec!["group".to_owned(), "Stalls, row 14".to_owned()]));
}

/// covers: WEB-2
#[test]
fn whatever_people_write_is_text() {
    let nasty = "<b a=\"1\">&amp;'x'</b> ]]>";
    let mut map = templates::club().unwrap();
    map.name = nasty.into();
    map.sections[0].label = nasty.into();
    map.sections[1].label = "אולם &".into();
    map.sections[0].areas[0].label = nasty.into();
    map.categories[0].label = nasty.into();
    map.objects[0].label = Some(nasty.into());
    map.sections[1].tables[0].label = "<1>&".into();
    map.sections[1].tables[0].chairs[0].label = Some("\"'<".into());
    let shown = Shown::new(map);
    for view in [
        View::Still,
        View::Sections,
        View::Seats(id("standing")),
        View::Seats(id("tables")),
    ] {
        let svg = shown.draw(view);
        assert!(attributes(&svg, "b", &[]).is_empty());
        let labels = attributes(&svg, "g", &["aria-label"]);
        let wanted = match view {
            View::Still => format!("{nasty}, standing, 120 free"),
            View::Sections => {
                // Places to stand count too.
                assert!(labels.contains(&vec![format!("{nasty}, 120 free")]));
                "אולם &, 72 free".to_owned()
            }
            View::Seats(section) if section == id("tables") => "אולם &, table <1>&".to_owned(),
            View::Seats(_) => format!("{nasty}, standing, 120 free"),
        };
        assert!(labels.contains(&vec![wanted]), "{view:?}: {labels:?}");
        assert_eq!(svg, shown.draw(view));
    }
    let svg = shown.draw(View::Seats(id("tables")));
    let labels = attributes(&svg, "use", &["aria-label"]);
    let wanted = format!("אולם &, table <1>&, seat \"'<, {nasty}, free");
    assert!(labels.contains(&vec![wanted]));
}

/// covers: WEB-2
#[test]
fn a_picture_is_small_and_holds_no_colour() {
    let shown = Shown::new(templates::arena(120, 20, 25).unwrap());
    let all = shown.draw(View::Sections);
    assert!(all.len() < 1_000_000, "{} bytes", all.len());
    // Every seat is a dot.
    assert_eq!(all.matches("h0").count(), 60_000);
    let one = shown.draw(View::Seats(id("k1")));
    assert!(one.len() < 500 * 300, "{} bytes", one.len());
    for svg in [&all, &one] {
        for word in ["fill=", "stroke=", "style", "rgb"] {
            assert!(!svg.contains(word), "{word}");
        }
    }
    let buttons = attributes(&all, "g", &["role", "tabindex", "data-section"]);
    assert!(buttons.contains(&vec![
        "button".to_owned(),
        "0".to_owned(),
        "k120".to_owned()
    ]));
    let still = shown.draw(View::Still);
    assert!(!still.contains("tabindex"));
    assert_eq!(attributes(&still, "svg", &["role"]), [["img"]]);
}

/// covers: WEB-2
#[test]
fn a_picture_that_stands_by_itself_has_its_style_in_it() {
    let shown = Shown::new(templates::theatre().unwrap());
    for view in [View::Still, View::Sections, View::Seats(id("stalls"))] {
        let plain = shown.draw(view);
        let both = standalone(&plain, "sl", None);
        let dark = standalone(&plain, "sl", Some(ColorScheme::Dark));
        for svg in [&both, &dark] {
            assert_eq!(attributes(svg, "svg", &["lang"]), [["sl"]]);
            assert!(svg.contains(STYLE), "its style is not in it");
            // Without what was put in, it is the picture as it was.
            let (head, rest) = svg.split_once("<style>").unwrap();
            let (_, rest) = rest.split_once("</style>\n").unwrap();
            let put_together = format!("{head}{rest}").replace(" lang=\"sl\"", "");
            assert_eq!(put_together, plain);
        }
        assert!(dark.contains("color-scheme: dark; }"));
        assert!(!both.contains("color-scheme: dark; }"));
    }
}

/// covers: WEB-2
#[test]
fn a_section_that_is_not_there_has_no_picture() {
    let theatre = layout(templates::theatre());
    let (occupancy, chosen) = (Occupancy::new(&theatre), SeatSet::empty(446));
    let picture = Picture {
        layout: &theatre,
        occupancy: &occupancy,
        chosen: &chosen,
        standing: &[],
        words: &Words::ENGLISH,
        prefix: "m",
        view: View::Seats(id("attic")),
    };
    assert_eq!(render(&picture), None);
    assert!(list(&theatre, &occupancy, &chosen, id("attic")).is_empty());
}

/// covers: WEB-2
#[test]
fn the_list_says_all_that_the_picture_shows() {
    let theatre = layout(templates::theatre());
    let rows = [
        (ids(&["s1-1"])[0], TakenState::Sold),
        (ids(&["s14-1"])[0], TakenState::Held),
    ];
    let occupancy = Occupancy::from_rows(&theatre, rows).unwrap();
    let chosen = set(&theatre, &["s1-3"]);
    let sections = summary(&theatre, &occupancy);
    let counts: Vec<_> = sections
        .iter()
        .map(|s| (s.id, s.free, s.free_wheelchair, s.free_step_free))
        .collect();
    assert_eq!(
        counts,
        [(id("stalls"), 306, 3, 1), (id("balcony"), 137, 0, 0)]
    );
    let stalls: Vec<_> = sections[0]
        .categories
        .iter()
        .map(|c| (c.id, c.free, c.seats))
        .collect();
    assert_eq!(stalls, [(id("a"), 109, 110), (id("b"), 197, 198)]);

    let groups = list(&theatre, &occupancy, &chosen, id("stalls"));
    assert_eq!(groups.len(), 14);
    let seats = &groups[0].seats;
    let states: Vec<_> = seats.iter().take(4).map(|seat| seat.state).collect();
    assert_eq!(
        states,
        [
            SeatState::Sold,
            SeatState::Free,
            SeatState::Chosen,
            SeatState::Free
        ]
    );
    assert_eq!(
        (&*seats[0].label, seats[0].kind),
        ("21", SeatKind::StepFree)
    );
    let club = layout(templates::club());
    let tables = list(
        &club,
        &Occupancy::new(&club),
        &SeatSet::empty(club.places().len()),
        id("tables"),
    );
    assert_eq!(
        tables
            .iter()
            .filter(|table| table.whole && table.is_table)
            .count(),
        4
    );
    assert_eq!(tables[0].seats[3].label, "D");
}
