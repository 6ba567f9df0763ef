//! Edits of a map of which seats are sold.

use proptest::prelude::*;

use super::super::*;
use super::{house, ids, layout, set};

fn codes(refused: &[bilten_kernel::error::FieldError]) -> Vec<(&str, &str)> {
    refused.iter().map(|f| (&*f.field, &*f.code)).collect()
}

/// covers: BE-2
#[test]
fn an_edit_says_what_changes() {
    let old = layout(templates::theatre());
    let none = SeatSet::empty(old.places().len());
    assert!(compare(&old, &old, &none, &[]).unwrap().is_empty());

    let mut map = templates::theatre().unwrap();
    let stalls = &mut map.sections[0];
    let gone = stalls.rows[1].seats.pop().unwrap();
    let mut new = gone.clone();
    new.id = "new".parse().unwrap();
    stalls.rows[2].seats[0].x -= 10;
    stalls.rows[2].seats[0].obstructed = true;
    stalls.rows[3].label = "3bis".into();
    stalls.rows[4].category = None;
    stalls.rows[1].seats.push(new);
    let changes = compare(&old, &Layout::new(map).unwrap(), &none, &[]).unwrap();
    assert_eq!(changes.added, ids(&["new"]));
    assert_eq!(changes.removed, ids(&["s2-22"]));
    assert_eq!(changes.moved, ids(&["s3-1"]));
    assert_eq!(changes.reclassified, ids(&["s3-1"]));
    assert_eq!(changes.relabelled.len(), 22);
    assert_eq!(changes.recategorised.len(), 22);
    assert!(
        changes
            .recategorised
            .iter()
            .all(|id| id.as_str().starts_with("s5-"))
    );
    assert!(changes.areas.is_empty());
}

type Edit = (fn(&mut SeatMap), &'static str, &'static str);

/// covers: BE-2
#[test]
fn nothing_is_taken_from_who_has_a_seat() {
    let old = layout(templates::theatre());
    let taken = set(&old, &["s2-1", "s14-1", "b6-1"]);
    let edits: &[Edit] = &[
        (
            |m| drop(m.sections[0].rows[1].seats.remove(0)),
            "seats[s2-1]",
            "taken_seat_removed",
        ),
        (
            |m| drop(m.sections.pop()),
            "seats[b6-1]",
            "taken_seat_removed",
        ),
        (
            |m| m.sections[0].label = "Floor".into(),
            "seats[s2-1]",
            "taken_seat_relabelled",
        ),
        (
            |m| m.sections[0].rows[1].label = "2a".into(),
            "seats[s2-1]",
            "taken_seat_relabelled",
        ),
        (
            |m| m.sections[0].rows[1].seats[0].label = Some("0".into()),
            "seats[s2-1]",
            "taken_seat_relabelled",
        ),
        (
            |m| m.sections[0].rows[1].seats[0].obstructed = true,
            "seats[s2-1]",
            "taken_seat_view_lost",
        ),
        (
            |m| {
                m.sections[0].rows[13].seats[0].kind = SeatKind::Ordinary;
                m.sections[0].rows[13].seats[1].kind = SeatKind::Ordinary;
                m.sections[0].rows[13].seats[1].companion_of = None;
            },
            "seats[s14-1]",
            "taken_seat_access_lost",
        ),
    ];
    for (edit, field, code) in edits {
        let mut map = templates::theatre().unwrap();
        edit(&mut map);
        let new = Layout::new(map).unwrap();
        let refused = compare(&old, &new, &taken, &[]).unwrap_err();
        assert!(codes(&refused).contains(&(*field, *code)), "{field} {code}");
        // Nobody minds as long as nobody sits there.
        let none = SeatSet::empty(old.places().len());
        assert!(!compare(&old, &new, &none, &[]).unwrap().is_empty());
    }
    // Price, place in the picture and being for sale may change under who has the seat.
    let mut map = templates::theatre().unwrap();
    let seat = &mut map.sections[0].rows[1].seats[0];
    seat.category = Some("c".parse().unwrap());
    seat.x -= 5;
    seat.not_for_sale = true;
    let new = Layout::new(map).unwrap();
    let changes = compare(&old, &new, &taken, &[]).unwrap();
    let seat = ids(&["s2-1"]);
    assert_eq!(
        (
            &changes.moved,
            &changes.recategorised,
            &changes.reclassified
        ),
        (&seat, &seat, &seat)
    );
    assert_eq!(new.ids(&carry(&old, &new, &taken)), old.ids(&taken));
}

