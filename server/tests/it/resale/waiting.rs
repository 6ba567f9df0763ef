//! Those who wait are asked first.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Bought, buy, evening, for_sale, hold, pay, state_of, text};
use crate::app::{Client, Event, TestApp};

/// Somebody who waits, content with so few tickets.
async fn join(t: &TestApp, event: &Event, email: &str, least: u32) -> (Client, String) {
    let path = format!("/api/v1/shop/events/{}/waitlist-entries", event.id);
    let body = json!({"tier": event.tiers[0], "quantity": 2, "least": least, "email": email});
    t.stranger.post(&path, body).await.expect(202);
    let mail = t.mail_to(email).await;
    let page = mail.link();
    let id = page.strip_prefix("/waitlist/").unwrap();
    let id = id.split('?').next().unwrap();
    let path = format!("/api/v1/shop/waitlist-entries/{id}");
    (t.stranger.with_token(&mail.token("token")), path)
}

/// The hold that the next mail leads to.
async fn offered(t: &TestApp, email: &str) -> String {
    let link = t.mail_to(email).await.link();
    link.strip_prefix("/checkout/").unwrap().to_owned()
}

async fn becomes(client: &Client, path: &str, state: &str) -> Value {
    for _ in 0..400 {
        let seen = client.get(path).await.expect(200);
        if seen["state"] == state {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} is not {state}");
}

/// Until everybody sees it.
async fn shown(t: &TestApp, event: &Event) -> Vec<Value> {
    for _ in 0..400 {
        let shown = for_sale(t, event).await;
        if !shown.is_empty() {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing is for sale");
}

on_both_engines! {
    /// covers: BE-2, ORG-5
    async fn a_ticket_goes_to_those_who_wait_before_anybody_else(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 10, "k").await;
        buy(&t, &event, 10, "rest").await;
        join(&t, &event, "group@example.com", 2).await;
        let (bor, bors) = join(&t, &event, "bor@example.com", 1).await;
        let (cene, cenes) = join(&t, &event, "cene@example.com", 1).await;

        let listing = ana.list(0, 2_400).await;
        // Nobody sees it meanwhile, nor gets it by knowing its name.
        assert!(for_sale(&t, &event).await.is_empty());
        hold(&t, &event, &listing, "h").await.refused(409, "sales.resale_gone");
        let held = offered(&t, "bor@example.com").await;
        let seen = becomes(&bor, &bors, "offered").await;
        assert_eq!((&seen["offer"]["hold"], &seen["offer"]["quantity"]), (&json!(held), &json!(1)));
        assert_eq!(t.mails_waiting("cene@example.com") + t.mails_waiting("group@example.com"), 0);

        // Given up, it goes to the next of those who wait; then to everybody.
        assert_eq!(t.stranger.delete(&format!("/api/v1/shop/holds/{held}")).await.status, 204);
        let next = offered(&t, "bor@example.com").await;
        assert_eq!(t.stranger.delete(&format!("/api/v1/shop/holds/{next}")).await.status, 204);
        becomes(&bor, &bors, "ended").await;
        let held = offered(&t, "cene@example.com").await;
        becomes(&cene, &cenes, "offered").await;
        let paid = pay(&t, &event, &held, "succeed", "k2").await.expect(201);
        assert_eq!((Bought::of(&t, &paid).tickets.len(), &paid["order"]["total_minor"]), (1, &json!(2_400)));
        becomes(&cene, &cenes, "served").await;
        assert_eq!(state_of(&t, &event, &listing).await, "sold");

        // A group of two does not take one, and is not in the way of others.
        let other = ana.list(1, 2_300).await;
        assert_eq!(text(&for_sale(&t, &event).await[0]["id"]), other);
        hold(&t, &event, &other, "h2").await.expect(201);
        assert_eq!(t.mails_waiting("group@example.com"), 0);
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn what_those_who_wait_let_pass_everybody_sees(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 10, "k").await;
        buy(&t, &event, 10, "rest").await;
        let (bor, bors) = join(&t, &event, "bor@example.com", 1).await;
        let listing = ana.list(0, 2_500).await;
        let held = offered(&t, "bor@example.com").await;
        becomes(&bor, &bors, "offered").await;
        ana.withdraw(0, &listing).await.refused(409, "sales.resale_state");
        // By leaving.
        assert_eq!(bor.delete(&bors).await.status, 204);
        assert_eq!(text(&shown(&t, &event).await[0]["id"]), listing);
        pay(&t, &event, &held, "succeed", "k2").await.refused(410, "sales.hold_gone");
        hold(&t, &event, &listing, "h").await.expect(201);
        t.stop().await;
    }
}
