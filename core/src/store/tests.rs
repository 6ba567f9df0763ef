//! What cannot be seen from outside: a full disk, the bytes of the file, the sums behind `inside`.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use super::*;
use crate::checkin::{CheckInList, Direction, Holder, Policy, TicketRecord, TicketState, Verdict};
use crate::id::{DeviceId, EventId};
use crate::key::{EventKey, KeyId};
use crate::sync::page::{self, Change, Header, NamedKey};
use crate::sync::pairing::Paired;
use crate::system::SystemRandomness;
use crate::ticket::{Issuer, Payload};
use crate::time::{Timestamp, Validity};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn issuer() -> Issuer {
    Issuer::from_secret(&[3; 32])
}

fn event() -> EventId {
    EventId::new("evt_1").unwrap()
}

fn list() -> ListId {
    ListId::new("lst_1").unwrap()
}

fn open(path: &Path) -> Store {
    Store::open(
        path,
        &StorageKey::from_bytes([9; 32]),
        Arc::new(SystemRandomness),
    )
    .unwrap()
}

fn paired(path: &Path) -> Store {
    let mut store = open(path);
    store.begin_pairing().unwrap();
    let key = EventKey {
        event: event(),
        public_key: *issuer().public_key(),
        validity: Validity::ALWAYS,
        revoked: false,
    };
    let list = CheckInList {
        id: list(),
        event: event(),
        name: "Day".to_owned(),
        policy: Policy::ReEntry,
        opens_at: None,
        closes_at: None,
        tiers: None,
        capacity: None,
        accepts_delegated: false,
        allowlist_only: false,
    };
    let paired = Paired {
        device: DeviceId::new("dev_1").unwrap(),
        event: event(),
        event_name: "Event".to_owned(),
        list: Some(list.id.clone()),
        gate: None,
        keys: vec![NamedKey {
            key,
            event_name: "Event".to_owned(),
        }],
        lists: vec![list],
        gates: Vec::new(),
        server_time: NOW,
    };
    store
        .finish_pairing("http://nowhere.invalid", &paired)
        .unwrap();
    store
}

fn id(number: u32) -> TicketId {
    let mut bytes = [0xa5; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TicketId(bytes)
}

fn tickets(numbers: std::ops::Range<u32>) -> Vec<Change> {
    let record = |number| TicketRecord {
        id: id(number),
        version: 1,
        tier: 1,
        state: TicketState::Valid,
        validity: Validity::ALWAYS,
        holder: Some(Holder {
            name: "Rumpelstiltskin".to_owned(),
            order: format!("ORDER{number:06}"),
            note: Some("x".repeat(100)),
        }),
    };
    numbers
        .map(|number| Change::Ticket(record(number)))
        .collect()
}

fn page(from: u64, changes: &[Change], more: bool) -> page::Page {
    let to = from + changes.len() as u64;
    let header = Header {
        event: event(),
        epoch: 1,
        from,
        to,
        more,
        count: 0,
        next: to.to_string(),
        made_at: NOW,
        key: KeyId([0; 4]),
    };
    let bytes = page::write(header, changes, &issuer()).unwrap();
    let mut keys = crate::key::KeySet::default();
    keys.put(EventKey {
        event: event(),
        public_key: *issuer().public_key(),
        validity: Validity::ALWAYS,
        revoked: false,
    });
    page::read(&bytes, &event(), &keys, NOW).unwrap()
}

fn code(number: u32) -> String {
    let payload = Payload {
        id: id(number),
        version: 1,
        tier: 1,
        validity: Validity::ALWAYS,
    };
    issuer().issue(payload).unwrap()
}

fn file_holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

/// covers: SCAN-4
#[test]
fn a_full_disk_loses_nothing_and_ends_with_more_space() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired(&folder.path().join("gate.db"));
    store.apply(&page(0, &tickets(0..500), true), NOW).unwrap();
    let used: i64 = schema::pragma(&store.db, "page_count").unwrap();
    let limit = |store: &Store, pages: i64| {
        store
            .db
            .pragma_update(None, "max_page_count", pages)
            .unwrap();
    };
    limit(&store, used + 12);

    let full = store
        .apply(&page(500, &tickets(500..5_000), false), NOW)
        .unwrap_err();
    assert_eq!(full.code(), "storage_full");
    assert_eq!(
        (store.device().place.position, store.device().tickets),
        (500, 500)
    );
    let mut answered = Vec::new();
    let refused = loop {
        // Unknown tickets, so that codes are kept, too.
        match store.scan_code(
            &code(1_000_000 + answered.len() as u32),
            Direction::Entry,
            NOW,
        ) {
            Ok(judged) => answered.push(judged.scan),
            Err(error) => break error,
        }
        assert!(answered.len() < 10_000, "the limit does not bite");
    };
    assert_eq!(refused.code(), "storage_full");
    assert!(!answered.is_empty());
    // What was known can still be read, and what was answered is there, no more and no less.
    let sent: Vec<_> = store
        .outbox(100_000)
        .unwrap()
        .iter()
        .map(|scan| scan.id)
        .collect();
    assert_eq!(sent, answered);
    assert_eq!(store.inside(&list()).unwrap() as usize, answered.len());

    limit(&store, 1_000_000);
    let after = store.scan_code(&code(7), Direction::Entry, NOW).unwrap();
    assert_eq!(after.verdict, Verdict::Admit);
    store
        .apply(&page(500, &tickets(500..5_000), false), NOW)
        .unwrap();
    drop(store);
    let store = open(&folder.path().join("gate.db"));
    assert_eq!(store.device().tickets, 5_000);
    assert_eq!(store.outbox_len().unwrap() as usize, answered.len() + 1);
}

