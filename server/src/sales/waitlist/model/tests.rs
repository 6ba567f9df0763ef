//! Who is served when, and that nobody is skipped more often than is said.

use proptest::prelude::*;

use super::*;

const NOW_MS: i64 = 1_800_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn id(number: u8) -> WaitlistEntryId {
    WaitlistEntryId::from_bytes([number; 16])
}

/// An entry that joined in the order of its number.
fn entry(number: u8, least: u32, most: u32) -> WaitlistEntry {
    WaitlistEntry {
        id: id(number),
        most,
        least,
        priority: 0,
        joined_at: Timestamp::from_ms(i64::from(number)),
        passed_over: 0,
        missed: 0,
    }
}

fn times() -> OfferTimes {
    OfferTimes {
        now: Timestamp::from_ms(NOW_MS),
        last_call_at: Timestamp::from_ms(NOW_MS + 100 * HOUR_MS),
        sales_end_at: Timestamp::from_ms(NOW_MS + 200 * HOUR_MS),
    }
}

fn offered(entries: &[WaitlistEntry], free: u32) -> Vec<(u8, u32)> {
    match_entries(&WaitlistPolicy::default(), entries, free, &times())
        .offers
        .iter()
        .map(|offer| (offer.entry.as_bytes()[0], offer.quantity))
        .collect()
}

#[test]
fn the_first_is_served_first() {
    let all = [entry(1, 2, 2), entry(2, 1, 4), entry(3, 1, 1)];
    for (free, wanted) in [
        (0, vec![]),
        (1, vec![(2, 1)]),
        (2, vec![(1, 2)]),
        (4, vec![(1, 2), (2, 2)]),
        (7, vec![(1, 2), (2, 4), (3, 1)]),
        (100, vec![(1, 2), (2, 4), (3, 1)]),
    ] {
        assert_eq!(offered(&all, free), wanted, "{free}");
    }
    let mut member = entry(9, 1, 2);
    member.priority = 1;
    assert_eq!(offered(&[all[0], member], 3), [(9, 2)]);
}

#[test]
fn a_group_is_passed_over_so_often_and_no_more() {
    let policy = WaitlistPolicy::default();
    let mut group = entry(1, 10, 10);
    for round in 0..policy.most_passed {
        let matched = match_entries(&policy, &[group, entry(2, 2, 2)], 2, &times());
        assert_eq!(matched.offers.len(), 1, "{round}");
        assert_eq!(matched.passed_over, [group.id]);
        group.passed_over += 1;
    }
    // Now everything is kept for it, until it fits.
    let matched = match_entries(&policy, &[group, entry(2, 2, 2)], 9, &times());
    assert_eq!((matched.offers.len(), matched.left), (0, 9));
    assert_eq!(matched.kept_for, Some(group.id));
    assert!(matched.passed_over.is_empty());
    assert_eq!(offered(&[group, entry(2, 2, 2)], 12), [(1, 10), (2, 2)]);
    // Before the event nothing is kept.
    let late = OfferTimes {
        last_call_at: Timestamp::from_ms(NOW_MS),
        ..times()
    };
    let matched = match_entries(&policy, &[group, entry(2, 2, 2)], 9, &late);
    assert_eq!((matched.offers.len(), matched.left), (1, 7));
}

#[test]
fn nobody_is_passed_over_by_nobody() {
    let matched = match_entries(
        &WaitlistPolicy::default(),
        &[entry(1, 1, 1), entry(2, 5, 5)],
        2,
        &times(),
    );
    assert!(matched.passed_over.is_empty());
    assert_eq!(matched.left, 1);
}

#[test]
fn an_entry_that_asks_for_nothing_keeps_nothing() {
    for (least, most) in [(0, 0), (5, 2), (1, 0)] {
        let mut silly = entry(1, least, most);
        silly.passed_over = 1_000;
        assert_eq!(
            offered(&[silly, entry(2, 1, 1)], 3),
            [(2, 1)],
            "{least} {most}"
        );
    }
}

#[test]
fn no_offer_is_too_short_or_longer_than_the_sale() {
    let policy = WaitlistPolicy::default();
    let until = |end_ms: i64| {
        let times = OfferTimes {
            sales_end_at: Timestamp::from_ms(NOW_MS + end_ms),
            ..times()
        };
        let matched = match_entries(&policy, &[entry(1, 1, 1)], 1, &times);
        matched
            .offers
            .first()
            .map(|offer| offer.expires_at.ms() - NOW_MS)
    };
    assert_eq!(until(100 * HOUR_MS), Some(12 * HOUR_MS));
    assert_eq!(until(HOUR_MS), Some(HOUR_MS));
    assert_eq!(until(policy.shortest_ms), Some(policy.shortest_ms));
    assert_eq!(until(policy.shortest_ms - 1), None);
    assert_eq!(until(-1), None);
}

