//! The waitlist: what comes back goes to whoever is next, as a hold that nobody else can buy.

mod entries;
mod offers;

use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An event in four days that is sold out by one order; gives the order.
async fn sold_out(t: &TestApp, capacity: u32) -> (Event, String) {
    let now = t.clock.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(99), "starts_at": at(100), "ends_at": at(103)}],
        "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": capacity}],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    let event = Event {
        id,
        slug: text(&event["slug"]),
        tiers: vec![text(&event["tiers"][0]["id"])],
    };
    let bought = t.stranger.buy(&event, 0, capacity, "succeed", "all").await;
    let order = text(&bought.expect(201)["order"]["id"]);
    (event, order)
}

async fn try_join(t: &TestApp, event: &Event, email: &str, quantity: u32, least: u32) -> Answer {
    let path = format!("/api/v1/shop/events/{}/waitlist-entries", event.id);
    let body =
        json!({"tier": event.tiers[0], "quantity": quantity, "least": least, "email": email});
    t.stranger.post(&path, body).await
}

/// Somebody who waits, by the mail that told them so.
struct Waiter {
    client: Client,
    email: String,
    id: String,
    page: String,
}

impl Waiter {
    async fn join(t: &TestApp, event: &Event, email: &str, quantity: u32, least: u32) -> Self {
        let joined = try_join(t, event, email, quantity, least).await.expect(202);
        assert_eq!(joined, json!({"email": email}));
        let mail = t.mail_to(email).await;
        let page = mail.link();
        let id = page.strip_prefix("/waitlist/").unwrap();
        Self {
            client: t.stranger.with_token(&mail.token("token")),
            email: email.to_owned(),
            id: id.split('?').next().unwrap().to_owned(),
            page,
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/shop/waitlist-entries/{}", self.id)
    }

    async fn see(&self) -> Value {
        self.client.get(&self.path()).await.expect(200)
    }

    /// Waits until the entry stands like this.
    async fn becomes(&self, state: &str) -> Value {
        let mut seen = self.see().await;
        for _ in 0..1_200 {
            if seen["state"] == state {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen = self.see().await;
        }
        panic!("{} is not {state}: {seen}", self.email);
    }

    /// The checkout that the next mail leads to.
    async fn checkout(&self, t: &TestApp) -> String {
        let mail = t.mail_to(&self.email).await;
        assert_eq!(mail.subject, "Tickets for you: Večer");
        let link = mail.link();
        assert!(link.starts_with("/checkout/hld_"), "{link}");
        link
    }
}

async fn refund(t: &TestApp, order: &str) {
    let path = format!("/api/v1/orders/{order}/refund");
    t.organiser.post(&path, json!({})).await.expect(200);
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

async fn list(t: &TestApp, event: &Event) -> Vec<Value> {
    let path = format!("/api/v1/events/{}/waitlist-entries", event.id);
    let page = t.organiser.get(&path).await.expect(200);
    page["items"].as_array().unwrap().clone()
}
