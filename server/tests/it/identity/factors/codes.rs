//! Codes by app, e-mail and SMS, and recovery codes.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{FactorKind, Role, SignInStep};
use serde_json::json;

use super::*;

on_both_engines! {
    /// covers: AUTH-3
    async fn a_code_of_an_app_counts_once_and_a_step_of_skew_is_forgiven(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        assert!(matches!(after(&t, user, "password").await, SignInStep::Done(_)));

        let begun = ana.post("/api/v1/me/factors/totp", json!({})).await.expect(201);
        assert!(begun["uri"].as_str().unwrap().starts_with("otpauth://totp/Bilten:ana"));
        assert!(begun["qr_svg"].as_str().unwrap().starts_with("<svg"));
        let totp = app_codes(begun["secret"].as_str().unwrap());
        confirm(&t, &ana, &begun, "000000x").await.refused(422, "identity.code_wrong");
        // Not confirmed: nobody is asked for it.
        assert!(matches!(after(&t, user, "password").await, SignInStep::Done(_)));
        let first = code(&t, &totp, 0);
        confirm(&t, &ana, &begun, &first).await.expect(200);
        confirm(&t, &ana, &begun, &first).await.refused(404, "identity.not_found");

        let (ticket, methods) = super::ticket(&t, user).await;
        assert_eq!(methods, [FactorKind::Totp, FactorKind::Recovery]);
        // The code that confirmed it is used, and two steps away is too far.
        show(&t, &ticket, "totp", &first).await.refused(422, "identity.code_wrong");
        show(&t, &ticket, "totp", &code(&t, &totp, 2)).await.refused(422, "identity.code_wrong");
        show(&t, &ticket, "totp", &code(&t, &totp, 1)).await.expect(200);
        show(&t, &ticket, "totp", &code(&t, &totp, 1)).await.refused(410, "identity.ticket_unknown");

        // A clock that is a step behind: the step before the last one that was taken is gone.
        let (ticket, _) = super::ticket(&t, user).await;
        show(&t, &ticket, "totp", &code(&t, &totp, 0)).await.refused(422, "identity.code_wrong");
        t.clock.advance(Duration::from_secs(90));
        show(&t, &ticket, "totp", &code(&t, &totp, -1)).await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn one_code_signs_in_once_however_many_ask_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        let (totp, recovery) = add_app(&t, &ana).await;
        assert_eq!(recovery.len(), 10);
        next_step(&t);
        for (method, code) in [("totp", code(&t, &totp, 0)), ("recovery", recovery[3].clone())] {
            let mut tickets = Vec::new();
            for _ in 0..20 {
                tickets.push(super::ticket(&t, user).await.0);
            }
            let tries = tickets.iter().map(|ticket| show(&t, ticket, method, &code));
            let answers = futures_util::future::join_all(tries).await;
            let won = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(won, 1, "{method}");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                assert!([410, 422, 429].contains(&answer.status), "{answer:?}");
            }
            t.clock.advance(Duration::from_secs(2 * 86_400));
        }
        let left = ana_again(&t, user).await.get("/api/v1/me/factors").await.expect(200);
        assert_eq!(left["recovery_codes"], 9);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn whoever_guesses_is_stopped_by_the_ticket_and_then_by_the_account(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let (totp, _) = add_app(&t, &t.signed_in(user, false).await).await;
        next_step(&t);
        let wrong = if code(&t, &totp, 0) == "123456" { "123457" } else { "123456" };
        let (ticket, _) = super::ticket(&t, user).await;
        for _ in 0..5 {
            show(&t, &ticket, "totp", wrong).await.refused(422, "identity.code_wrong");
        }
        // The ticket is used up, even for who is right, and a new one brings no new guesses.
        show(&t, &ticket, "totp", &code(&t, &totp, 0)).await.refused(410, "identity.ticket_unknown");
        let (ticket, _) = super::ticket(&t, user).await;
        let answer = show(&t, &ticket, "totp", &code(&t, &totp, 0)).await;
        answer.refused(429, "identity.too_many_tries");
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        t.clock.advance(Duration::from_secs(wait));
        show(&t, &ticket, "totp", &code(&t, &totp, 0)).await.expect(200);
        // A hundred at once are a hundred tries.
        let mut tickets = Vec::new();
        for _ in 0..20 {
            tickets.push(super::ticket(&t, user).await.0);
        }
        let tries = tickets.iter().map(|ticket| show(&t, ticket, "recovery", "aaaaa-aaaaa"));
        let answers = futures_util::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 422).count(), 5);
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-3
    async fn whoever_learned_the_password_does_not_lock_the_owner_out(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        let (_, recovery) = add_app(&t, &ana).await;
        let (ticket, _) = super::ticket(&t, user).await;
        let signed_in = show(&t, &ticket, "recovery", &recovery[0]).await.expect(200);
        let device = signed_in["device_token"].as_str().unwrap();
        let (ticket, _) = super::ticket(&t, user).await;
        for _ in 0..5 {
            show(&t, &ticket, "recovery", "aaaaa-aaaaa").await.refused(422, "identity.code_wrong");
        }
        let (ticket, _) = super::ticket(&t, user).await;
        show(&t, &ticket, "recovery", &recovery[1]).await.refused(429, "identity.too_many_tries");
        // From a device that was used before, and in a session, her tries are her own.
        let body = json!({ "ticket": ticket, "method": "recovery", "code": recovery[1] });
        let request = t.stranger.request(reqwest::Method::POST, "/api/v1/auth/second-factor");
        t.stranger.send(request.header("bilten-device", device).json(&body)).await.expect(200);
        let body = json!({ "method": "recovery", "code": recovery[2] });
        ana.post("/api/v1/me/reauthenticate/factor", body).await.expect(204);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn recovery_codes_are_shown_once_and_replaced_together(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        ana.post("/api/v1/me/recovery-codes", json!({})).await.refused(404, "identity.not_found");
        let (_, old) = add_app(&t, &ana).await;
        let (ticket, _) = super::ticket(&t, user).await;
        // As people type what they wrote down.
        let typed = old[0].to_uppercase().replace('-', " ");
        show(&t, &ticket, "recovery", &typed).await.expect(200);
        let new = ana.post("/api/v1/me/recovery-codes", json!({})).await.expect(201);
        assert_eq!(new["recovery_codes"].as_array().unwrap().len(), 10);
        let (ticket, _) = super::ticket(&t, user).await;
        show(&t, &ticket, "recovery", &old[1]).await.refused(422, "identity.code_wrong");
        let new = new["recovery_codes"][9].as_str().unwrap();
        show(&t, &ticket, "recovery", new).await.expect(200);
        // A second factor more brings no second set.
        let other = t.person("bor").await;
        let (ticket, _) = {
            add_app(&t, &t.signed_in(other, false).await).await;
            super::ticket(&t, other).await
        };
        show(&t, &ticket, "recovery", new).await.refused(422, "identity.code_wrong");
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn what_is_dangerous_asks_for_the_second_factor_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        let (totp, _) = add_app(&t, &ana).await;
        let factor = ana.get("/api/v1/me/factors").await.expect(200)["factors"][0]["id"].clone();
        let path = format!("/api/v1/me/factors/{}", factor.as_str().unwrap());
        // Another session of hers, which showed no second factor; and this one, much later.
        let weak = t.signed_in(user, false).await;
        weak.delete(&path).await.refused(403, "identity.reauthentication_required");
        weak.post("/api/v1/me/factors/totp", json!({})).await.refused(403, "identity.reauthentication_required");
        t.clock.advance(Duration::from_secs(601));
        for person in [&weak, &ana] {
            for path in ["/api/v1/me/recovery-codes", "/api/v1/me/passkeys/begin"] {
                person.post(path, json!({})).await.refused(403, "identity.reauthentication_required");
            }
        }
        let again = "/api/v1/me/reauthenticate/factor";
        let body = |code: &str| json!({ "method": "totp", "code": code });
        ana.post(again, body("000")).await.refused(422, "identity.code_wrong");
        let now = code(&t, &totp, 0);
        ana.post(again, body(&now)).await.expect(204);
        ana.post(again, body(&now)).await.refused(422, "identity.code_wrong");
        weak.delete(&path).await.refused(403, "identity.reauthentication_required");
        // Somebody else's factor is none of hers.
        let bor = t.signed_in(t.person("bor").await, false).await;
        bor.delete(&path).await.refused(404, "identity.not_found");
        ana.delete(&path).await.expect(204);
        assert!(matches!(after(&t, user, "password").await, SignInStep::Done(_)));
        assert_eq!(ana.get("/api/v1/me/factors").await.expect(200)["recovery_codes"], 0);
        t.stranger.post(again, body("1")).await.refused(401, "identity.unauthenticated");
        t.organiser.post(again, body("1")).await.refused(403, "identity.person_required");
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn an_organisation_can_ask_for_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        identity::add_member(&t.app, organisation.id, user, Some(Role::Owner)).await.unwrap();
        require_mfa(&t).await;
        let ana = t.signed_in(user, false).await;
        ana.get("/api/v1/events").await.refused(403, "identity.mfa_required");
        let (_, _) = add_app(&t, &ana).await;
        ana.get("/api/v1/events").await.expect(200);
        let factors = ana.get("/api/v1/me/factors").await.expect(200);
        assert_eq!(factors["is_required"], true);
        let path = format!("/api/v1/me/factors/{}", factors["factors"][0]["id"].as_str().unwrap());
        ana.delete(&path).await.refused(409, "identity.factor_required");
        // The app is replaced by another, and nothing is left without one meanwhile.
        next_step(&t);
        let (totp, codes) = add_app(&t, &ana).await;
        assert!(codes.is_empty());
        ana.delete(&path).await.refused(404, "identity.not_found");
        next_step(&t);
        let (ticket, _) = super::ticket(&t, user).await;
        show(&t, &ticket, "totp", &code(&t, &totp, 0)).await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn codes_that_are_sent_count_once_and_not_for_long(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let email = identity::user(&t.app, user).await.unwrap().profile.unwrap().email.to_string();
        let ana = t.signed_in(user, false).await;
        let begun = ana.post("/api/v1/me/factors/email", json!({})).await.expect(201);
        let mailed = t.mail_to(&email).await.code();
        confirm(&t, &ana, &begun, &mailed).await.expect(200);
        assert_eq!(t.mail_to(&email).await.subject, "How you sign in was changed");
        let phone = |number: &str| json!({ "phone": number });
        ana.post("/api/v1/me/factors/sms", phone("040 123 456")).await.refused(422, "invalid");
        let begun = ana.post("/api/v1/me/factors/sms", phone("+386 40 123-456")).await.expect(201);
        let texted = t.sms_to("+38640123456").await[..6].to_owned();
        confirm(&t, &ana, &begun, &texted).await.expect(200);
        let factors = ana.get("/api/v1/me/factors").await.expect(200);
        assert_eq!(factors["factors"][0]["target"], format!("a•••@{}", email.split_once('@').unwrap().1));
        assert_eq!(factors["factors"][1]["target"], "•••456");

        let send = async |ticket: &str, method: &str| {
            let body = json!({ "ticket": ticket, "method": method });
            t.stranger.post("/api/v1/auth/second-factor/code", body).await
        };
        let (first, methods) = super::ticket(&t, user).await;
        assert_eq!(methods, [FactorKind::Email, FactorKind::Sms, FactorKind::Recovery]);
        t.mail_to(&email).await;
        // Nothing was sent yet, and an app there is none.
        show(&t, &first, "email", "000000").await.refused(422, "identity.code_wrong");
        send(&first, "totp").await.refused(404, "identity.not_found");
        send(&first, "email").await.expect(202);
        let old = t.mail_to(&email).await.code();
        send(&first, "email").await.expect(202);
        let new = t.mail_to(&email).await.code();
        // Only the newest, only in its own sign-in, only by its own way.
        if old != new {
            show(&t, &first, "email", &old).await.refused(422, "identity.code_wrong");
        }
        let (second, _) = super::ticket(&t, user).await;
        show(&t, &second, "email", &new).await.refused(422, "identity.code_wrong");
        show(&t, &first, "sms", &new).await.refused(422, "identity.code_wrong");
        show(&t, &first, "email", &new).await.expect(200);
        show(&t, &second, "email", &new).await.refused(422, "identity.code_wrong");
        send(&first, "email").await.refused(410, "identity.ticket_unknown");
        // Too late.
        t.clock.advance(Duration::from_secs(61));
        send(&second, "sms").await.expect(202);
        let late = t.sms_to("+38640123456").await[..6].to_owned();
        t.clock.advance(Duration::from_secs(601));
        show(&t, &second, "sms", &late).await.refused(410, "identity.ticket_unknown");
        // Who asks for too many is told to wait.
        t.clock.advance(Duration::from_secs(3_600));
        let (third, _) = super::ticket(&t, user).await;
        for _ in 0..4 {
            send(&third, "sms").await.expect(202);
        }
        send(&third, "sms").await.refused(429, "identity.too_many_tries");
        send(&third, "email").await.refused(429, "identity.too_many_tries");
        // In a session it is the owner who asks.
        ana.post("/api/v1/me/reauthenticate/code", json!({ "method": "sms" })).await.expect(202);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn a_code_that_was_sent_is_guessed_five_times_at_most(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let email = identity::user(&t.app, user).await.unwrap().profile.unwrap().email.to_string();
        let ana = t.signed_in(user, false).await;
        let begun = ana.post("/api/v1/me/factors/email", json!({})).await.expect(201);
        let right = t.mail_to(&email).await.code();
        let wrong = if right == "111111" { "222222" } else { "111111" };
        for _ in 0..5 {
            confirm(&t, &ana, &begun, wrong).await.refused(422, "identity.code_wrong");
        }
        confirm(&t, &ana, &begun, &right).await.refused(429, "identity.too_many_tries");
        t.clock.advance(Duration::from_secs(31));
        // The pause is over, but the code is dead.
        confirm(&t, &ana, &begun, &right).await.refused(422, "identity.code_wrong");
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn one_network_cannot_have_text_messages_sent_without_end(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut statuses = Vec::new();
        for number in 0..8 {
            let person = t.signed_in(t.person(&format!("person{number}")).await, false).await;
            let phone = json!({ "phone": format!("+3864012345{number}") });
            for _ in 0..4 {
                statuses.push(person.post("/api/v1/me/factors/sms", phone.clone()).await.status);
            }
        }
        assert_eq!(statuses[..30], [201; 30]);
        assert_eq!(statuses[30..], [429; 2]);
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn asking_for_one_code_too_many_leaves_the_one_that_came(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let email = identity::user(&t.app, user).await.unwrap().profile.unwrap().email.to_string();
        let ana = t.signed_in(user, false).await;
        let mut last = (json!(null), String::new());
        for _ in 0..4 {
            let begun = ana.post("/api/v1/me/factors/email", json!({})).await.expect(201);
            last = (begun, t.mail_to(&email).await.code());
        }
        let refused = ana.post("/api/v1/me/factors/email", json!({})).await;
        refused.refused(429, "identity.too_many_tries");
        confirm(&t, &ana, &last.0, &last.1).await.expect(200);
        t.stop().await;
    }

    /// covers: AUTH-3, AUTH-9
    async fn a_number_that_nobody_confirmed_is_not_kept(db: TestDb) {
        let t = TestApp::start(db).await;
        let ana = t.signed_in(t.person("ana").await, false).await;
        let phone = json!({ "phone": "+38640123456" });
        ana.post("/api/v1/me/factors/sms", phone).await.expect(201);
        let bor = t.signed_in(t.person("bor").await, false).await;
        add_app(&t, &bor).await;
        t.clock.advance(Duration::from_secs(2 * 86_400 + 1));
        identity::tidy(&t.app).await.unwrap();
        let kept = bilten_kernel::sql!("SELECT MIN(kind) FROM mfa_methods");
        let kept: String = t.app.db.scalar(kept, bilten_kernel::vals![]).await.unwrap();
        assert_eq!(kept, "totp");
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn mail_is_no_second_factor_for_who_came_by_mail(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("ana").await;
        let email = identity::user(&t.app, user).await.unwrap().profile.unwrap().email.to_string();
        let ana = t.signed_in(user, false).await;
        let begun = ana.post("/api/v1/me/factors/email", json!({})).await.expect(201);
        confirm(&t, &ana, &begun, &t.mail_to(&email).await.code()).await.expect(200);
        assert!(matches!(after(&t, user, "password").await, SignInStep::SecondFactor(_)));
        // The sign-in by a link shows nothing that a code by mail would not show as well.
        assert!(matches!(after(&t, user, "link").await, SignInStep::Done(_)));
        add_app(&t, &ana).await;
        match after(&t, user, "link").await {
            SignInStep::SecondFactor(next) => {
                assert_eq!(next.methods, [FactorKind::Totp, FactorKind::Recovery]);
                send_refused(&t, &next.ticket).await;
            }
            SignInStep::Done(_) => panic!("no second factor was asked for"),
        }
        t.stop().await;
    }

    /// covers: AUTH-3
    async fn without_a_gateway_there_is_no_sms(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.sms.url.clear()).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        assert_eq!(ana.get("/api/v1/me/factors").await.expect(200)["has_sms"], false);
        let phone = json!({ "phone": "+38640123456" });
        ana.post("/api/v1/me/factors/sms", phone).await.refused(409, "identity.sms_unavailable");
        // Whoever has nothing else, from the days when there was a gateway, is not let in without.
        let insert = bilten_kernel::sql!(
            "INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at, confirmed_at)
             VALUES ($1, $2, 'sms', $3, 0, $4, $4)"
        );
        let (id, now) = (identity::FactorId::new(&*t.app.clock, &*t.app.random), t.app.now());
        let row = bilten_kernel::vals![id, user, [7_u8; 32], now];
        t.app.db.write(move |c| Box::pin(async move { c.exec(insert, row).await })).await.unwrap();
        assert_eq!(super::ticket(&t, user).await.1, [FactorKind::Recovery]);
        t.stop().await;
    }
}

async fn send_refused(t: &TestApp, ticket: &str) {
    let body = json!({ "ticket": ticket, "method": "email" });
    let answer = t
        .stranger
        .post("/api/v1/auth/second-factor/code", body)
        .await;
    answer.refused(404, "identity.not_found");
}

/// Another session of somebody, with all factors.
async fn ana_again(t: &TestApp, user: UserId) -> Client {
    t.signed_in(user, true).await
}

/// Lets the tests' organisation ask its members for a second factor.
async fn require_mfa(t: &TestApp) {
    let set = bilten_kernel::sql!("UPDATE organisations SET requires_mfa = TRUE WHERE slug = $1");
    t.app
        .db
        .write(move |c| {
            Box::pin(async move { c.exec(set, bilten_kernel::vals!["kino-siska"]).await })
        })
        .await
        .unwrap();
    t.app.principals.clear();
}
