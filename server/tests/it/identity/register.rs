//! Registration by e-mail.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::{Value, json};

use super::people::{OTHER_PASSWORD, PASSWORD, Phone, person, seconds};
use crate::app::{Answer, TestApp};

const REGISTER: &str = "/api/v1/auth/registrations";

async fn register(phone: &Phone, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "name": "Ana Novak", "password": password});
    phone.post(REGISTER, body).await
}

async fn verify(phone: &Phone, token: &str) -> Answer {
    let body = json!({"token": token});
    phone.post("/api/v1/auth/registrations/verify", body).await
}

async fn resend(phone: &Phone, email: &str) -> Answer {
    let body = json!({"email": email});
    phone.post("/api/v1/auth/registrations/resend", body).await
}

async fn accounts(t: &TestApp) -> i64 {
    let statement = sql!("SELECT COUNT(*) FROM users");
    t.app.db.scalar(statement, vals![]).await.unwrap()
}

on_both_engines! {
    /// covers: AUTH-1, BE-1
    async fn an_account_begins_with_the_link_in_the_mail(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        register(&phone, "Ana@example.com", PASSWORD).await.expect(202);
        phone.try_password("ana@example.com", PASSWORD).await.refused(401, "identity.sign_in_refused");
        assert_eq!(accounts(&t).await, 0);
        let mail = t.mail_to("Ana@example.com").await;
        let first = mail.token("token");
        assert!(mail.link().starts_with("/verify?token="), "{}", mail.link());
        // Sent again: both links are good, and one of them is enough.
        resend(&phone, "ana@example.com").await.expect(202);
        let second = t.mail_to("Ana@example.com").await.token("token");
        assert_ne!(first, second);
        verify(&phone, &second).await.expect(204);
        phone.sign_in("ana@example.com").await;
        for token in [&first, &second] {
            verify(&phone, token).await.refused(410, "identity.link_unknown");
        }
        assert_eq!(accounts(&t).await, 1);
        for wrong in ["", "\0", "biltenot_0000000000000000000000000000000000000000", &"x".repeat(100_000)] {
            verify(&phone, wrong).await.refused(410, "identity.link_unknown");
        }
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-9, BE-8
    async fn who_registers_agrees_to_the_texts_in_force(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let made = async |email: &str, more: Value| {
            let mut body = json!({"email": email, "name": "Ana Novak", "password": PASSWORD});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            phone.post(REGISTER, body).await.expect(202);
            let token = t.mail_to(email).await.token("token");
            t.clock.advance(Duration::from_mins(5));
            verify(&phone, &token).await.expect(204);
            let app = phone.sign_in(email).await.client;
            let history = app.get("/api/v1/me/consents").await.expect(200)["history"].clone();
            let history = history.as_array().unwrap().clone();
            for consent in &history {
                assert_eq!((&consent["version"], &consent["source"]), (&json!("1"), &json!("api")));
                assert_eq!(consent["is_given"], true);
            }
            let mut kinds: Vec<_> = history.iter().map(|c| c["kind"].as_str().unwrap().to_owned()).collect();
            kinds.sort_unstable();
            kinds
        };
        assert_eq!(made("ana@example.com", json!({})).await, ["privacy", "terms"]);
        let all = json!({"terms": "1", "privacy": "1", "marketing": true});
        assert_eq!(made("bor@example.com", all).await, ["marketing", "privacy", "terms"]);
        // Nobody agrees to what they were not shown.
        let old = json!({"email": "eva@example.com", "name": "Eva", "password": PASSWORD, "terms": "0", "privacy": "0"});
        let refused = phone.post(REGISTER, old).await.refused(422, "invalid");
        let fields: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect();
        assert_eq!(fields, ["terms", "privacy"]);
        assert_eq!(t.mails_waiting("eva@example.com"), 0);
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn a_link_is_good_for_a_day(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        register(&phone, "ana@example.com", PASSWORD).await.expect(202);
        let token = t.mail_to("ana@example.com").await.token("token");
        t.clock.advance(Duration::from_hours(24));
        verify(&phone, &token).await.refused(410, "identity.link_unknown");
        resend(&phone, "ana@example.com").await.expect(202);
        assert_eq!(t.mails_waiting("ana@example.com"), 0, "there is nothing to send again");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn who_has_an_account_is_told_by_mail_and_nobody_else_learns_of_it(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let (known, unknown) = (
            register(&phone, "ana@example.com", OTHER_PASSWORD).await,
            register(&phone, "bor@example.com", OTHER_PASSWORD).await,
        );
        assert_eq!((known.expect(202), &known.text), (unknown.expect(202), &unknown.text));
        let mail = t.mail_to("ana@example.com").await;
        assert!(!mail.text.contains("token="), "{}", mail.text);
        t.mail_to("bor@example.com").await;
        for email in ["ana@example.com", "nobody@example.com"] {
            resend(&phone, email).await.expect(202);
        }
        phone.try_password("ana@example.com", OTHER_PASSWORD).await.refused(401, "identity.sign_in_refused");
        phone.sign_in("ana@example.com").await;
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn of_two_who_take_one_address_at_once_one_has_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let (a, b) = tokio::join!(
            register(&phone, "ana@example.com", PASSWORD),
            register(&phone, "ANA@example.com", OTHER_PASSWORD)
        );
        a.expect(202);
        b.expect(202);
        let tokens = [
            t.mail_to("ana@example.com").await.token("token"),
            t.mail_to("ANA@example.com").await.token("token"),
        ];
        let (a, b) = tokio::join!(verify(&phone, &tokens[0]), verify(&phone, &tokens[1]));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 410], "{} {}", a.text, b.text);
        assert_eq!(accounts(&t).await, 1);
        let mut signed_in = 0;
        for password in [PASSWORD, OTHER_PASSWORD] {
            signed_in += u32::from(phone.try_password("ana@example.com", password).await.status == 200);
        }
        assert_eq!(signed_in, 1);
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn addresses_that_only_look_alike_are_apart(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        for (typed, stored) in [
            ("ana@example.com", "ana@example.com"),
            ("ana+shop@example.com", "ana+shop@example.com"),
            ("ana@ex\u{430}mple.com", "ana@xn--exmple-4nf.com"),
        ] {
            register(&phone, typed, PASSWORD).await.expect(202);
            let token = t.mail_to(stored).await.token("token");
            verify(&phone, &token).await.expect(204);
        }
        assert_eq!(accounts(&t).await, 3);
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn what_cannot_be_used_is_named(db: TestDb) {
        let t = TestApp::start(db).await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let fields = |body: &Value| {
            let errors = body["errors"].as_array().unwrap().iter();
            errors.map(|e| format!("{} {}", e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect::<Vec<_>>()
        };
        for (body, wanted) in [
            (json!({"email": "ana", "name": "", "password": PASSWORD}), &["name length", "email form"] as &[_]),
            (json!({"email": "a\0@example.com", "name": "a\0b", "password": PASSWORD}), &["name length", "email form"]),
            (json!({"email": "a@example.com\r\nBcc: b@example.com", "name": "A", "password": PASSWORD}), &["email form"]),
            (json!({"email": "\u{430}na@example.com", "name": "A", "password": PASSWORD}), &["email form"]),
            (json!({"email": "a@example.com", "name": "x".repeat(101), "password": PASSWORD}), &["name length"]),
            (json!({"email": "a@example.com", "name": "A", "password": PASSWORD, "locale": "../etc"}), &["locale form"]),
            (json!({"email": "a@example.com", "name": "A", "password": "short"}), &["password too_short"]),
            (json!({"email": "a@example.com", "name": "A", "password": "x".repeat(257)}), &["password too_long"]),
            (json!({"email": "a@example.com", "name": "A", "password": "x".repeat(500_000)}), &["password too_long"]),
            (json!({"email": "a@example.com", "name": "A", "password": "password1234"}), &["password guessable"]),
            (json!({"email": "a@example.com", "name": "A", "password": "qwertyuiop123"}), &["password guessable"]),
            (json!({"email": "brezovnik@example.com", "name": "Peter Brezovnik", "password": "peterbrezovnik"}), &["password guessable"]),
            (json!({"email": "a@example.com", "name": "A", "password": PASSWORD, "is_admin": true}), &["is_admin unknown"]),
        ] {
            let answer = phone.post(REGISTER, body.clone()).await.refused(422, "invalid");
            assert_eq!(fields(&answer), wanted, "{answer}");
            // Mail is counted, and what is refused was none.
            t.clock.advance(Duration::from_hours(25));
        }
        assert_eq!(accounts(&t).await, 0);
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-7
    async fn nobody_is_sent_mail_without_end(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let own = Phone::new(&t, "Bilten/1.0");
        let own = own.known(own.sign_in("ana@example.com").await.device);
        let stranger = Phone::new(&t, "curl/8");
        for email in ["ana@example.com", "nobody@example.com"] {
            let ask = async |phone: &Phone, path: &str| phone.post(path, json!({"email": email})).await;
            for path in [
                "/api/v1/auth/password-resets",
                "/api/v1/auth/links",
                "/api/v1/auth/registrations/resend",
                "/api/v1/auth/links",
            ] {
                ask(&stranger, path).await.expect(202);
            }
            let put_off = ask(&stranger, "/api/v1/auth/links").await;
            put_off.refused(429, "identity.too_many_tries");
            assert!((20..=60).contains(&seconds(&put_off)));
        }
        // Whoever the account belongs to still gets theirs.
        own.post("/api/v1/auth/links", json!({"email": "ana@example.com"})).await.expect(202);
        t.stop().await;
    }
}
