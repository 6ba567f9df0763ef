//! Changes of paid orders, on the real surface.

mod codes;
mod counted;
mod edits;
mod limits;
mod money;
mod policy;
mod races;
mod refusals;
mod taxes;
mod whole;

use bilten_kernel::db::Db;
use bilten_kernel::{sql, vals};
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};
use crate::selling::{balance, buy, event_with, text};

/// Hours that are far enough from the start for everything to be given back.
const FAR: i64 = 24 * 30;

/// A published event a month away with these tiers: name, price, capacity.
async fn far_event(t: &TestApp, tiers: &[(&str, i64, i64)]) -> Event {
    let tiers: Vec<Value> = tiers
        .iter()
        .map(|(name, price, capacity)| json!({"name": name, "price_minor": price, "capacity": capacity}))
        .collect();
    event_with(t, json!(tiers), &[FAR]).await
}

async fn bought(t: &TestApp, event: &Event, tier: usize, quantity: u32, key: &str) -> Value {
    let items = json!([{"tier": event.tiers[tier], "quantity": quantity}]);
    buy(t, event, items, "succeed", key).await.expect(201)
}

fn order_of(bought: &Value) -> String {
    text(&bought["order"]["id"])
}

fn buyer(t: &TestApp, bought: &Value) -> Client {
    t.stranger.with_token(bought["token"].as_str().unwrap())
}

async fn preview(t: &TestApp, order: &str, steps: &Value) -> Answer {
    let path = format!("/api/v1/orders/{order}/changes/preview");
    t.organiser.post(&path, json!({"steps": steps})).await
}

async fn change(t: &TestApp, order: &str, version: i64, steps: &Value, key: &str) -> Answer {
    let path = format!("/api/v1/orders/{order}/changes");
    let body = json!({"version": version, "steps": steps});
    t.organiser.post_once(&path, key, &body).await
}

/// Previews a change and makes it: what was said is what happens.
async fn changed(t: &TestApp, order: &str, steps: &Value, key: &str) -> Value {
    let said = preview(t, order, steps).await.expect(200);
    assert_eq!(said["state"], "preview");
    let version = said["version"].as_i64().unwrap();
    let done = change(t, order, version, steps, key).await.expect(200);
    for part in ["before", "after", "money", "currency"] {
        assert_eq!(said[part], done[part], "{part}");
    }
    assert_eq!(done["version"], version + 1);
    done
}

/// Pays for a supplement.
async fn pay(t: &TestApp, change: &Value, key: &str) -> Answer {
    let supplement = &change["supplement"];
    let payer = t.stranger.with_token(supplement["token"].as_str().unwrap());
    let path = format!(
        "/api/v1/shop/orders/{}/payments",
        text(&supplement["order_id"])
    );
    let body = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
    payer.post_once(&path, key, &body).await
}

/// An order as its buyer sees it.
async fn seen(t: &TestApp, bought: &Value) -> Value {
    let path = format!("/api/v1/shop/orders/{}", order_of(bought));
    buyer(t, bought).get(&path).await.expect(200)
}

/// The tickets of an order that let somebody in: id, version and code.
fn valid(order: &Value) -> Vec<(String, i64, String)> {
    let tickets = order["tickets"].as_array().unwrap().iter();
    let mut valid: Vec<_> = tickets
        .filter(|ticket| ticket["state"] == "valid")
        .map(|ticket| {
            let version = ticket["version"].as_i64().unwrap();
            (text(&ticket["id"]), version, text(&ticket["code"]))
        })
        .collect();
    valid.sort();
    valid
}

/// Held and sold of a tier, all dates together.
async fn stock(t: &TestApp, tier: &str) -> (i64, i64) {
    let found: Option<(i64, i64)> = t
        .app
        .db
        .opt(
            sql!(
                "SELECT CAST(SUM(held) AS BIGINT) AS held, CAST(SUM(sold) AS BIGINT) AS sold \
                 FROM stock WHERE counter = $1"
            ),
            vals![tier],
        )
        .await
        .unwrap();
    found.unwrap()
}

/// Stock, seats, tickets and totals agree, and what was paid is what orders cost, was kept or went back.
async fn check(db: &Db) {
    balance(db).await;
    let mut sums = Vec::new();
    for statement in [
        sql!(
            "SELECT CAST(COALESCE(SUM(amount_minor - refunded_minor), 0) AS BIGINT) FROM payments \
             WHERE state IN ('succeeded', 'refunded')"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM refunds WHERE state = 'owed'"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(total_minor + kept_minor), 0) AS BIGINT) FROM orders WHERE state = 'paid'"
        ),
    ] {
        let sum: i64 = db.scalar(statement, vals![]).await.unwrap();
        sums.push(sum);
    }
    assert_eq!(
        sums[0] - sums[1],
        sums[2],
        "paid less what is owed, against orders"
    );
}
