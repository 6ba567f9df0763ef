//! What strangers are told of codes that they type.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use futures_util::future::{join, join_all};
use serde_json::json;

use super::{check, give_back, make, of, reserve, tenth, text, with};
use crate::app::TestApp;

on_both_engines! {
    /// covers: MKT-2, PAY-5
    async fn codes_that_cannot_be_used_look_like_unknown_ones(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10), ("Hidden", 2500, 10)]).await;
        let other = t.event(&[("Standing", 2500, 10)]).await;
        let at = |hours: i64| Timestamp::from_ms(t.app.now().ms() + hours * 3_600_000).to_string();
        make(&t.organiser, "later", None, with(tenth(), json!({"from_at": at(1), "until_at": at(2)}))).await;
        let scarce = make(&t.organiser, "scarce", None, with(tenth(), json!({"max_uses": 1, "budget_minor": 500, "currency": "EUR"}))).await;
        make(&t.organiser, "dollars", None, json!({"effect": {"kind": "price", "minor": 100}, "currency": "USD"})).await;
        let access = json!({"effect": {"kind": "access", "items": [event.tiers[1]], "rates": ["press"]}});
        make(&t.organiser, "press", Some(&event.id), access).await;
        reserve(&t, "hold", vec![of(&scarce, 500)], None).await.unwrap();

        let unknown = check(&t, &event.id, "nothing").await;
        assert_eq!(unknown, json!({"is_usable": false, "unlocks": [], "unlocks_rates": false}));
        for code in ["later", "scarce", "dollars", "", "50%", "press\u{0}"] {
            assert_eq!(check(&t, &event.id, code).await, unknown, "{code}");
        }
        assert_eq!(check(&t, &other.id, "press").await, unknown, "it is for another event");
        let press = check(&t, &event.id, " pre-SS ").await;
        assert_eq!(press, json!({"is_usable": true, "kind": "access", "unlocks": [event.tiers[1]], "unlocks_rates": true}));

        give_back(&t, "hold").await;
        assert_eq!(check(&t, &event.id, "scarce").await["is_usable"], true);
        t.clock.advance(Duration::from_secs(3_600));
        assert_eq!(check(&t, &event.id, "later").await["is_usable"], true);
        t.clock.advance(Duration::from_secs(3_600));
        assert_eq!(check(&t, &event.id, "later").await, unknown);

        let draft = json!({
            "name": "Draft", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": "2040-01-01T20:00:00Z", "ends_at": "2040-01-01T22:00:00Z"}],
        });
        let draft = t.organiser.post("/api/v1/events", draft).await.expect(201);
        let body = json!({"event": text(&draft, "id"), "code": "scarce"});
        t.stranger.post("/api/v1/shop/codes/check", body).await.refused(404, "sales.event_not_found");
        t.stop().await;
    }

    /// covers: MKT-2, GW-2
    async fn whoever_guesses_has_to_wait(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        make(&t.organiser, "Rock", None, tenth()).await;
        // Who knows a code may use it as often as they like.
        for _ in 0..40 {
            assert_eq!(check(&t, &event.id, "rock").await["is_usable"], true);
        }
        for guess in 0..30 {
            assert_eq!(check(&t, &event.id, &format!("guess{guess}")).await["is_usable"], false);
        }
        let body = json!({"event": event.id, "code": "rock"});
        let refused = t.stranger.post("/api/v1/shop/codes/check", body).await;
        refused.refused(429, "sales.too_many_codes_tried");
        assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
        t.clock.advance(Duration::from_secs(2 * 3_600));
        assert_eq!(check(&t, &event.id, "rock").await["is_usable"], true);
        t.stop().await;
    }

    /// A school or a campus is one network: however many there use a code that they know at the same moment,
    /// none of them is taken for one who guesses.
    ///
    /// covers: MKT-2, GW-2
    async fn whoever_knows_a_code_does_not_wait_for_its_network(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        make(&t.organiser, "Rock", None, tenth()).await;
        // One more makes the network wait.
        for guess in 0..29 {
            assert_eq!(check(&t, &event.id, &format!("guess{guess}")).await["is_usable"], false);
        }
        let with_code = |code: &str| json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}], "codes": [code]});
        let known = with_code("rock");
        let holds = (0..40u32).map(|i| {
            let (t, known) = (&t, &known);
            async move { t.stranger.post_once("/api/v1/shop/holds", &format!("hold-{i}"), known).await }
        });
        let checks = (0..40u32).map(|_| check(&t, &event.id, "rock"));
        let (held, checked) = join(join_all(holds), join_all(checks)).await;
        for answer in held {
            answer.expect(201);
        }
        assert!(checked.iter().all(|answer| answer["is_usable"] == true));
        t.stranger.post("/api/v1/shop/quotes", known.clone()).await.expect(200);

        t.stranger.post("/api/v1/shop/quotes", with_code("nothing")).await.refused(422, "sales.code_unknown");
        let body = json!({"event": event.id, "code": "rock"});
        t.stranger.post("/api/v1/shop/codes/check", body).await.refused(429, "sales.too_many_codes_tried");
        t.stranger.post("/api/v1/shop/quotes", known.clone()).await.refused(429, "sales.too_many_codes_tried");
        t.stranger.post_once("/api/v1/shop/holds", "late", &known).await.refused(429, "sales.too_many_codes_tried");
        t.clock.advance(Duration::from_secs(10));
        t.stranger.post("/api/v1/shop/quotes", known).await.expect(200);
        t.stop().await;
    }

    /// What is under way when others have to wait is looked at, and counted all the same.
    ///
    /// covers: MKT-2, GW-2
    async fn guesses_at_once_are_all_counted(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        make(&t.organiser, "Rock", None, tenth()).await;
        let guesses = (0..60u32).map(|i| {
            let body = json!({"event": event.id, "code": format!("guess{i}")});
            t.stranger.post("/api/v1/shop/codes/check", body)
        });
        let mut looked_at = 0i64;
        for answer in join_all(guesses).await {
            if answer.status == 200 {
                assert_eq!(answer.expect(200)["is_usable"], false);
                looked_at += 1;
            } else {
                answer.refused(429, "sales.too_many_codes_tried");
            }
        }
        assert!(looked_at >= 30, "{looked_at}");
        let body = json!({"event": event.id, "code": "rock"});
        t.stranger.post("/api/v1/shop/codes/check", body).await.refused(429, "sales.too_many_codes_tried");
        let counted: i64 = t.app.db.scalar(sql!("SELECT MAX(failures) FROM throttles"), vals![]).await.unwrap();
        assert_eq!(counted, looked_at);
        t.clock.advance(Duration::from_secs(300));
        assert_eq!(check(&t, &event.id, "rock").await["is_usable"], true);
        t.stop().await;
    }
}