/// covers: BE-2
#[test]
fn refusals_are_bounded() {
    let old = layout(templates::arena(20, 10, 25));
    let new = layout(templates::club());
    let refused = compare(&old, &new, old.for_sale(), &[]).unwrap_err();
    assert_eq!(refused.len(), 100);
}

/// covers: BE-2
#[test]
fn standing_areas_keep_those_who_stand_there() {
    let old = layout(templates::club());
    let none = SeatSet::empty(old.places().len());
    let floor: PartId = "floor".parse().unwrap();
    type Case = (fn(&mut StandingArea), u32, Option<&'static str>);
    let edits: &[Case] = &[
        (|area| area.capacity = 200, 200, None),
        (|area| area.capacity = 200, 201, Some("area_below_taken")),
        (|area| area.label = "Pit".into(), 0, None),
        (
            |area| area.label = "Pit".into(),
            1,
            Some("taken_area_relabelled"),
        ),
        (
            |area| area.id = "pit".parse().unwrap(),
            1,
            Some("taken_area_removed"),
        ),
        (|area| area.category = "a".parse().ok(), 300, None),
    ];
    for (edit, taken, code) in edits {
        let mut map = templates::club().unwrap();
        edit(&mut map.sections[0].areas[0]);
        let new = Layout::new(map).unwrap();
        match (compare(&old, &new, &none, &[(floor, *taken)]), code) {
            (Ok(changes), None) => assert_eq!(changes.areas, [floor]),
            (Err(refused), Some(code)) => assert_eq!(codes(&refused), [("areas[floor]", *code)]),
            (answer, code) => panic!("{answer:?}, wanted {code:?}"),
        }
    }
    let mut map = templates::club().unwrap();
    map.sections[0].areas[0].id = "pit".parse().unwrap();
    let changes = compare(&old, &Layout::new(map).unwrap(), &none, &[]).unwrap();
    assert_eq!(changes.areas, [floor, "pit".parse().unwrap()]);
}

proptest! {
    /// Whatever is edited: if it is let through, everybody finds the seat that is on the ticket.
    ///
    /// covers: BE-2
    #[test]
    fn sold_seats_survive_an_edit(
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 2..8), 2..4),
        sold in prop::collection::vec(any::<bool>(), 24),
        edits in prop::collection::vec((0u8..5, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
    ) {
        let map = house(&rows);
        let old = Layout::new(map.clone()).unwrap();
        let mut taken = SeatSet::empty(old.places().len());
        for (seat, sold) in sold.iter().enumerate() {
            if *sold {
                taken.insert(seat);
            }
        }
        let mut edited = map;
        for (kind, row, seat) in edits {
            let rows = &mut edited.sections[0].rows;
            let row = row.index(rows.len());
            let at = seat.index(rows[row].seats.len());
            match kind {
                0 if rows[row].seats.len() > 1 => drop(rows[row].seats.remove(at)),
                1 => rows[row].seats[at].label = Some("new".into()),
                2 => rows[row].label = format!("new {row}"),
                3 => rows[row].seats[at].y += 1,
                _ => rows[row].seats[at].category = Some("c".parse().unwrap()),
            }
        }
        // An edit may make a map that is none, such as a companion's seat without its space.
        let Ok(new) = Layout::new(edited) else {
            return Ok(());
        };
        let is_same = |place: &Place| new.place(place.id).is_some_and(|is| new.labels(is) == old.labels(place));
        let mut kept = taken.iter().map(|seat| &old.places()[seat]);
        match compare(&old, &new, &taken, &[]) {
            Ok(changes) => {
                prop_assert!(kept.all(is_same));
                prop_assert_eq!(new.ids(&carry(&old, &new, &taken)), old.ids(&taken));
                let gone = changes.removed.len();
                prop_assert_eq!(old.places().len() - gone + changes.added.len(), new.places().len());
            }
            Err(refused) => {
                prop_assert!(!refused.is_empty());
                prop_assert!(!kept.all(is_same));
            }
        }
    }
}
