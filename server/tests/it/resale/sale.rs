//! What a sale changes: codes, seats, stock, what is owed, and what becomes of refunds.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Bought, LISTINGS, buy, check_in, evening, for_sale, hold, of_event, pay, refund, state_of,
    stock, take, text,
};
use crate::access::Device;
use crate::app::TestApp;
use crate::selling::{named, seated};

on_both_engines! {
    /// covers: BE-2, SCAN-2
    async fn a_ticket_is_sold_on_and_only_the_new_code_admits(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let ana = buy(&t, &event, 2, "k").await;
        let listing = ana.list(0, 2_000).await;
        assert_eq!(stock(&t, &event).await, (0, 2));

        // Everybody sees it, and nothing of who sells it.
        let shown = for_sale(&t, &event).await;
        assert_eq!((shown.len(), &shown[0]["price_minor"], &shown[0]["label"]), (1, &json!(2_000), &json!("Standing")));
        let all = json!(shown).to_string();
        assert!(!all.contains(&ana.order) && !all.contains(&ana.tickets[0].0) && !all.contains("Ana"), "{all}");

        let held = hold(&t, &event, &listing, "h").await.expect(201);
        assert_eq!((&held["total_minor"], &held["items"][0]["quantity"]), (&json!(2_000), &json!(1)));
        assert_eq!(hold(&t, &event, &listing, "h").await.expect(201), held, "the same request holds once");
        assert!(for_sale(&t, &event).await.is_empty());
        assert_eq!(stock(&t, &event).await, (0, 2), "its unit is sold already");
        let paid = pay(&t, &event, &text(&held["id"]), "succeed", "k2").await.expect(201);
        let bor = Bought::of(&t, &paid);
        assert_eq!((bor.tickets.len(), &paid["tickets"][0]["holder_name"]), (1, &json!("Bor Kos")));
        assert_eq!(stock(&t, &event).await, (0, 2));

        let dead = check_in(&t, &event, &device, "1", &ana.tickets[0].1).await;
        assert_eq!((&dead["admit"], &dead["reason"]), (&json!(false), &json!("revoked")));
        let new = check_in(&t, &event, &device, "2", &bor.tickets[0].1).await;
        assert_eq!((&new["admit"], &new["holder"]), (&json!(true), &json!("Bor Kos")));
        assert_eq!(check_in(&t, &event, &device, "3", &ana.tickets[1].1).await["admit"], true);

        let owed = of_event(&t, &event, "resale-payouts").await;
        assert_eq!(owed.len(), 1);
        assert_eq!((&owed[0]["state"], &owed[0]["price_minor"], &owed[0]["fee_minor"], &owed[0]["amount_minor"]), (&json!("owed"), &json!(2_000), &json!(100), &json!(1_900)));
        assert_eq!((text(&owed[0]["seller_order_id"]), text(&owed[0]["buyer_order_id"])), (ana.order.clone(), bor.order.clone()));
        assert_eq!(state_of(&t, &event, &listing).await, "sold");
        ana.withdraw(0, &listing).await.refused(409, "sales.resale_state");
        ana.try_list(0, 2_000).await.refused(409, "sales.pass_on_not_valid");
        hold(&t, &event, &listing, "h2").await.refused(409, "sales.resale_gone");
        let mine = ana.buyer.get(&ana.path_of(0, LISTINGS)).await.expect(200);
        assert_eq!((&mine["items"][0]["state"], mine["items"].as_array().unwrap().len()), (&json!("sold"), 1));

        let other = t.other_organiser().await;
        for what in ["resale-listings", "resale-payouts"] {
            other.get(&format!("/api/v1/events/{}/{what}", event.id)).await.refused(404, "sales.event_not_found");
        }
        t.stop().await;
    }

    /// covers: BE-2, PAY-8
    async fn what_refunds_give_back_is_what_each_order_has(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        for seller_first in [true, false] {
            let key = |what: &str| format!("{what}-{seller_first}");
            let ana = buy(&t, &event, 2, &key("k")).await;
            let bor = take(&t, &event, &ana.list(1, 2_500).await, &key("k2")).await;
            assert_eq!(stock(&t, &event).await, (0, 2));
            let orders = if seller_first { [(&ana.order, 1), (&bor.order, 0)] } else { [(&bor.order, 1), (&ana.order, 0)] };
            for (order, left) in orders {
                refund(&t, order).await.expect(200);
                assert_eq!(stock(&t, &event).await, (0, left), "{seller_first}");
                refund(&t, order).await.refused(409, "sales.state");
            }
            // Ana has all her money back, so that she is owed nothing.
            let owed = of_event(&t, &event, "resale-payouts").await;
            assert_eq!(owed.last().unwrap()["state"], "void");
        }
        // Once she was paid out, her whole order is not paid back as well.
        let ana = buy(&t, &event, 2, "k").await;
        take(&t, &event, &ana.list(0, 2_500).await, "k2").await;
        t.app.db.write(|c| Box::pin(async move {
            let settle = sql!("UPDATE resale_payouts SET state = 'settled', settled_at = 1 WHERE state = 'owed'");
            c.exec(settle, vals![]).await
        })).await.unwrap();
        refund(&t, &ana.order).await.refused(409, "sales.resale_paid_out");
        assert_eq!((stock(&t, &event).await, &ana.see().await["order"]["state"]), ((0, 2), &json!("paid")));
        t.stop().await;
    }

    /// covers: BE-2, PAY-1
    async fn who_does_not_pay_in_time_gets_it_only_while_it_is_there(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 3, "k").await;
        for (n, what) in ["listed", "sold", "withdrawn"].into_iter().enumerate() {
            let listing = ana.list(n, 2_500).await;
            let held = hold(&t, &event, &listing, what).await.expect(201);
            let pending = pay(&t, &event, &text(&held["id"]), "time_out", what).await.expect(201);
            assert_eq!(pending["order"]["state"], "pending");
            // While they pay it is theirs.
            hold(&t, &event, &listing, "other").await.refused(409, "sales.resale_gone");
            ana.withdraw(n, &listing).await.refused(409, "sales.resale_state");
            t.clock.advance(Duration::from_secs(16 * 60));
            match what {
                "sold" => { take(&t, &event, &listing, "quick").await; }
                "withdrawn" => assert_eq!(ana.withdraw(n, &listing).await.status, 204),
                _ => {}
            }
            let payment = text(&pending["payment"]["id"]).parse().unwrap();
            for _ in 0..2 {
                bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
            }
            let buyer = t.stranger.with_token(&text(&pending["token"]));
            let seen = buyer.get(&format!("/api/v1/shop/orders/{}", text(&pending["order"]["id"]))).await.expect(200);
            let (state, money, tickets) = if what == "listed" { ("paid", "succeeded", 1) } else { ("expired", "refunded", 0) };
            assert_eq!((&seen["order"]["state"], &seen["payment"]["state"]), (&json!(state), &json!(money)), "{what}");
            assert_eq!(seen["tickets"].as_array().unwrap().len(), tickets, "{what}");
            let now = state_of(&t, &event, &listing).await;
            assert_eq!(now, if what == "withdrawn" { "withdrawn" } else { "sold" });
        }
        assert_eq!(stock(&t, &event).await, (0, 3));
        assert_eq!(of_event(&t, &event, "resale-payouts").await.len(), 2);
        t.stop().await;
    }

    /// covers: BE-2
    async fn a_hold_of_a_ticket_lasts_and_ends_as_others(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let listing = ana.list(0, 2_500).await;
        let first = text(&hold(&t, &event, &listing, "h1").await.expect(201)["id"]);
        let path = format!("/api/v1/shop/holds/{first}");
        t.clock.advance(Duration::from_secs(10 * 60));
        t.stranger.post(&format!("{path}/extend"), json!({})).await.expect(200);
        t.clock.advance(Duration::from_secs(10 * 60));
        hold(&t, &event, &listing, "h2").await.refused(409, "sales.resale_gone");
        assert_eq!(t.stranger.delete(&path).await.status, 204);
        // Given up, it is free at once; run out, also before anybody has swept it away.
        let second = text(&hold(&t, &event, &listing, "h3").await.expect(201)["id"]);
        t.clock.advance(Duration::from_secs(16 * 60));
        let third = text(&hold(&t, &event, &listing, "h4").await.expect(201)["id"]);
        pay(&t, &event, &second, "succeed", "k2").await.refused(410, "sales.hold_gone");
        // Declined at first, paid then.
        let declined = pay(&t, &event, &third, "decline", "k3").await.expect(201);
        assert_eq!(declined["order"]["state"], "pending");
        let buyer = t.stranger.with_token(&text(&declined["token"]));
        let path = format!("/api/v1/shop/orders/{}/payments", text(&declined["order"]["id"]));
        let body = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        let paid = buyer.post_once(&path, "k4", &body).await;
        assert!(matches!(paid.status, 200 | 201), "{paid:?}");
        assert_eq!(state_of(&t, &event, &listing).await, "sold");
        t.stop().await;
    }

    /// covers: BE-2, PAY-3
    async fn an_order_that_waits_for_a_decision_keeps_its_ticket(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 2, "k").await;
        let path = format!("/api/v1/events/{}/sale-rules", event.id);
        let mut rules = t.organiser.get(&path).await.expect(200);
        rules["needs_approval"] = json!(true);
        t.organiser.send(t.organiser.request(Method::PUT, &path).json(&rules)).await.expect(200);
        for (n, decision) in ["accept", "refuse"].into_iter().enumerate() {
            let listing = ana.list(n, 2_500).await;
            let held = text(&hold(&t, &event, &listing, decision).await.expect(201)["id"]);
            let waiting = pay(&t, &event, &held, "succeed", decision).await.expect(201);
            assert_eq!(waiting["payment"]["decline_code"], "under_review");
            t.clock.advance(Duration::from_secs(20 * 60));
            hold(&t, &event, &listing, "other").await.refused(409, "sales.resale_gone");
            let id = text(&waiting["order"]["id"]);
            let review = format!("/api/v1/orders/{id}/review");
            t.organiser.post(&review, json!({"decision": decision})).await.expect(200);
            if decision == "refuse" {
                assert_eq!(state_of(&t, &event, &listing).await, "listed");
                continue;
            }
            t.clock.advance(Duration::from_secs(20 * 60));
            let buyer = t.stranger.with_token(&text(&waiting["token"]));
            let money = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
            let paid = buyer.post_once(&format!("/api/v1/shop/orders/{id}/payments"), "p", &money).await.expect(201);
            assert_eq!((&paid["order"]["state"], paid["tickets"].as_array().unwrap().len()), (&json!("paid"), 1));
            assert_eq!(state_of(&t, &event, &listing).await, "sold");
        }
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn a_seat_goes_with_its_ticket(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 5).await;
        let bought = crate::selling::buy(&t, &event, named(&event, &["1-1-2", "1-1-3"]), "succeed", "k").await.expect(201);
        let ana = Bought::of(&t, &bought);
        let seats: Vec<Value> = bought["tickets"].as_array().unwrap().iter().map(|ticket| ticket["seat_id"].clone()).collect();
        let n = seats.iter().position(|seat| seat == "1-1-3").unwrap();
        let listing = ana.list(n, 2_500).await;
        assert_eq!(for_sale(&t, &event).await[0]["seat_label"], "Block 1 · 1 · 3");
        let bor = take(&t, &event, &listing, "k2").await;
        let seen = bor.see().await;
        assert_eq!((&seen["tickets"][0]["seat_id"], bor.tickets.len()), (&json!("1-1-3"), 1));
        let wanted = || named(&event, &["1-1-3"]);
        crate::selling::buy(&t, &event, wanted(), "succeed", "k3").await.refused(409, "sales.seats_taken");
        // The seller's refund leaves it whose it is; the buyer's gives it back.
        refund(&t, &ana.order).await.expect(200);
        crate::selling::buy(&t, &event, wanted(), "succeed", "k4").await.refused(409, "sales.seats_taken");
        assert_eq!(stock(&t, &event).await, (0, 1));
        refund(&t, &bor.order).await.expect(200);
        crate::selling::buy(&t, &event, wanted(), "succeed", "k5").await.expect(201);
        assert_eq!(stock(&t, &event).await, (0, 1));
        t.stop().await;
    }

    /// covers: BE-2
    async fn whoever_got_it_by_a_transfer_sells_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let transfers = format!("/api/v1/shop/orders/{}/tickets/{}/transfers", ana.order, ana.tickets[0].0);
        let body = json!({"email": "cene@example.com"});
        let offered = text(&ana.buyer.post(&transfers, body.clone()).await.expect(201)["id"]);
        ana.try_list(0, 2_500).await.refused(409, "tickets.offered_already");
        let cene = t.stranger.with_token(&t.mail_to("cene@example.com").await.token("token"));
        let transfer = format!("/api/v1/shop/transfers/{offered}");
        let path = format!("{transfer}/resale-listings");
        let price = json!({"price_minor": 2_500});
        cene.post(&path, price.clone()).await.refused(409, "tickets.passed_on");
        cene.post(&format!("{transfer}/accept"), json!({"name": "Cene Hren"})).await.expect(200);
        ana.try_list(0, 2_500).await.refused(409, "tickets.passed_on");

        t.stranger.with_token("0").post(&path, price.clone()).await.refused(404, "tickets.transfer_not_found");
        let withdrawn = text(&cene.post(&path, price.clone()).await.expect(201)["id"]);
        assert_eq!(cene.delete(&format!("{path}/{withdrawn}")).await.status, 204);
        let listing = text(&cene.post(&path, price).await.expect(201)["id"]);
        // One way at a time.
        cene.post(&format!("{transfer}/onward"), body).await.refused(409, "sales.resale_listed");
        take(&t, &event, &listing, "k2").await;
        let owed = of_event(&t, &event, "resale-payouts").await;
        assert_eq!((&owed[0]["seller_transfer_id"], &owed[0]["seller_order_id"]), (&json!(offered), &json!(ana.order)));
        let list = cene.get(&path).await.expect(200);
        let states: Vec<_> = list["items"].as_array().unwrap().iter().map(|one| text(&one["state"])).collect();
        assert_eq!(states, ["withdrawn", "sold"]);
        assert!(ana.buyer.get(&ana.path_of(0, LISTINGS)).await.expect(200)["items"].as_array().unwrap().is_empty());
        t.stop().await;
    }
}
