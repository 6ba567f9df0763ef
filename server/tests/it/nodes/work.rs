//! A steady stream of work for two nodes: whoever gets no answer asks the other one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bilten_core::checkin::TicketRecord;
use bilten_core::key::KeySet;
use bilten_core::sync::SyncError;
use bilten_core::sync::client::Client as SyncClient;
use bilten_core::sync::page::{self, Change};
use bilten_core::sync::pairing::{Paired, Session};
use bilten_kernel::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::node::PATIENCE;
use crate::access;
use crate::app::{Client, Event, purchase};

/// The address of purchases.
const ORDERS: &str = "/api/v1/shop/orders";
/// How many tickets each purchase is of.
pub(super) const TICKETS: u32 = 2;

/// What came back in the end.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) is_replayed: bool,
}

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Log {
    /// The order of each key.
    pub(super) orders: BTreeMap<String, String>,
    /// The draft of each key; nothing if its answer was lost.
    pub(super) drafts: BTreeMap<String, Option<String>>,
}

/// Everybody who works.
#[derive(Clone)]
pub(super) struct Work {
    http: reqwest::Client,
    urls: [String; 2],
    token: String,
    event: Arc<Event>,
    stop: Arc<AtomicBool>,
    pub(super) log: Arc<Mutex<Log>>,
}

impl Work {
    pub(super) fn new(urls: [String; 2], token: &str, event: Event) -> Self {
        Self {
            http: reqwest::Client::new(),
            urls,
            token: token.to_owned(),
            event: Arc::new(event),
            stop: Arc::default(),
            log: Arc::default(),
        }
    }

    /// Nobody begins anything more.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// How many purchases and drafts were acknowledged.
    pub(super) fn done(&self) -> (usize, usize) {
        let log = self.log.lock().unwrap();
        (log.orders.len(), log.drafts.len())
    }

