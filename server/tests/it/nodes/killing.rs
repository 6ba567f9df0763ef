//! Either node is killed under a steady stream of work, and started again: nobody notices more than
//! that a request has to be sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::testing::{Engine, TestDb};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::node::{Node, PATIENCE, claims_run_out, until};
use super::work::{Follower, TICKETS, Work};
use crate::app::{Client, Event};
use crate::edge::get_from;
use crate::webhooks;
use crate::webhooks::hook::{Hook, Received};

/// How often one address may look around, for both nodes together if they share limits.
const QUOTA: usize = 10;

/// Believes what tests say of where they come from, and counts nothing but who looks around.
fn settings(redis: &str) -> String {
    format!(
        r#"
[http]
trusted_proxies = ["127.0.0.0/8"]
request_timeout_ms = 5000
[visitors]
always = []
refusals = ""
[nodes]
url = "{redis}"
[limits]
url = "{redis}"
[limits.browse]
address = "{QUOTA}/3600"
[limits.buy]
address = ""
[limits.device]
address = ""
key = ""
[limits.api]
address = ""
key = ""
organisation = ""
"#
    )
}

/// covers: BE-7, DB-8, GW-2, GW-6, SCAN-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_nodes_may_die() {
    if !Engine::Postgres.is_left_out() {
        either_may_die("").await;
    }
}

/// covers: BE-7, DB-8, GW-2, GW-6, SCAN-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_nodes_with_redis_may_die() {
    let Ok(redis) = std::env::var("BILTEN_TEST_REDIS") else {
        panic!(
            "BILTEN_TEST_REDIS is not set: start a server with `scripts/redis start DIR` and set it to the URL that prints"
        );
    };
    if !Engine::Postgres.is_left_out() {
        either_may_die(&redis).await;
    }
}

