//! Best available.

use proptest::prelude::*;

use super::super::*;
use super::single::are_neighbours;
use super::{free_in_row, house, ids, layout, row};

const NO_ORPHANS: PickRules = PickRules {
    no_orphans: true,
    companions_with_their_place: false,
};

fn wish(seats: u16) -> Wish {
    Wish::seats(seats)
}

/// The blocks of an answer by id.
fn blocks(layout: &Layout, pick: &Pick) -> Vec<Vec<SeatId>> {
    let id = |seat: &usize| layout.places()[*seat].id;
    pick.blocks
        .iter()
        .map(|block| block.iter().map(id).collect())
        .collect()
}

/// covers: ORG-3
#[test]
fn the_best_seats_of_a_theatre() {
    let theatre = layout(templates::theatre());
    let best = |wish: &Wish, rules| {
        best_available(&theatre, theatre.for_sale(), wish, rules)
            .map(|pick| blocks(&theatre, &pick))
    };
    // The middle of the first row, beside the aisle.
    assert_eq!(
        best(&wish(2), PickRules::default()),
        Ok(vec![ids(&["s1-12", "s1-13"])])
    );
    let mut cheap = wish(3);
    cheap.categories = vec!["c".parse().unwrap()];
    let found = best(&cheap, NO_ORPHANS).unwrap();
    assert!(found[0].iter().all(|id| id.as_str().starts_with("b1-")));
    let mut upstairs = wish(1);
    upstairs.section = Some("balcony".parse().unwrap());
    assert_eq!(
        best(&upstairs, PickRules::default()),
        Ok(vec![ids(&["b1-12"])])
    );

    // Half a row of the stalls is eleven seats, the longest row of the balcony 23.
    assert_eq!(best(&wish(11), NO_ORPHANS).unwrap().len(), 1);
    let mut party = wish(24);
    assert_eq!(best(&party, NO_ORPHANS), Err(NoPick::NotTogether));
    party.may_split = true;
    let sizes: Vec<_> = best(&party, NO_ORPHANS)
        .unwrap()
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(sizes, [12, 12]);
}

/// covers: ORG-3
#[test]
fn who_needs_it_gets_the_accessible_place_and_company() {
    let theatre = layout(templates::theatre());
    let mut free = theatre.for_sale().clone();
    let mut party = wish(4);
    (party.wheelchair, party.companions) = (1, 1);
    let pick = best_available(&theatre, &free, &party, NO_ORPHANS).unwrap();
    let found = blocks(&theatre, &pick);
    assert_eq!(found[0], ids(&["s14-19", "s14-20"]));
    assert_eq!(found[1].len(), 2);
    assert!(found[1].iter().all(|id| id.as_str().starts_with("s1")));
    assert!(!pick.is_together());

    party = wish(2);
    (party.wheelchair, party.companions) = (1, 1);
    assert!(
        best_available(&theatre, &free, &party, NO_ORPHANS)
            .unwrap()
            .is_together()
    );
    // Without their companions' seats the spaces are no use to who comes with somebody.
    for id in ids(&["s14-2", "s14-4", "s14-20", "s14-22"]) {
        free.remove(theatre.index(id).unwrap());
    }
    assert_eq!(
        best_available(&theatre, &free, &party, NO_ORPHANS),
        Err(NoPick::NoAccess)
    );
    party.companions = 0;
    let pick = best_available(&theatre, &free, &party, NO_ORPHANS).unwrap();
    assert_eq!(pick.blocks.len(), 2);

    // A step-free seat is within the block, and others get it last.
    let mut party = wish(2);
    party.step_free = 1;
    let found = best_available(&theatre, &free, &party, NO_ORPHANS).unwrap();
    assert_eq!(found.ids(&theatre), ids(&["s1-21", "s1-22"]));
    party.step_free = 2;
    assert_eq!(
        best_available(&theatre, &free, &party, NO_ORPHANS),
        Err(NoPick::NotTogether)
    );
    let one_row = Layout::new(house(&[vec![1, 15, 15, 15]])).unwrap();
    let found = |seats| {
        let free = free_in_row(&one_row, "....");
        let pick = best_available(&one_row, &free, &wish(seats), PickRules::default());
        pick.map(|pick| pick.ids(&one_row))
    };
    assert_eq!(found(3), Ok(ids(&["r0-1", "r0-2", "r0-3"])));
    assert_eq!(found(4), Ok(ids(&["r0-0", "r0-1", "r0-2", "r0-3"])));
}

