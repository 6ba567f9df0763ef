//! The store as a file: what it refuses to open, and what it writes down.

use super::server::Server;
use super::world::{
    EVENING, apply, code, code_of, device_id, gate_id, key, list, list_id, named_key, open_gate,
    open_store, other_issuer, paired, paired_store, record, ticket_id,
};
use bilten_core::checkin::{
    DenyReason, Direction, Evidence, Policy, Standing, TicketState, Verdict,
};
use bilten_core::gate::{Gate, GateError};
use bilten_core::store::{StorageKey, Store, StoreError};
use bilten_core::sync::page::{Change, Removed, Revocation};
use bilten_core::sync::push::{Conflict, Receipt};
use bilten_core::system::{Randomness, RandomnessError, SystemRandomness};
use bilten_core::ticket::Payload;
use bilten_core::time::Validity;
use std::sync::Arc;

const ENTRY: Direction = Direction::Entry;

fn refused(reason: DenyReason) -> Verdict {
    Verdict::Deny { reason }
}

/// Opens a file that is not fit to be a store, and makes sure that it was left as it is.
fn refused_file(path: &std::path::Path, key: &StorageKey) -> StoreError {
    let before = std::fs::read(path).unwrap();
    let error = Store::open(path, key, Arc::new(SystemRandomness))
        .err()
        .expect("it was opened");
    assert_eq!(std::fs::read(path).unwrap(), before, "the file was changed");
    error
}

/// covers: SCAN-4
#[test]
fn files_that_are_no_sound_store_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    {
        let mut store = paired_store(&path, 1, Policy::Single);
        let mut server = Server::new(Policy::Single, EVENING);
        server.sell(0..3_000);
        apply(&mut store, &server.page(0, 10_000)).unwrap();
    }
    let sound = std::fs::read(&path).unwrap();

    let wrong = StorageKey::from_bytes([6; 32]);
    assert_eq!(refused_file(&path, &wrong).code(), "wrong_key");

    std::fs::write(&path, "dear diary".repeat(1_000)).unwrap();
    assert_eq!(refused_file(&path, &key()).code(), "not_a_store");

    let mut torn = sound.clone();
    torn.truncate(sound.len() / 2);
    std::fs::write(&path, &torn).unwrap();
    assert_eq!(refused_file(&path, &key()).code(), "store_damaged");

    let mut scribbled = sound.clone();
    let middle = sound.len() / 2 / 4096 * 4096;
    scribbled[middle..middle + 4096].fill(0xee);
    std::fs::write(&path, &scribbled).unwrap();
    assert_eq!(refused_file(&path, &key()).code(), "store_damaged");

    // Bytes 60 to 63 hold user_version, 68 to 71 whose database it is (SQLite file format, 1.3).
    let mut newer = sound.clone();
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&path, &newer).unwrap();
    let error = refused_file(&path, &key());
    assert!(
        matches!(error, StoreError::TooNew { found: 99, .. }),
        "{error}"
    );
    assert_eq!(error.code(), "store_too_new");

    let mut foreign = sound.clone();
    foreign[68..72].fill(0);
    std::fs::write(&path, &foreign).unwrap();
    assert_eq!(refused_file(&path, &key()).code(), "not_a_store");

    std::fs::write(&path, &sound).unwrap();
    assert_eq!(open_store(&path).device().tickets, 3_000);
    let nowhere = Gate::open_here(&folder.path().join("no/such/folder"), &key())
        .err()
        .unwrap();
    assert_eq!(nowhere.code(), "store_unavailable");
}

/// covers: SCAN-2, SCAN-4
#[test]
fn every_attempt_is_written_down_and_waits_in_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let mut store = paired_store(&path, 1, Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..10);
    apply(&mut store, &server.page(0, 100)).unwrap();
    let torn = &code(3)[..60];
    let forged = code(4).replace("BT1:6", "BT1:7");
    let attempts = [
        (code(1), Verdict::Admit),
        (code(1), refused(DenyReason::AlreadyRedeemed)),
        (
            "https://example.org/menu".to_owned(),
            refused(DenyReason::NotATicket),
        ),
        (torn.to_owned(), refused(DenyReason::Malformed)),
        // Sold a second ago: the signature is enough.
        (code(77), Verdict::Admit),
        (
            format!("BT1:{}", "é".repeat(2_000)),
            refused(DenyReason::Malformed),
        ),
    ];
    for (text, verdict) in &attempts {
        assert_eq!(
            store.scan_code(text, ENTRY, EVENING).unwrap().verdict,
            *verdict,
            "{text}"
        );
    }
    let _ = store.scan_code(&forged, ENTRY, EVENING).unwrap();
    drop(store);

    let mut store = open_store(&path);
    let outbox = store.outbox(1_000).unwrap();
    assert_eq!(outbox.len(), attempts.len() + 1);
    for (report, (_, verdict)) in outbox.iter().zip(&attempts) {
        let reason = match verdict {
            Verdict::Admit => None,
            Verdict::Deny { reason } => Some(*reason),
        };
        assert_eq!((report.refused, &report.list), (reason, &list_id()));
        assert_eq!(
            (report.at, &report.gate),
            (EVENING, &Some(gate_id("north")))
        );
    }
    assert_eq!(
        (outbox[0].ticket, outbox[0].version),
        (Some(ticket_id(1)), Some(1))
    );
    // Codes go along where the device did not know the ticket; never a stranger's other codes.
    let codes: Vec<_> = outbox.iter().map(|report| report.code.as_deref()).collect();
    assert_eq!(
        codes[..5],
        [None, None, None, Some(torn), Some(code(77).as_str())]
    );
    assert!(codes[5].unwrap().len() <= bilten_core::ticket::MAX_CODE_LEN);

    let first = &outbox[..2];
    let conflict = Conflict {
        scan: outbox[0].id,
        ticket: ticket_id(1),
        counted: outbox[4].id,
        device: device_id(2),
        at: EVENING,
    };
    let receipt = Receipt {
        accepted: 2,
        conflicts: vec![conflict],
        ..Receipt::default()
    };
    store.acknowledge(first, &receipt, EVENING).unwrap();
    assert_eq!(store.outbox(1_000).unwrap(), outbox[2..]);
    assert_eq!(store.own_conflicts().unwrap(), 1);
    // It is not forgotten by having been sent.
    let again = store.scan_code(&code(1), ENTRY, EVENING).unwrap();
    assert_eq!(again.verdict, refused(DenyReason::AlreadyRedeemed));
}

