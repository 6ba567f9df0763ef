//! Roles, events of one's own, and sessions that end.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};
use serde_json::json;

use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-1, AUTH-10
    async fn a_role_may_do_what_it_may_and_nothing_else(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (read, publish) = (format!("/api/v1/events/{}", event.id), format!("/api/v1/events/{}/archive", event.id));
        let viewer = t.member(Role::Viewer).await;
        viewer.get(&read).await.expect(200);
        viewer.post(&publish, json!({})).await.refused(403, "identity.permission_missing");
        viewer.post("/api/v1/events", json!({})).await.refused(403, "identity.permission_missing");
        let staff = t.member(Role::DoorStaff).await;
        staff.get(&format!("/api/v1/events/{}/orders", event.id)).await.refused(403, "identity.permission_missing");
        staff.get(&format!("/api/v1/events/{}/door-report", event.id)).await.expect(200);
        let nobody = t.signed_in(t.person("nobody").await, false).await;
        nobody.get(&read).await.refused(400, "identity.organisation_required");
        t.stranger.get(&read).await.refused(401, "identity.unauthenticated");
        t.stranger.with_token("biltense_unknown").get(&read).await.refused(401, "identity.token_unknown");
        t.stop().await;
    }

    /// covers: BE-1, AUTH-2
    async fn a_session_ends_when_nobody_uses_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let viewer = t.member(Role::Viewer).await;
        let idle = Duration::from_secs(t.app.config.identity.session_idle_s);
        viewer.get("/api/v1/events").await.expect(200);
        for _ in 0..3 {
            t.clock.advance(idle - Duration::from_secs(60));
            viewer.get("/api/v1/events").await.expect(200);
            identity::write_sightings(&t.app).await.unwrap();
        }
        t.clock.advance(idle);
        viewer.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        t.stop().await;
    }
}