    /// Sends a request by turns to both nodes until one of them answers it.
    pub(super) async fn answered(&self, first: usize, path: &str, key: &str, body: &Value) -> Got {
        let (begin, mut node) = (Instant::now(), first);
        loop {
            let url = &self.urls[node % 2];
            let mut request = self
                .http
                .post(format!("{url}{path}"))
                .timeout(Duration::from_secs(10))
                .header("idempotency-key", key)
                .json(body);
            if path != ORDERS {
                request = request.bearer_auth(&self.token);
            }
            if let Some(got) = got(request).await {
                return got;
            }
            assert!(begin.elapsed() < PATIENCE, "nobody answers {path} {key}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            node += 1;
        }
    }

    /// Buys until it is over, and has every fifth order paid back.
    pub(super) async fn buy(self, task: usize) {
        for n in 0.. {
            if self.is_over() {
                return;
            }
            let key = format!("order-{task}-{n}");
            let bought = self.bought(task + n, &key).await;
            let order = bought["order"]["id"].as_str().unwrap().to_owned();
            self.log.lock().unwrap().orders.insert(key, order.clone());
            if n % 5 == 0 {
                let path = format!("/api/v1/orders/{order}/refund");
                let key = format!("refund-{task}-{n}");
                let refunded = self.answered(task + n, &path, &key, &json!({})).await;
                // Done before its answer was lost: it says so, or that nobody knows.
                assert!([200, 409].contains(&refunded.status), "{}", refunded.body);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What was bought by this key.
    pub(super) async fn bought(&self, first: usize, key: &str) -> Value {
        let body = purchase(&self.event, 0, TICKETS, "succeed");
        let got = self.answered(first, ORDERS, key, &body).await;
        assert_eq!(got.status, 201, "{key}: {}", got.body);
        got.body
    }

    /// Makes drafts of events until it is over: what has no better way than the layer that keeps
    /// answers.
    pub(super) async fn draft(self) {
        for n in 0.. {
            if self.is_over() {
                return;
            }
            let key = format!("draft-{n}");
            let got = self.drafted(n, &key).await;
            let draft = match got.status {
                201 => Some(got.body["id"].as_str().unwrap().to_owned()),
                _ => None,
            };
            self.log.lock().unwrap().drafts.insert(key, draft);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The answer to a draft by this key.
    pub(super) async fn drafted(&self, first: usize, key: &str) -> Got {
        let body = json!({
            "name": key, "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
            "tiers": [{"name": "Any", "price_minor": 100, "capacity": 10}],
        });
        let got = self.answered(first, "/api/v1/events", key, &body).await;
        let is_known = got.status == 201
            || (got.status == 409 && got.body["code"] == "edge.idempotency_unknown");
        assert!(is_known, "{key}: {} {}", got.status, got.body);
        got
    }
}

/// The answer to a request, unless there is none yet.
async fn got(request: reqwest::RequestBuilder) -> Option<Got> {
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let is_replayed = answer.headers().contains_key("idempotency-replayed");
    let text = answer.text().await.ok()?;
    if status >= 500 {
        return None;
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    let is_done = body["code"] != "edge.idempotency_under_way";
    is_done.then_some(Got {
        status,
        body,
        is_replayed,
    })
}

/// A device that follows the hints of one node, and of the other when that one is gone.
pub(super) struct Follower {
    nodes: [SyncClient; 2],
    paired: Paired,
    session: Session,
    keys: KeySet,
    /// What it knows of each ticket.
    pub(super) seen: Arc<Mutex<BTreeMap<String, TicketRecord>>>,
    /// Which node it listens to, and how often it has begun to.
    pub(super) listens: Arc<Mutex<(usize, usize)>>,
}

impl Follower {
    pub(super) async fn pair(organiser: &Client, event: &Event, urls: &[String; 2]) -> Self {
        let path = format!("/api/v1/events/{}/pairings", event.id);
        let pairing = organiser.post(&path, json!({})).await.expect(201);
        let nodes = [&urls[0], &urls[1]].map(|url| SyncClient::new(url, "tests/1").unwrap());
        let key = access::key(1);
        let code = pairing["code"].as_str().unwrap();
        let paired = nodes[0].pair(&access::request(code, &key)).await.unwrap();
        // A session of one node is one of the other.
        let session = access::open(&nodes[1], &paired, &key).await;
        let mut keys = KeySet::default();
        for named in &paired.keys {
            keys.put(named.key.clone());
        }
        Self {
            nodes,
            paired,
            session,
            keys,
            seen: Arc::default(),
            listens: Arc::default(),
        }
    }

    /// Follows until it is told to stop; pulls when there is a hint, and only then.
    pub(super) async fn follow(&self, stop: &AtomicBool) {
        let (mut node, mut cursor) = (0, None);
        while !stop.load(Ordering::SeqCst) {
            let ended = self.follow_one(node, &mut cursor, stop).await;
            if ended.is_err() {
                node = 1 - node;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn follow_one(
        &self,
        node: usize,
        cursor: &mut Option<String>,
        stop: &AtomicBool,
    ) -> Result<(), SyncError> {
        let mut hints = self.nodes[node].hints(&self.session.token).await?;
        {
            let mut listens = self.listens.lock().unwrap();
            *listens = (node, listens.1 + 1);
        }
        while !stop.load(Ordering::SeqCst) {
            let hint = tokio::time::timeout(Duration::from_millis(200), hints.next()).await;
            if let Ok(hint) = hint {
                if hint?.is_none() {
                    return Err(SyncError::BrokenOff);
                }
                self.pull(node, cursor, &self.seen).await?;
            }
        }
        Ok(())
    }

    /// Everything that a node knows of the tickets, from the beginning.
    pub(super) async fn all(&self, node: usize) -> BTreeMap<String, TicketRecord> {
        let all = Mutex::default();
        self.pull(node, &mut None, &all).await.unwrap();
        all.into_inner().unwrap()
    }

    async fn pull(
        &self,
        node: usize,
        cursor: &mut Option<String>,
        seen: &Mutex<BTreeMap<String, TicketRecord>>,
    ) -> Result<(), SyncError> {
        loop {
            let token = &self.session.token;
            let bytes = self.nodes[node].feed(token, cursor.as_deref()).await?;
            let at = bilten_core::time::Timestamp(SystemClock.now().ms());
            let page = page::read(&bytes, &self.paired.event, &self.keys, at).unwrap();
            for change in page.changes() {
                if let Change::Ticket(ticket) = change {
                    let id = ticket.id.to_string();
                    seen.lock().unwrap().insert(id, ticket.clone());
                }
            }
            let header = page.header().clone();
            *cursor = Some(header.next);
            if !header.more {
                return Ok(());
            }
        }
    }
}