/// covers: SCAN-2
#[test]
fn what_the_allowlist_says_decides() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired_store(&folder.path().join("gate.db"), 1, Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    let mut blocked = record(1);
    blocked.state = TicketState::Blocked;
    let mut reissued = record(2);
    reissued.version = 2;
    let old = code_of(&record(2));
    server.log.extend([
        Change::Ticket(blocked),
        Change::Ticket(reissued.clone()),
        Change::Ticket(record(3)),
        Change::Revocation(Revocation {
            ticket: ticket_id(3),
            below: 2,
        }),
        Change::Key(named_key(&other_issuer(), "evt_gala", "The gala")),
    ]);
    apply(&mut store, &server.page(0, 100)).unwrap();
    let tomorrow = Payload {
        id: ticket_id(9),
        version: 1,
        tier: 1,
        validity: Validity::ALWAYS,
    };
    for (text, verdict) in [
        (code(1), refused(DenyReason::Blocked)),
        (old, refused(DenyReason::Superseded)),
        (code_of(&reissued), Verdict::Admit),
        (code(3), refused(DenyReason::Revoked)),
        (
            other_issuer().issue(tomorrow).unwrap(),
            refused(DenyReason::WrongEvent),
        ),
    ] {
        let judged = store.scan_code(&text, ENTRY, EVENING).unwrap();
        assert_eq!(judged.verdict, verdict);
        assert!(matches!(judged.evidence, Evidence::Code(_)));
    }
    let unknown = store.scan_found(ticket_id(50), ENTRY, EVENING).unwrap();
    assert_eq!(unknown.verdict, refused(DenyReason::NotOnAllowlist));
}

/// covers: SCAN-2, SCAN-3
#[test]
fn a_gate_says_where_a_ticket_belongs_and_stops_at_capacity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let mut store = open_store(&path);
    store.begin_pairing().unwrap();
    let mut answer = paired(1, Policy::ReEntry, EVENING);
    answer.lists[0].capacity = Some(2);
    answer
        .keys
        .push(named_key(&other_issuer(), "evt_gala", "The gala"));
    store
        .finish_pairing("http://nowhere.invalid", &answer)
        .unwrap();
    drop(store);

    let gate = open_gate(&path, &super::world::TestClock::at(EVENING));
    let payload = Payload {
        id: ticket_id(1),
        version: 1,
        tier: 1,
        validity: Validity::ALWAYS,
    };
    let gala = gate
        .scan_text(&other_issuer().issue(payload).unwrap(), ENTRY)
        .unwrap();
    assert_eq!(gala.verdict, refused(DenyReason::WrongEvent));
    assert_eq!(gala.event_name.as_deref(), Some("The gala"));
    assert!(!gala.supervisor);

    let scan = |number, direction| gate.scan_text(&code(number), direction).unwrap().verdict;
    assert_eq!(scan(1, ENTRY), Verdict::Admit);
    assert_eq!(scan(2, ENTRY), Verdict::Admit);
    assert_eq!(scan(3, ENTRY), refused(DenyReason::Full));
    assert_eq!(scan(9, Direction::Exit), refused(DenyReason::NotInside));
    assert_eq!(scan(1, Direction::Exit), Verdict::Admit);
    assert_eq!(scan(3, ENTRY), Verdict::Admit);
    let status = gate.status().unwrap();
    assert_eq!((status.inside, status.capacity), (2, Some(2)));

    let nowhere = bilten_core::id::ListId::new("lst_none").unwrap();
    let unknown = gate.choose(&nowhere, None).unwrap_err();
    assert_eq!(
        unknown,
        GateError::SetUp {
            code: "unknown_list"
        }
    );
    gate.choose(&list_id(), Some(&gate_id("south"))).unwrap();
    assert_eq!(gate.status().unwrap().gate.unwrap().name, "Gate south");
}

