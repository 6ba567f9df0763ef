//! Rooms of events that are sold out: what people in line are told, and how it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_server::catalog::EventId;
use bilten_server::sales;
use bilten_server::waiting_room::{self, Supply};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Waiter, figure, in_order_after_draw, organisers, room, visitors, waiters};
use crate::app::{Event, TestApp, purchase};

/// Makes a step that knows what is left, as the server's own do.
async fn look(t: &TestApp, event: &Event) {
    let id: EventId = event.id.parse().unwrap();
    let supply = sales::supply_of(&t.app, vec![id]).await.unwrap();
    waiting_room::tick(&t.app, &supply).await.unwrap();
}

/// Until this is what there is of an event; what is kept of it may be a moment old.
async fn has(t: &TestApp, event: &Event, wanted: Supply) {
    let id: EventId = event.id.parse().unwrap();
    let wanted = BTreeMap::from([(id, wanted)]);
    let mut found = BTreeMap::new();
    for _ in 0..100 {
        found = sales::supply_of(&t.app, vec![id]).await.unwrap();
        if found == wanted {
            return;
        }
        t.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {wanted:?}: {found:?}");
}

/// Makes steps, two seconds apart, until somebody is told that it stands like this.
async fn until(t: &TestApp, event: &Event, waiter: &Waiter, state: &str) -> Value {
    let mut standing = Value::Null;
    for _ in 0..10 {
        look(t, event).await;
        t.clock.advance(Duration::from_secs(2));
        standing = waiter.standing(t, event).await;
        if standing["state"] == state {
            return standing;
        }
    }
    panic!("not {state}: {standing}");
}

/// An event with so many tickets, and so many people in their order, of whom so many are called.
async fn line(t: &TestApp, capacity: i64, people: usize, called: usize) -> (Event, Vec<Waiter>) {
    let event = t.event(&[("Standing", 2500, capacity)]).await;
    room(t, &event, json!({"most_inside": called})).await;
    let waiting = in_order_after_draw(t, &event, waiters(t, &event, people).await).await;
    until(t, &event, &waiting[called - 1], "called").await;
    (event, waiting)
}

async fn pay(t: &TestApp, event: &Event, hold: &Value, key: &str) -> Value {
    let mut body = purchase(event, 0, 1, "succeed");
    body["items"] = json!([]);
    body["hold"] = hold["id"].clone();
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
        .expect(201)
}

async fn set_capacity(t: &TestApp, event: &Event, capacity: i64) {
    let own = format!("/api/v1/events/{}", event.id);
    let version = t.organiser.get(&own).await.expect(200)["version"].clone();
    let body = json!({"version": version, "capacity": capacity});
    let path = format!("{own}/tiers/{}", event.tiers[0]);
    t.organiser.patch(&path, body).await.expect(200);
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

on_both_engines! {
    /// covers: WEB-4, BE-2
    async fn people_in_line_are_told_and_it_goes_on_if_some_come_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, waiting) = line(&t, 2, 4, 2).await;
        let mut holds = Vec::new();
        for waiter in &waiting[..2] {
            let pass = waiter.pass(&t, &event).await;
            holds.push(waiter.hold(&t, &event, &pass, &waiter.id).await.expect(201));
        }
        // What is held may come back: nobody is called for it, and nothing is over.
        until(&t, &event, &waiting[2], "waiting").await;
        let first = pay(&t, &event, &holds[0], "p0").await;
        until(&t, &event, &waiting[2], "waiting").await;
        assert_eq!(figure(&t, &event, "called").await, 2);

        pay(&t, &event, &holds[1], "p1").await;
        let told = until(&t, &event, &waiting[2], "sold_out").await;
        let waitlist = format!("/e/{}/waitlist", event.slug);
        assert_eq!(told["waitlist"], waitlist.as_str());
        assert!(told["text"].as_str().unwrap().contains("You keep your place"), "{told}");
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "left", "who has bought is told nothing of it");
        waiting[2].claim(&t, &event).await.refused(409, "waiting_room.not_called");
        let notice = t.stranger.get(&visitors(&event, "/notice")).await.expect(200);
        assert!(notice["sold_out_at"].is_string() && notice["state"] == "calling", "{notice}");
        let seen = t.organiser.get(&organisers(&event, "")).await.expect(200);
        assert_eq!((&seen["sold_out_at"], seen["waiting"].as_u64()), (&notice["sold_out_at"], Some(2)));
        let page = waiting[3].ask(&t, Method::GET, &format!("/wait/{}/place", event.id)).await;
        assert!(page.text.contains("Sold out") && page.text.contains(&waitlist), "{}", page.text);
        let page = t.stranger.get(&waitlist).await;
        assert!(page.status == 200 && page.text.contains("Join the waitlist"), "{}", page.text);
        // Whoever comes now is told the same, and stands in line for what may come back.
        let late = t.stranger.post(&visitors(&event, "/places"), json!({})).await.expect(201);
        assert_eq!((&late["standing"]["state"], &late["standing"]["waitlist"]), (&json!("sold_out"), &json!(waitlist)));

        // One comes back, for the first in line and nobody else.
        let refund = format!("/api/v1/orders/{}/refund", first["order"]["id"].as_str().unwrap());
        t.organiser.post(&refund, json!({})).await.expect(200);
        until(&t, &event, &waiting[2], "called").await;
        until(&t, &event, &waiting[3], "waiting").await;
        assert_eq!(figure(&t, &event, "called").await, 3);
        let pass = waiting[2].pass(&t, &event).await;
        let hold = waiting[2].hold(&t, &event, &pass, "back").await.expect(201);
        pay(&t, &event, &hold, "p2").await;
        until(&t, &event, &waiting[3], "sold_out").await;

        // Nothing more comes back: it ends by itself, and whoever asks is told the plain truth.
        t.clock.advance(Duration::from_secs(31 * 60));
        let told = until(&t, &event, &waiting[3], "ended").await;
        assert_eq!(told["waitlist"], waitlist.as_str());
        let seen = t.organiser.get(&organisers(&event, "")).await.expect(200);
        assert_eq!(seen["state"], "ended");
        assert!(seen["sold_out_at"].is_string() && seen["ended_at"].is_string(), "{seen}");
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        t.stranger.post_once("/api/v1/shop/holds", "h", &wish).await.refused(409, "sales.sold_out");
        t.stranger.post(&visitors(&event, "/places"), json!({})).await.refused(410, "waiting_room.over");
        let audit = t.organiser.get("/api/v1/audit").await.expect(200);
        let by_itself = audit["items"].as_array().unwrap().iter()
            .any(|entry| entry["actor"] == "system" && entry["action"] == "waiting_room.moved");
        assert!(by_itself, "{audit}");
        t.stop().await;
    }

    /// Whoever was called when it was sold out comes when it goes on, with the time that was left to them,
    /// however many nodes see it at once.
    ///
    /// covers: WEB-4
    async fn nobodys_time_passes_while_it_is_sold_out(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, waiting) = line(&t, 2, 3, 2).await;
        let pass = waiting[0].pass(&t, &event).await;
        waiting[1].pass(&t, &event).await;
        let before = waiting[1].standing(&t, &event).await;
        t.clock.advance(Duration::from_secs(5 * 60));
        let hold = waiting[0].hold(&t, &event, &pass, "h").await.expect(201);
        pay(&t, &event, &hold, "p").await;
        set_capacity(&t, &event, 1).await;
        until(&t, &event, &waiting[1], "sold_out").await;
        waiting[1].claim(&t, &event).await.refused(409, "waiting_room.sold_out");
        let seen = t.organiser.get(&organisers(&event, "")).await.expect(200);
        let since = time(&seen["sold_out_at"]);

        t.clock.advance(Duration::from_secs(20 * 60));
        look(&t, &event).await;
        assert_eq!(waiting[1].standing(&t, &event).await["state"], "sold_out");
        assert_eq!(figure(&t, &event, "missed").await, 0);
        set_capacity(&t, &event, 2).await;
        let on_at = t.app.now();
        join_all((0..8).map(|_| look(&t, &event))).await;
        let gone = on_at.ms() - since.ms()..=t.app.now().ms() - since.ms();
        assert!(t.organiser.get(&organisers(&event, "")).await.expect(200)["sold_out_at"].is_null());
        t.clock.advance(Duration::from_secs(2));
        let after = waiting[1].standing(&t, &event).await;
        assert_eq!(after["state"], "called");
        let more = time(&after["until"]).ms() - time(&before["until"]).ms();
        assert!(gone.contains(&more), "{more} is not as long as it was sold out, once: {gone:?}");
        let pass = waiting[1].pass(&t, &event).await;
        waiting[1].hold(&t, &event, &pass, "h1").await.expect(201);
        until(&t, &event, &waiting[2], "waiting").await;
        t.stop().await;
    }

    /// What there is to be called for follows the sale; a room whose event is cancelled ends.
    ///
    /// covers: WEB-4, ORG-2
    async fn nobody_is_called_into_a_shop_that_sells_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        room(&t, &event, json!({"most_inside": 1})).await;
        let own = format!("/api/v1/events/{}", event.id);
        let waiting = waiters(&t, &event, 2).await;
        t.organiser.post(&format!("{own}/pause"), json!({})).await.expect(200);
        has(&t, &event, Supply::Later).await;
        t.organiser.post(&format!("{own}/resume"), json!({})).await.expect(200);
        has(&t, &event, Supply::Free(10)).await;

        let waiting = in_order_after_draw(&t, &event, waiting).await;
        until(&t, &event, &waiting[0], "called").await;
        t.organiser.post(&format!("{own}/cancel"), json!({})).await.expect(200);
        has(&t, &event, Supply::Over).await;
        until(&t, &event, &waiting[1], "ended").await;
        let seen = t.organiser.get(&organisers(&event, "")).await.expect(200);
        assert!(seen["state"] == "ended" && seen["sold_out_at"].is_null(), "{seen}");
        t.stop().await;
    }
}
