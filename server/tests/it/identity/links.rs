//! Links that sign somebody in, or give them a new password.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::UserState;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::people::{OTHER_PASSWORD, PASSWORD, Phone, person, person_with, set_state};
use crate::app::{Answer, TestApp};

async fn ask_link(phone: &Phone, email: &str) {
    let body = json!({"email": email});
    phone.post("/api/v1/auth/links", body).await.expect(202);
}

async fn use_link(phone: &Phone, token: &str) -> Answer {
    let body = json!({"token": token});
    phone.post("/api/v1/auth/links/use", body).await
}

async fn ask_reset(phone: &Phone, email: &str) {
    let body = json!({"email": email});
    let path = "/api/v1/auth/password-resets";
    phone.post(path, body).await.expect(202);
}

async fn reset(phone: &Phone, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "password": password});
    phone.post("/api/v1/auth/password-resets/use", body).await
}

on_both_engines! {
    /// covers: AUTH-2
    async fn a_link_signs_in_once_and_not_for_long(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        ask_link(&phone, "ana@example.com").await;
        let mail = t.mail_to("ana@example.com").await;
        assert!(mail.link().starts_with("/sign-in/link?token="), "{}", mail.link());
        let token = mail.token("token");
        // Whoever looks at links in mail does not use them up, and a link is for one thing.
        t.stranger.get("/api/v1/auth/links/use").await.refused(405, "method_not_allowed");
        reset(&phone, &token, OTHER_PASSWORD).await.refused(410, "identity.link_unknown");
        let app = phone.signed_in(&use_link(&phone, &token).await);
        let mine = app.client.get("/api/v1/me/sessions").await.expect(200);
        assert_eq!(mine["sessions"][0]["methods"], "link");
        use_link(&phone, &token).await.refused(410, "identity.link_unknown");
        ask_link(&phone, "ana@example.com").await;
        let token = t.mail_to("ana@example.com").await.token("token");
        t.clock.advance(Duration::from_secs(900));
        use_link(&phone, &token).await.refused(410, "identity.link_unknown");
        for wrong in ["", "\0", "biltenot_", &"x".repeat(100_000)] {
            use_link(&phone, wrong).await.refused(410, "identity.link_unknown");
        }
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-2, AUTH-7
    async fn whoever_has_no_account_gets_no_mail_and_the_same_answer(db: TestDb) {
        let t = TestApp::start(db).await;
        person_with(&t, "new@example.com", false).await;
        let gone = person(&t, "gone@example.com").await;
        set_state(&t, gone, UserState::Deactivated).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        for email in ["nobody@example.com", "gone@example.com", "new@example.com", "no address", ""] {
            ask_link(&phone, email).await;
            if email != "new@example.com" {
                ask_reset(&phone, email).await;
            }
        }
        // Jobs run in their order, so what was sent before has arrived with this one.
        ask_link(&phone, "ana@example.com").await;
        t.mail_to("ana@example.com").await;
        for email in ["nobody@example.com", "gone@example.com", "new@example.com"] {
            assert_eq!(t.mails_waiting(email), 0, "{email}");
        }
        t.stop().await;
    }

    /// covers: AUTH-7, BE-1
    async fn a_new_password_ends_all_sessions_and_tells_the_owner(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let (phone, thief) = (Phone::new(&t, "Bilten/1.0"), Phone::new(&t, "curl/8"));
        let own = phone.sign_in("ana@example.com").await;
        let stolen = thief.sign_in("ana@example.com").await;
        t.mail_to("ana@example.com").await;
        ask_reset(&phone, "ana@example.com").await;
        let unused = t.mail_to("ana@example.com").await;
        assert!(unused.link().starts_with("/reset?token="), "{}", unused.link());
        ask_link(&phone, "ana@example.com").await;
        let link = t.mail_to("ana@example.com").await.token("token");
        ask_reset(&phone, "ana@example.com").await;
        let token = t.mail_to("ana@example.com").await.token("token");

        for (password, code) in [("short", "too_short"), ("password1234", "guessable"), ("ana@example.com", "guessable")] {
            let refused = reset(&phone, &token, password).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["code"], code);
        }
        reset(&phone, &token, OTHER_PASSWORD).await.expect(204);
        t.mail_to("ana@example.com").await;
        for client in [&own.client, &stolen.client] {
            client.get("/api/v1/me/sessions").await.refused(401, "identity.token_unknown");
        }
        phone.refresh(&own.refresh).await.refused(401, "identity.refresh_unknown");
        reset(&phone, &token, PASSWORD).await.refused(410, "identity.link_unknown");
        reset(&phone, &unused.token("token"), PASSWORD).await.refused(410, "identity.link_unknown");
        use_link(&phone, &link).await.refused(410, "identity.link_unknown");
        phone.try_password("ana@example.com", PASSWORD).await.refused(401, "identity.sign_in_refused");
        let body = phone.try_password("ana@example.com", OTHER_PASSWORD).await;
        phone.signed_in(&body);
        // The thief's device is not known any more.
        let known = thief.known(stolen.device);
        for _ in 0..4 {
            thief.try_password("ana@example.com", PASSWORD).await.refused(401, "identity.sign_in_refused");
        }
        known.try_password("ana@example.com", PASSWORD).await.refused(401, "identity.sign_in_refused");
        known.try_password("ana@example.com", PASSWORD).await.refused(429, "identity.too_many_tries");
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn a_reset_link_is_good_for_an_hour_and_for_one(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        ask_reset(&phone, "ana@example.com").await;
        let old = t.mail_to("ana@example.com").await.token("token");
        t.clock.advance(Duration::from_secs(3_600));
        reset(&phone, &old, OTHER_PASSWORD).await.refused(410, "identity.link_unknown");
        ask_reset(&phone, "ana@example.com").await;
        let token = t.mail_to("ana@example.com").await.token("token");
        let (a, b) = tokio::join!(
            reset(&phone, &token, OTHER_PASSWORD),
            reset(&phone, &token, "velvet 19 cactus moon")
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 410], "{} {}", a.text, b.text);
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-7
    async fn passwords_that_have_leaked_are_refused(db: TestDb) {
        let list = tempfile::NamedTempFile::new().unwrap();
        let mut lines: Vec<String> = [OTHER_PASSWORD, "a", "b", "c", "d"]
            .iter()
            .map(|password| {
                let hash = Sha1::digest(password.as_bytes());
                let hex: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
                format!("{hex}:7")
            })
            .collect();
        lines.sort();
        std::fs::write(list.path(), lines.join("\r\n")).unwrap();
        let t = TestApp::start_with(db, |config| {
            config.identity.breached_passwords_file = list.path().to_owned();
        }).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        ask_reset(&phone, "ana@example.com").await;
        let token = t.mail_to("ana@example.com").await.token("token");
        let refused = reset(&phone, &token, OTHER_PASSWORD).await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["code"], "breached");
        reset(&phone, &token, "velvet 19 cactus moon").await.expect(204);
        t.stop().await;
    }
}
