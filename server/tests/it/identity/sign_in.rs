//! Signing in by password, and keeping others from it.

use std::time::{Duration, Instant};

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{
    self, IdentityConfig, NewUser, Password, Passwords, Profile, UserState,
};
use serde_json::json;

use super::people::{OTHER_PASSWORD, PASSWORD, Phone, person, person_with, seconds, set_state};
use crate::app::TestApp;

async fn outcomes(t: &TestApp) -> Vec<(String, bool)> {
    let statement = sql!("SELECT outcome, is_suspicious FROM sign_in_attempts ORDER BY id");
    t.app.db.all(statement, vals![]).await.unwrap()
}

/// Tries until the next try is put off for a minute, and says for how long; waits each time for
/// as long as it is told.
async fn exhaust(t: &TestApp, phone: &Phone, email: &str) -> u64 {
    let mut failed = 0;
    loop {
        let answer = phone.try_password(email, OTHER_PASSWORD).await;
        if answer.status == 401 {
            failed += 1;
            continue;
        }
        answer.refused(429, "identity.too_many_tries");
        let wait = seconds(&answer);
        if wait > 32 {
            assert!((11..=13).contains(&failed), "{failed}");
            return wait;
        }
        t.clock.advance(Duration::from_secs(wait));
    }
}

on_both_engines! {
    /// covers: AUTH-2, AUTH-8, BE-1
    async fn a_password_signs_in_and_all_else_is_answered_alike(db: TestDb) {
        let t = TestApp::start(db).await;
        let ana = person(&t, "ana@example.com").await;
        person_with(&t, "new@example.com", false).await;
        let gone = person(&t, "gone@example.com").await;
        set_state(&t, gone, UserState::Deactivated).await;
        let phone = Phone::new(&t, "Bilten/1.0 (Android 15)");
        let signed_in = phone.sign_in(" Ana@Example.COM ").await;
        let mine = signed_in.client.get("/api/v1/me/sessions").await.expect(200);
        assert_eq!(mine["sessions"][0]["id"], signed_in.session.as_str());

        let huge = "x".repeat(200_000);
        let mut answers = Vec::new();
        for (email, password) in [
            ("ana@example.com", OTHER_PASSWORD),
            ("ana@example.com", ""),
            ("ana@example.com", "lantern orbit 42 teapot\0"),
            ("nobody@example.com", PASSWORD),
            ("new@example.com", PASSWORD),
            ("gone@example.com", PASSWORD),
            ("ana+x@example.com", PASSWORD),
            ("ana@ex\u{430}mple.com", PASSWORD),
            ("\u{430}na@example.com", PASSWORD),
            ("ana@example.com\0", PASSWORD),
            ("", PASSWORD),
            ("' OR 1=1 --", PASSWORD),
            ("ana@example.com", huge.as_str()),
            (huge.as_str(), PASSWORD),
        ] {
            let mut body = phone.try_password(email, password).await.refused(401, "identity.sign_in_refused");
            body["request_id"] = json!(null);
            answers.push(body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "they differ: {answers:?}");
        phone.post("/api/v1/auth/tokens", json!({"email": "ana@example.com"})).await.refused(422, "invalid");
        phone.post("/api/v1/auth/tokens", json!({"email": 7, "password": {}})).await.refused(422, "invalid");

        let outcomes = outcomes(&t).await;
        assert_eq!(outcomes.iter().filter(|o| o.0 == "signed_in").count(), 1);
        assert_eq!(outcomes.iter().filter(|o| o.0 == "failed").count(), 14);
        let about_ana: i64 = t.app.db
            .scalar(sql!("SELECT COUNT(*) FROM sign_in_attempts WHERE user_id = $1"), vals![ana])
            .await.unwrap();
        assert_eq!(about_ana, 5);
        t.stop().await;
    }

    /// covers: AUTH-2, BE-1
    async fn tries_are_put_off_for_strangers_and_never_for_the_owner(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let own = Phone::new(&t, "Bilten/1.0 (iPhone)");
        let own = own.known(own.sign_in("ana@example.com").await.device);
        let stranger = Phone::new(&t, "curl/8");
        // Ana last: time passes while the other one is tried.
        for email in ["nobody@example.com", "ana@example.com"] {
            let wait = exhaust(&t, &stranger, email).await;
            // The right password is not even looked at.
            let blocked = stranger.try_password(email, PASSWORD).await;
            blocked.refused(429, "identity.too_many_tries");
            assert!((1..=wait).contains(&seconds(&blocked)));
        }
        // Whoever makes a device up, or has one of another account, is a stranger.
        person(&t, "eve@example.com").await;
        let hers = Phone::new(&t, "curl/8").sign_in("eve@example.com").await.device;
        let made_up = format!("biltendv_{}", "0".repeat(48));
        for device in [hers, Some(made_up), Some("biltendv_".to_owned()), Some(String::new())] {
            stranger.known(device).try_password("ana@example.com", PASSWORD).await.refused(429, "identity.too_many_tries");
        }
        own.sign_in("ana@example.com").await;
        // Nor does the owner's own counter help a stranger, or end by the stranger's tries.
        let wait = exhaust(&t, &own, "ana@example.com").await;
        own.try_password("ana@example.com", PASSWORD).await.refused(429, "identity.too_many_tries");
        t.clock.advance(Duration::from_secs(wait));
        own.sign_in("ana@example.com").await;
        assert!(outcomes(&t).await.iter().any(|o| o.0 == "blocked" && o.1));
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn tries_at_the_same_moment_all_count(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let stranger = Phone::new(&t, "curl/8");
        let tries = (0..30).map(|_| {
            let stranger = stranger.clone();
            async move { stranger.try_password("ana@example.com", OTHER_PASSWORD).await.status }
        });
        let statuses = futures_util::future::join_all(tries).await;
        // Some may come after the first pauses, so there are a few more at most.
        let looked_at = statuses.iter().filter(|status| **status == 401).count();
        assert!((5..=12).contains(&looked_at), "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn one_network_cannot_try_many_accounts(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let own = Phone::new(&t, "Bilten/1.0");
        let own = own.known(own.sign_in("ana@example.com").await.device);
        let stranger = Phone::new(&t, "curl/8");
        for i in 0..50 {
            stranger.try_password(&format!("guest{i}@example.com"), PASSWORD).await.refused(401, "identity.sign_in_refused");
        }
        stranger.try_password("another@example.com", PASSWORD).await.refused(429, "identity.too_many_tries");
        own.sign_in("ana@example.com").await;
        t.stop().await;
    }

    /// covers: AUTH-2, BE-1
    async fn a_hash_of_another_cost_is_replaced_when_somebody_signs_in(db: TestDb) {
        let t = TestApp::start(db).await;
        let costly = Passwords::new(&IdentityConfig { argon2_memory_kib: 256, ..t.app.config.identity.clone() });
        let hash = costly.hash(&*t.app.random, Password::from(PASSWORD.to_owned())).await.unwrap();
        let profile = Profile {
            email: "ana@example.com".parse().unwrap(),
            name: "Ana".to_owned(),
            locale: None,
            phone: None,
        };
        let new = NewUser { profile, password_hash: Some(hash.clone()), is_verified: true };
        let ana = identity::create_user(&t.app, new).await.unwrap();
        let phone = Phone::new(&t, "Bilten/1.0");
        phone.try_password("ana@example.com", OTHER_PASSWORD).await.refused(401, "identity.sign_in_refused");
        assert_eq!(identity::user(&t.app, ana).await.unwrap().password_hash, Some(hash));
        phone.sign_in("ana@example.com").await;
        let now = identity::user(&t.app, ana).await.unwrap().password_hash.unwrap();
        assert!(now.contains("m=64,"), "{now}");
        phone.sign_in("ana@example.com").await;
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-2
    async fn an_account_that_does_not_exist_takes_as_long(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.identity.argon2_memory_kib = 65_536).await;
        person(&t, "ana@example.com").await;
        let stranger = Phone::new(&t, "curl/8");
        stranger.try_password("warm@example.com", PASSWORD).await;
        // Whatever else goes on only adds to the time, so the shortest of each is compared. An answer
        // that needed no hash would be there in a fiftieth of it.
        let long = "x".repeat(10_000);
        let cases = [
            ("ana@example.com", OTHER_PASSWORD),
            ("nobody@example.com", PASSWORD),
            ("no address", PASSWORD),
            ("long@example.com", &long),
        ];
        let mut shortest = [Duration::MAX; 4];
        for _ in 0..4 {
            for (shortest, (email, password)) in shortest.iter_mut().zip(cases) {
                let begin = Instant::now();
                stranger.try_password(email, password).await.refused(401, "identity.sign_in_refused");
                *shortest = (*shortest).min(begin.elapsed());
            }
        }
        let wrong = shortest[0].as_secs_f64();
        for (took, (email, _)) in shortest.iter().zip(cases) {
            let ratio = took.as_secs_f64() / wrong;
            assert!((0.2..5.0).contains(&ratio), "{email}: {took:?} against {wrong} s");
        }
        t.stop().await;
    }
}