async fn either_may_die(redis: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let db = TestDb::new(Engine::Postgres).await;
    let settings = settings(redis);
    let mut nodes = [Node::new(&db, &settings), Node::new(&db, &settings)];
    nodes[0].run(&["organisation", "create", "Storm"]);
    let key = nodes[0].run(&["key", "create", "--organisation", "storm"]);
    let key = key.split('\t').nth(1).unwrap().trim().to_owned();
    for node in &mut nodes {
        node.start().await;
    }
    let urls = [nodes[0].url.clone(), nodes[1].url.clone()];
    let organisers = [&urls[0], &urls[1]].map(|url| Client::new(url, Some(&key)));
    limits_are_one(&organisers, !redis.is_empty()).await;

    let hook = Hook::start().await;
    let types = ["order.paid", "order.refunded"];
    webhooks::endpoint(&organisers[0], &hook.url, &types).await;
    let event = event(&organisers[0]).await;
    let id = event.id.clone();
    let device = Arc::new(Follower::pair(&organisers[0], &event, &urls).await);
    let work = Work::new(urls, &key, event);
    let mut workers: Vec<_> = (0..4)
        .map(|task| tokio::spawn(work.clone().buy(task)))
        .collect();
    workers.push(tokio::spawn(work.clone().draft()));
    let (stop, follower) = (Arc::new(AtomicBool::new(false)), Arc::clone(&device));
    let until_stopped = Arc::clone(&stop);
    let following = tokio::spawn(async move { follower.follow(&until_stopped).await });

    // Work goes on until so much more was acknowledged than now.
    let more = async |orders: usize, drafts: usize| {
        let before = work.done();
        let enough = || {
            let done = work.done();
            done.0 >= before.0 + orders && done.1 >= before.1 + drafts
        };
        until("more was acknowledged", enough).await;
    };
    more(20, 5).await;
    for dies in [0, 1] {
        // Whoever dies is the one that the device listens to, sooner or later.
        nodes[dies].kill();
        claims_run_out(&db).await;
        let lives = 1 - dies;
        let listens = || device.listens.lock().unwrap().0 == lives;
        until("the device listens to whoever lives", listens).await;
        more(20, 3).await;
        nodes[dies].start().await;
        more(10, 2).await;
    }
    work.stop();
    for worker in workers {
        worker.await.unwrap();
    }

    orders_are_right(&work, &organisers, &id).await;
    drafts_are_right(&work, &organisers).await;
    told_in_order(&organisers[1], &id, &hook).await;
    let begin = Instant::now();
    loop {
        let (seen, all) = (device.seen.lock().unwrap().clone(), device.all(1).await);
        if seen == all {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "the device missed something");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let tickets = work.done().0 * usize::try_from(TICKETS).unwrap();
    assert_eq!(device.seen.lock().unwrap().len(), tickets);
    assert!(device.listens.lock().unwrap().1 >= 2, "it never moved");
    stop.store(true, Ordering::SeqCst);
    following.await.unwrap();
    limits_are_one(&organisers, !redis.is_empty()).await;
}

async fn event(organiser: &Client) -> Event {
    let in_hours =
        |hours: u64| (SystemClock.now() + Duration::from_secs(hours * 3_600)).to_string();
    let made = organiser
        .post(
            "/api/v1/events",
            json!({
                "name": "Storm", "time_zone": "UTC", "currency": "EUR", "venue_name": "Hall",
                "occurrences": [{"starts_at": in_hours(1), "ends_at": in_hours(4)}],
                "tiers": [{"name": "Any", "price_minor": 100, "capacity": 1_000_000}],
            }),
        )
        .await
        .expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let publish = format!("/api/v1/events/{id}/publish");
    organiser.post(&publish, json!({})).await.expect(200);
    Event {
        id,
        slug: String::new(),
        tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
    }
}

/// Each asks almost as often as both together may.
async fn limits_are_one(nodes: &[Client; 2], is_shared: bool) {
    let begin = Instant::now();
    loop {
        // An address that nobody has used.
        let token = bilten_kernel::random::u64(&bilten_kernel::random::OsRandom);
        let (high, low) = (token & 0xffff, token >> 16 & 0xffff);
        let address = format!("2001:db8:{high:x}:{low:x}::1");
        let through = async |node: &Client| {
            let mut through = 0;
            for _ in 0..QUOTA - 2 {
                let answer = get_from(node, &address, "/robots.txt").await;
                assert!([200, 429].contains(&answer.status), "{}", answer.text);
                through += usize::from(answer.status == 200);
            }
            through
        };
        let sum = through(&nodes[0]).await + through(&nodes[1]).await;
        // Without Redis each counts by itself.
        let wanted = if is_shared { QUOTA } else { 2 * (QUOTA - 2) };
        if sum == wanted {
            return;
        }
        // A node that Redis did not answer in time counts by itself for a second.
        assert!(
            is_shared && begin.elapsed() < PATIENCE,
            "{sum} for {wanted}"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// All items of a list.
async fn listed(client: &Client, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit=100{cursor}")).await;
        let page = page.expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return items;
        };
        cursor = format!("&cursor={next}");
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// Every acknowledged order is there once, and what is sold is what was ordered.
async fn orders_are_right(work: &Work, nodes: &[Client; 2], event: &str) {
    let acknowledged = work.log.lock().unwrap().orders.clone();
    let orders = listed(&nodes[0], &format!("/api/v1/events/{event}/orders")).await;
    let stored: BTreeSet<String> = orders.iter().map(|order| text(order, "id")).collect();
    assert_eq!(stored.len(), orders.len());
    let told: BTreeSet<String> = acknowledged.values().cloned().collect();
    assert_eq!(told.len(), acknowledged.len(), "two keys, one order");
    assert_eq!(told, stored, "acknowledged and stored");
    let paid = orders
        .iter()
        .filter(|order| order["state"] == "paid")
        .count();
    let refunded = orders
        .iter()
        .filter(|order| order["state"] == "refunded")
        .count();
    assert_eq!(paid + refunded, orders.len());
    assert!(refunded > 0);
    let stock = nodes[1].get(&format!("/api/v1/events/{event}/stock")).await;
    let sold = stock.expect(200)[0]["sold"].as_u64().unwrap();
    assert_eq!(sold, u64::from(TICKETS) * paid as u64, "stock and orders");
    // The same keys once more, at either node: the same orders.
    for (number, some) in acknowledged
        .iter()
        .collect::<Vec<_>>()
        .chunks(16)
        .enumerate()
    {
        let again = some.iter().map(|(key, _)| work.bought(number, key));
        for ((key, order), again) in some.iter().zip(join_all(again).await) {
            assert_eq!(&text(&again["order"], "id"), *order, "{key}");
        }
    }
    let after = listed(&nodes[1], &format!("/api/v1/events/{event}/orders")).await;
    assert_eq!(after.len(), orders.len());
}

/// Every draft is there once, also those whose answers were lost, and either node gives the answers
/// of both.
async fn drafts_are_right(work: &Work, nodes: &[Client; 2]) {
    let acknowledged = work.log.lock().unwrap().drafts.clone();
    for (key, draft) in &acknowledged {
        for node in 0..2 {
            let again = work.drafted(node, key).await;
            match draft {
                Some(id) => {
                    assert_eq!(again.status, 201, "{key}: {}", again.body);
                    assert!(again.is_replayed, "{key}");
                    assert_eq!(&text(&again.body, "id"), id);
                }
                None => assert_eq!(again.status, 409, "{key}: {}", again.body),
            }
        }
    }
    let mut stored = BTreeMap::new();
    for event in listed(&nodes[0], "/api/v1/events").await {
        if let Some(draft) = event["name"]
            .as_str()
            .filter(|name| name.starts_with("draft-"))
        {
            *stored.entry(draft.to_owned()).or_insert(0) += 1;
        }
    }
    let wanted: BTreeMap<_, _> = acknowledged.keys().map(|key| (key.clone(), 1)).collect();
    assert_eq!(stored, wanted);
}

/// Every order was told of as one message, and so was that it was paid back, which was made later.
async fn told_in_order(organiser: &Client, event: &str, hook: &Hook) {
    let orders = listed(organiser, &format!("/api/v1/events/{event}/orders")).await;
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for order in &orders {
        wanted.insert(("order.paid".to_owned(), text(order, "id")));
        if order["state"] == "refunded" {
            wanted.insert(("order.refunded".to_owned(), text(order, "id")));
        }
    }
    let about = |one: &Received| (one.kind(), text(&one.json()["data"], "order"));
    let begin = Instant::now();
    loop {
        let told: BTreeSet<_> = hook.received().iter().map(about).collect();
        if told == wanted {
            break;
        }
        let (told, wanted) = (told.len(), wanted.len());
        assert!(begin.elapsed() < PATIENCE, "{told} of {wanted} were told");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut messages: BTreeMap<(String, String), BTreeMap<String, BTreeSet<Vec<u8>>>> =
        BTreeMap::new();
    for one in hook.received() {
        let copies = messages.entry(about(&one)).or_default();
        let id = one.id().to_owned();
        copies.entry(id).or_default().insert(one.body.clone());
    }
    for (about, copies) in &messages {
        assert_eq!(copies.len(), 1, "{about:?} as more than one message");
        assert!(copies.values().all(|texts| texts.len() == 1), "{about:?}");
    }
    // Ids begin with the time at which they were made.
    let made = |kind: &str, order: &str| {
        let copies = &messages[&(kind.to_owned(), order.to_owned())];
        let id = copies.keys().next().unwrap();
        id.split('_').nth(1).unwrap()[..10].to_owned()
    };
    for (kind, order) in &wanted {
        if kind == "order.refunded" {
            assert!(made("order.paid", order) <= made("order.refunded", order));
        }
    }
}