/// covers: ORG-3
#[test]
fn a_party_is_split_as_evenly_as_there_are_seats() {
    let sizes = |picture: &str, seats: u16, rules| {
        let layout = row(picture.len());
        let mut party = wish(seats);
        party.may_split = true;
        let free = free_in_row(&layout, picture);
        best_available(&layout, &free, &party, rules)
            .map(|pick| pick.blocks.iter().map(Vec::len).collect::<Vec<_>>())
    };
    let any = PickRules::default();
    for (picture, seats, wanted) in [
        ("....x...", 7, vec![4, 3]),
        (".....x..", 7, vec![5, 2]),
        ("......x......", 7, vec![4, 3]),
        ("...x...x..", 8, vec![3, 3, 2]),
        ("..x..x..x..", 8, vec![2, 2, 2, 2]),
        ("..x..x..x..x..", 10, vec![2, 2, 2, 2, 2]),
        ("....x.", 5, vec![4, 1]),
        (".x.", 2, vec![1, 1]),
        ("...x.", 4, vec![3, 1]),
        ("...x..", 4, vec![2, 2]),
    ] {
        assert_eq!(sizes(picture, seats, any), Ok(wanted), "{picture}");
    }
    assert_eq!(sizes("..x..", 5, any), Err(NoPick::TooFew(4)));
    // Two of three leave one that cannot be helped.
    assert_eq!(sizes("...", 2, NO_ORPHANS), Ok(vec![2]));
    assert_eq!(sizes("....x..", 2, NO_ORPHANS), Ok(vec![2]));
    // To sit together goes before leaving no single seat at all.
    assert_eq!(sizes("...x...", 2, NO_ORPHANS), Ok(vec![2]));
    assert_eq!(sizes("...x...", 4, NO_ORPHANS), Ok(vec![3, 1]));
}

/// covers: ORG-3
#[test]
fn no_single_seat_is_left_that_could_be_avoided() {
    let layout = row(9);
    let found = |picture: &str, seats: u16| {
        let free = free_in_row(&layout, picture);
        let pick = best_available(&layout, &free, &wish(seats), NO_ORPHANS);
        pick.map(|pick| pick.set(&layout).iter().collect::<Vec<_>>())
    };
    // The map's focus is to the left: 0 is the best seat. Two of three leave one; a free pair
    // further away leaves none.
    assert_eq!(found("...x..xxx", 2), Ok(vec![4, 5]));
    assert_eq!(found("...xxxxxx", 2), Ok(vec![0, 1]));
    assert_eq!(found("xxxxx....", 2), Ok(vec![5, 6]));
    // Of another category only the second of five: taking it would leave the first alone.
    let mixed = Layout::new(house(&[vec![15, 5, 15, 15, 15]])).unwrap();
    let mut dear = wish(1);
    dear.categories = vec!["b".parse().unwrap()];
    let free = free_in_row(&mixed, ".....");
    assert_eq!(
        best_available(&mixed, &free, &dear, NO_ORPHANS),
        Err(NoPick::LeavesSingles)
    );
    assert!(best_available(&mixed, &free, &dear, PickRules::default()).is_ok());
}

