//! The check-in decision, and how passages are settled afterwards.

#[cfg(feature = "issue")]
mod decide;

use bilten_core::checkin::{Direction, Passage, Policy, Standing, settle};
use bilten_core::id::{DeviceId, ScanId};
use bilten_core::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ENTRY: Direction = Direction::Entry;
const EXIT: Direction = Direction::Exit;

fn passage(scan: u8, at: i64, direction: Direction) -> Passage {
    Passage {
        scan: ScanId([scan; 16]),
        at: Timestamp(at),
        direction,
        device: DeviceId::new(format!("dev_{}", scan % 3)).unwrap(),
        gate: None,
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::Single),
        (0u16..4).prop_map(|max| Policy::Multiple { max }),
        Just(Policy::ReEntry),
    ]
}

/// Passages with few times and few scans, so that equal ones come up.
fn passages() -> impl Strategy<Value = Vec<Passage>> {
    let one = (
        any::<u8>(),
        0i64..40,
        prop_oneof![2 => Just(ENTRY), 1 => Just(EXIT)],
    );
    prop::collection::vec(
        one.prop_map(|(scan, at, direction)| passage(scan, at, direction)),
        0..12,
    )
}

fn counted(policy: Policy, passages: &[Passage]) -> Vec<&Passage> {
    settle(policy, passages)
        .into_iter()
        .filter(|(_, standing)| *standing == Standing::Counted)
        .map(|(scan, _)| {
            let mut reports: Vec<_> = passages.iter().filter(|p| p.scan == scan).collect();
            reports.sort_by_key(|p| (p.at, p.direction == EXIT));
            reports[0]
        })
        .collect()
}

/// covers: SCAN-4
#[test]
fn the_earliest_of_two_entries_counts() {
    let early = passage(2, 10, ENTRY);
    let late = passage(1, 11, ENTRY);
    assert_eq!(
        settle(Policy::Single, &[late.clone(), early.clone()]),
        [
            (early.scan, Standing::Counted),
            (late.scan, Standing::Conflict)
        ]
    );
}

/// covers: SCAN-4
#[test]
fn at_the_same_time_the_smaller_scan_counts() {
    let first = passage(1, 10, ENTRY);
    let second = passage(2, 10, ENTRY);
    assert_eq!(
        settle(Policy::Single, &[second.clone(), first.clone()]),
        [
            (first.scan, Standing::Counted),
            (second.scan, Standing::Conflict)
        ]
    );
}

#[test]
fn a_scan_that_came_back_with_another_time_counts_once() {
    // The server corrected the clock of the device that made scan 1.
    let here = passage(1, 10, ENTRY);
    let back = passage(1, 30, ENTRY);
    let other = passage(2, 20, ENTRY);
    let policy = Policy::Multiple { max: 2 };
    assert_eq!(
        settle(policy, &[back, other.clone(), here.clone()]),
        [
            (here.scan, Standing::Counted),
            (other.scan, Standing::Counted)
        ]
    );
}

#[test]
fn an_exit_between_makes_two_entries_count_under_re_entry_only() {
    let day = [
        passage(1, 10, ENTRY),
        passage(2, 20, EXIT),
        passage(3, 30, ENTRY),
    ];
    let last = |policy| settle(policy, &day)[2].1;
    assert_eq!(last(Policy::ReEntry), Standing::Counted);
    assert_eq!(last(Policy::Multiple { max: 0 }), Standing::Counted);
    assert_eq!(last(Policy::Single), Standing::Conflict);
}

proptest! {
    /// covers: SCAN-4
    #[test]
    fn the_order_of_the_input_does_not_matter(
        policy in policies(),
        (passages, shuffled) in passages().prop_flat_map(|p| (Just(p.clone()), Just(p).prop_shuffle())),
    ) {
        prop_assert_eq!(settle(policy, &passages), settle(policy, &shuffled));
    }

    /// covers: SCAN-4
    #[test]
    fn what_came_before_changes_nothing(policy in policies(), passages in passages(), again: prop::sample::Index) {
        let settled = settle(policy, &passages);
        if !passages.is_empty() {
            let repeat = passages[again.index(passages.len())].clone();
            let more = [&passages[..], &[repeat]].concat();
            prop_assert_eq!(&settle(policy, &more), &settled);
        }
        let twice = [&passages[..], &passages].concat();
        prop_assert_eq!(&settle(policy, &twice), &settled);
    }

    /// Each scan stands once, in the order of time.
    #[test]
    fn nothing_is_dropped(policy in policies(), passages in passages()) {
        let settled = settle(policy, &passages);
        let mut scans: Vec<_> = settled.iter().map(|(scan, _)| *scan).collect();
        scans.sort();
        let mut expected: Vec<_> = passages.iter().map(|p| p.scan).collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(scans, expected);
    }

    /// covers: SCAN-4
    #[test]
    fn settling_what_counts_keeps_it(policy in policies(), passages in passages()) {
        let kept: Vec<Passage> = counted(policy, &passages).into_iter().cloned().collect();
        let again = settle(policy, &kept);
        prop_assert_eq!(again.len(), kept.len());
        prop_assert!(again.iter().all(|(_, standing)| *standing == Standing::Counted));
    }

    #[test]
    fn a_later_passage_changes_nothing_earlier(policy in policies(), passages in passages(), leaves: bool) {
        let before = settle(policy, &passages);
        let last = Passage {
            scan: ScanId([0xaa; 16]),
            ..passage(0, 1_000, if leaves { EXIT } else { ENTRY })
        };
        prop_assume!(passages.iter().all(|p| p.scan != last.scan));
        let mut after = settle(policy, &[&passages[..], std::slice::from_ref(&last)].concat());
        prop_assert_eq!(after.pop().map(|(scan, _)| scan), Some(last.scan));
        prop_assert_eq!(after, before);
    }

    #[test]
    fn no_more_entries_count_than_the_policy_allows(policy in policies(), passages in passages()) {
        let counted = counted(policy, &passages);
        let entries = counted.iter().filter(|p| p.direction == ENTRY).count();
        match policy {
            Policy::Single => prop_assert!(entries <= 1),
            Policy::Multiple { max: 0 } => {
                let mut scans = BTreeMap::new();
                for p in &passages {
                    let first = scans.entry(p.scan).or_insert(p);
                    if (p.at, p.direction == EXIT) < (first.at, first.direction == EXIT) {
                        *first = p;
                    }
                }
                prop_assert_eq!(entries, scans.values().filter(|p| p.direction == ENTRY).count());
            }
            Policy::Multiple { max } => prop_assert!(entries <= usize::from(max)),
            Policy::ReEntry => {}
        }
    }

    #[test]
    fn nobody_leaves_who_is_not_inside(policy in policies(), passages in passages()) {
        let mut inside = 0i32;
        for passage in counted(policy, &passages) {
            inside += if passage.direction == ENTRY { 1 } else { -1 };
            prop_assert!(inside >= 0);
            if policy == Policy::ReEntry {
                prop_assert!(inside <= 1, "entries and exits alternate");
            }
        }
    }
}
