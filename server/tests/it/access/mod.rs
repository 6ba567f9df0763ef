//! The door: devices as the core's own client drives them, organisers over the API.

mod check_in;
mod feed;
mod flood;
mod hints;
mod pairing;
mod places;
mod push;
mod report;
mod storm;

use bilten_core::checkin::Direction;
use bilten_core::id::{GateId, ListId, ScanId, TicketId};
use bilten_core::key::KeySet;
use bilten_core::sync::client::Client as SyncClient;
use bilten_core::sync::page::{self, Change, Page};
use bilten_core::sync::pairing::{PairRequest, Paired, Session};
use bilten_core::sync::push::{Receipt, ScanReport};
use bilten_core::system::SystemClock;
use bilten_core::ticket::Issuer;
use bilten_core::time::Timestamp;
use serde_json::{Value, json};

use crate::app::{Client, Event, TestApp};

/// A paired device.
pub(super) struct Device {
    pub(super) sync: SyncClient,
    /// Only its key is used: a device signs for itself.
    pub(super) key: Issuer,
    pub(super) paired: Paired,
    pub(super) session: Session,
}

/// Asks for a one-time code.
pub(super) async fn invite(t: &TestApp, event: &Event) -> Value {
    invite_by(&t.organiser, event).await
}

async fn invite_by(organiser: &Client, event: &Event) -> Value {
    let path = format!("/api/v1/events/{}/pairings", event.id);
    organiser.post(&path, json!({})).await.expect(201)
}

/// A pairing request by the key with this number.
pub(super) fn request(code: &str, key: &Issuer) -> PairRequest {
    PairRequest::sign(
        code.to_owned(),
        "Gate phone".into(),
        "tests/1".into(),
        key.signing_key(),
    )
}

pub(super) fn key(number: u8) -> Issuer {
    Issuer::from_secret(&[number; 32])
}

impl Device {
    /// Pairs a device with the key of this number and opens its session.
    pub(super) async fn pair(t: &TestApp, event: &Event, number: u8) -> Self {
        Self::pair_by(t, &t.organiser, event, number).await
    }

    /// The same, for another organiser.
    pub(super) async fn pair_by(
        t: &TestApp,
        organiser: &Client,
        event: &Event,
        number: u8,
    ) -> Self {
        let pairing = invite_by(organiser, event).await;
        let key = key(number);
        let sync = SyncClient::new(&t.url, "tests/1").unwrap();
        let code = pairing["code"].as_str().unwrap();
        let paired = sync.pair(&request(code, &key)).await.unwrap();
        let session = open(&sync, &paired, &key).await;
        Self {
            sync,
            key,
            paired,
            session,
        }
    }

    pub(super) async fn open_session(&mut self) {
        self.session = open(&self.sync, &self.paired, &self.key).await;
    }

    pub(super) fn list(&self) -> ListId {
        self.paired.lists[0].id.clone()
    }

    pub(super) fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        for named in &self.paired.keys {
            keys.put(named.key.clone());
        }
        keys
    }

    /// The page after a cursor, verified as a gate does.
    pub(super) async fn page(&self, t: &TestApp, cursor: Option<&str>) -> Page {
        let bytes = self.sync.feed(&self.session.token, cursor).await.unwrap();
        let at = Timestamp(t.app.now().ms());
        page::read(&bytes, &self.paired.event, &self.keys(), at).unwrap()
    }

    /// Everything after a cursor, and the cursor behind it; checks that the pages join up.
    pub(super) async fn pull(&self, t: &TestApp, cursor: Option<&str>) -> (Vec<Change>, String) {
        let mut changes = Vec::new();
        let mut page = self.page(t, cursor).await;
        loop {
            changes.extend(page.changes().iter().cloned());
            let header = page.header().clone();
            if !header.more {
                return (changes, header.next);
            }
            page = self.page(t, Some(&header.next)).await;
            assert_eq!(page.header().from, header.to, "a gap between pages");
            assert_eq!(page.header().epoch, header.epoch);
        }
    }

    pub(super) async fn push(&self, t: &TestApp, scans: &[ScanReport]) -> Receipt {
        let now = Timestamp(t.app.now().ms());
        self.sync
            .push(&self.session.token, now, scans)
            .await
            .unwrap()
    }

    /// An accepted entry some milliseconds ago.
    pub(super) fn entry(&self, t: &TestApp, n: u16, ticket: TicketId, ms_ago: i64) -> ScanReport {
        ScanReport {
            id: scan_id(self.key.public_key().as_bytes()[0], n),
            list: self.list(),
            gate: self.paired.gates.first().map(|gate| gate.id.clone()),
            at: Timestamp(t.app.now().ms() - ms_ago),
            direction: Direction::Entry,
            refused: None,
            ticket: Some(ticket),
            version: Some(1),
            code: None,
        }
    }
}

pub(super) async fn open(sync: &SyncClient, paired: &Paired, key: &Issuer) -> Session {
    let opened = sync
        .open_session(&paired.device, key.signing_key(), &SystemClock)
        .await;
    opened.unwrap().session
}

pub(super) fn scan_id(device: u8, n: u16) -> ScanId {
    let mut bytes = [device; 16];
    bytes[14..].copy_from_slice(&n.to_be_bytes());
    ScanId(bytes)
}

/// Buys tickets and gives their ids and codes.
pub(super) async fn buy(
    t: &TestApp,
    event: &Event,
    count: u32,
    key: &str,
) -> Vec<(TicketId, String)> {
    let bought = t.stranger.buy(event, 0, count, "succeed", key).await;
    let tickets = bought.expect(201)["tickets"].as_array().unwrap().clone();
    let text = |ticket: &Value, field: &str| ticket[field].as_str().unwrap().to_owned();
    tickets
        .iter()
        .map(|ticket| (text(ticket, "id").parse().unwrap(), text(ticket, "code")))
        .collect()
}

pub(super) async fn report(t: &TestApp, event: &Event) -> Value {
    let path = format!("/api/v1/events/{}/door-report", event.id);
    t.organiser.get(&path).await.expect(200)
}

/// A gate of another event.
pub(super) fn foreign_gate() -> GateId {
    GateId::new("gat_nowhere").unwrap()
}
