//! Pages in every order in which a network, a hub or a stranger may bring them.

use super::server::Server;
use super::world::{
    EVENING, apply, code, device_id, list_id, open_store, paired_store, record, ticket_id,
};
use bilten_core::checkin::{DenyReason, Direction, Policy, Standing, TicketState, Verdict};
use bilten_core::id::{EventId, ScanId};
use bilten_core::store::{Applied, Store, StoreError};
use bilten_core::sync::page::{Change, Redemption, Revocation};
use proptest::prelude::*;
use tempfile::TempDir;

const ENTRY: Direction = Direction::Entry;

fn device(policy: Policy) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = paired_store(&folder.path().join("gate.db"), 1, policy);
    (folder, store)
}

fn pull(store: &mut Store, server: &Server, limit: usize) {
    loop {
        let page = server.page(store.device().place.position, limit);
        match apply(store, &page).unwrap() {
            Applied::New { more: true, .. } => {}
            Applied::New { more: false, .. } => return,
            Applied::Repeat => panic!("a page at our position is no repeat"),
        }
    }
}

fn redemption(number: u8, ticket: u32, at: i64) -> Redemption {
    Redemption {
        id: ScanId([number; 16]),
        ticket: ticket_id(ticket),
        list: list_id(),
        gate: None,
        device: device_id(9),
        at: EVENING.plus_ms(at),
        direction: ENTRY,
        standing: Standing::Counted,
    }
}

/// covers: SCAN-4
#[test]
fn a_gap_is_refused_and_a_repeat_changes_nothing() {
    let (_folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..50);
    let gap = apply(&mut store, &server.page(10, 10)).unwrap_err();
    assert!(
        matches!(
            gap,
            StoreError::FeedGap {
                from: 10,
                position: 0
            }
        ),
        "{gap}"
    );
    assert_eq!((gap.code(), store.device().tickets), ("feed_gap", 0));

    let first = server.page(0, 20);
    assert!(matches!(
        apply(&mut store, &first).unwrap(),
        Applied::New {
            changes: 20,
            more: true
        }
    ));
    assert_eq!(store.device().pulled_at, None);
    let before = store.device().clone();
    assert_eq!(apply(&mut store, &first).unwrap(), Applied::Repeat);
    assert_eq!(
        apply(&mut store, &server.page(3, 10)).unwrap(),
        Applied::Repeat
    );
    assert_eq!(*store.device(), before);
    // Cut elsewhere, by a hub for example: what is known comes again, and more.
    apply(&mut store, &server.page(10, 30)).unwrap();
    assert_eq!(store.device().place.position, 40);
    pull(&mut store, &server, 7);
    assert_eq!(
        (store.device().tickets, store.device().pulled_at),
        (50, Some(EVENING))
    );
    // Nothing new is news as well.
    pull(&mut store, &server, 7);
}

/// covers: SCAN-4
#[test]
fn a_page_of_another_event_is_refused_by_the_store_as_well() {
    let (_folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..5);
    let bytes = server.page(0, 100);
    let event = EventId::new("evt_concert").unwrap();
    let keys = store.known().keys.clone();
    let page = bilten_core::sync::page::read(&bytes, &event, &keys, EVENING).unwrap();
    store.wipe(EVENING).unwrap();
    assert_eq!(
        store.apply(&page, EVENING).unwrap_err().code(),
        "not_paired"
    );
    store.begin_pairing().unwrap();
    let mut other = super::world::paired(1, Policy::Single, EVENING);
    other.event = EventId::new("evt_gala").unwrap();
    store
        .finish_pairing("http://nowhere.invalid", &other)
        .unwrap();
    assert_eq!(
        store.apply(&page, EVENING).unwrap_err().code(),
        "feed_wrong_event"
    );
}