/// covers: ORG-3
#[test]
fn tables_are_shared_or_taken_whole() {
    let club = layout(templates::club());
    let found = |seats| {
        let pick = best_available(&club, club.for_sale(), &wish(seats), NO_ORPHANS);
        pick.map(|pick| blocks(&club, &pick))
    };
    for seats in [1, 2, 3, 4] {
        let chairs = found(seats).unwrap();
        assert_eq!(chairs.len(), 1);
        let table = chairs[0][0].as_str().split_once('-').unwrap().0.to_owned() + "-";
        assert!(chairs[0].iter().all(|id| id.as_str().starts_with(&table)));
    }
    assert_eq!(found(5), Err(NoPick::NotTogether));
    let whole = found(6).unwrap();
    assert_eq!(whole[0].len(), 6);
    assert!(whole[0][0].as_str().starts_with("t1"));
}

/// covers: ORG-3
#[test]
fn what_cannot_be_wished_is_refused() {
    let theatre = layout(templates::theatre());
    let refusal = |change: fn(&mut Wish)| {
        let mut party = wish(2);
        change(&mut party);
        best_available(&theatre, theatre.for_sale(), &party, NO_ORPHANS).unwrap_err()
    };
    assert_eq!(refusal(|w| w.seats = 0), NoPick::Wish);
    assert_eq!(refusal(|w| w.seats = MAX_PARTY + 1), NoPick::Wish);
    assert_eq!(refusal(|w| w.step_free = 3), NoPick::Wish);
    assert_eq!(refusal(|w| w.companions = 1), NoPick::Wish);
    assert_eq!(
        refusal(|w| {
            w.wheelchair = u16::MAX;
            w.companions = u16::MAX;
        }),
        NoPick::Wish
    );
    assert_eq!(
        refusal(|w| w.section = "attic".parse().ok()),
        NoPick::UnknownSection
    );
    assert_eq!(
        refusal(|w| w.categories = vec!["z".parse().unwrap()]),
        NoPick::UnknownCategory
    );
    let nothing = SeatSet::empty(theatre.places().len());
    assert_eq!(
        best_available(&theatre, &nothing, &wish(1), NO_ORPHANS),
        Err(NoPick::TooFew(0))
    );
}

/// A whole arena is sold, party by party, without a seat sold twice.
///
/// covers: ORG-3
#[test]
fn an_arena_sells_out() {
    let arena = layout(templates::arena(20, 10, 25));
    let mut free = arena.for_sale().clone();
    let mut party = wish(4);
    party.may_split = true;
    let mut sold = 0;
    while let Ok(pick) = best_available(&arena, &free, &party, PickRules::default()) {
        let seats = pick.set(&arena);
        assert_eq!(seats.count(), 4);
        assert!(seats.without(&free).is_empty());
        free = free.without(&seats);
        sold += 4;
    }
    assert_eq!(sold, 5_000);
    // Sixty thousand seats, of which the last row of the last block is free.
    let arena = layout(templates::arena(120, 20, 25));
    let mut free = SeatSet::empty(60_000);
    for seat in 59_975..60_000 {
        free.insert(seat);
    }
    let pick = best_available(&arena, &free, &wish(25), NO_ORPHANS).unwrap();
    assert_eq!(pick.blocks[0], (59_975..60_000).collect::<Vec<_>>());
}

/// What is promised of a block: one row without a gap, or one table.
fn is_together(layout: &Layout, block: &[usize]) -> bool {
    let places = layout.places();
    let group = &layout.groups()[places[block[0]].group];
    let is_table = group.is_table && block.iter().all(|seat| group.seats.contains(seat));
    is_table
        || block
            .windows(2)
            .all(|pair| pair[0] < pair[1] && are_neighbours(layout, pair[0], pair[1]))
}

