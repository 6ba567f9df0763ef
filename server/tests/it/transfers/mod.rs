//! Transfer of tickets: offered by mail, accepted once, dead on the other side.

mod hands;
mod pages;
mod races;
mod refusals;

use bilten_kernel::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::access::Device;
use crate::app::{Answer, Client, Event, TestApp};
use crate::bought::{Bought, buy};

/// Where a ticket is offered.
const TRANSFERS: &str = "transfers";

/// An event whose doors open in three hours: tickets are valid by now, and frozen in two.
async fn evening(t: &TestApp) -> Event {
    let now = t.clock.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(3), "starts_at": at(4), "ends_at": at(7)}],
        "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": 50}],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    Event {
        id,
        slug: text(&event["slug"]),
        tiers: vec![text(&event["tiers"][0]["id"])],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Bought {
    async fn try_offer(&self, ticket: usize, email: &str) -> Answer {
        self.buyer
            .post(&self.path_of(ticket, TRANSFERS), json!({"email": email}))
            .await
    }

    /// Offers a ticket; the receiver as the mail makes them.
    async fn offer(&self, t: &TestApp, ticket: usize, email: &str) -> Receiver {
        let offered = self.try_offer(ticket, email).await.expect(201);
        assert_eq!(
            (&offered["state"], &offered["email"]),
            (&json!("pending"), &json!(email))
        );
        let receiver = Receiver::by_mail(t, email).await;
        assert_eq!(receiver.id, text(&offered["id"]));
        receiver
    }
}

/// Somebody who got a mail about a ticket.
struct Receiver {
    client: Client,
    id: String,
    page: String,
}

impl Receiver {
    async fn by_mail(t: &TestApp, email: &str) -> Self {
        let mail = t.mail_to(email).await;
        let page = mail.link();
        let id = page.strip_prefix("/transfers/").unwrap();
        Self {
            client: t.stranger.with_token(&mail.token("token")),
            id: id.split('?').next().unwrap().to_owned(),
            page,
        }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/v1/shop/transfers/{}{what}", self.id)
    }

    async fn see(&self) -> Value {
        self.client.get(&self.path("")).await.expect(200)
    }

    async fn accept(&self, name: &str) -> Answer {
        let body = json!({"name": name});
        self.client.post(&self.path("/accept"), body).await
    }

    async fn decline(&self) -> Answer {
        self.client.post(&self.path("/decline"), json!({})).await
    }

    async fn pass_on(&self, email: &str) -> Answer {
        let body = json!({"email": email});
        self.client.post(&self.path("/onward"), body).await
    }
}

async fn ticket(t: &TestApp, id: &str) -> Value {
    let path = format!("/api/v1/tickets/{id}");
    t.organiser.get(&path).await.expect(200)
}

/// What a gate that is online says to a code.
async fn check_in(t: &TestApp, event: &Event, device: &Device, key: &str, code: &str) -> Value {
    let path = format!("/api/v1/events/{}/check-in", event.id);
    let body = json!({"list": device.list().as_str(), "code": code});
    t.organiser.post_once(&path, key, &body).await.expect(200)
}
