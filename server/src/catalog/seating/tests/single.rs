//! Choosing by hand, and single seats.

use proptest::prelude::*;

use super::super::*;
use super::{free_in_row, house, ids, layout, row, set};

/// covers: ORG-3
#[test]
fn single_seats_are_found_where_they_can_be_avoided() {
    // Dots are free, letters are chosen, x is taken; then the places of the orphans.
    let cases: &[(&str, &[usize])] = &[
        ("..........", &[]),
        ("cc........", &[]),
        (".cc.......", &[0]),
        ("..cc......", &[]),
        (".cc.x.....", &[0, 3]),
        // All but one of a stretch: cannot be helped.
        ("xcc.x.....", &[]),
        ("x.cx......", &[]),
        // It was single before.
        ("x.xcc.....", &[]),
        // A hole in the middle of what was chosen.
        ("c.c.......", &[1]),
        // All but one, whichever one it is.
        ("xc.cx.....", &[]),
        (".........c", &[]),
        ("........c.", &[9]),
        (".c.c.x....", &[0, 2, 4]),
    ];
    for (picture, orphans_at) in cases {
        let layout = row(10);
        let chosen: SeatSet = free_in_row(&layout, &picture.replace('.', "-").replace('c', "."));
        let free = free_in_row(&layout, &picture.replace('c', "."));
        let found: Vec<usize> = orphans(&layout, &free, &chosen).iter().collect();
        assert_eq!(found, *orphans_at, "{picture}");
    }
}

/// An aisle ends a stretch, and so does a wheelchair space.
///
/// covers: ORG-3
#[test]
fn neighbours_end_at_aisles_and_wheelchair_spaces() {
    // aisle before the third seat: two and four
    let layout = Layout::new(house(&[vec![15, 15, 2, 15, 15, 15]])).unwrap();
    let free = layout.for_sale().clone();
    let found = |chosen: &[&str]| layout.ids(&orphans(&layout, &free, &set(&layout, chosen)));
    assert_eq!(found(&["r0-1"]), ids(&[]));
    assert_eq!(found(&["r0-3"]), ids(&["r0-2"]));
    let layout = Layout::new(house(&[vec![15, 15, 0, 7, 15, 15, 15]])).unwrap();
    let free = layout.for_sale().clone();
    let found = |chosen: &[&str]| layout.ids(&orphans(&layout, &free, &set(&layout, chosen)));
    assert_eq!(found(&["r0-5"]), ids(&["r0-4", "r0-6"]));
    assert_eq!(found(&["r0-2"]), ids(&[]));
}

/// covers: ORG-3
#[test]
fn a_choice_is_checked_by_the_organisers_rules() {
    let all = PickRules {
        no_orphans: true,
        companions_with_their_place: true,
    };
    let theatre = layout(templates::theatre());
    let mut free = theatre.for_sale().clone();
    free.remove(theatre.index(ids(&["s2-1"])[0]).unwrap());
    let check =
        |chosen: &[&str], rules| check_choice(&theatre, &free, &set(&theatre, chosen), rules);
    assert_eq!(check(&[], all), Err(ChoiceFault::Empty));
    assert_eq!(check(&["s1-2", "s1-1"], all), Ok(()));
    assert_eq!(
        check(&["s2-1", "s2-2", "b6-12"], all),
        Err(ChoiceFault::NotFree(ids(&["b6-12", "s2-1"])))
    );
    assert_eq!(
        check(&["s14-2"], all),
        Err(ChoiceFault::CompanionAlone(ids(&["s14-2"])))
    );
    assert_eq!(check(&["s14-1", "s14-2"], all), Ok(()));
    assert_eq!(
        check(&["s1-2"], all),
        Err(ChoiceFault::LeavesSingles(ids(&["s1-1"])))
    );
    assert_eq!(check(&["s1-2"], PickRules::default()), Ok(()));
    assert_eq!(check(&["s14-2"], PickRules::default()), Ok(()));

    let club = layout(templates::club());
    let check = |chosen: &[&str]| check_choice(&club, club.for_sale(), &set(&club, chosen), all);
    assert_eq!(check(&["t1-1", "t1-3"]), Ok(()));
    assert_eq!(
        check(&["t13-1", "t13-2"]),
        Err(ChoiceFault::PartOfTable(vec!["t13".parse().unwrap()]))
    );
    let table = ["t13-1", "t13-2", "t13-3", "t13-4", "t13-5", "t13-6"];
    assert_eq!(check(&table), Ok(()));
}

proptest! {
    /// covers: ORG-3
    #[test]
    fn orphans_are_free_alone_and_avoidable(
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..14), 1..4),
        taken in prop::collection::vec(any::<bool>(), 60),
        wanted in prop::collection::vec(any::<bool>(), 60),
    ) {
        let layout = Layout::new(house(&rows)).unwrap();
        let (mut free, mut chosen) = (layout.for_sale().clone(), SeatSet::empty(layout.places().len()));
        for (seat, (taken, wanted)) in taken.iter().zip(&wanted).enumerate() {
            if *taken {
                free.remove(seat);
            } else if *wanted && free.contains(seat) {
                chosen.insert(seat);
            }
        }
        let left = free.without(&chosen);
        for seat in orphans(&layout, &free, &chosen).iter() {
            prop_assert!(left.contains(seat));
            // Neither neighbour is left: each is chosen, taken, or no neighbour.
            for other in [seat.checked_sub(1), Some(seat + 1)].into_iter().flatten() {
                prop_assert!(!left.contains(other) || !are_neighbours(&layout, seat, other));
            }
            let before = [seat.checked_sub(1), Some(seat + 1)].into_iter().flatten();
            let lost = before.filter(|other| chosen.contains(*other) && are_neighbours(&layout, seat, *other));
            prop_assert!(lost.count() > 0, "it was single before");
        }
    }
}

/// Whether two seats that follow each other in the map are neighbours; read from the map itself.
pub(super) fn are_neighbours(layout: &Layout, one: usize, other: usize) -> bool {
    let (first, second) = (one.min(other), one.max(other));
    let places = layout.places();
    let (Some(a), Some(b)) = (places.get(first), places.get(second)) else {
        return false;
    };
    let rows = layout.map().sections.iter().flat_map(|s| &s.rows);
    let mut seats = rows.flat_map(|row| &row.seats);
    let is_aisle = seats.any(|seat| seat.id == b.id && seat.aisle_before);
    let is_row = !layout.groups()[a.group].is_table;
    let is_open = |kind| matches!(kind, SeatKind::Ordinary | SeatKind::StepFree);
    second - first == 1
        && is_row
        && a.group == b.group
        && !is_aisle
        && is_open(a.kind)
        && is_open(b.kind)
}
