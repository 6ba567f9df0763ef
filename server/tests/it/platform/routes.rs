//! The platform's routes, as its administrators and everybody else see them.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use bilten_server::platform::AuditRecord;
use serde_json::{Value, json};

use super::{record, record_from};
use crate::app::{Client, TestApp};

/// Somebody who administers the platform, with a second factor or without.
async fn administrator(t: &TestApp, is_mfa: bool) -> Client {
    let user = t.person("admin").await;
    t.grant_platform(user).await;
    t.signed_in(user, is_mfa).await
}

const READS: &[&str] = &[
    "/api/v1/platform/audit",
    "/api/v1/platform/audit/export",
    "/api/v1/platform/settings",
    "/api/v1/platform/settings/maintenance/history",
    "/api/v1/platform/keys",
];

on_both_engines! {
    /// covers: ADM-2, ADM-4, ADM-8
    async fn only_administrators_with_a_second_factor_come_in(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let without = administrator(&t, false).await;
        let with = administrator(&t, true).await;
        for path in READS {
            t.stranger.get(path).await.refused(401, "identity.unauthenticated");
            owner.get(path).await.refused(404, "not_found");
            t.organiser.get(path).await.refused(403, "identity.person_required");
            without.get(path).await.refused(403, "identity.mfa_required");
            assert_eq!(with.get(path).await.status, 200, "{path}");
        }
        for (path, body) in [
            ("/api/v1/platform/keys/rotate", json!({"layer": "data"})),
            ("/api/v1/platform/maintenance", json!({"message": "x", "reason": "y"})),
            ("/api/v1/platform/settings/maintenance/rollback", json!({"to": 0, "version": 0, "reason": "y"})),
        ] {
            t.stranger.post(path, body.clone()).await.refused(401, "identity.unauthenticated");
            owner.post(path, body.clone()).await.refused(404, "not_found");
            without.post(path, body).await.refused(403, "identity.mfa_required");
        }
        t.stop().await;
    }

    /// covers: ADM-8, MON-6, BE-8
    async fn an_organisation_sees_its_own_trail_only(db: TestDb) {
        let t = TestApp::start(db).await;
        let own = bilten_server::identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        for n in 0..3 {
            record(&t.app, AuditRecord::new("usr_1", "test.done", format!("evt_{n}")).of(own)).await;
            record(&t.app, AuditRecord::new("usr_1", "test.done", format!("evt_{n}")).of("org_other")).await;
        }
        record_from(&t.app, AuditRecord::new("usr_1", "test.began", "ses_1").of(own), "usr_1").await;
        let (owner, scanner, admin) = (t.member(Role::Owner).await, t.member(Role::DoorStaff).await, administrator(&t, true).await);
        t.stranger.get("/api/v1/audit").await.refused(401, "identity.unauthenticated");
        scanner.get("/api/v1/audit").await.refused(403, "identity.permission_missing");
        let page = owner.get("/api/v1/audit?action=test.&limit=3").await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 3);
        let next = page["next"].as_str().unwrap();
        let rest = owner.get(&format!("/api/v1/audit?action=test.&limit=3&cursor={next}")).await.expect(200);
        assert_eq!((rest["items"].as_array().unwrap().len(), rest["next"].is_null()), (1, true));
        assert!(page["items"][0]["origin"].is_null(), "addresses are not for the asking");
        owner.get("/api/v1/audit?organisation=org_other").await.refused(422, "invalid");
        owner.get("/api/v1/audit?cursor=x").await.refused(400, "cursor_invalid");
        owner.get("/api/v1/audit?from=yesterday").await.refused(422, "invalid");

        let all = admin.get("/api/v1/platform/audit?action=test.").await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 7);
        let other = admin.get("/api/v1/platform/audit?organisation=org_other").await.expect(200);
        assert_eq!(other["items"].as_array().unwrap().len(), 3);
        assert!(all["items"][0]["origin"].is_null());
        let origins = admin.get("/api/v1/platform/audit?person=usr_1&origins=true").await.expect(200);
        assert_eq!(origins["items"][0]["origin"]["ip"], "192.0.2.77");
        let lines = admin.get("/api/v1/platform/audit/export?after=0&origins=true").await;
        assert_eq!(lines.headers["content-type"], "application/x-ndjson");
        let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Whoever read the addresses stands in it as well.
        let read = lines.iter().filter(|line| line["action"] == "audit.origins_read").count();
        assert_eq!(read, 2);
        assert!(lines.windows(2).all(|pair| pair[0]["seq"].as_i64() < pair[1]["seq"].as_i64()));
        let last = lines.last().unwrap();
        assert!(last["request_id"].is_string(), "{last}");
        let path = format!("/api/v1/platform/audit/export?after={}", last["seq"]);
        assert_eq!(admin.get(&path).await.text, "");
        t.stop().await;
    }

    /// covers: ADM-4, BE-8
    async fn administrators_change_settings_keys_and_maintenance(db: TestDb) {
        let t = TestApp::start(db).await;
        let admin = administrator(&t, true).await;
        let put = async |key: &str, body: Value| {
            let request = admin.request(reqwest::Method::PUT, &format!("/api/v1/platform/settings/{key}"));
            admin.send(request.json(&body)).await
        };
        let body = json!({"value": {"for": "percentage", "percent": 10}, "version": 0, "reason": "a try"});
        let set = put("flag.test_new", body.clone()).await.expect(200);
        assert_eq!((set["version"].as_i64(), &set["kind"]), (Some(1), &json!("flag")));
        put("flag.test_new", body).await.refused(409, "platform.stale");
        put("flag.none", json!({"value": true, "version": 0, "reason": "x"})).await.refused(404, "platform.setting_unknown");
        let wrong = put("flag.test_new", json!({"value": {"for": "nobody"}, "version": 1, "reason": "x"})).await;
        assert_eq!(wrong.refused(422, "invalid")["errors"][0]["field"], "value");
        put("flag.test_new", json!({"value": {"for": "off"}, "version": 1})).await.refused(422, "invalid");
        let back = json!({"to": 0, "version": 1, "reason": "enough"});
        let back = admin.post("/api/v1/platform/settings/flag.test_new/rollback", back).await.expect(200);
        assert_eq!((&back["value"], back["version"].as_i64()), (&json!({"for": "off"}), Some(2)));
        let history = admin.get("/api/v1/platform/settings/flag.test_new/history").await.expect(200);
        assert_eq!(history["items"][0]["reason"], "enough");
        assert!(history["items"][0]["actor"].as_str().unwrap().starts_with("usr_"));
        let list = admin.get("/api/v1/platform/settings").await.expect(200);
        assert!(list.as_array().unwrap().iter().any(|setting| setting["key"] == "maintenance"));

        let rotated = admin.post("/api/v1/platform/keys/rotate", json!({"layer": "data"})).await.expect(200);
        let keys = admin.get("/api/v1/platform/keys").await.expect(200);
        let new = keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == rotated["data_key"]).unwrap();
        assert_eq!(new["state"], "coming");
        assert!(!keys.to_string().contains("wrapped"), "no key leaves the server, not even wrapped");
        admin.post("/api/v1/platform/keys/rotate", json!({"layer": "data"})).await.refused(409, "platform.rotation_under_way");
        let wrapped = admin.post("/api/v1/platform/keys/rotate", json!({"layer": "master"})).await.expect(200);
        assert_eq!(wrapped["wrapped"], keys["keys"].as_array().unwrap().len());
        admin.post("/api/v1/platform/keys/rotate", json!({"layer": "all"})).await.refused(422, "invalid");

        let closing = json!({"message": "Back soon.", "reason": "disks"});
        admin.post("/api/v1/platform/maintenance", closing).await.expect(200);
        t.organiser.get("/api/v1/events").await.refused(503, "platform.maintenance");
        admin.get("/api/v1/platform/keys").await.expect(200);
        admin.post("/api/v1/platform/maintenance/end", json!({"reason": "done"})).await.expect(200);
        t.organiser.get("/api/v1/events").await.expect(200);

        // Only who signed in just now replaces keys.
        t.clock.advance(std::time::Duration::from_secs(11 * 60));
        let late = admin.post("/api/v1/platform/keys/rotate", json!({"layer": "data"})).await;
        late.refused(403, "identity.reauthentication_required");
        t.stop().await;
    }
}
