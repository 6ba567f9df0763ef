//! Holds, orders and payments, through the shop's API.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use crate::app::{Event, TestApp, purchase};

async fn stock(t: &TestApp, event: &Event) -> (i64, i64) {
    let stock = t
        .organiser
        .get(&format!("/api/v2/events/{}/stock", event.id))
        .await
        .expect(200);
    let sum = |name: &str| stock[name].as_i64().unwrap();
    (sum("held"), sum("sold"))
}

async fn eventually(t: &TestApp, order: &Value, state: &str) -> Value {
    let id = order["order"]["id"].as_str().unwrap();
    let client = t.stranger.with_token(order["token"].as_str().unwrap());
    for _ in 0..100 {
        let seen = client
            .get(&format!("/api/v1/shop/orders/{id}"))
            .await
            .expect(200);
        if seen["order"]["state"] == state {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the order never became {state}");
}

on_both_engines! {
    /// covers: PAY-1, BE-3
    async fn a_purchase_gives_tickets_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10), ("Balcony", 4000, 10)]).await;
        let mut body = purchase(&event, 0, 2, "succeed");
        body["items"].as_array_mut().unwrap().push(json!({"tier": event.tiers[1], "quantity": 1}));
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        assert_eq!(bought["order"]["state"], "paid");
        assert_eq!(bought["order"]["total_minor"], 9000);
        assert_eq!(bought["tickets"].as_array().unwrap().len(), 3);
        assert_eq!(stock(&t, &event).await, (0, 3));
        let seen = eventually(&t, &bought, "paid").await;
        assert_eq!(seen["tickets"], bought["tickets"], "codes are the same whenever they are asked for");
        t.stop().await;
    }

    /// covers: BE-6, PAY-8
    async fn a_repeated_request_buys_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let body = purchase(&event, 0, 2, "succeed");
        let all = (0..20).map(|_| t.stranger.post_once("/api/v1/shop/orders", "same", &body));
        let answers: Vec<_> = futures_util::future::join_all(all).await.iter().map(|a| a.expect(201)).collect();
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        assert_eq!(stock(&t, &event).await, (0, 2));
        let other = purchase(&event, 0, 3, "succeed");
        t.stranger.post_once("/api/v1/shop/orders", "same", &other).await.refused(422, "sales.idempotency_key_reused");
        let without = t.stranger.post("/api/v1/shop/orders", body.clone()).await;
        assert_eq!(without.status, 400, "{}", without.text);
        // Also when the sale is over by now.
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        let again = t.stranger.post_once("/api/v1/shop/orders", "same", &body).await.expect(201);
        assert_eq!(again["order"]["id"], answers[0]["order"]["id"]);
        t.stop().await;
    }

    /// 300 buyers, 100 tickets: no more are sold than there are, and none is left over.
    ///
    /// covers: BE-2
    async fn rivals_never_oversell(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100), ("Balcony", 0, 40)]).await;
        let all = (0..300u32).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let mut body = purchase(event, 0, 1 + i % 2, "succeed");
                if i % 5 == 0 {
                    body["items"].as_array_mut().unwrap().push(json!({"tier": event.tiers[1], "quantity": 1}));
                }
                t.stranger.post_once("/api/v1/shop/orders", &format!("rival-{i}"), &body).await
            }
        });
        let mut sold = 0;
        for answer in futures_util::future::join_all(all).await {
            if answer.status == 201 {
                sold += answer.expect(201)["tickets"].as_array().unwrap().len();
            } else {
                answer.refused(409, "sales.sold_out");
            }
        }
        // Singles fill whatever pairs leave.
        for i in 0..100 {
            let answer = t.stranger.buy(&event, 0, 1, "succeed", &format!("late-{i}")).await;
            if answer.status != 201 {
                break;
            }
            sold += 1;
        }
        let stock = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
        let of = |tier: &str| stock["tiers"].as_array().unwrap().iter().find(|s| s["tier_id"] == tier).unwrap().clone();
        assert_eq!(of(&event.tiers[0])["sold"], 100);
        let balcony = of(&event.tiers[1])["sold"].as_i64().unwrap();
        assert!(balcony <= 40);
        assert_eq!(i64::try_from(sold).unwrap(), 100 + balcony, "every ticket sold was answered, and no other");
        t.stop().await;
    }

    /// covers: PAY-1
    async fn a_declined_payment_can_be_tried_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 1)]).await;
        let declined = t.stranger.buy(&event, 0, 1, "decline", "k").await.expect(201);
        assert_eq!(declined["order"]["state"], "pending");
        assert_eq!(declined["payment"]["decline_code"], "insufficient_funds");
        assert_eq!(declined["tickets"], json!([]));
        assert_eq!(stock(&t, &event).await, (1, 0), "the ticket waits for the buyer");
        t.stranger.buy(&event, 0, 1, "succeed", "k2").await.refused(409, "sales.sold_out");

        let path = format!("/api/v1/shop/orders/{}/payments", declined["order"]["id"].as_str().unwrap());
        let body = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        t.stranger.with_token("wrong").post_once(&path, "p", &body).await.refused(404, "sales.order_not_found");
        let buyer = t.stranger.with_token(declined["token"].as_str().unwrap());
        let all = (0..10).map(|_| buyer.post_once(&path, "p", &body));
        for paid in futures_util::future::join_all(all).await {
            let paid = paid.expect(201);
            assert_eq!(paid["order"]["state"], "paid");
            assert_eq!(paid["tickets"].as_array().unwrap().len(), 1);
        }
        buyer.post_once(&path, "p2", &body).await.refused(409, "payments.not_payable");
        assert_eq!(stock(&t, &event).await, (0, 1));
        t.stop().await;
    }

    /// covers: PAY-1
    async fn a_late_call_back_is_honoured(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 1)]).await;
        let pending = t.stranger.buy(&event, 0, 1, "call_back_late", "k").await.expect(201);
        assert_eq!(pending["payment"]["state"], "pending");
        t.clock.advance(Duration::from_secs(4));
        let paid = eventually(&t, &pending, "paid").await;
        assert_eq!(paid["tickets"].as_array().unwrap().len(), 1);
        t.stop().await;
    }

    /// A provider that calls back after the order expired: honoured while stock is left, else paid back.
    ///
    /// covers: PAY-1
    async fn money_that_comes_too_late_goes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 1)]).await;
        for is_sold_elsewhere in [true, false] {
            let pending = t.stranger.buy(&event, 0, 1, "time_out", &format!("k{is_sold_elsewhere}")).await.expect(201);
            t.clock.advance(Duration::from_secs(16 * 60));
            eventually(&t, &pending, "expired").await;
            let other = if is_sold_elsewhere {
                Some(t.stranger.buy(&event, 0, 1, "succeed", "other").await.expect(201))
            } else {
                None
            };
            let payment = pending["payment"]["id"].as_str().unwrap().parse().unwrap();
            for _ in 0..2 {
                bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
            }
            if let Some(other) = other {
                let seen = eventually(&t, &pending, "expired").await;
                assert_eq!(seen["payment"]["state"], "refunded");
                assert_eq!(seen["tickets"], json!([]));
                let path = format!("/api/v1/orders/{}/refund", other["order"]["id"].as_str().unwrap());
                t.organiser.post(&path, json!({})).await.expect(200);
                t.organiser.post(&path, json!({})).await.refused(409, "sales.state");
            } else {
                let seen = eventually(&t, &pending, "paid").await;
                assert_eq!(seen["tickets"].as_array().unwrap().len(), 1);
            }
        }
        assert_eq!(stock(&t, &event).await, (0, 1));
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn a_hold_keeps_tickets_and_comes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 2)]).await;
        let wanted = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 2}]});
        let hold = t.stranger.post_once("/api/v1/shop/holds", "h", &wanted).await.expect(201);
        assert_eq!(t.stranger.post_once("/api/v1/shop/holds", "h", &wanted).await.expect(201), hold);
        let short = t.stranger.buy(&event, 0, 1, "succeed", "k").await.refused(409, "sales.sold_out");
        assert_eq!(short["errors"][0]["code"], "sold_out");

        // Given up: free at once, and twice is once.
        let path = format!("/api/v1/shop/holds/{}", hold["id"].as_str().unwrap());
        for _ in 0..2 {
            t.stranger.delete(&path).await.expect(204);
        }
        assert_eq!(stock(&t, &event).await, (0, 0));

        // Taken over by an order, once.
        let hold = t.stranger.post_once("/api/v1/shop/holds", "h2", &wanted).await.expect(201);
        let mut body = purchase(&event, 0, 2, "succeed");
        body["items"] = json!([]);
        body["hold"] = hold["id"].clone();
        t.stranger.post_once("/api/v1/shop/orders", "k2", &body).await.expect(201);
        t.stranger.post_once("/api/v1/shop/orders", "k2", &body).await.expect(201);
        t.stranger.post_once("/api/v1/shop/orders", "k3", &body).await.refused(410, "sales.hold_gone");
        assert_eq!(stock(&t, &event).await, (0, 2));
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_is_not_paid_in_time_is_free_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 2)]).await;
        let wanted = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        t.stranger.post_once("/api/v1/shop/holds", "h", &wanted).await.expect(201);
        let pending = t.stranger.buy(&event, 0, 1, "time_out", "k").await.expect(201);
        assert_eq!(stock(&t, &event).await, (2, 0));
        t.clock.advance(Duration::from_secs(16 * 60));
        eventually(&t, &pending, "expired").await;
        for _ in 0..100 {
            if stock(&t, &event).await == (0, 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(stock(&t, &event).await, (0, 0));
        t.stop().await;
    }

    /// The price that was shown is the price that is paid, or nothing is.
    ///
    /// covers: BE-2, PAY-1
    async fn nobody_buys_at_a_price_that_has_changed(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        t.stranger.buy(&event, 0, 1, "succeed", "warm").await.expect(201);
        let path = format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]);
        t.organiser.patch(&path, json!({"version": 2, "price_minor": 3000})).await.expect(200);
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        assert_eq!(bought["order"]["total_minor"], 3000);
        t.stop().await;
    }

    /// covers: BE-6
    async fn strange_orders_are_refused_and_nothing_is_taken(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let foreign = t.event(&[("Elsewhere", 2500, 10)]).await;
        let good = purchase(&event, 0, 1, "succeed");
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            body
        };
        let bad = [
            with("/items/0/quantity", json!(0)),
            with("/items/0/quantity", json!(-1)),
            with("/items/0/quantity", json!(1.5)),
            with("/items/0/quantity", json!(11)),
            with("/items/0/quantity", json!(4_294_967_295_u32)),
            with("/items/0/quantity", json!(1e30)),
            with("/items/0/tier", json!(foreign.tiers[0])),
            with("/items/0/tier", json!("tir_01m827tppbffhb9a5jqha623hr")),
            with("/items", json!([])),
            with("/items", Value::Array(vec![good["items"][0].clone(); 1000])),
            with("/event", json!("evt_01m827tppbfdtr9hv9xvxht0nk")),
            with("/buyer/email", json!("not an address")),
            with("/buyer/name", json!("")),
            with("/buyer/name", json!("a\u{0}b")),
            with("/payment/outcome", json!("maybe")),
            with("/payment", json!({"method": "free"})),
            json!([]),
            json!(null),
        ];
        for (i, body) in bad.iter().enumerate() {
            let answer = t.stranger.post_once("/api/v1/shop/orders", &format!("bad-{i}"), body).await;
            let is_declined = answer.status == 201 && answer.expect(201)["payment"]["decline_code"] == "amount_due";
            assert!((400..500).contains(&answer.status) || is_declined, "{body}: {} {}", answer.status, answer.text);
        }
        let (held, sold) = stock(&t, &event).await;
        assert!(sold == 0 && held <= 1, "held {held}, sold {sold}");
        t.stop().await;
    }
}