/// covers: SCAN-4
#[test]
fn a_feed_that_began_anew_is_read_over_what_is_known() {
    let (folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..30);
    server.log.push(Change::Revocation(Revocation {
        ticket: ticket_id(3),
        below: 2,
    }));
    server.log.push(Change::Redemption(redemption(1, 4, 0)));
    server.log.push(Change::Redemption(redemption(2, 29, 0)));
    pull(&mut store, &server, 100);
    let old_start = server.page(0, 100);
    store.scan_code(&code(5), ENTRY, EVENING).unwrap();
    assert_eq!(store.inside(&list_id()).unwrap(), 3);

    // The server was restored: ticket 29 and its redemption are gone, the revocation too.
    let mut restored = Server::new(Policy::Single, EVENING.plus_ms(60_000));
    restored.epoch = 2;
    restored.sell(0..29);
    restored.log.push(Change::Redemption(redemption(1, 4, 0)));
    let later = apply(&mut store, &restored.page(10, 5)).unwrap_err();
    assert_eq!(later.code(), "feed_epoch");
    apply(&mut store, &restored.page(0, 10)).unwrap();
    // Half-way, also after a restart, nothing is forgotten.
    drop(store);
    let mut store = open_store(&folder.path().join("gate.db"));
    assert_eq!(store.device().tickets, 30);
    let scan = |store: &mut Store, number| store.scan_code(&code(number), ENTRY, EVENING).unwrap();
    let revoked = Verdict::Deny {
        reason: DenyReason::Revoked,
    };
    let used = Verdict::Deny {
        reason: DenyReason::AlreadyRedeemed,
    };
    assert_eq!(scan(&mut store, 3).verdict, revoked);
    assert_eq!(scan(&mut store, 4).verdict, used);
    assert_eq!(scan(&mut store, 29).verdict, used);

    pull(&mut store, &restored, 10);
    assert_eq!(store.device().tickets, 29);
    assert_eq!(store.inside(&list_id()).unwrap(), 2);
    assert!(store.record(ticket_id(29)).unwrap().is_none());
    assert_eq!(scan(&mut store, 3).verdict, Verdict::Admit);
    // Its own passages, and what waits to be sent, stay.
    assert_eq!(scan(&mut store, 5).verdict, used);
    assert_eq!(store.outbox_len().unwrap(), 6);

    // Somebody kept the old pages: they do not bring the past back.
    assert_eq!(
        apply(&mut store, &old_start).unwrap_err().code(),
        "feed_replayed"
    );
    assert_eq!(store.device().tickets, 29);
}

