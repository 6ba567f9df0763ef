//! The purchase limit by means of payment: nobody has more by one card than the event allows, whatever
//! names they write, and whenever the card pays.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::{payments, platform};
use serde_json::{Value, json};

use super::limits::limit;
use super::{order_id, purchase_by, put, stock};
use crate::app::{Answer, Event, TestApp};
use crate::selling::event_with;

/// The body of a purchase that is paid by this test card.
fn by_card(event: &Event, email: &str, quantity: u32, outcome: &str, card: &str) -> Value {
    let mut body = purchase_by(event, email, quantity, outcome);
    body["payment"]["card"] = json!(card);
    body
}

async fn order(t: &TestApp, key: &str, body: &Value) -> Answer {
    t.stranger.post_once("/api/v1/shop/orders", key, body).await
}

/// Pays for an order that waits.
async fn pay(t: &TestApp, waits: &Value, key: &str, outcome: &str, card: &str) -> Answer {
    let buyer = t.stranger.with_token(waits["token"].as_str().unwrap());
    let path = format!("/api/v1/shop/orders/{}/payments", order_id(waits));
    let payment = json!({"method": "sandbox", "outcome": outcome, "card": card});
    buyer
        .post_once(&path, key, &json!({"payment": payment}))
        .await
}

/// That a request was refused since the card has bought all that it may.
fn refused(answer: &Answer) {
    let refused = answer.refused(409, "sales.purchase_limit");
    assert_eq!(refused["errors"][0]["field"], "payment");
}

