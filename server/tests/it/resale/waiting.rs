//! Those who wait are asked first.

use bilten_kernel::db::{DbError, Val};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::sales::resale;
use bilten_server::tickets::TicketId;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Bought, buy, check_in, evening, for_sale, hold, of_event, pay, state_of, stock, text};
use crate::access::Device;
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
    async fn listings_that_cannot_be_offered_are_in_no_others_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let first = evening(&t).await;
        let ana = buy(&t, &first, 10, "a1").await;
        buy(&t, &first, 10, "a2").await;
        let second = evening(&t).await;
        let dora = buy(&t, &second, 10, "b1").await;
        buy(&t, &second, 10, "b2").await;
        assert!(first.tiers[0] < second.tiers[0], "the one that fails is the first");
        let (broken, brokens) = join(&t, &first, "broken@example.com", 1).await;
        let (cene, cenes) = join(&t, &second, "cene@example.com", 1).await;
        // Whom to tell cannot be read any more.
        let id = brokens.rsplit('/').next().unwrap().to_owned();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE waitlist_entries SET sealed_person = $2 WHERE id = $1"), vals![id, vec![7u8; 60]]).await
        })).await.unwrap();
        let hidden = ana.list(0, 2_400).await;
        dora.list(0, 2_400).await;
        offered(&t, "cene@example.com").await;
        becomes(&cene, &cenes, "offered").await;
        // The fault is told at the end, and the listing is as it was.
        assert!(resale::offer_listings(&t.app).await.is_err());
        assert_eq!(broken.get(&brokens).await.expect(200)["state"], "waiting");
        assert_eq!(state_of(&t, &first, &hidden).await, "listed");
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn an_event_of_which_much_is_for_sale_is_in_no_others_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let first = evening(&t).await;
        let ana = buy(&t, &first, 10, "a1").await;
        buy(&t, &first, 10, "a2").await;
        let second = evening(&t).await;
        let dora = buy(&t, &second, 10, "b1").await;
        buy(&t, &second, 10, "b2").await;
        let (_, brokens) = join(&t, &first, "broken@example.com", 1).await;
        let (cene, cenes) = join(&t, &second, "cene@example.com", 1).await;
        // The list of the first event cannot be read, so that nothing of it is ever done.
        let id = brokens.rsplit('/').next().unwrap().to_owned();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE waitlist_entries SET most = 9000000000 WHERE id = $1"), vals![id]).await
        })).await.unwrap();
        let listing = ana.list(0, 2_400).await;
        let more: Vec<Vec<Val>> = (0..600).map(|_| {
            let id = resale::ListingId::new(&*t.app.clock, &*t.app.random);
            vals![id, TicketId::new(&*t.app.clock, &*t.app.random), &listing]
        }).collect();
        t.app.db.write(move |c| Box::pin(async move {
            for one in more {
                c.exec(sql!(
                    "INSERT INTO resale_listings (id, event_id, ticket_id, order_id, tier_id, sold_by_date, label, state, \
                     currency, price_minor, fee_minor, paid_price_minor, paid_fees_minor, base_price_minor, \
                     base_fees_minor, shown, listed_at, closes_at) SELECT $1, event_id, $2, order_id, tier_id, \
                     sold_by_date, label, 'listed', currency, price_minor, fee_minor, paid_price_minor, paid_fees_minor, \
                     base_price_minor, base_fees_minor, FALSE, listed_at, closes_at FROM resale_listings WHERE id = $3"
                ), one).await?;
            }
            Ok(())
        })).await.unwrap_or_else(|error: DbError| panic!("{error}"));
        dora.list(0, 2_400).await;
        offered(&t, "cene@example.com").await;
        becomes(&cene, &cenes, "offered").await;
        assert!(resale::offer_listings(&t.app).await.is_err());
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

    /// Two that two people sell are one offer: paid together, each seller is owed their own.
    ///
    /// covers: BE-2, ORG-5
    async fn who_wants_two_is_offered_two_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 10, "k").await;
        let dora = buy(&t, &event, 10, "rest").await;
        let (couple, couples) = join(&t, &event, "couple@example.com", 2).await;
        let one = ana.list(0, 2_400).await;
        assert_eq!(text(&for_sale(&t, &event).await[0]["id"]), one, "one alone is nobody's who waits");
        let other = dora.list(3, 2_300).await;
        let held = offered(&t, "couple@example.com").await;
        let seen = becomes(&couple, &couples, "offered").await;
        assert_eq!((&seen["offer"]["hold"], &seen["offer"]["quantity"]), (&json!(held), &json!(2)));
        assert!(for_sale(&t, &event).await.is_empty());
        for (listing, key) in [(&one, "h1"), (&other, "h2")] {
            hold(&t, &event, listing, key).await.refused(409, "sales.resale_gone");
        }
        let before = stock(&t, &event).await;
        // Not paid at once they are kept together, too.
        let pending = pay(&t, &event, &held, "decline", "k2").await.expect(201);
        for listing in [&one, &other] {
            assert_eq!(state_of(&t, &event, listing).await, "held");
        }
        let buyer = t.stranger.with_token(&text(&pending["token"]));
        let path = format!("/api/v1/shop/orders/{}/payments", text(&pending["order"]["id"]));
        let payment = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        buyer.post_once(&path, "p", &payment).await.expect(201);
        let mut paid = buyer.get(&format!("/api/v1/shop/orders/{}", text(&pending["order"]["id"]))).await.expect(200);
        paid["token"] = pending["token"].clone();
        let got = Bought::of(&t, &paid);
        assert_eq!((got.tickets.len(), &paid["order"]["total_minor"]), (2, &json!(4_700)));
        becomes(&couple, &couples, "served").await;
        assert_eq!(stock(&t, &event).await, before, "nothing more is sold");
        for listing in [&one, &other] {
            assert_eq!(state_of(&t, &event, listing).await, "sold");
        }
        let mut owed: Vec<_> = of_event(&t, &event, "resale-payouts").await.iter()
            .map(|payout| (text(&payout["listing_id"]), text(&payout["seller_order_id"]), payout["price_minor"].as_i64()))
            .collect();
        owed.sort();
        let mut wanted = vec![(one, ana.order.clone(), Some(2_400)), (other, dora.order.clone(), Some(2_300))];
        wanted.sort();
        assert_eq!(owed, wanted);
        let device = Device::pair(&t, &event, 1).await;
        for (key, code, is_let_in) in [
            ("s1", &ana.tickets[0].1, false), ("s2", &dora.tickets[3].1, false), ("s3", &got.tickets[0].1, true),
            ("s4", &got.tickets[1].1, true), ("s5", &dora.tickets[4].1, true),
        ] {
            assert_eq!(check_in(&t, &event, &device, key, code).await["admit"], is_let_in, "{key}");
        }
        t.stop().await;
    }

    /// Of several that were held together all are sold, or none: the others are for sale again.
    ///
    /// covers: BE-2, ORG-5
    async fn what_is_offered_together_is_sold_together_or_not_at_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 10, "k").await;
        let dora = buy(&t, &event, 10, "rest").await;
        let (couple, couples) = join(&t, &event, "couple@example.com", 2).await;
        let one = ana.list(0, 2_400).await;
        let other = dora.list(0, 2_300).await;
        let held = offered(&t, "couple@example.com").await;
        // One of the sellers comes in by their ticket.
        let device = Device::pair(&t, &event, 1).await;
        assert_eq!(check_in(&t, &event, &device, "s1", &dora.tickets[0].1).await["admit"], true);
        pay(&t, &event, &held, "succeed", "k2").await.refused(410, "sales.hold_gone");
        assert_eq!(state_of(&t, &event, &other).await, "ended");
        becomes(&couple, &couples, "waiting").await;
        assert!(of_event(&t, &event, "resale-payouts").await.is_empty());
        assert_eq!(text(&shown(&t, &event).await[0]["id"]), one);
        assert_eq!(check_in(&t, &event, &device, "s2", &ana.tickets[0].1).await["admit"], true, "nothing became of it");
        t.stop().await;
    }

    /// Whoever is first is asked first, for as many as they want; whoever is content with fewer gets the rest.
    ///
    /// covers: BE-2, ORG-5
    async fn several_go_by_priority_and_by_what_each_is_content_with(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 10, "k").await;
        buy(&t, &event, 10, "rest").await;
        // Three are listed and held by somebody, so that they come back together.
        let mut holds = Vec::new();
        for n in 0..3 {
            let listing = ana.list(n, 2_000).await;
            let held = hold(&t, &event, &listing, &format!("h{n}")).await.expect(201);
            holds.push(text(&held["id"]));
        }
        let (bor, bors) = join(&t, &event, "bor@example.com", 1).await;
        let (couple, couples) = join(&t, &event, "couple@example.com", 2).await;
        let entries = t.organiser.get(&format!("/api/v1/events/{}/waitlist-entries", event.id)).await.expect(200);
        let id = couples.rsplit('/').next().unwrap();
        assert!(entries["items"].as_array().unwrap().iter().any(|entry| entry["id"] == id));
        t.organiser.patch(&format!("/api/v1/waitlist-entries/{id}"), json!({"priority": 5})).await.expect(200);
        // All of them end in one moment.
        t.clock.advance(Duration::from_secs(16 * 60));
        let seen = becomes(&couple, &couples, "offered").await;
        assert_eq!(seen["offer"]["quantity"], 2);
        let seen = becomes(&bor, &bors, "offered").await;
        assert_eq!(seen["offer"]["quantity"], 1, "fewer than wanted, as they said");
        assert!(for_sale(&t, &event).await.is_empty());
        assert_eq!(holds.len(), 3);
        t.stop().await;
    }
}