/// covers: SCAN-4
#[test]
fn what_others_did_settles_what_happened_here() {
    let (_folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    store.scan_code(&code(1), ENTRY, EVENING).unwrap();
    // Another gate was a second earlier: we hear of it later.
    server
        .log
        .push(Change::Redemption(redemption(1, 1, -1_000)));
    pull(&mut store, &server, 100);
    let standings: Vec<_> = store
        .passages(&list_id(), ticket_id(1))
        .unwrap()
        .iter()
        .map(|settled| (settled.is_own, settled.standing.unwrap()))
        .collect();
    assert_eq!(
        standings,
        [(false, Standing::Counted), (true, Standing::Conflict)]
    );
    assert_eq!(
        (
            store.inside(&list_id()).unwrap(),
            store.own_conflicts().unwrap()
        ),
        (1, 1)
    );

    // The organiser changes the rule: both count.
    let max = Policy::Multiple { max: 2 };
    server.log.push(Change::List(super::world::list(max)));
    pull(&mut store, &server, 100);
    assert_eq!(
        (
            store.inside(&list_id()).unwrap(),
            store.own_conflicts().unwrap()
        ),
        (2, 0)
    );
    let third = store.scan_code(&code(1), ENTRY, EVENING).unwrap();
    assert_eq!(
        third.verdict,
        Verdict::Deny {
            reason: DenyReason::AlreadyRedeemed
        }
    );
}

/// covers: SCAN-4
#[test]
fn redemptions_on_a_list_that_comes_later_are_settled_then() {
    let (_folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    let later = bilten_core::id::ListId::new("lst_later").unwrap();
    for number in 1..=3 {
        let mut redemption = redemption(number, 1, i64::from(number));
        redemption.list = later.clone();
        server.log.push(Change::Redemption(redemption));
    }
    pull(&mut store, &server, 100);
    let passages = store.passages(&later, ticket_id(1)).unwrap();
    assert!(passages.iter().all(|settled| settled.standing.is_none()));
    let mut list = super::world::list(Policy::Single);
    list.id = later.clone();
    server.log.push(Change::List(list));
    pull(&mut store, &server, 100);
    assert_eq!(store.inside(&later).unwrap(), 1);
}

/// covers: SCAN-4
#[test]
fn a_hundred_thousand_tickets_come_in_pages() {
    let (_folder, mut store) = device(Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..100_000);
    pull(&mut store, &server, 10_000);
    assert_eq!(store.device().tickets, 100_000);
    for number in [0, 1, 49_999, 99_999] {
        assert_eq!(
            store.record(ticket_id(number)).unwrap(),
            Some(record(number))
        );
        let judged = store.scan_code(&code(number), ENTRY, EVENING).unwrap();
        assert_eq!(
            (judged.verdict, judged.record),
            (Verdict::Admit, Some(record(number)))
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Sell(u32),
    Block(u32),
    Revoke(u32, u16),
    Page(usize),
    Repeat(u64, usize),
    Reopen,
    Anew,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u32..12).prop_map(Step::Sell),
        2 => (0u32..12).prop_map(Step::Block),
        2 => (0u32..12, 1u16..4).prop_map(|(ticket, below)| Step::Revoke(ticket, below)),
        6 => (1usize..9).prop_map(Step::Page),
        2 => (0u64..30, 1usize..9).prop_map(|(from, limit)| Step::Repeat(from, limit)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Anew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However pages are cut, repeated, skipped or begun anew: in the end the store holds the
    /// newest fact of each thing, as if the feed had come in one piece.
    ///
    /// covers: SCAN-4
    #[test]
    fn the_store_ends_with_the_newest_facts(steps in prop::collection::vec(step(), 1..60)) {
        let (folder, mut store) = device(Policy::Single);
        let mut server = Server::new(Policy::Single, EVENING);
        for step in steps {
            match step {
                Step::Sell(number) => server.log.push(Change::Ticket(record(number))),
                Step::Block(number) => {
                    let mut blocked = record(number);
                    blocked.state = TicketState::Blocked;
                    blocked.version = 2;
                    server.log.push(Change::Ticket(blocked));
                }
                Step::Revoke(number, below) => {
                    let ticket = ticket_id(number);
                    server.log.push(Change::Revocation(Revocation { ticket, below }));
                }
                Step::Page(limit) => {
                    let place = store.device().place.clone();
                    let is_ours = place.epoch.is_none_or(|epoch| epoch == server.epoch);
                    let from = if is_ours { place.position } else { 0 };
                    apply(&mut store, &server.page(from, limit)).unwrap();
                }
                Step::Repeat(from, limit) if from <= server.log.len() as u64 => {
                    match apply(&mut store, &server.page(from, limit)) {
                        Ok(_) | Err(StoreError::FeedGap { .. } | StoreError::FeedEpoch) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
                Step::Repeat(..) => {}
                Step::Reopen => {
                    drop(store);
                    store = open_store(&folder.path().join("gate.db"));
                }
                Step::Anew => {
                    server.epoch += 1;
                    // Some facts were not in the backup.
                    let mut number = 0;
                    server.log.retain(|_| {
                        number += 1;
                        number < 8 || number % 3 != 0
                    });
                }
            }
        }
        if store.device().place.epoch.is_some_and(|epoch| epoch != server.epoch) {
            store.restart_feed().unwrap();
        }
        pull(&mut store, &server, 5);

        let (_other, mut whole) = device(Policy::Single);
        pull(&mut whole, &server, 10_000);
        prop_assert_eq!(store.device().tickets, whole.device().tickets);
        for number in 0..12 {
            prop_assert_eq!(
                store.record(ticket_id(number)).unwrap(),
                whole.record(ticket_id(number)).unwrap()
            );
            let judge = |store: &mut Store| {
                store.scan_code(&code(number), Direction::Exit, EVENING).unwrap().verdict
            };
            prop_assert_eq!(judge(&mut store), judge(&mut whole));
        }
    }
}
