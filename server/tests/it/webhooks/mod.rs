//! Webhooks, with a receiver on this machine.

mod crash;
mod endpoints;
mod failing;
pub(super) mod hook;
mod nodes;
mod plan;
mod sending;
mod telling;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::{Client, TestApp};

const ENDPOINTS: &str = "/api/v1/webhooks/endpoints";

/// All types that are chosen.
fn all_types() -> Vec<String> {
    let types = bilten_server::webhooks::EventType::ALL.iter();
    types.map(ToString::to_string).collect()
}

/// Makes an endpoint; gives its id and its secret.
pub(super) async fn endpoint(organiser: &Client, url: &str, types: &[&str]) -> (String, String) {
    let body = json!({"url": url, "description": "tests", "event_types": types});
    let made = organiser.post(ENDPOINTS, body).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// The deliveries of an endpoint, newest first.
async fn deliveries(organiser: &Client, endpoint: &str) -> Vec<Value> {
    let list = organiser
        .get(&format!("{ENDPOINTS}/{endpoint}/deliveries"))
        .await
        .expect(200);
    list["items"].as_array().unwrap().clone()
}

/// A delivery with its log.
async fn delivery(organiser: &Client, id: &str) -> Value {
    let path = format!("/api/v1/webhooks/deliveries/{id}");
    organiser.get(&path).await.expect(200)
}

/// Waits until a delivery stands there; gives it with its log.
async fn settled(t: &TestApp, id: &str, state: &str) -> Value {
    let begin = Instant::now();
    loop {
        let seen = delivery(&t.organiser, id).await;
        if seen["state"] == state {
            return seen;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(40),
            "not {state}: {seen}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Has a test message sent; gives its delivery.
async fn try_out(organiser: &Client, endpoint: &str) -> String {
    let path = format!("{ENDPOINTS}/{endpoint}/test");
    let sent = organiser.post(&path, json!({})).await.expect(202);
    sent["id"].as_str().unwrap().to_owned()
}
