//! A person's own sessions, and proving once more who they are.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity;
use serde_json::json;

use super::people::{OTHER_PASSWORD, PASSWORD, Phone, person};
use crate::app::TestApp;

const MINE: &str = "/api/v1/me/sessions";

on_both_engines! {
    /// covers: AUTH-2, AUTH-8
    async fn somebody_sees_their_sessions_and_ends_them(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        person(&t, "eve@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0 (Android 15)");
        let laptop = Phone::new(&t, "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0");
        let first = phone.sign_in("ana@example.com").await;
        let second = laptop.sign_in("ana@example.com").await;
        let hers = phone.sign_in("eve@example.com").await;
        let seen = second.client.get(MINE).await.expect(200);
        let seen = seen["sessions"].as_array().unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!((&seen[0]["id"], &seen[0]["is_current"], &seen[0]["device"]), (&json!(second.session), &json!(true), &json!("Firefox on Linux")));
        assert_eq!((&seen[1]["id"], &seen[1]["is_current"], &seen[1]["device"]), (&json!(first.session), &json!(false), &json!("Bilten on Android")));
        assert_eq!(seen[0]["place"], "127.0.0.x");
        assert_eq!(seen[0]["methods"], "password");

        hers.client.delete(&format!("{MINE}/{}", first.session)).await.refused(404, "identity.not_found");
        first.client.get(MINE).await.expect(200);
        second.client.delete(&format!("{MINE}/{}", first.session)).await.expect(204);
        second.client.delete(&format!("{MINE}/{}", first.session)).await.refused(404, "identity.not_found");
        first.client.get(MINE).await.refused(401, "identity.token_unknown");

        let third = phone.sign_in("ana@example.com").await;
        let ended = second.client.post(&format!("{MINE}/end"), json!({"keep_this": true})).await.expect(200);
        assert_eq!(ended["ended"], 1);
        third.client.get(MINE).await.refused(401, "identity.token_unknown");
        second.client.get(MINE).await.expect(200);
        phone.sign_in("ana@example.com").await;
        let ended = second.client.post(&format!("{MINE}/end"), json!({})).await.expect(200);
        assert_eq!(ended["ended"], 2);
        second.client.get(MINE).await.refused(401, "identity.token_unknown");
        hers.client.get(MINE).await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-8
    async fn a_new_device_and_an_attack_are_reported_to_the_owner(db: TestDb) {
        let t = TestApp::start(db).await;
        let ana = person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0 (Android 15)");
        let known = phone.known(phone.sign_in("ana@example.com").await.device);
        known.sign_in("ana@example.com").await;
        let firefox = Phone::new(&t, "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0");
        firefox.sign_in("ana@example.com").await;
        let mail = t.mail_to("ana@example.com").await;
        assert!(mail.text.contains("Firefox on Linux") && mail.text.contains("127.0.0.1"), "{}", mail.text);
        assert_eq!(t.mails_waiting("ana@example.com"), 0, "the first device and a known one are no news");

        let stranger = Phone::new(&t, "curl/8");
        let mut failed = 0;
        while failed < 10 {
            if stranger.try_password("ana@example.com", OTHER_PASSWORD).await.status == 401 {
                failed += 1;
            } else {
                t.clock.advance(Duration::from_secs(8));
            }
        }
        let attacked = t.mail_to("ana@example.com").await;
        assert_ne!(attacked.subject, mail.subject);
        t.clock.advance(Duration::from_secs(60));
        stranger.sign_in("ana@example.com").await;
        let let_in = t.mail_to("ana@example.com").await;
        assert_ne!(let_in.text, attacked.text);
        let suspicious: i64 = t.app.db
            .scalar(sql!("SELECT COUNT(*) FROM sign_in_attempts WHERE user_id = $1 AND outcome = 'signed_in' AND is_suspicious"), vals![ana])
            .await.unwrap();
        assert_eq!(suspicious, 1);
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-6, BE-1
    async fn a_password_is_changed_by_whoever_knows_it_and_just_proved_it(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let (app, other) = (phone.sign_in("ana@example.com").await, phone.sign_in("ana@example.com").await);
        t.mail_to("ana@example.com").await;
        let change = async |current: Option<&str>, new: &str| {
            let body = json!({"current": current, "password": new});
            app.client.post("/api/v1/me/password", body).await
        };
        let prove = async |password: &str| {
            app.client.post("/api/v1/me/reauthenticate", json!({"password": password})).await
        };
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        change(Some(PASSWORD), OTHER_PASSWORD).await.refused(403, "identity.reauthentication_required");
        prove(OTHER_PASSWORD).await.refused(422, "identity.password_wrong");
        change(Some(PASSWORD), OTHER_PASSWORD).await.refused(403, "identity.reauthentication_required");
        assert_eq!(prove(PASSWORD).await.expect(200)["step"], "done");
        change(None, OTHER_PASSWORD).await.refused(422, "identity.password_wrong");
        change(Some(OTHER_PASSWORD), OTHER_PASSWORD).await.refused(422, "identity.password_wrong");
        change(Some(PASSWORD), "password1234").await.refused(422, "invalid");
        change(Some(PASSWORD), OTHER_PASSWORD).await.expect(204);
        t.mail_to("ana@example.com").await;
        app.client.get(MINE).await.expect(200);
        other.client.get(MINE).await.refused(401, "identity.token_unknown");
        phone.try_password("ana@example.com", PASSWORD).await.refused(401, "identity.sign_in_refused");
        // Whoever has the session cannot try passwords without end.
        for _ in 0..5 {
            prove(PASSWORD).await.refused(422, "identity.password_wrong");
        }
        prove(OTHER_PASSWORD).await.refused(429, "identity.too_many_tries");
        t.stop().await;
    }

    /// covers: AUTH-8, AUTH-9
    async fn what_has_had_its_time_is_deleted_and_nothing_else(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.identity.session_idle_s = 400 * 86_400).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let app = phone.sign_in("ana@example.com").await;
        let ended = phone.sign_in("ana@example.com").await;
        app.client.delete(&format!("{MINE}/{}", ended.session)).await.expect(204);
        phone.try_password("ana@example.com", OTHER_PASSWORD).await.refused(401, "identity.sign_in_refused");
        phone.post("/api/v1/auth/links", json!({"email": "ana@example.com"})).await.expect(202);
        let count = async || {
            let mut counts: Vec<i64> = Vec::new();
            for statement in [
                sql!("SELECT COUNT(*) FROM sessions"),
                sql!("SELECT COUNT(*) FROM refresh_tokens"),
                sql!("SELECT COUNT(*) FROM one_time_tokens"),
                sql!("SELECT COUNT(*) FROM throttles"),
                sql!("SELECT COUNT(*) FROM sign_in_attempts"),
            ] {
                counts.push(t.app.db.scalar(statement, vals![]).await.unwrap());
            }
            counts
        };
        identity::tidy(&t.app).await.unwrap();
        assert_eq!(count().await, [2, 2, 1, 4, 3]);
        t.clock.advance(Duration::from_secs(3 * 86_400));
        identity::tidy(&t.app).await.unwrap();
        assert_eq!(count().await, [1, 1, 0, 0, 3]);
        app.client.get(MINE).await.expect(200);
        t.clock.advance(Duration::from_secs(90 * 86_400));
        identity::tidy(&t.app).await.unwrap();
        assert_eq!(count().await, [0, 0, 0, 0, 0]);
        t.stop().await;
    }
}
