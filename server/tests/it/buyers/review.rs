//! Orders that look suspicious wait for somebody, and nobody is asked for money before.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::platform;
use serde_json::{Value, json};

use super::{order_id, purchase_by, stock};
use crate::app::{Event, TestApp};

/// Rules by which an address for ten minutes is looked at, and who takes all is refused.
async fn be_strict(t: &TestApp) {
    let policy = json!({
        "review_from": 20, "refuse_from": 80,
        "rules": [
            {"reason": "disposable_email", "fact": "disposable_email", "at_least": 1, "points": 25},
            {"reason": "all_that_is_allowed", "fact": "quantity_percent", "at_least": 100, "points": 90},
        ],
    });
    platform::set_setting(
        &t.app,
        "sales.fraud_policy",
        Some(policy),
        0,
        "tests",
        "tests",
    )
    .await
    .unwrap();
}

async fn suspicious(t: &TestApp, event: &Event, key: &str) -> Value {
    let body = purchase_by(event, "x@mailinator.com", 2, "succeed");
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
        .expect(201)
}

on_both_engines! {
    /// covers: PAY-3
    async fn a_suspicious_order_is_held_until_somebody_accepts_it(db: TestDb) {
        let t = TestApp::start(db).await;
        be_strict(&t).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let held = suspicious(&t, &event, "k").await;
        assert_eq!(held["order"]["state"], "pending");
        assert_eq!(held["payment"]["decline_code"], "under_review");
        assert_eq!(held["tickets"], json!([]));
        assert_eq!(stock(&t, &event).await, (2, 0));
        let id = order_id(&held);
        let buyer = t.stranger.with_token(held["token"].as_str().unwrap());
        let pay = format!("/api/v1/shop/orders/{id}/payments");
        let money = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        buyer.post_once(&pay, "p1", &money).await.refused(409, "sales.under_review");
        // An ordinary order is none of this.
        let ordinary = purchase_by(&event, "ana@example.com", 1, "succeed");
        let ordinary = t.stranger.post_once("/api/v1/shop/orders", "o", &ordinary).await.expect(201);
        assert_eq!(ordinary["order"]["state"], "paid");

        let queue = format!("/api/v1/events/{}/orders/review", event.id);
        let waiting = t.organiser.get(&queue).await.expect(200);
        assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
        assert_eq!(waiting["items"][0]["id"], id);
        assert_eq!(waiting["items"][0]["score"], 25);
        assert_eq!(waiting["items"][0]["reasons"], json!([{"reason": "disposable_email", "points": 25}]));
        // It outlives an ordinary reservation.
        t.clock.advance(Duration::from_secs(3_600));
        let review = format!("/api/v1/orders/{id}/review");
        t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
        t.organiser.post(&review, json!({"decision": "accept"})).await.expect(200);
        t.organiser.post(&review, json!({"decision": "refuse"})).await.refused(409, "sales.not_under_review");
        assert_eq!(t.organiser.get(&queue).await.expect(200)["items"], json!([]));
        let origin = t.organiser.get(&format!("/api/v1/orders/{id}/origin")).await.expect(200);
        assert_eq!((&origin["score"], &origin["decision"], &origin["outcome"]), (&json!(25), &json!("review"), &json!("accept")));
        assert!(origin["decided_by"].is_string() && origin["policy_version"] == 1, "{origin}");
        let mail = t.mail_to("x@mailinator.com").await;
        assert!(mail.text.contains(&format!("/orders/{id}?token=")), "{}", mail.text);
        let paid = buyer.post_once(&pay, "p2", &money).await.expect(201);
        assert_eq!((paid["order"]["state"].as_str(), paid["tickets"].as_array().unwrap().len()), (Some("paid"), 2));
        assert_eq!(stock(&t, &event).await, (0, 3));
        t.stop().await;
    }

    /// covers: PAY-3
    async fn a_refused_order_frees_its_stock(db: TestDb) {
        let t = TestApp::start(db).await;
        be_strict(&t).await;
        let event = t.event(&[("Standing", 2500, 20)]).await;
        let held = suspicious(&t, &event, "k").await;
        let review = format!("/api/v1/orders/{}/review", order_id(&held));
        for wrong in [json!({"decision": "maybe"}), json!({})] {
            t.organiser.post(&review, wrong).await.expect(422);
        }
        t.other_organiser().await.post(&review, json!({"decision": "accept"})).await.expect(404);
        let refused = t.organiser.post(&review, json!({"decision": "refuse"})).await.expect(200);
        assert_eq!(refused["state"], "cancelled");
        assert_eq!(stock(&t, &event).await, (0, 0));
        t.organiser.post(&review, json!({"decision": "accept"})).await.refused(409, "sales.not_under_review");
        // What is far too suspicious is not placed at all, and the buyer is not told why.
        let all = purchase_by(&event, "ana@example.com", 10, "succeed");
        let answer = t.stranger.post_once("/api/v1/shop/orders", "all", &all).await;
        answer.refused(409, "sales.order_refused");
        assert!(!answer.text.contains("all_that_is_allowed"), "{}", answer.text);
        assert_eq!(stock(&t, &event).await, (0, 0));
        // Nobody looked in time.
        suspicious(&t, &event, "late").await;
        assert_eq!(stock(&t, &event).await, (2, 0));
        t.clock.advance(Duration::from_secs(25 * 3_600));
        for _ in 0..100 {
            if stock(&t, &event).await == (0, 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(stock(&t, &event).await, (0, 0));
        t.stop().await;
    }

    /// covers: PAY-3
    async fn twenty_who_decide_at_once_decide_once(db: TestDb) {
        let t = TestApp::start(db).await;
        be_strict(&t).await;
        let event = t.event(&[("Standing", 2500, 20)]).await;
        let held = suspicious(&t, &event, "k").await;
        let review = format!("/api/v1/orders/{}/review", order_id(&held));
        let all = (0..20).map(|i| {
            let decision = if i % 2 == 0 { "accept" } else { "refuse" };
            let (t, review) = (&t, &review);
            async move { (decision, t.organiser.post(review, json!({"decision": decision})).await) }
        });
        let answers = futures_util::future::join_all(all).await;
        let mut won: Vec<_> = answers.iter().filter(|(_, a)| a.status == 200).map(|(d, _)| *d).collect();
        won.dedup();
        assert_eq!(won.len(), 1, "both were decided");
        for (_, answer) in answers.iter().filter(|(_, a)| a.status != 200) {
            answer.refused(409, "sales.not_under_review");
        }
        let expected = if won == ["accept"] { (2, 0) } else { (0, 0) };
        assert_eq!(stock(&t, &event).await, expected);
        t.stop().await;
    }

    /// covers: PAY-3
    async fn rules_that_make_no_sense_are_not_taken(db: TestDb) {
        let t = TestApp::start(db).await;
        for wrong in [
            json!({}),
            json!({"review_from": 90, "refuse_from": 10, "rules": []}),
            json!({"review_from": 10, "refuse_from": 90, "rules": [{"reason": "X", "fact": "blocked", "at_least": 1, "points": 5}]}),
            json!({"review_from": 10, "refuse_from": 90, "rules": [{"reason": "x", "fact": "weather", "at_least": 1, "points": 5}]}),
        ] {
            let set = platform::set_setting(&t.app, "sales.fraud_policy", Some(wrong.clone()), 0, "tests", "tests").await;
            assert!(set.is_err(), "{wrong}");
        }
        t.stop().await;
    }
}