#[test]
fn an_offer_is_answered_once_and_in_time() {
    let offer = Offer {
        state: OfferState::Open,
        quantity: 3,
        expires_at: Timestamp::from_ms(NOW_MS),
    };
    let (accept, early, late) = (
        |quantity| OfferAnswer::Accept { quantity },
        Timestamp::from_ms(NOW_MS - 1),
        Timestamp::from_ms(NOW_MS),
    );
    let ends = |state| Ok(Settled::Ends { state, back: 3 });
    for (answer, at, wanted) in [
        (
            accept(3),
            early,
            Ok(Settled::Hold {
                quantity: 3,
                back: 0,
            }),
        ),
        (
            accept(1),
            early,
            Ok(Settled::Hold {
                quantity: 1,
                back: 2,
            }),
        ),
        (accept(0), early, Err(OfferRefusal::Quantity)),
        (accept(4), early, Err(OfferRefusal::Quantity)),
        (accept(3), late, Err(OfferRefusal::TooLate)),
        (OfferAnswer::Decline, early, ends(OfferState::Declined)),
        (OfferAnswer::Nothing, early, Ok(Settled::Stays)),
        (OfferAnswer::Nothing, late, ends(OfferState::Expired)),
    ] {
        assert_eq!(offer.settle(answer, at), wanted, "{answer:?}");
    }
    for state in [
        OfferState::Accepted,
        OfferState::Declined,
        OfferState::Expired,
    ] {
        let over = Offer { state, ..offer };
        assert_eq!(over.settle(accept(1), early), Err(OfferRefusal::NotOpen));
    }
}

#[test]
fn whoever_lets_offers_pass_ends() {
    let policy = WaitlistPolicy::default();
    let mut entry = entry(1, 1, 1);
    assert_eq!(entry.after_missed(&policy), WaitlistEntryState::Waiting);
    entry.missed = 1;
    assert_eq!(entry.after_missed(&policy), WaitlistEntryState::Ended);
}

prop_compose! {
    fn any_entry()(least in 1u32..6, more in 0u32..5, priority in -2i32..3, joined in 0i64..20, passed_over in 0u32..8)
        -> WaitlistEntry {
        WaitlistEntry {
            least,
            most: least + more,
            priority,
            joined_at: Timestamp::from_ms(joined),
            passed_over,
            ..entry(0, 1, 1)
        }
    }
}

proptest! {
    #[test]
    fn matching_is_fair(
        drawn in proptest::collection::vec(any_entry(), 0..30), free in 0u32..60, is_late: bool,
    ) {
        let mut entries = drawn;
        for (entry, number) in entries.iter_mut().zip(1u8..) {
            entry.id = id(number);
        }
        let policy = WaitlistPolicy::default();
        let mut times = times();
        if is_late {
            times.last_call_at = times.now;
        }
        let matched = match_entries(&policy, &entries, free, &times);

        // Whatever order they are read in, the same comes of it.
        let mut turned = entries.clone();
        turned.reverse();
        prop_assert_eq!(&matched, &match_entries(&policy, &turned, free, &times));

        // Nothing is offered that is not there, and each gets what it asked for, once.
        let offered: u32 = matched.offers.iter().map(|offer| offer.quantity).sum();
        prop_assert_eq!(offered + matched.left, free);
        order(&mut entries);
        let quantity = |entry: &WaitlistEntry| {
            let mut all = matched.offers.iter().filter(|offer| offer.entry == entry.id);
            let first = all.next().map(|offer| offer.quantity);
            assert!(all.next().is_none());
            first
        };
        let mut left = free;
        for (place, entry) in entries.iter().enumerate() {
            let is_later_served = entries[place + 1..].iter().any(|later| quantity(later).is_some());
            let was_passed = matched.passed_over.contains(&entry.id);
            match quantity(entry) {
                Some(got) => {
                    prop_assert!((entry.least..=entry.most).contains(&got));
                    // All that it wanted, or all that was left.
                    prop_assert!(got == entry.most || got == left);
                    prop_assert!(!was_passed);
                    left -= got;
                }
                None => {
                    prop_assert_eq!(was_passed, is_later_served);
                    // Whoever is passed over did not fit, and not too often before.
                    if is_later_served {
                        prop_assert!(entry.least > left);
                        prop_assert!(is_late || entry.passed_over < policy.most_passed);
                    }
                }
            }
        }
        // What is left is left for a reason.
        if matched.left > 0 {
            let fits = entries.iter().any(|e| quantity(e).is_none() && e.least <= matched.left);
            prop_assert!(!fits || matched.kept_for.is_some());
        }
        prop_assert!(!is_late || matched.kept_for.is_none());
    }

    /// However large the group and however small what comes back, it is served in the end.
    #[test]
    fn nobody_waits_for_ever(size in 1u32..20, step in 1u32..5, others in 1u32..5) {
        let policy = WaitlistPolicy::default();
        let mut group = entry(1, size, size);
        let (mut free, mut rounds) = (0, 0);
        loop {
            rounds += 1;
            prop_assert!(rounds <= policy.most_passed + 1 + size);
            free += step;
            // There is always somebody behind who would take one.
            let behind: Vec<_> = (0..others).zip(2u8..).map(|(_, n)| entry(n, 1, 1)).collect();
            let all: Vec<_> = std::iter::once(group).chain(behind).collect();
            let matched = match_entries(&policy, &all, free, &times());
            free = matched.left;
            if matched.offers.iter().any(|offer| offer.entry == group.id) {
                break;
            }
            group.passed_over += u32::from(matched.passed_over.contains(&group.id));
        }
    }
}
