//! Pictures and lists.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::svg::{Picture, STYLE, View, render};
use super::super::*;
use super::{house, ids, layout, set};

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

/// A text of a picture.
struct Written {
    class: String,
    text: String,
    x: f64,
    y: f64,
    size: f64,
}

impl Written {
    /// Half its width and height, if its letters are as wide as bold ones mostly are.
    fn half(&self) -> (f64, f64) {
        let letters = f64::from(u32::try_from(self.text.chars().count()).unwrap());
        (letters * self.size * 0.3, self.size / 2.0)
    }

    /// Whether it touches a circle.
    fn touches(&self, at: Point, radius: f64) -> bool {
        let (width, height) = self.half();
        let dx = ((f64::from(at.x) - self.x).abs() - width).max(0.0);
        let dy = ((f64::from(at.y) - self.y).abs() - height).max(0.0);
        dx.hypot(dy) < radius
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ')
        .map(|number| number.parse().unwrap())
        .collect()
}

fn written(svg: &str) -> Vec<Written> {
    let document = uppsala::parse(svg).unwrap();
    let texts = document.get_elements_by_tag_name("text").into_iter();
    texts
        .map(|node| {
            let value = |name: &str| document.get_attribute(node, name).unwrap().to_owned();
            Written {
                class: value("class"),
                text: document.text_content_deep(node),
                x: value("x").parse().unwrap(),
                y: value("y").parse().unwrap(),
                size: value("font-size").parse().unwrap(),
            }
        })
        .collect()
}

/// No text of a picture stands on a seat, on a section's label or outside.
fn stands_free(shown: &Shown, svg: &str) {
    let map = shown.layout.map();
    let radius = f64::from(map.seat_size) * 0.4;
    let frame = numbers(&attributes(svg, "svg", &["viewBox"])[0][0]);
    let texts = written(svg);
    for text in &texts {
        let (width, height) = text.half();
        let (left, top) = (text.x - width - frame[0], text.y - height - frame[1]);
        assert!(
            left >= 0.0 && left + 2.0 * width <= frame[2],
            "{}",
            text.text
        );
        assert!(
            top >= 0.0 && top + 2.0 * height <= frame[3],
            "{}",
            text.text
        );
        for place in shown.layout.places() {
            assert!(
                !text.touches(place.at, radius),
                "{} on {}",
                text.text,
                place.id
            );
        }
    }
    for (number, a) in texts.iter().enumerate() {
        for b in &texts[number + 1..] {
            let (a_half, b_half) = (a.half(), b.half());
            let is_beside = (a.x - b.x).abs() >= a_half.0 + b_half.0;
            let is_above = (a.y - b.y).abs() >= a_half.1 + b_half.1;
            assert!(is_beside || is_above, "{} on {}", a.text, b.text);
        }
    }
}

/// covers: WEB-2
#[test]
fn labels_stand_where_there_are_no_seats() {
    for (map, sections, least) in [
        (templates::theatre(), 2, 9.0),
        (templates::club(), 1, 9.0),
        (templates::arena(20, 10, 25), 20, 9.0),
        // Nobody reads the names of 120 blocks on a phone without making them larger.
        (templates::arena(120, 20, 25), 120, 3.0),
        (templates::arena(3, 1, 1), 3, 9.0),
    ] {
        let shown = Shown::new(map.unwrap());
        let map = shown.layout.map();
        let svg = shown.draw(View::Sections);
        stands_free(&shown, &svg);
        let width = numbers(&attributes(&svg, "svg", &["viewBox"])[0][0])[2];
        let labels = written(&svg)
            .into_iter()
            .filter(|text| text.class == "section-label");
        let labels: Vec<_> = labels.collect();
        assert_eq!(labels.len(), sections, "{}", map.name);
        for label in labels {
            // As a phone shows it, 360 pixels wide.
            assert!(
                label.size * 360.0 / width >= least,
                "{} in {}",
                label.text,
                map.name
            );
        }
        for section in map.sections.iter().take(4) {
            stands_free(&shown, &shown.draw(View::Seats(section.id)));
        }
    }
}

/// covers: WEB-2
#[test]
fn where_there_is_no_room_above_a_label_stands_elsewhere() {
    // A theatre whose balcony goes on where the stalls end, under a roof that covers all of it.
    let mut map = templates::theatre().unwrap();
    let seats = map.sections[1]
        .rows
        .iter_mut()
        .flat_map(|row| &mut row.seats);
    seats.for_each(|seat| seat.y -= 620 - 514);
    map.sections[0].label = "Parterre de l'opéra royal".into();
    map.objects[0].kind = ObjectKind::Other;
    map.objects[0].outline = [(0, 0), (600, 0), (600, 820), (0, 820)]
        .map(|(x, y)| Point { x, y })
        .to_vec();
    let shown = Shown::new(map);
    let svg = shown.draw(View::Still);
    stands_free(&shown, &svg);
    let texts: Vec<_> = written(&svg).into_iter().map(|text| text.text).collect();
    assert_eq!(texts, ["Stage", "Parterre de l'opéra royal", "Balcony"]);
}

proptest! {
    /// covers: WEB-2
    #[test]
    fn no_label_stands_on_a_seat(
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..12),
        label in "[A-Za-z]{1,40}",
        moved in 0_i32..40,
    ) {
        let mut map = house(&rows);
        map.sections[0].label = label;
        // Rows around the tables, too, and not only beside them.
        let seats = map.sections[0].rows.iter_mut().flat_map(|row| &mut row.seats);
        seats.for_each(|seat| seat.x -= moved);
        let shown = Shown::new(map);
        for view in [View::Still, View::Seats(id("tables"))] {
            stands_free(&shown, &shown.draw(view));
        }
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
