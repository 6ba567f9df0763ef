//! Events beyond their prices, through the API: states, texts, questions, policies, history, copies.
//!
//! | file | holds |
//! |---|---|
//! | `states.rs` | every action in every state, and what it does to those who buy and hold |
//! | `texts.rs` | languages, and what there is to know of an event |
//! | `questions.rs` | forms |
//! | `policies.rs` | policies by region, profiles of organisations |
//! | `history.rs` | two managers at once, versions, copies |

mod history;
mod policies;
mod questions;
mod states;
mod texts;

use bilten_kernel::clock::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp};

/// A moment so many hours from now.
fn at(t: &TestApp, hours: i64) -> String {
    Timestamp::from_ms(t.app.now().ms() + hours * 3_600_000).to_string()
}

/// What an organiser says of a new event, with more said.
fn draft(t: &TestApp, more: &Value) -> Value {
    let mut body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(t, 1), "starts_at": at(t, 2), "ends_at": at(t, 5)}],
        "tiers": [{"name": "Standing", "price_minor": 1000, "capacity": 10}],
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// Makes a draft.
async fn made(t: &TestApp, more: &Value) -> Value {
    let body = draft(t, more);
    t.organiser.post("/api/v1/events", body).await.expect(201)
}

/// The address of an event.
fn path(event: &Value) -> String {
    format!("/api/v1/events/{}", event["id"].as_str().unwrap())
}

/// Does something to an event that needs nothing said.
async fn act(t: &TestApp, event: &str, action: &str) -> Answer {
    let at = format!("{event}/{action}");
    t.organiser
        .send(t.organiser.request(Method::POST, &at))
        .await
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::PUT, path).json(body);
    client.send(request).await
}

/// Where what is wrong stands, with its code.
fn faults(problem: &Value) -> Vec<String> {
    let all = problem["errors"].as_array().unwrap().iter();
    all.map(|one| {
        let (field, code) = (one["field"].as_str(), one["code"].as_str());
        format!("{} {}", field.unwrap(), code.unwrap())
    })
    .collect()
}
