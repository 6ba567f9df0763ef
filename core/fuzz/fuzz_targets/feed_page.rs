//! Whatever claims to be a page of the feed: read or refused, and what is read can be applied.
//!
//! Each input is tried as it is, and once more with a true signature: a stranger cannot sign, but
//! only so does the fuzzer get to what lies behind the signature.
#![no_main]

use bilten_core::checkin::{CheckInList, Direction, Gate, Holder, Policy, Standing};
use bilten_core::checkin::{TicketRecord, TicketState};
use bilten_core::id::{DeviceId, GateId, ListId, ScanId, TicketId};
use bilten_core::key::{KeyId, KeySet};
use bilten_core::signed::Domain;
use bilten_core::store::{StorageKey, Store, StoreError};
use bilten_core::sync::page::{self, Change, Header, NamedKey, Page, Redemption, Removed};
use bilten_core::sync::page::{Revocation, Tier};
use bilten_core::sync::pairing::Paired;
use bilten_core::system::SystemRandomness;
use bilten_core::time::Validity;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use shared::{NOW, event, issuer, keys};
use std::path::Path;
use std::sync::{Arc, LazyLock};

static KEYS: LazyLock<KeySet> = LazyLock::new(keys);

fuzz_target!(init: shared::write_seeds(seeds()), |data: &[u8]| {
    read(data);
    let mut signed = data.to_vec();
    if !signed.ends_with(b"\n") {
        signed.push(b'\n');
    }
    let signature = Domain::FeedPage.sign(issuer().signing_key(), &[&Sha256::digest(&signed)]);
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    signed.extend(format!("{{\"signature\":\"{hex}\"}}\n").into_bytes());
    if let Some(page) = read(&signed) {
        apply(&page);
    }
});

fn read(bytes: &[u8]) -> Option<Page> {
    let page = page::read(bytes, &event(), &KEYS, NOW).ok()?;
    let header = page.header();
    assert!(header.from <= header.to && header.event == event());
    assert_eq!(
        header.count as usize,
        page.changes().len() + page.unknown() as usize
    );
    Some(page)
}

/// Applies the page twice: the second time it is a repeat, or empty.
fn apply(page: &Page) {
    let mut store = store();
    match store.apply(page, NOW) {
        Ok(_) => {
            assert_eq!(store.device().place.position, page.header().to);
            store.apply(page, NOW).unwrap();
            assert_eq!(store.device().place.position, page.header().to);
        }
        Err(StoreError::FeedGap { .. } | StoreError::FeedEpoch | StoreError::FeedReplayed) => {
            assert_eq!(store.device().place.position, 0);
        }
        Err(other) => panic!("{}: {other}", other.code()),
    }
}

fn store() -> Store {
    let key = StorageKey::from_bytes([3; 32]);
    let mut store = Store::open(Path::new(":memory:"), &key, Arc::new(SystemRandomness)).unwrap();
    store.begin_pairing().unwrap();
    let paired = Paired {
        device: DeviceId::new("dev_1").unwrap(),
        event: event(),
        event_name: "Fuzz".to_owned(),
        list: Some(list().id),
        gate: None,
        keys: vec![named_key()],
        lists: vec![list()],
        gates: Vec::new(),
        server_time: NOW,
    };
    store
        .finish_pairing("http://nowhere.invalid", &paired)
        .unwrap();
    store
}

fn named_key() -> NamedKey {
    NamedKey {
        key: KEYS.keys()[0].clone(),
        event_name: "Fuzz".to_owned(),
    }
}

fn list() -> CheckInList {
    CheckInList {
        id: ListId::new("lst_1").unwrap(),
        event: event(),
        name: "Day".to_owned(),
        policy: Policy::Multiple { max: 2 },
        opens_at: Some(NOW),
        closes_at: None,
        tiers: Some(vec![1, 2]),
        capacity: Some(9),
        accepts_delegated: true,
        allowlist_only: false,
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let ticket = TicketId([1; 16]);
    let record = TicketRecord {
        id: ticket,
        version: 2,
        tier: 1,
        state: TicketState::Valid,
        validity: Validity::ALWAYS,
        holder: Some(Holder {
            name: "A".to_owned(),
            order: "B".to_owned(),
            note: Some("C".to_owned()),
        }),
    };
    let redemption = |number, standing, direction| {
        Change::Redemption(Redemption {
            id: ScanId([number; 16]),
            ticket,
            list: list().id,
            gate: Some(GateId::new("gat_1").unwrap()),
            device: DeviceId::new("dev_2").unwrap(),
            at: NOW,
            direction,
            standing,
        })
    };
    let gate = Gate {
        id: GateId::new("gat_1").unwrap(),
        name: "N".to_owned(),
        tiers: Some(vec![]),
    };
    let all = vec![
        Change::Key(named_key()),
        Change::List(list()),
        Change::Gate(gate.clone()),
        Change::Tier(Tier {
            number: 1,
            name: "T".to_owned(),
        }),
        Change::Ticket(record),
        Change::Revocation(Revocation { ticket, below: 2 }),
        redemption(1, Standing::Counted, Direction::Entry),
        redemption(2, Standing::Conflict, Direction::Exit),
        Change::WithdrawnKey(KeyId([1; 4])),
        Change::Removed(Removed::Gate(gate.id)),
        Change::Removed(Removed::List(list().id)),
    ];
    let page = |from, changes: &[Change], more| {
        let header = Header {
            event: event(),
            epoch: 1,
            from,
            to: from + changes.len() as u64,
            more,
            count: 0,
            next: "c".to_owned(),
            made_at: NOW,
            key: KeyId([0; 4]),
        };
        page::write(header, changes, &issuer()).unwrap()
    };
    let whole: Vec<_> = std::iter::once(page(0, &all, false))
        .chain(
            all.iter()
                .map(|change| page(0, std::slice::from_ref(change), true)),
        )
        .chain([page(5, &all[..2], true), page(0, &[], false)])
        .collect();
    // Without their last line as well: those are what gets signed anew.
    let unsigned = |page: &Vec<u8>| {
        let end = page[..page.len() - 1]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .unwrap();
        page[..=end].to_vec()
    };
    whole
        .iter()
        .map(unsigned)
        .chain([whole[0].clone()])
        .collect()
}
