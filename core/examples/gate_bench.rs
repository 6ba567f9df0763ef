//! The figures of a gate: verification, scans, pages in, search.
//!
//! `cargo run --release -p bilten-core --features issue --example gate_bench [folder]`; the folder
//! says which disk is measured (default: the temporary one). Everything runs on one core, except
//! that the disk does what it does.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints; what fails may stop it"
)]

use bilten_core::checkin::{CheckInList, Direction, Holder, Policy, TicketRecord, TicketState};
use bilten_core::id::{DeviceId, EventId, ListId, TicketId};
use bilten_core::key::{EventKey, KeyId, KeySet};
use bilten_core::store::{StorageKey, Store};
use bilten_core::sync::MAX_PAGE;
use bilten_core::sync::page::{self, Change, Header, NamedKey};
use bilten_core::sync::pairing::Paired;
use bilten_core::system::{Clock, Randomness, SystemClock, SystemRandomness};
use bilten_core::ticket::{Issuer, Payload, UntrustedTicket};
use bilten_core::time::{Timestamp, Validity};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCANS: u32 = 5_000;
const SEARCHES: u32 = 20;

fn main() {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let now = SystemClock.now();
    let issuer = Issuer::from_secret(&[1; 32]);
    println!("| figure | median | p99 |\n|---|---|---|");

    let codes: Vec<_> = (0..SCANS)
        .map(|number| code(&issuer, number, now))
        .collect();
    let keys = key_set(&issuer);
    let verify = times(&codes, |code| {
        UntrustedTicket::parse(code)
            .unwrap()
            .verify(&keys, now)
            .unwrap();
    });
    let per_second = 1.0 / median(&verify).as_secs_f64();
    row("verification of a code's text", &verify);
    println!("| verifications a second and core | {per_second:.0} | |");

    for count in [100_000u32, 1_000_000] {
        let path = folder.join(format!("bilten-gate-bench-{}.db", std::process::id()));
        let pages = pages(&issuer, count, now);
        let bytes: usize = pages.iter().map(Vec::len).sum();
        let mut store = paired_store(&path, &issuer, now);
        let start = Instant::now();
        let mut verified = Duration::ZERO;
        for bytes in &pages {
            let begin = Instant::now();
            let page = page::read(bytes, &event(), &store.known().keys, now).unwrap();
            verified += begin.elapsed();
            store.apply(&page, now).unwrap();
        }
        let all = start.elapsed();
        assert_eq!(store.device().tickets, u64::from(count));
        drop(pages);
        let megabytes = bytes / 1_000_000;
        println!(
            "| {count} tickets in ({megabytes} MB of pages), verified and applied | {:.2} s | |",
            all.as_secs_f64()
        );
        println!(
            "| of that, verifying and reading the pages | {:.2} s | |",
            verified.as_secs_f64()
        );

        let scans = times(&codes, |code| {
            let judged = store.scan_code(code, Direction::Entry, now).unwrap();
            assert!(judged.verdict.is_admit() && judged.record.is_some());
        });
        row(
            &format!("offline scan of text with {count} tickets: judge and durable redeem"),
            &scans,
        );

        let search = store.search();
        let queries: Vec<_> = (0..SEARCHES)
            .map(|n| format!("guest {}", n * 7_919 % count))
            .collect();
        let searches = times(&queries, |query| {
            assert!(!search.run(query, 20).unwrap().is_empty());
        });
        row(&format!("search by name over {count} tickets"), &searches);

        let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
        drop(store);
        let start = Instant::now();
        let store = open(&path);
        println!(
            "| open and check a store of {size} MB | {:.2?} | |",
            start.elapsed()
        );
        drop(store);
        std::fs::remove_file(&path).unwrap();
    }
}

fn times<T>(inputs: &[T], mut work: impl FnMut(&T)) -> Vec<Duration> {
    let mut times: Vec<_> = inputs
        .iter()
        .map(|input| {
            let start = Instant::now();
            work(input);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn median(times: &[Duration]) -> Duration {
    times[times.len() / 2]
}

fn row(name: &str, times: &[Duration]) {
    println!(
        "| {name} | {:.2?} | {:.2?} |",
        median(times),
        times[times.len() * 99 / 100]
    );
}

fn event() -> EventId {
    EventId::new("evt_bench").unwrap()
}

fn event_key(issuer: &Issuer) -> EventKey {
    EventKey {
        event: event(),
        public_key: *issuer.public_key(),
        validity: Validity::ALWAYS,
        revoked: false,
    }
}

fn key_set(issuer: &Issuer) -> KeySet {
    let mut keys = KeySet::default();
    keys.put(event_key(issuer));
    keys
}

/// Ids as the server makes them: by time, with a random rest. Here a hash stands for it.
fn id(number: u32, now: Timestamp) -> TicketId {
    use sha2::Digest;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&(now.ms() + i64::from(number / 50)).to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&sha2::Sha256::digest(number.to_be_bytes())[..10]);
    TicketId(bytes)
}

fn code(issuer: &Issuer, number: u32, now: Timestamp) -> String {
    let payload = Payload {
        id: id(number * 17, now),
        version: 1,
        tier: 1,
        validity: Validity::ALWAYS,
    };
    issuer.issue(payload).unwrap()
}

fn record(number: u32, now: Timestamp) -> TicketRecord {
    TicketRecord {
        id: id(number, now),
        version: 1,
        tier: 1,
        state: TicketState::Valid,
        validity: Validity::ALWAYS,
        holder: Some(Holder {
            name: format!("Guest Number {number}"),
            order: format!("ORD-{:06}", number / 2),
            note: None,
        }),
    }
}

fn pages(issuer: &Issuer, count: u32, now: Timestamp) -> Vec<Vec<u8>> {
    let size = u32::try_from(MAX_PAGE).unwrap();
    (0..count)
        .step_by(MAX_PAGE)
        .map(|from| {
            let to = (from + size).min(count);
            let changes: Vec<_> = (from..to)
                .map(|number| Change::Ticket(record(number, now)))
                .collect();
            let header = Header {
                event: event(),
                epoch: 1,
                from: from.into(),
                to: to.into(),
                more: to < count,
                count: 0,
                next: to.to_string(),
                made_at: now,
                key: KeyId([0; 4]),
            };
            page::write(header, &changes, issuer).unwrap()
        })
        .collect()
}

fn open(path: &Path) -> Store {
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    Store::open(path, &StorageKey::from_bytes([2; 32]), randomness).unwrap()
}

fn paired_store(path: &Path, issuer: &Issuer, now: Timestamp) -> Store {
    let list = CheckInList {
        id: ListId::new("lst_bench").unwrap(),
        event: event(),
        name: "Day".to_owned(),
        policy: Policy::Single,
        opens_at: None,
        closes_at: None,
        tiers: None,
        capacity: None,
        accepts_delegated: true,
        allowlist_only: false,
    };
    let paired = Paired {
        device: DeviceId::new("dev_bench").unwrap(),
        event: event(),
        event_name: "Bench".to_owned(),
        list: Some(list.id.clone()),
        gate: None,
        keys: vec![NamedKey {
            key: event_key(issuer),
            event_name: "Bench".to_owned(),
        }],
        lists: vec![list],
        gates: Vec::new(),
        server_time: now,
    };
    let mut store = open(path);
    store.begin_pairing().unwrap();
    store
        .finish_pairing("http://nowhere.invalid", &paired)
        .unwrap();
    store
}
