//! What the tests share: a clock to set, an event with lists, gates and tiers, devices.

use bilten_core::checkin::{CheckInList, Gate as Place, Holder, Policy, TicketRecord, TicketState};
use bilten_core::gate::Gate;
use bilten_core::id::{DeviceId, EventId, GateId, ListId, TicketId};
use bilten_core::key::EventKey;
use bilten_core::store::{Applied, StorageKey, Store, StoreError};
use bilten_core::sync::page::{self, NamedKey, Tier};
use bilten_core::sync::pairing::Paired;
use bilten_core::system::{Clock, SystemRandomness};
use bilten_core::ticket::{Issuer, Payload};
use bilten_core::time::{Timestamp, Validity};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An evening in November.
pub(super) const EVENING: Timestamp = Timestamp(1_795_000_000_000);

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(super) struct TestClock(AtomicI64);

impl TestClock {
    pub(super) fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at.ms())))
    }

    pub(super) fn forward(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub(super) fn list_id() -> ListId {
    ListId::new("lst_day1").unwrap()
}

pub(super) fn gate_id(name: &str) -> GateId {
    GateId::new(format!("gat_{name}")).unwrap()
}

pub(super) fn device_id(number: usize) -> DeviceId {
    DeviceId::new(format!("dev_{number}")).unwrap()
}

pub(super) fn event_id() -> EventId {
    EventId::new("evt_concert").unwrap()
}

pub(super) fn ticket_id(number: u32) -> TicketId {
    let mut bytes = [7; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    TicketId(bytes)
}

pub(super) fn event_issuer() -> Issuer {
    Issuer::from_secret(&[11; 32])
}

pub(super) fn other_issuer() -> Issuer {
    Issuer::from_secret(&[12; 32])
}

pub(super) fn named_key(issuer: &Issuer, event: &str, name: &str) -> NamedKey {
    NamedKey {
        key: EventKey {
            event: EventId::new(event).unwrap(),
            public_key: *issuer.public_key(),
            validity: Validity::ALWAYS,
            revoked: false,
        },
        event_name: name.to_owned(),
    }
}

pub(super) fn list(policy: Policy) -> CheckInList {
    CheckInList {
        id: list_id(),
        event: event_id(),
        name: "Day 1".to_owned(),
        policy,
        opens_at: None,
        closes_at: None,
        tiers: None,
        capacity: None,
        accepts_delegated: true,
        allowlist_only: false,
    }
}

pub(super) fn places() -> Vec<Place> {
    ["north", "south"]
        .map(|name| Place {
            id: gate_id(name),
            name: format!("Gate {name}"),
            tiers: None,
        })
        .into()
}

pub(super) fn tiers() -> Vec<Tier> {
    vec![
        Tier {
            number: 1,
            name: "Standing".to_owned(),
        },
        Tier {
            number: 2,
            name: "Balcony".to_owned(),
        },
    ]
}

pub(super) fn record(number: u32) -> TicketRecord {
    TicketRecord {
        id: ticket_id(number),
        version: 1,
        tier: 1,
        state: TicketState::Valid,
        validity: Validity::ALWAYS,
        holder: Some(Holder {
            name: format!("Guest Number{number}"),
            order: format!("ORD-{number:05}"),
            note: None,
        }),
    }
}

pub(super) fn code_of(record: &TicketRecord) -> String {
    let payload = Payload {
        id: record.id,
        version: record.version,
        tier: record.tier,
        validity: record.validity,
    };
    event_issuer().issue(payload).unwrap()
}

pub(super) fn code(number: u32) -> String {
    code_of(&record(number))
}

pub(super) fn paired(number: usize, policy: Policy, server_time: Timestamp) -> Paired {
    Paired {
        device: device_id(number),
        event: event_id(),
        event_name: "Concert".to_owned(),
        list: Some(list_id()),
        gate: Some(gate_id("north")),
        keys: vec![named_key(&event_issuer(), "evt_concert", "Concert")],
        lists: vec![list(policy)],
        gates: places(),
        server_time,
    }
}

pub(super) fn key() -> StorageKey {
    StorageKey::from_bytes([5; 32])
}

pub(super) fn open_gate(path: &Path, clock: &Arc<TestClock>) -> Arc<Gate> {
    Gate::open(
        path,
        &key(),
        Arc::clone(clock) as _,
        Arc::new(SystemRandomness),
    )
    .unwrap()
}

pub(super) fn open_store(path: &Path) -> Store {
    Store::open(path, &key(), Arc::new(SystemRandomness)).unwrap()
}

/// A store paired without a network.
pub(super) fn paired_store(path: &Path, number: usize, policy: Policy) -> Store {
    let mut store = open_store(path);
    store.begin_pairing().unwrap();
    let paired = paired(number, policy, EVENING);
    store
        .finish_pairing("http://nowhere.invalid", &paired)
        .unwrap();
    store
}

/// Verifies a page as a device does, and applies it.
pub(super) fn apply(store: &mut Store, bytes: &[u8]) -> Result<Applied, StoreError> {
    let page = page::read(bytes, &event_id(), &store.known().keys, EVENING).unwrap();
    store.apply(&page, EVENING)
}