proptest! {
    /// covers: ORG-3
    #[test]
    fn every_answer_keeps_its_promises(
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..14), 1..5),
        taken in prop::collection::vec(any::<bool>(), 130),
        seats in 1u16..9,
        (wheelchair, step_free) in (0u16..2, 0u16..2),
        (no_orphans, may_split, full_view, only_b) in any::<(bool, bool, bool, bool)>(),
    ) {
        let layout = Layout::new(house(&rows)).unwrap();
        let mut free = layout.for_sale().clone();
        for (seat, taken) in taken.iter().enumerate() {
            if *taken {
                free.remove(seat);
            }
        }
        let mut party = wish(seats);
        (party.may_split, party.full_view) = (may_split, full_view);
        party.wheelchair = wheelchair.min(seats);
        party.step_free = step_free.min(seats - party.wheelchair);
        if only_b {
            party.categories = vec!["b".parse().unwrap()];
        }
        let rules = PickRules { no_orphans, ..PickRules::default() };
        let Ok(pick) = best_available(&layout, &free, &party, rules) else {
            return Ok(());
        };
        let chosen = pick.set(&layout);
        prop_assert_eq!(chosen.count(), usize::from(seats));
        prop_assert_eq!(pick.blocks.iter().map(Vec::len).sum::<usize>(), usize::from(seats));
        prop_assert!(chosen.without(&free).is_empty());
        let places: Vec<&Place> = chosen.iter().map(|seat| &layout.places()[seat]).collect();
        prop_assert!(!full_view || places.iter().all(|place| !place.obstructed));
        prop_assert!(!only_b || places.iter().all(|place| place.category == 1));
        let count = |kind: SeatKind| places.iter().filter(|place| place.kind == kind).count();
        prop_assert_eq!(count(SeatKind::Wheelchair), usize::from(party.wheelchair));
        prop_assert!(count(SeatKind::StepFree) >= usize::from(party.step_free));
        let spaces = usize::from(party.wheelchair > 0);
        for block in &pick.blocks[spaces..] {
            prop_assert!(is_together(&layout, block), "{:?}", block);
        }
        prop_assert!(may_split || pick.blocks.len() <= 1 + spaces);
        if no_orphans {
            prop_assert!(orphans(&layout, &free, &chosen).is_empty());
        }
        prop_assert_eq!(check_choice(&layout, &free, &chosen, rules), Ok(()));
    }

    /// Against every window of every row: none is missed, and none is better.
    ///
    /// covers: ORG-3
    #[test]
    fn the_block_is_the_best_of_all(
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..14), 1..5),
        taken in prop::collection::vec(prop::bool::weighted(0.3), 60),
        seats in 1usize..6,
    ) {
        let layout = Layout::new(house(&rows)).unwrap();
        // No tables here: rows only.
        let in_rows: usize = rows.iter().map(Vec::len).sum();
        let mut free = SeatSet::empty(layout.places().len());
        for (seat, taken) in taken.iter().enumerate().take(in_rows) {
            if !taken && layout.for_sale().contains(seat) {
                free.insert(seat);
            }
        }
        let mut best: Option<u64> = None;
        for from in 0..(in_rows + 1).saturating_sub(seats) {
            let window: Vec<usize> = (from..from + seats).collect();
            let kinds = window.iter().map(|seat| layout.places()[*seat].kind);
            let is_open = kinds.clone().all(|kind| matches!(kind, SeatKind::Ordinary | SeatKind::StepFree));
            if is_open && window.iter().all(|seat| free.contains(*seat)) && is_together(&layout, &window) {
                let last = kinds.filter(|kind| *kind == SeatKind::StepFree).count() as u64 * 2_000_000;
                let cost = window.iter().map(|seat| layout.places()[*seat].cost).sum::<u64>() + last;
                best = Some(best.map_or(cost, |best| best.min(cost)));
            }
        }
        let party = wish(u16::try_from(seats).unwrap());
        let found = best_available(&layout, &free, &party, PickRules::default()).ok().map(|pick| {
            pick.blocks[0].iter().map(|seat| {
                let place = &layout.places()[*seat];
                place.cost + if place.kind == SeatKind::StepFree { 2_000_000 } else { 0 }
            }).sum::<u64>()
        });
        prop_assert_eq!(found, best);
    }
}
