//! What strangers are told of codes that they type.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
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
}
