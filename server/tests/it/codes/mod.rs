//! Promo codes: managed over HTTP, and counted as selling asks for them.

mod batches;
mod counting;
mod managing;
mod trying;

use bilten_core::price::{CodeUse, Refusal};
use bilten_server::sales::codes;
use serde_json::{Value, json};

use crate::app::{Client, TestApp};

const PATH: &str = "/api/v1/promo-codes";

/// A tenth off.
fn tenth() -> Value {
    json!({"effect": {"kind": "percentage", "rate": 100_000}})
}

/// A rule with more to it.
fn with(mut rule: Value, more: Value) -> Value {
    let fields = rule.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    rule
}

/// Makes a code; for all events, if none is given.
async fn make(organiser: &Client, code: &str, event: Option<&str>, rule: Value) -> Value {
    let mut body = json!({"code": code, "rule": rule});
    if let Some(event) = event {
        body["event"] = json!(event);
    }
    organiser.post(PATH, body).await.expect(201)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

/// The code as it is now.
async fn now(organiser: &Client, code: &Value) -> Value {
    let path = format!("{PATH}/{}", text(code, "id"));
    organiser.get(&path).await.expect(200)
}

/// A code, used for one unit, taking off so much.
fn of(code: &Value, minor: i64) -> CodeUse {
    CodeUse {
        id: text(code, "id").to_owned(),
        units: 1,
        discount_minor: minor,
    }
}

/// Reserves codes as a hold does.
async fn reserve(
    t: &TestApp,
    holder: &str,
    uses: Vec<CodeUse>,
    buyer: Option<[u8; 32]>,
) -> Result<(), Refusal> {
    let (holder, at) = (holder.to_owned(), t.app.now());
    t.app
        .db
        .write(move |c| Box::pin(async move { codes::reserve(c, &holder, &uses, buyer, at).await }))
        .await
        .unwrap()
}

async fn give_back(t: &TestApp, holder: &str) {
    let holder = holder.to_owned();
    t.app
        .db
        .write(move |c| Box::pin(async move { codes::give_back(c, &holder).await }))
        .await
        .unwrap();
}

async fn confirm(t: &TestApp, holder: &str) {
    let holder = holder.to_owned();
    t.app
        .db
        .write(move |c| Box::pin(async move { codes::confirm(c, &holder).await }))
        .await
        .unwrap();
}

/// What a stranger is told of a code.
async fn check(t: &TestApp, event: &str, code: &str) -> Value {
    let body = json!({"event": event, "code": code});
    let answer = t.stranger.post("/api/v1/shop/codes/check", body).await;
    answer.expect(200)
}