/// An order as its buyer sees it, once its order or its payment is in this state.
async fn becomes(t: &TestApp, bought: &Value, what: &str, state: &str) -> Value {
    let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
    let path = format!("/api/v1/shop/orders/{}", order_id(bought));
    for _ in 0..100 {
        let seen = buyer.get(&path).await.expect(200);
        if seen[what]["state"] == state {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the {what} never became {state}");
}

on_both_engines! {
    /// covers: BE-2, PAY-3
    async fn rivals_with_one_card_never_get_more_than_the_limit(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_payment": 2})).await;
        let all = (0..20u32).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let count = 1 + i % 2;
                let body = by_card(event, &format!("rival-{i}@example.com"), count, "succeed", "visa_1");
                let answer = order(t, &format!("rival-{i}"), &body).await;
                (count, answer)
            }
        });
        let mut sold = 0;
        for (count, answer) in futures_util::future::join_all(all).await {
            if answer.status == 201 {
                assert_eq!(answer.expect(201)["order"]["state"], "paid");
                sold += count;
            } else {
                refused(&answer);
            }
        }
        assert_eq!(sold, 2);
        assert_eq!(stock(&t, &event).await, (0, 2), "what was refused took no stock");
        refused(&order(&t, "three", &by_card(&event, "ana@example.com", 3, "succeed", "visa_2")).await);
        order(&t, "two", &by_card(&event, "ana@example.com", 2, "succeed", "visa_2")).await.expect(201);
        // What is named by nothing is not counted.
        for key in ["a", "b"] {
            order(&t, key, &purchase_by(&event, "ana@example.com", 3, "succeed")).await.expect(201);
        }
        // A card is counted for each event by itself.
        let other = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &other, json!({"per_payment": 2})).await;
        order(&t, "other", &by_card(&other, "ana@example.com", 2, "succeed", "visa_1")).await.expect(201);
        t.stop().await;
    }

    /// covers: BE-2, PAY-3
    async fn orders_that_wait_are_paid_by_one_card_up_to_the_limit(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_payment": 2})).await;
        let mut waiting = Vec::new();
        for i in 0..6 {
            let body = purchase_by(&event, &format!("rival-{i}@example.com"), 1, "decline");
            waiting.push(order(&t, &format!("rival-{i}"), &body).await.expect(201));
        }
        let all = waiting.iter().map(|waits| pay(&t, waits, "p", "succeed", "visa_1"));
        let mut paid = 0;
        for answer in futures_util::future::join_all(all).await {
            if answer.status == 201 {
                assert_eq!(answer.expect(201)["order"]["state"], "paid");
                paid += 1;
            } else {
                refused(&answer);
            }
        }
        assert_eq!(paid, 2);
        assert_eq!(stock(&t, &event).await, (4, 2), "the others wait for another card");
        t.stop().await;
    }

    /// covers: BE-2, PAY-1, PAY-3
    async fn a_declined_card_counts_nothing_and_another_one_may_pay(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_payment": 2})).await;
        let waits = order(&t, "a", &by_card(&event, "ana@example.com", 2, "decline", "visa_1")).await.expect(201);
        assert_eq!(waits["order"]["state"], "pending");
        let bor = order(&t, "b", &by_card(&event, "bor@example.com", 2, "succeed", "visa_1")).await.expect(201);
        refused(&pay(&t, &waits, "p", "succeed", "visa_1").await);
        assert_eq!(stock(&t, &event).await, (2, 2), "it waits for another card");
        let declined = pay(&t, &waits, "d", "decline", "visa_1").await.expect(201);
        assert_eq!(declined["payment"]["state"], "declined");
        // What was refused was no payment, so its key is free.
        let paid = pay(&t, &waits, "p", "succeed", "visa_2").await.expect(201);
        assert_eq!((&paid["order"]["state"], paid["tickets"].as_array().unwrap().len()), (&json!("paid"), 2));
        let again = pay(&t, &waits, "p", "succeed", "visa_2").await.expect(201);
        assert_eq!(again["payment"], paid["payment"]);
        pay(&t, &waits, "p", "succeed", "visa_3").await.refused(422, "sales.idempotency_key_reused");
        refused(&order(&t, "c", &by_card(&event, "cene@example.com", 1, "succeed", "visa_2")).await);
        // Each gives back what it paid for.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_id(&waits)), json!({})).await.expect(200);
        refused(&order(&t, "d", &by_card(&event, "cene@example.com", 1, "succeed", "visa_1")).await);
        order(&t, "e", &by_card(&event, "cene@example.com", 2, "succeed", "visa_2")).await.expect(201);
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_id(&bor)), json!({})).await.expect(200);
        order(&t, "f", &by_card(&event, "cene@example.com", 2, "succeed", "visa_1")).await.expect(201);
        t.stop().await;
    }

    /// Decided before money moves: what is under way is counted, and what is declined then is not any more.
    ///
    /// covers: BE-2, PAY-1, PAY-3
    async fn a_payment_under_way_counts_until_it_is_declined(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_payment": 2})).await;
        let late = order(&t, "a", &by_card(&event, "ana@example.com", 2, "call_back_late", "visa_1")).await.expect(201);
        assert_eq!(late["payment"]["state"], "pending");
        refused(&order(&t, "b", &by_card(&event, "bor@example.com", 1, "succeed", "visa_1")).await);
        let waits = order(&t, "c", &by_card(&event, "cene@example.com", 2, "decline_late", "visa_2")).await.expect(201);
        refused(&order(&t, "d", &by_card(&event, "dan@example.com", 1, "succeed", "visa_2")).await);
        t.clock.advance(Duration::from_secs(4));
        let paid = becomes(&t, &late, "order", "paid").await;
        assert_eq!(paid["tickets"].as_array().unwrap().len(), 2);
        becomes(&t, &waits, "payment", "declined").await;
        refused(&order(&t, "e", &by_card(&event, "bor@example.com", 1, "succeed", "visa_1")).await);
        order(&t, "f", &by_card(&event, "dan@example.com", 2, "succeed", "visa_2")).await.expect(201);
        refused(&pay(&t, &waits, "p", "succeed", "visa_2").await);
        let paid = pay(&t, &waits, "q", "succeed", "visa_3").await.expect(201);
        assert_eq!(paid["order"]["state"], "paid");
        assert_eq!(stock(&t, &event).await, (0, 6));
        t.stop().await;
    }

    /// covers: BE-2, PAY-1, PAY-3
    async fn money_by_a_card_that_has_bought_too_much_meanwhile_goes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_email": 5, "per_payment": 2})).await;
        let late = order(&t, "a", &by_card(&event, "ana@example.com", 2, "time_out", "visa_1")).await.expect(201);
        let honoured = order(&t, "b", &by_card(&event, "bor@example.com", 2, "time_out", "visa_2")).await.expect(201);
        t.clock.advance(Duration::from_secs(16 * 60));
        for waits in [&late, &honoured] {
            becomes(&t, waits, "order", "expired").await;
        }
        order(&t, "c", &by_card(&event, "cene@example.com", 1, "succeed", "visa_1")).await.expect(201);
        for waits in [&late, &honoured] {
            let payment = waits["payment"]["id"].as_str().unwrap().parse().unwrap();
            for _ in 0..2 {
                payments::provider_reports(&t.app, payment, true).await.unwrap();
            }
        }
        let seen = becomes(&t, &late, "payment", "refunded").await;
        assert_eq!((&seen["order"]["state"], &seen["tickets"]), (&json!("expired"), &json!([])));
        let seen = becomes(&t, &honoured, "order", "paid").await;
        assert_eq!(seen["tickets"].as_array().unwrap().len(), 2);
        assert_eq!(stock(&t, &event).await, (0, 3));
        // What went back counts for nothing, what was honoured does.
        order(&t, "d", &by_card(&event, "dan@example.com", 1, "succeed", "visa_1")).await.expect(201);
        order(&t, "e", &purchase_by(&event, "ana@example.com", 5, "succeed")).await.expect(201);
        refused(&order(&t, "f", &by_card(&event, "eva@example.com", 1, "succeed", "visa_2")).await);
        t.stop().await;
    }

    /// covers: BE-2, PAY-3
    async fn an_order_that_waits_for_approval_has_used_no_card(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        limit(&t, &event, json!({"per_payment": 2})).await;
        let path = format!("/api/v1/events/{}/sale-rules", event.id);
        let mut rules = t.organiser.get(&path).await.expect(200);
        rules["needs_approval"] = json!(true);
        put(&t.organiser, &path, &rules).await.expect(200);
        let mut waiting = Vec::new();
        for (key, email) in [("a", "ana@example.com"), ("b", "bor@example.com")] {
            let waits = order(&t, key, &by_card(&event, email, 2, "succeed", "visa_1")).await.expect(201);
            assert_eq!(waits["payment"]["decline_code"], "under_review");
            let review = format!("/api/v1/orders/{}/review", order_id(&waits));
            t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
            waiting.push(waits);
        }
        pay(&t, &waiting[0], "p", "succeed", "visa_1").await.expect(201);
        refused(&pay(&t, &waiting[1], "p", "succeed", "visa_1").await);
        pay(&t, &waiting[1], "p", "succeed", "visa_2").await.expect(201);
        assert_eq!(stock(&t, &event).await, (0, 4));
        t.stop().await;
    }

    /// covers: PAY-3
    async fn many_orders_by_one_card_look_suspicious(db: TestDb) {
        let t = TestApp::start(db).await;
        let policy = json!({
            "review_from": 20, "refuse_from": 80,
            "rules": [{"reason": "payment_in_a_hurry", "fact": "orders_of_payment", "at_least": 2, "points": 25}],
        });
        platform::set_setting(&t.app, "sales.fraud_policy", Some(policy), 0, "tests", "tests").await.unwrap();
        let tiers = json!([{"name": "Standing", "price_minor": 2500, "capacity": 100}]);
        let event = event_with(&t, tiers, &[24 * 30]).await;
        let states = [("a", "visa_1"), ("b", "visa_1"), ("c", "visa_1"), ("d", "visa_2")];
        for (key, card) in states {
            let body = by_card(&event, &format!("{key}@example.com"), 1, "succeed", card);
            let bought = order(&t, key, &body).await.expect(201);
            let wanted = if key == "c" { "pending" } else { "paid" };
            assert_eq!(bought["order"]["state"], wanted, "{key}");
        }
        let queue = t.organiser.get(&format!("/api/v1/events/{}/orders/review", event.id)).await.expect(200);
        assert_eq!(queue["items"][0]["reasons"], json!([{"reason": "payment_in_a_hurry", "points": 25}]));
        // A day later that is long ago.
        t.clock.advance(Duration::from_secs(25 * 3_600));
        let bought = order(&t, "e", &by_card(&event, "e@example.com", 1, "succeed", "visa_1")).await.expect(201);
        assert_eq!(bought["order"]["state"], "paid");
        t.stop().await;
    }

    /// covers: BE-6, PAY-3
    async fn a_test_card_is_a_word_and_no_number(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let long = "a".repeat(41);
        let wrong = [
            json!("4242 4242 4242 4242"), json!("4242424242424242"), json!(""), json!("Visa"), json!("vísa"),
            json!(long), json!(4242), json!({"number": "visa_1"}),
        ];
        for card in wrong {
            let mut body = purchase_by(&event, "ana@example.com", 1, "succeed");
            body["payment"]["card"] = card;
            order(&t, "k", &body).await.expect(422);
        }
        assert_eq!(stock(&t, &event).await, (0, 0));
        let mut body = purchase_by(&event, "ana@example.com", 1, "succeed");
        body["payment"]["card"] = json!(null);
        order(&t, "k", &body).await.expect(201);
        t.stop().await;
    }
}
