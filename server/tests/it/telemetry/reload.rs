//! The level of the log, and the configuration, without a restart.

use std::time::Duration;

use bilten_kernel::http::PageQuery;
use bilten_kernel::on_both_engines;
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::platform::{self, AuditFilter};
use bilten_server::telemetry;
use reqwest::Method;
use serde_json::json;

use super::{Process, administrator};
use crate::app::TestApp;

on_both_engines! {
    /// covers: MON-1, ADM-4
    async fn more_is_logged_for_some_minutes_and_it_is_audited(db: TestDb) {
        let t = TestApp::start(db).await;
        let admin = administrator(&t).await;
        let put = async |body| {
            let request = admin.request(Method::PUT, "/api/v1/platform/log-level");
            admin.send(request.json(&body)).await
        };
        let set = put(json!({"level": "debug", "minutes": 30, "reason": "a lost order"})).await.expect(200);
        assert_eq!((&set["level"], &set["configured"], &set["temporary"]["level"]), (&json!("debug"), &json!("info"), &json!("debug")));
        for (body, field) in [
            (json!({"level": "debug", "minutes": 0, "reason": "x"}), "minutes"),
            (json!({"level": "debug", "minutes": 1_441, "reason": "x"}), "minutes"),
            (json!({"level": "debug", "minutes": 1, "reason": " "}), "reason"),
            (json!({"level": "hyper=trace", "minutes": 1, "reason": "x"}), "level"),
        ] {
            let refused = put(body).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        }
        let filter = AuditFilter { subject: Some("log.level".to_owned()), ..AuditFilter::default() };
        let audited = platform::audit_page(&t.app, filter, &PageQuery::default(), false).await.unwrap().items;
        assert_eq!(audited.len(), 1);
        assert!(audited[0].actor.starts_with("usr_"));
        // The end comes by itself.
        t.clock.advance(Duration::from_secs(31 * 60));
        platform::obey_log_level(&t.app).await;
        let now = admin.get("/api/v1/platform/log-level").await.expect(200);
        assert_eq!((&now["level"], now["temporary"].is_null()), (&json!("info"), true));
        put(json!({"level": "warn", "minutes": 5, "reason": "too loud"})).await.expect(200);
        let ended = admin.delete("/api/v1/platform/log-level").await.expect(200);
        assert_eq!(ended["level"], "info");
        t.organiser.send(t.organiser.request(Method::PUT, "/api/v1/platform/log-level").json(&json!({"level": "debug", "minutes": 1, "reason": "x"})))
            .await.refused(403, "identity.person_required");
        t.stop().await;
    }

    /// covers: ADM-4
    async fn a_configuration_is_taken_over_as_a_whole_or_not_at_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let admin = administrator(&t).await;
        let reload = async || admin.post("/api/v1/platform/configuration/reload", json!({})).await;
        reload().await.refused(409, "platform.configuration_fixed");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bilten.toml");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("");
        let (_, values) = bilten_kernel::config::load_with_values::<Config>(Some(&path), DEFAULTS, std::iter::empty()).unwrap();
        t.app.source.remember(Some(path.clone()), values).await;
        assert_eq!(reload().await.expect(200), json!({"changed": [], "needs_restart": []}));

        let mail = folder.path().join("other-mail").display().to_string();
        write(&format!("[mail]\nfolder = {mail:?}\n[identity.consents]\nterms = \"2\"\n[http]\nlisten = \"127.0.0.1:1\"\n[outgoing]\nat_once = 3\n"));
        let reloaded = reload().await.expect(200);
        assert_eq!(reloaded, json!({"changed": ["identity.consents.terms", "mail.folder", "outgoing.at_once"], "needs_restart": ["http.listen"]}));
        assert_eq!(t.app.config.identity.consents.terms, "2");
        assert_ne!(t.app.config.http.listen, "127.0.0.1:1");
        assert_eq!(t.app.outside.config().at_once, 3);
        // Mail goes the new way from now on.
        let somebody = json!({"email": "nina@example.com", "password": "correct horse battery 47", "name": "Nina"});
        t.stranger.post("/api/v1/auth/registrations", somebody).await;
        for _ in 0..100 {
            if std::fs::read_dir(&mail).is_ok_and(|mut mails| mails.next().is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(std::fs::read_dir(&mail).unwrap().next().is_some(), "no mail came to the new folder");

        for wrong in [
            "[mail]\nfrom = \"nobody\"\n[identity.consents]\nterms = \"3\"",
            "[mail]\nfromm = \"x\"",
            "[log]\nlevel = \"loudly\"\n[identity.consents]\nterms = \"3\"",
            "[identity]\nsession_idle_s = 0\n[identity.consents]\nterms = \"3\"",
            "[outgoing]\nat_once = 0\n[identity.consents]\nterms = \"3\"",
            "[outgoing]\npause_ms = 10\nlongest_pause_ms = 5\n[identity.consents]\nterms = \"3\"",
            "[limits.browse]\naddress = \"often\"\n[identity.consents]\nterms = \"3\"",
            "not toml",
        ] {
            write(wrong);
            let refused = reload().await.refused(409, "platform.configuration_wrong");
            assert!(refused["detail"].as_str().unwrap().contains("Everything stays as it was"), "{refused}");
            assert_eq!(t.app.config.identity.consents.terms, "2", "{wrong}");
            assert_eq!(t.app.outside.config().at_once, 3, "{wrong}");
        }
        write(&format!("[mail]\nfolder = {mail:?}\n"));
        assert_eq!(reload().await.expect(200), json!({"changed": ["identity.consents.terms", "outgoing.at_once"], "needs_restart": []}));
        assert_eq!(t.app.config.identity.consents.terms, "1");
        let filter = AuditFilter { action: Some("configuration.".to_owned()), ..AuditFilter::default() };
        let audited = platform::audit_page(&t.app, filter, &PageQuery::default(), false).await.unwrap().items;
        assert_eq!(audited.len(), 3);
        let again = telemetry::reload(&t.app, "somebody").await.unwrap();
        assert!(again.changed.is_empty() && again.needs_restart.is_empty(), "{again:?}");
        t.stop().await;
    }

    /// covers: GW-2, ADM-4
    async fn limits_follow_the_configuration_without_a_restart(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.visitors.always.clear()).await;
        let admin = administrator(&t).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bilten.toml");
        std::fs::write(&path, "").unwrap();
        let (_, values) = bilten_kernel::config::load_with_values::<Config>(Some(&path), DEFAULTS, std::iter::empty()).unwrap();
        t.app.source.remember(Some(path.clone()), values).await;
        let policy = async || {
            let answer = t.stranger.get("/robots.txt").await;
            answer.headers["ratelimit-policy"].to_str().unwrap().to_owned()
        };
        assert_eq!(policy().await, "\"address\";q=6000;w=60");
        std::fs::write(&path, "[limits]\nkeys = 7\n[limits.browse]\naddress = \"5/600\"\n").unwrap();
        let reloaded = admin.post("/api/v1/platform/configuration/reload", json!({})).await.expect(200);
        assert_eq!(reloaded, json!({"changed": ["limits.browse.address"], "needs_restart": ["limits.keys"]}));
        for _ in 0..200 {
            if policy().await == "\"address\";q=5;w=600" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(policy().await, "\"address\";q=5;w=600");
        let mut last = t.stranger.get("/robots.txt").await;
        for _ in 0..10 {
            last = t.stranger.get("/robots.txt").await;
        }
        assert_eq!(last.status, 429);
        t.stop().await;
    }

    /// covers: MON-1
    async fn a_hangup_makes_a_real_server_read_its_file_again(db: TestDb) {
        let (process, _db) = Process::start(db, "[log]\nlevel = \"warn\"\n", &[]).await;
        let stranger = process.stranger();
        let hello = async |id: &str| {
            stranger.send(stranger.request(Method::GET, "/").header("x-request-id", id)).await
        };
        hello("before").await;
        std::fs::write(process.folder().join("bilten.toml"), "[log]\nlevel = \"info\"\n").unwrap();
        process.signal("-HUP");
        process.line("the reload", |line| line["message"] == "the configuration was read again").await;
        hello("after").await;
        process.line("after", |line| line["request_id"] == "after").await;
        std::fs::write(process.folder().join("bilten.toml"), "[log]\nlevel = \"loudly\"\n").unwrap();
        process.signal("-HUP");
        let line = process.line("the refusal", |line| line["code"] == "platform.configuration_wrong").await;
        assert_eq!(line["level"], "ERROR");
        hello("still").await;
        process.line("still", |line| line["request_id"] == "still").await;
        let lines = process.stop().await;
        assert!(!lines.iter().any(|line| line.contains("\"before\"")), "{}", lines.join("\n"));
    }
}
