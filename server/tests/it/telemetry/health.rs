//! Signs of life, the status for everybody, and what administrators see.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::{platform, telemetry};
use reqwest::Method;
use serde_json::json;

use super::administrator;
use crate::app::TestApp;

on_both_engines! {
    /// covers: MON-5
    async fn a_node_tells_how_it_is_and_details_to_administrators_only(db: TestDb) {
        let t = TestApp::start(db).await;
        telemetry::look(&t.app).await;
        let ready = t.stranger.get("/readyz").await.expect(200);
        assert_eq!((&ready["status"], &ready["version"]), (&json!("ok"), &json!(env!("CARGO_PKG_VERSION"))));
        let parts: Vec<_> = ready["parts"].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap()).collect();
        assert!(parts.contains(&"database") && parts.contains(&"jobs") && parts.contains(&"outbox"), "{ready}");
        assert!(!ready.to_string().contains("MiB") && !ready.to_string().contains("due"), "no detail for strangers: {ready}");
        assert_eq!(t.stranger.get("/livez").await.status, 204);
        let admin = administrator(&t).await;
        let health = admin.get("/api/v1/platform/health").await.expect(200);
        let jobs = health["checks"].as_array().unwrap().iter().find(|check| check["part"] == "jobs").unwrap();
        assert!(jobs["detail"].as_str().unwrap().contains("due"), "{health}");
        t.stranger.get("/api/v1/platform/health").await.refused(401, "identity.unauthenticated");
        t.stop().await;
    }

    /// covers: MON-5
    async fn a_late_outbox_is_an_outage_of_messages_until_it_is_over(db: TestDb) {
        let t = TestApp::start(db).await;
        telemetry::look(&t.app).await;
        // An entry that nobody may deliver yet, written a quarter of an hour ago.
        let written = t.app.now() - Duration::from_secs(1_000);
        let insert = async |at: bilten_kernel::clock::Timestamp| {
            t.app.db.write(move |c| Box::pin(async move {
                c.exec(
                    bilten_kernel::sql!("INSERT INTO outbox (aggregate, kind, payload, created_at, run_at) VALUES ('x', 'test.kind', 'null', $1, $2)"),
                    bilten_kernel::vals![at, at + Duration::from_secs(4_000)],
                ).await
            })).await
        };
        insert(written).await.unwrap();
        telemetry::look(&t.app).await;
        let status = t.stranger.get("/api/v1/status").await.expect(200);
        assert_eq!(status["condition"], "failed", "{status}");
        assert_eq!((&status["outages"][0]["group"], status["outages"][0]["until"].is_null()), (&json!("messages"), true));
        // It can serve all the same: another node would be no better.
        assert_eq!(t.stranger.get("/readyz").await.expect(200)["status"], "degraded");
        let page = t.stranger.get("/status").await;
        assert!(page.text.contains("Something does not work") && page.text.contains("Are held back and will be sent"), "{}", page.text);
        t.app.db.write(|c| Box::pin(async move {
            c.exec(bilten_kernel::sql!("DELETE FROM outbox WHERE kind = 'test.kind'"), bilten_kernel::vals![]).await
        })).await.unwrap();
        telemetry::look(&t.app).await;
        let status = t.stranger.get("/api/v1/status").await.expect(200);
        assert_eq!(status["condition"], "ok");
        assert!(status["outages"][0]["until"].is_string(), "{status}");
        let page = t.stranger.get("/status").await;
        assert!(page.text.contains("Everything works") && page.text.contains("Mail and notifications did not work from"), "{}", page.text);
        t.stop().await;
    }

    /// covers: MON-5, ADM-4
    async fn administrators_tell_people_of_an_incident(db: TestDb) {
        let t = TestApp::start(db).await;
        let admin = administrator(&t).await;
        let put = async |value, version| {
            let request = admin.request(Method::PUT, "/api/v1/platform/settings/status.notice");
            admin.send(request.json(&json!({"value": value, "version": version, "reason": "an incident"}))).await
        };
        let notice = json!({"state": "investigating", "title": "Cards <are> refused", "message": "Bank transfer works.\n\nWe are sorry.",
            "at": "2026-06-06T18:00:00Z"});
        put(notice, 0).await.expect(200);
        let page = t.stranger.get("/status").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Cards &#60;are&#62; refused") && page.text.contains("We are looking for the cause"), "{}", page.text);
        assert_eq!(t.stranger.get("/api/v1/status").await.expect(200)["notice"]["state"], "investigating");
        let empty = json!({"state": "over", "title": " ", "message": "x", "at": "2026-06-06T18:00:00Z"});
        put(empty, 1).await.refused(422, "invalid");
        // Also while everything else is closed.
        platform::begin_maintenance(&t.app, "New disks.", None, "usr_1", "disks").await.unwrap();
        let page = t.stranger.get("/status").await;
        assert!(page.status == 200 && page.text.contains("New disks.") && page.text.contains("Closed for maintenance"), "{}", page.text);
        assert_eq!(t.stranger.get("/api/v1/status").await.expect(200)["maintenance"]["message"], "New disks.");
        assert!(!page.text.contains("sqlite") && !page.text.contains("postgres") && !page.text.contains(env!("CARGO_PKG_VERSION")));
        t.stop().await;
    }
}
