//! Resale: whoever holds a ticket sells it, capped, to whoever waits or finds it; the old code dies.

mod caps;
mod pages;
mod races;
mod refusals;
mod sale;
mod waiting;

use bilten_kernel::clock::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::access::Device;
use crate::app::{Answer, Event, TestApp};
use crate::bought::{Bought, buy};

/// Where a ticket is listed.
const LISTINGS: &str = "resale-listings";

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A policy under which tickets are resold until an hour before the doors, for so many basis points of
/// what they cost; the organiser keeps a twentieth.
fn policy(cap_basis_points: u32) -> Value {
    json!({
        "refund": {"windows": [], "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 0},
        "transfer": {"allowed": true, "most": 5, "freeze_minutes": 60},
        "resale": {"allowed": true, "cap_basis_points": cap_basis_points, "fee_basis_points": 500, "freeze_minutes": 60},
    })
}

async fn put_policy(t: &TestApp, event: &Event, policy: &Value) -> Value {
    let path = format!("/api/v1/events/{}/policies/*", event.id);
    let request = t.organiser.request(Method::PUT, &path).json(policy);
    t.organiser.send(request).await.expect(200)
}

/// An event whose doors open in three hours: tickets are valid by now, and resold for two more. What is
/// asked of it is written over it.
async fn evening_in(t: &TestApp, country: Option<&str>, cap_basis_points: u32) -> Event {
    let now = t.clock.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let mut body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(3), "starts_at": at(4), "ends_at": at(7)}],
        "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": 20}],
    });
    if let Some(country) = country {
        body["details"] = json!({"country": country});
    }
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    let event = Event {
        id,
        slug: text(&event["slug"]),
        tiers: vec![text(&event["tiers"][0]["id"])],
    };
    put_policy(t, &event, &policy(cap_basis_points)).await;
    event
}

async fn evening(t: &TestApp) -> Event {
    evening_in(t, None, 10_000).await
}

impl Bought {
    async fn try_list(&self, ticket: usize, price_minor: i64) -> Answer {
        let body = json!({"price_minor": price_minor});
        self.buyer.post(&self.path_of(ticket, LISTINGS), body).await
    }

    /// Lists a ticket; gives the listing's id.
    async fn list(&self, ticket: usize, price_minor: i64) -> String {
        let listed = self.try_list(ticket, price_minor).await.expect(201);
        assert_eq!(
            (&listed["state"], &listed["price_minor"]),
            (&json!("listed"), &json!(price_minor))
        );
        text(&listed["id"])
    }

    async fn withdraw(&self, ticket: usize, listing: &str) -> Answer {
        let path = format!("{}/{listing}", self.path_of(ticket, LISTINGS));
        self.buyer.delete(&path).await
    }

    async fn see(&self) -> Value {
        let path = format!("/api/v1/shop/orders/{}", self.order);
        self.buyer.get(&path).await.expect(200)
    }
}

async fn hold(t: &TestApp, event: &Event, listing: &str, key: &str) -> Answer {
    let path = format!(
        "/api/v1/shop/events/{}/resale-listings/{listing}/holds",
        event.id
    );
    t.stranger.post_once(&path, key, &json!({})).await
}

/// Buys what is held, as Bor Kos.
async fn pay(t: &TestApp, event: &Event, hold: &str, outcome: &str, key: &str) -> Answer {
    let body = json!({
        "event": event.id, "items": [], "hold": hold, "buyer": {"email": "bor@example.com", "name": "Bor Kos"},
        "payment": {"method": "sandbox", "outcome": outcome},
    });
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
}

/// Buys a listed ticket.
async fn take(t: &TestApp, event: &Event, listing: &str, key: &str) -> Bought {
    let held = hold(t, event, listing, key).await.expect(201);
    let paid = pay(t, event, &text(&held["id"]), "succeed", key).await;
    Bought::of(t, &paid.expect(201))
}

/// What everybody can buy of others.
async fn for_sale(t: &TestApp, event: &Event) -> Vec<Value> {
    let path = format!("/api/v1/shop/events/{}/resale-listings", event.id);
    let page = t.stranger.get(&path).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

/// What the organiser sees: `resale-listings` or `resale-payouts`.
async fn of_event(t: &TestApp, event: &Event, what: &str) -> Vec<Value> {
    let path = format!("/api/v1/events/{}/{what}", event.id);
    let page = t.organiser.get(&path).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

async fn state_of(t: &TestApp, event: &Event, listing: &str) -> String {
    let all = of_event(t, event, "resale-listings").await;
    let one = all.iter().find(|one| one["id"] == listing).unwrap();
    text(&one["state"])
}

async fn refund(t: &TestApp, order: &str) -> Answer {
    let path = format!("/api/v1/orders/{order}/refund");
    t.organiser.post(&path, json!({})).await
}

/// How many are held and sold.
async fn stock(t: &TestApp, event: &Event) -> (i64, i64) {
    let path = format!("/api/v2/events/{}/stock", event.id);
    let stock = t.organiser.get(&path).await.expect(200);
    (
        stock["held"].as_i64().unwrap(),
        stock["sold"].as_i64().unwrap(),
    )
}

/// What a gate that is online says to a code.
async fn check_in(t: &TestApp, event: &Event, device: &Device, key: &str, code: &str) -> Value {
    let path = format!("/api/v1/events/{}/check-in", event.id);
    let body = json!({"list": device.list().as_str(), "code": code});
    t.organiser.post_once(&path, key, &body).await.expect(200)
}
