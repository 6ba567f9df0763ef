//! Devices that meet the server in any order come to the same answer, and nothing is dropped.

use super::server::Server;
use super::world::{EVENING, apply, code, device_id, list_id, paired_store, ticket_id};
use bilten_core::checkin::{Direction, Policy, Standing, Verdict};
use bilten_core::id::ScanId;
use bilten_core::store::{Applied, Store};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const TICKETS: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    /// Device, ticket, direction, and by how much its clock has moved.
    Scan(usize, u32, bool, i64),
    /// Device, batch size, and whether the answer gets lost.
    Push(usize, usize, bool),
    /// Device, page size, and how many pages come before the network goes.
    Pull(usize, usize, usize),
}

fn step(devices: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..devices, 0..TICKETS, any::<bool>(), -50i64..100)
            .prop_map(|(device, ticket, entry, ms)| Step::Scan(device, ticket, entry, ms)),
        2 => (0..devices, 1usize..5, any::<bool>())
            .prop_map(|(device, size, lost)| Step::Push(device, size, lost)),
        2 => (0..devices, 1usize..7, 1usize..3)
            .prop_map(|(device, size, pages)| Step::Pull(device, size, pages)),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::Single),
        (0u16..4).prop_map(|max| Policy::Multiple { max }),
        Just(Policy::ReEntry),
    ]
}

fn push(store: &mut Store, device: usize, server: &mut Server, size: usize, lost: bool) -> bool {
    let batch = store.outbox(size).unwrap();
    if batch.is_empty() {
        return false;
    }
    let receipt = server.push(&device_id(device), &batch);
    if !lost {
        store.acknowledge(&batch, &receipt, EVENING).unwrap();
    }
    true
}

fn pull(store: &mut Store, server: &Server, size: usize) -> bool {
    let page = server.page(store.device().place.position, size);
    matches!(
        apply(store, &page).unwrap(),
        Applied::New { more: true, .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// covers: SCAN-4
    #[test]
    fn all_devices_end_with_the_same_counted_passages(
        policy in policy(),
        (devices, steps) in (2usize..4).prop_flat_map(|devices| {
            (Just(devices), prop::collection::vec(step(devices), 1..50))
        }),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::new(policy, EVENING);
        server.sell(0..TICKETS);
        let mut stores: Vec<_> = (0..devices)
            .map(|n| paired_store(&folder.path().join(format!("{n}.db")), n, policy))
            .collect();
        let mut clocks = vec![EVENING; devices];
        let mut admitted = BTreeSet::new();
        let mut attempts = 0;
        for step in steps {
            match step {
                Step::Scan(n, ticket, entry, ms) => {
                    clocks[n] = clocks[n].plus_ms(ms);
                    let direction = if entry { Direction::Entry } else { Direction::Exit };
                    let judged = stores[n].scan_code(&code(ticket), direction, clocks[n]).unwrap();
                    attempts += 1;
                    if judged.verdict == Verdict::Admit {
                        admitted.insert(judged.scan);
                        // Whoever was let in counts here until somebody else's earlier passage
                        // becomes known.
                        let here = stores[n].passages(&list_id(), ticket_id(ticket)).unwrap();
                        let own = here.iter().find(|s| s.passage.scan == judged.scan).unwrap();
                        prop_assert_eq!(own.standing, Some(Standing::Counted));
                    }
                }
                Step::Push(n, size, lost) => {
                    push(&mut stores[n], n, &mut server, size, lost);
                }
                Step::Pull(n, size, pages) => {
                    let _ = (0..pages).all(|_| pull(&mut stores[n], &server, size));
                }
            }
        }
        // The network is back.
        for (n, store) in stores.iter_mut().enumerate() {
            while push(store, n, &mut server, 1_000, false) {}
        }
        for store in &mut stores {
            while pull(store, &server, 3) {}
        }

        prop_assert_eq!(server.scans.len(), attempts, "every attempt arrived once");
        let expected: BTreeMap<ScanId, Standing> = server.standings.clone();
        prop_assert_eq!(expected.keys().copied().collect::<BTreeSet<_>>(), admitted);
        let inside: i64 = server.passages.values().flatten()
            .filter(|passage| expected[&passage.scan] == Standing::Counted)
            .map(|passage| if passage.direction == Direction::Entry { 1 } else { -1 })
            .sum();
        for store in &stores {
            let known: BTreeMap<_, _> = (0..TICKETS)
                .flat_map(|ticket| store.passages(&list_id(), ticket_id(ticket)).unwrap())
                .map(|settled| (settled.passage.scan, settled.standing.unwrap()))
                .collect();
            prop_assert_eq!(&known, &expected);
            prop_assert_eq!(i64::from(store.inside(&list_id()).unwrap()), inside);
        }
    }
}