/// covers: SCAN-4, SCAN-9
#[test]
fn names_and_codes_are_not_readable_in_the_files_and_a_wipe_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired(&folder.path().join("gate.db"));
    store.apply(&page(0, &tickets(0..300), false), NOW).unwrap();
    store.scan_code(&code(5), Direction::Entry, NOW).unwrap();
    store
        .scan_code(&code(1_000), Direction::Entry, NOW)
        .unwrap();
    let secret = store.signing_key().unwrap().unwrap().to_bytes();
    for secret in [
        b"Rumpelstiltskin".as_slice(),
        b"ORDER000005",
        b"BT1:",
        &secret,
    ] {
        assert!(!file_holds(folder.path(), secret));
    }
    assert!(
        file_holds(folder.path(), id(5).as_bytes()),
        "this test looks in the wrong place"
    );
    assert!(file_holds(folder.path(), b"lst_1"));

    assert_eq!(store.leave(NOW).unwrap_err().code(), "unsent_scans");
    store.wipe(NOW).unwrap();
    for trace in [
        id(5).as_bytes().as_slice(),
        id(1_000).as_bytes(),
        b"lst_1",
        b"nowhere",
        b"dev_1",
    ] {
        assert!(!file_holds(folder.path(), trace));
    }
    assert!(store.signing_key().unwrap().is_none());
    drop(store);
    let store = open(&folder.path().join("gate.db"));
    assert_eq!(
        store.device(),
        &Device {
            wiped_at: Some(NOW),
            ..Device::default()
        }
    );
}

/// covers: SCAN-3
#[test]
fn inside_is_the_sum_over_counted_passages() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired(&folder.path().join("gate.db"));
    for step in 0..200u32 {
        let direction = if step % 3 == 2 {
            Direction::Exit
        } else {
            Direction::Entry
        };
        let now = NOW.plus_ms(i64::from(step));
        store
            .scan_code(&code(step * 7 % 23), direction, now)
            .unwrap();
        let recount: i64 = store
            .db
            .query_row(
                "SELECT sum(CASE direction WHEN 0 THEN 1 ELSE -1 END) FROM passages WHERE counts",
                [],
                |row| Ok(row.get::<_, Option<i64>>(0)?.unwrap_or(0)),
            )
            .unwrap();
        assert_eq!(i64::from(store.inside(&list()).unwrap()), recount);
    }
    assert!(store.inside(&list()).unwrap() > 3);
}

/// covers: SCAN-10
#[test]
fn newer_software_reads_again_what_an_older_one_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    let mut store = paired(&path);
    store.apply(&page(0, &tickets(0..3), false), NOW).unwrap();
    store
        .db
        .execute(
            "UPDATE device SET unknown_changes = 2, software = '0.0.1'",
            [],
        )
        .unwrap();
    drop(store);
    let mut store = open(&path);
    assert_eq!(
        (
            store.device().place.position,
            store.device().unknown_changes
        ),
        (0, 0)
    );
    assert_eq!(store.device().tickets, 3, "nothing is forgotten meanwhile");
    store.apply(&page(0, &tickets(0..2), false), NOW).unwrap();
    assert_eq!(
        store.device().tickets,
        2,
        "what the feed did not bring again is gone"
    );
}

/// Two gates with one clock must not differ because the server answered one of them slowly.
///
/// covers: SCAN-4
#[test]
fn a_clock_is_corrected_only_beyond_what_may_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = paired(&folder.path().join("gate.db"));
    assert_eq!(store.device().clock_offset_ms, 0);
    store.correct_clock(140, 150).unwrap();
    store.correct_clock(-90, 2).unwrap();
    assert_eq!(store.device().clock_offset_ms, 0);
    store.correct_clock(3_600_000, 40).unwrap();
    assert_eq!(store.device().clock_offset_ms, 3_600_000);
}