/// covers: SCAN-4
#[test]
fn who_leaves_after_the_clock_was_corrected_has_left_after_entering() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired_store(&folder.path().join("gate.db"), 1, Policy::ReEntry);
    let early = EVENING.plus_ms(3 * 3_600_000);
    store.scan_code(&code(1), ENTRY, early).unwrap();
    // The clock was three hours ahead; now it is right.
    let exit = store.scan_code(&code(1), Direction::Exit, EVENING).unwrap();
    assert_eq!((exit.verdict, exit.at), (Verdict::Admit, early.plus_ms(1)));
    assert_eq!(store.inside(&list_id()).unwrap(), 0);
    let passages = store.passages(&list_id(), ticket_id(1)).unwrap();
    assert!(
        passages
            .iter()
            .all(|settled| settled.standing == Some(Standing::Counted))
    );
    assert_eq!(
        store.outbox(10).unwrap()[1].at,
        exit.at,
        "the server hears the same time"
    );
}

/// covers: SCAN-1
#[test]
fn staff_find_a_ticket_by_name_order_or_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let mut store = paired_store(&path, 1, Policy::ReEntry);
    let mut server = Server::new(Policy::ReEntry, EVENING);
    server.sell(0..2_000);
    let mut zoe = record(5_000);
    let holder = zoe.holder.as_mut().unwrap();
    holder.name = "Zoë Yıldız".to_owned();
    holder.note = Some("Row 4".to_owned());
    server.log.push(Change::Ticket(zoe));
    apply(&mut store, &server.page(0, 10_000)).unwrap();
    drop(store);
    let gate = open_gate(&path, &super::world::TestClock::at(EVENING));

    let found = gate.search(" yildiz ZOE ", 10).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].ticket.holder.as_deref(), Some("Zoë Yıldız"));
    assert_eq!(found[0].ticket.note.as_deref(), Some("Row 4"));
    assert!(!found[0].is_inside);
    let admitted = gate.redeem(found[0].ticket.id, ENTRY).unwrap();
    assert_eq!(admitted.verdict, Verdict::Admit);
    let found = gate.search("ord-05000", 10).unwrap();
    assert!(found[0].is_inside);
    assert_eq!(found[0].last_entry.as_ref().unwrap().at, EVENING);

    assert_eq!(gate.search("guest", 7).unwrap().len(), 7);
    assert_eq!(
        gate.search("guest", 5_000).unwrap().len(),
        bilten_core::store::MAX_FOUND
    );
    assert_eq!(
        gate.search(&ticket_id(12).to_string(), 10).unwrap()[0]
            .ticket
            .id,
        ticket_id(12)
    );
    assert!(gate.search("  ", 10).unwrap().is_empty());
    assert!(gate.search("guest nobody", 10).unwrap().is_empty());
    assert!(gate.search(&"x ".repeat(100_000), 10).unwrap().is_empty());
}

#[test]
fn two_processes_on_one_store_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let mut one = paired_store(&path, 1, Policy::Single);
    let mut two = open_store(&path);
    let mut server = Server::new(Policy::Single, EVENING);
    server.sell(0..5);
    apply(&mut one, &server.page(0, 100)).unwrap();
    assert_eq!(
        two.scan_code(&code(1), ENTRY, EVENING).unwrap().verdict,
        Verdict::Admit
    );
    let again = one.scan_code(&code(1), ENTRY, EVENING).unwrap();
    assert_eq!(again.verdict, refused(DenyReason::AlreadyRedeemed));
    // The second one learns from the first how far the feed is known.
    assert_eq!(
        apply(&mut two, &server.page(0, 100)).unwrap(),
        bilten_core::store::Applied::Repeat
    );
}

#[test]
fn without_randomness_nothing_is_judged_or_sealed() {
    struct Broken;
    impl Randomness for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomnessError> {
            Err(RandomnessError)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    drop(paired_store(&path, 1, Policy::Single));
    let mut store = Store::open(&path, &key(), Arc::new(Broken)).unwrap();
    assert_eq!(
        store
            .scan_code(&code(1), ENTRY, EVENING)
            .unwrap_err()
            .code(),
        "no_randomness"
    );
    assert_eq!(store.outbox_len().unwrap(), 0);
}

#[test]
fn a_list_that_was_removed_judges_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired_store(&folder.path().join("gate.db"), 1, Policy::Single);
    let mut server = Server::new(Policy::Single, EVENING);
    let removed = Removed::List(list(Policy::Single).id);
    server.log.push(Change::Removed(removed));
    apply(&mut store, &server.page(0, 100)).unwrap();
    assert_eq!(
        store
            .scan_code(&code(1), ENTRY, EVENING)
            .unwrap_err()
            .code(),
        "no_list"
    );
}
