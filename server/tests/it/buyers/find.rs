//! Finding orders again: the same answer for everybody, and a mail for whoever bought.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{order_id, purchase_by};
use crate::app::TestApp;
use crate::web::Visitor;

const PATH: &str = "/api/v1/shop/order-lookups";

on_both_engines! {
    /// covers: WEB-4
    async fn the_way_is_mailed_to_whoever_bought_and_the_answer_tells_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let elsewhere = t.event(&[("Standing", 2500, 10)]).await;
        let mut bought = Vec::new();
        for i in 0..2 {
            let body = purchase_by(&event, "ana@example.com", 1, "succeed");
            bought.push(t.stranger.post_once("/api/v1/shop/orders", &format!("k{i}"), &body).await.expect(201));
        }
        let mut answers = Vec::new();
        for (named, email) in [
            (event.slug.as_str(), " Ana@Example.COM"),
            (event.id.as_str(), "nobody@example.com"),
            (elsewhere.id.as_str(), "bor@example.com"),
            ("no-such-event", "cene@example.com"),
        ] {
            let answer = t.stranger.post(PATH, json!({"event": named, "email": email})).await;
            assert_eq!(answer.status, 202, "{}", answer.text);
            answers.push(answer.text);
        }
        assert!(answers.iter().all(|text| *text == answers[0]));
        let mail = t.mail_to("ana@example.com").await;
        for order in &bought {
            let (id, token) = (order_id(order), order["token"].as_str().unwrap());
            assert!(mail.text.contains(&format!("/orders/{id}?token={token}")), "{}", mail.text);
        }
        assert_eq!(t.stranger.get(&mail.link()).await.status, 200);
        // What jobs hold names nobody.
        assert!(t.jobs_as_text().await.iter().all(|job| !job.contains("example.com")));
        for wrong in ["", "ana", "ana@", "a b@example.com"] {
            t.stranger.post(PATH, json!({"event": event.id, "email": wrong})).await.expect(422);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        for nobody in ["nobody@example.com", "bor@example.com", "cene@example.com"] {
            assert_eq!(t.mails_waiting(nobody), 0, "{nobody}");
        }
        t.stop().await;
    }

    /// Orders that nobody pays, made in somebody else's name, do not hide what they have.
    ///
    /// covers: WEB-4
    async fn what_was_paid_is_found_before_what_was_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let body = purchase_by(&event, "ana@example.com", 1, "succeed");
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        for i in 0..20 {
            let body = purchase_by(&event, "ana@example.com", 1, "time_out");
            t.stranger.post_once("/api/v1/shop/orders", &format!("k{i}"), &body).await.expect(201);
        }
        let lookup = json!({"event": event.id, "email": "ana@example.com"});
        t.stranger.post(PATH, lookup).await.expect(202);
        let mail = t.mail_to("ana@example.com").await;
        assert!(mail.text.contains(order_id(&bought)), "{}", mail.text);
        t.stop().await;
    }

    /// covers: WEB-4, AUTH-2
    async fn nobody_floods_an_address_with_mail(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut refused = 0;
        for _ in 0..8 {
            let answer = t.stranger.post(PATH, json!({"event": event.id, "email": "ana@example.com"})).await;
            if answer.status == 429 {
                let problem = answer.refused(429, "sales.too_often");
                assert!(answer.headers.contains_key("retry-after"), "{problem}");
                refused += 1;
            } else {
                answer.expect(202);
            }
        }
        assert!(refused >= 3, "{refused}");
        t.stop().await;
    }

    /// covers: WEB-4
    async fn the_page_says_the_same_to_everybody(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let body = purchase_by(&event, "ana@example.com", 1, "succeed");
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        let visitor = Visitor::new(&t);
        let page = visitor.get(&format!("/orders/find?event={}", event.slug)).await;
        page.says(200, &format!("value=\"{}\" selected", event.slug));
        let mut ways = Vec::new();
        for email in ["ana@example.com", "nobody@example.com"] {
            let answer = visitor.send("/orders/find", &[("event", event.slug.as_str()), ("email", email)]).await;
            assert_eq!(answer.status, 303, "{}", answer.text);
            ways.push(answer.headers["location"].to_str().unwrap().to_owned());
        }
        assert_eq!(ways[0], ways[1]);
        visitor.get(&ways[0]).await.says(200, "a mail with the way to them");
        let mail = t.mail_to("ana@example.com").await;
        assert!(mail.text.contains(order_id(&bought)), "{}", mail.text);
        for (event, email) in [("", "ana@example.com"), (event.slug.as_str(), "ana")] {
            let answer = visitor.send("/orders/find", &[("event", event), ("email", email)]).await;
            assert_eq!(answer.status, 422, "{}", answer.text);
        }
        t.stop().await;
    }
}
