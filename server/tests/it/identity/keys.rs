//! API keys over the API.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};
use serde_json::json;

use crate::app::TestApp;

on_both_engines! {
    /// covers: AUTH-8, BE-1
    async fn a_key_may_do_what_it_was_made_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let other = t.event(&[("Seated", 2500, 10)]).await;
        let owner = t.member(Role::Owner).await;
        let made = owner.post("/api/v1/keys", json!({"name": "Till", "scopes": ["orders.read", "events.read", "events.read"], "event": event.id})).await;
        assert_eq!(made.headers["cache-control"], "no-store");
        let made = made.expect(201);
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with(made["prefix"].as_str().unwrap()) && made["prefix"].as_str().unwrap().len() == "bilten_live_".len() + 4);
        assert_eq!(made["scopes"], json!(["events.read", "orders.read"]));
        let till = t.stranger.with_token(token);
        till.get(&format!("/api/v1/events/{}/orders", event.id)).await.expect(200);
        till.get(&format!("/api/v1/events/{}/orders", other.id)).await.expect(404);
        till.get(&format!("/api/v1/events/{}/devices", event.id)).await.refused(403, "identity.permission_missing");
        till.get("/api/v1/keys").await.refused(403, "identity.permission_missing");

        identity::write_sightings(&t.app).await.unwrap();
        let path = format!("/api/v1/keys/{}", made["id"].as_str().unwrap());
        let seen = owner.get(&path).await.expect(200);
        assert!(seen["last_used_at"].is_string() && seen.get("token").is_none(), "{seen}");
        assert_eq!(owner.patch(&path, json!({"name": "Till 2"})).await.expect(200)["name"], "Till 2");
        owner.patch(&path, json!({"name": " "})).await.refused(422, "invalid");
        let list = owner.get("/api/v1/keys?limit=1").await;
        assert!(!list.text.contains(token) && list.text.contains("Till 2") && list.text.contains("next"), "{}", list.text);
        owner.delete(&path).await.expect(204);
        owner.delete(&path).await.expect(204);
        till.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        t.stop().await;
    }

    /// covers: AUTH-8
    async fn a_key_is_never_more_than_its_maker(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let foreign = t.event_of(&t.other_organiser().await, &[("Standing", 2500, 10)]).await;
        let owner = t.member(Role::Owner).await;
        let past = bilten_kernel::clock::Timestamp::from_ms(t.app.now().ms() - 1).to_string();
        for wrong in [
            json!({"name": "", "scopes": ["events.read"]}),
            json!({"name": "x".repeat(101), "scopes": ["events.read"]}),
            json!({"name": "x", "scopes": []}),
            json!({"name": "x", "scopes": ["members.manage"]}),
            json!({"name": "x", "scopes": ["keys.manage"]}),
            json!({"name": "x", "scopes": ["organisation.manage"]}),
            json!({"name": "x", "scopes": ["events.create"], "event": event.id}),
            json!({"name": "x", "scopes": ["events.read"], "event": foreign.id}),
            json!({"name": "x", "scopes": ["events.read"], "expires_at": past}),
        ] {
            owner.post("/api/v1/keys", wrong.clone()).await.refused(422, "invalid");
        }
        let manager = t.member(Role::Manager).await;
        let wish = json!({"name": "x", "scopes": ["events.read"]});
        manager.post("/api/v1/keys", wish.clone()).await.refused(403, "identity.permission_missing");
        t.organiser.post("/api/v1/keys", wish.clone()).await.refused(403, "identity.permission_missing");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        owner.post("/api/v1/keys", wish).await.refused(403, "identity.reauthentication_required");
        owner.get("/api/v1/keys").await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-8
    async fn a_key_is_replaced_while_the_old_one_goes_on(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let until = t.app.now() + Duration::from_hours(100);
        let made = owner.post("/api/v1/keys", json!({"name": "Feed", "scopes": ["events.read"], "expires_at": until})).await.expect(201);
        let old = t.stranger.with_token(made["token"].as_str().unwrap());
        let path = format!("/api/v1/keys/{}/rotate", made["id"].as_str().unwrap());
        owner.post(&path, json!({"overlap_hours": 721})).await.refused(422, "invalid");
        let tries = tokio::join!(
            owner.post(&path, json!({"overlap_hours": 2})),
            owner.post(&path, json!({"overlap_hours": 2}))
        );
        let (won, lost) = if tries.0.status == 201 { tries } else { (tries.1, tries.0) };
        lost.refused(409, "identity.key_ended");
        let won = won.expect(201);
        assert_eq!((&won["scopes"], &won["name"], &won["expires_at"]), (&made["scopes"], &made["name"], &made["expires_at"]));
        let new = t.stranger.with_token(won["token"].as_str().unwrap());
        old.get("/api/v1/events").await.expect(200);
        new.get("/api/v1/events").await.expect(200);
        t.clock.advance(Duration::from_hours(2));
        old.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        new.get("/api/v1/events").await.expect(200);
        t.clock.advance(Duration::from_hours(98));
        new.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        t.stop().await;
    }
}
