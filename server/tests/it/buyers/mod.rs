//! Sales' tools around orders: purchase limits, review, notes and tags, files, lookup, orders of staff,
//! and what is told of stock.

mod available;
mod desk;
mod export;
mod find;
mod limits;
mod manual;
mod means;
mod review;

use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};

/// Sends a PUT.
async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(reqwest::Method::PUT, path).json(body);
    client.send(request).await
}

/// The body of a purchase by this address.
fn purchase_by(event: &Event, email: &str, quantity: u32, outcome: &str) -> Value {
    json!({
        "event": event.id,
        "items": [{"tier": event.tiers[0], "quantity": quantity}],
        "buyer": {"email": email, "name": "Ana Novak"},
        "payment": {"method": "sandbox", "outcome": outcome},
    })
}

/// How many are held and sold of all tiers.
async fn stock(t: &TestApp, event: &Event) -> (i64, i64) {
    let path = format!("/api/v2/events/{}/stock", event.id);
    let stock = t.organiser.get(&path).await.expect(200);
    let sum = |name: &str| stock[name].as_i64().unwrap();
    (sum("held"), sum("sold"))
}

/// The id of a bought order.
fn order_id(bought: &Value) -> &str {
    bought["order"]["id"].as_str().unwrap()
}

/// Adds a tier to an event; gives its id.
pub(crate) async fn added_tier(t: &TestApp, event: &Event, tier: Value) -> String {
    let path = format!("/api/v1/events/{}/tiers", event.id);
    let seen = t.organiser.post(&path, tier).await.expect(201);
    let newest = seen["tiers"].as_array().unwrap().last().unwrap();
    newest["id"].as_str().unwrap().to_owned()
}
