//! What people can do about their own data.

use std::io::{Cursor, Read};
use std::time::Duration;

use bilten_kernel::db::DbError;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::catalog::EventId;
use bilten_server::identity::{
    self, Email, NewUser, Origin, Profile, Proof, Role, SessionKind, UserId,
};
use bilten_server::sales::{ItemRequest, NewOrder};
use serde_json::{Value, json};

use crate::app::{Client, TestApp, purchase};

/// Somebody with this verified address, signed in.
async fn somebody(t: &TestApp, email: &str) -> (UserId, Client) {
    let profile = Profile {
        email: email.parse().unwrap(),
        name: "Ana Novak".to_owned(),
        locale: None,
        phone: None,
    };
    let new = NewUser {
        profile,
        password_hash: Some("not a hash".to_owned()),
        is_verified: true,
    };
    let user = identity::create_user(&t.app, new).await.unwrap();
    (user, t.signed_in(user, false).await)
}

/// Gives Ana codes by SMS, and an app that is not confirmed; gives the recovery codes and the app's
/// secret.
async fn with_factors(t: &TestApp, ana: &Client) -> Vec<String> {
    let phone = json!({"phone": "+386 40 123 456"});
    let begun = ana.post("/api/v1/me/factors/sms", phone).await.expect(201);
    let code = t.sms_to("+38640123456").await[..6].to_owned();
    let path = format!(
        "/api/v1/me/factors/{}/confirm",
        begun["factor"].as_str().unwrap()
    );
    let confirmed = ana.post(&path, json!({"code": code})).await.expect(200);
    let told = t.mail_to("ana@example.com").await;
    assert_eq!(told.subject, "How you sign in was changed");
    let begun = ana
        .post("/api/v1/me/factors/totp", json!({}))
        .await
        .expect(201);
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    let secrets = codes.iter().chain([&begun["secret"]]);
    secrets
        .map(|secret| secret.as_str().unwrap().to_owned())
        .collect()
}

/// An administrator who acts as somebody.
async fn impersonated(t: &TestApp, user: UserId) -> Client {
    let (app, admin) = (t.app.clone(), t.person("admin").await);
    let begun = t.app.db.write(move |c| {
        Box::pin(async move {
            let id = identity::ImpersonationId::new(&*app.clock, &*app.random);
            let until = app.now() + Duration::from_secs(600);
            c.exec(
                sql!(
                    "INSERT INTO impersonations (id, admin_id, user_id, reason, started_at, expires_at)
                     VALUES ($1, $2, $3, 'a reason that is long enough', $4, $5)"
                ),
                vals![id, admin, user, app.now(), until],
            )
            .await?;
            let proof = Proof {
                methods: "test".to_owned(),
                is_mfa: true,
            };
            let origin = Origin {
                ip: [127, 0, 0, 1].into(),
                user_agent: "tests".to_owned(),
            };
            identity::begin_session(&app, c, user, SessionKind::App, &proof, &origin, Some((id, until))).await
        })
    });
    Client::new(&t.url, Some(&begun.await.unwrap().token))
}

/// How often the audit log tells of an action, and of whom.
async fn recorded(t: &TestApp, action: &'static str) -> Vec<(String, String, String)> {
    t.app
        .db
        .all(
            sql!("SELECT actor, subject, detail FROM audit_log WHERE action = $1 ORDER BY seq"),
            vals![action],
        )
        .await
        .unwrap()
}

/// The files of a copy.
fn files(archive: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}

fn file(files: &[(String, String)], name: &str) -> Value {
    let (_, text) = files.iter().find(|(is, _)| is == name).unwrap();
    serde_json::from_str(text).unwrap()
}

/// Waits for a copy and gives its id.
async fn copy(t: &TestApp, client: &Client, email: &str) -> String {
    let asked = client
        .post("/api/v1/me/exports", json!({}))
        .await
        .expect(202);
    let mail = t.mail_to(email).await;
    assert_eq!(mail.subject, "Your data is ready");
    asked["id"].as_str().unwrap().to_owned()
}

async fn download(client: &Client, id: &str) -> (u16, Vec<u8>) {
    let request = client.request(
        reqwest::Method::GET,
        &format!("/api/v1/me/exports/{id}/archive"),
    );
    let answer = request.send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.bytes().await.unwrap().to_vec(),
    )
}

on_both_engines! {
    /// covers: AUTH-9
    async fn a_profile_is_read_and_changed_by_its_owner(db: TestDb) {
        let t = TestApp::start(db).await;
        let (user, ana) = somebody(&t, "Ana@example.com").await;
        let profile = ana.get("/api/v1/me/profile").await.expect(200);
        assert_eq!(profile["email"], "Ana@example.com");
        assert_eq!((&profile["phone"], &profile["has_password"]), (&Value::Null, &json!(true)));
        let change = json!({"name": " Ana B. ", "locale": "sl-SI", "phone": "+386 (40) 123 456"});
        let changed = ana.patch("/api/v1/me/profile", change).await.expect(200);
        assert_eq!(changed["name"], "Ana B.");
        assert_eq!(changed["phone"], "+38640123456");
        // What is absent stays, null deletes.
        let changed = ana.patch("/api/v1/me/profile", json!({"phone": null})).await.expect(200);
        assert_eq!((&changed["phone"], &changed["locale"]), (&Value::Null, &json!("sl-SI")));
        let wrong = json!({"name": "\u{7}", "locale": "slovene language", "phone": "040 123 456"});
        let refused = ana.patch("/api/v1/me/profile", wrong).await.expect(422);
        assert_eq!(refused["errors"].as_array().unwrap().len(), 3, "{refused}");
        ana.patch("/api/v1/me/profile", json!({"email": "x@example.com"})).await.expect(422);
        assert_eq!(ana.get("/api/v1/me/profile").await.expect(200), changed);
        t.organiser.get("/api/v1/me/profile").await.refused(403, "identity.person_required");
        let told = recorded(&t, "profile.changed").await;
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, user.to_string());
        assert!(told.iter().all(|(_, _, detail)| !detail.contains("Ana") && !detail.contains("386")), "{told:?}");
        t.stop().await;
    }

    /// covers: AUTH-9, AUTH-1
    async fn an_address_is_another_once_it_is_confirmed_and_can_be_brought_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let (user, ana) = somebody(&t, "ana@example.com").await;
        let (_, eve) = somebody(&t, "eve@example.com").await;
        ana.post("/api/v1/me/email", json!({"email": "ana@"})).await.expect(422);
        ana.post("/api/v1/me/email", json!({"email": "ana@example.com"})).await.expect(422);
        ana.post("/api/v1/me/email", json!({"email": "new@example.org"})).await.expect(202);
        let mail = t.mail_to("new@example.org").await;
        assert_eq!(mail.subject, "Confirm your new e-mail address");
        let confirm = json!({"token": mail.token("token")});
        let before = ana.get("/api/v1/me/profile").await.expect(200);
        assert_eq!((&before["email"], &before["new_email"]), (&json!("ana@example.com"), &json!("new@example.org")));
        // Whoever follows the link without being the one who asked changes nothing.
        eve.post("/api/v1/me/email/confirm", confirm.clone()).await.refused(410, "identity.link_unknown");
        t.stranger.post("/api/v1/me/email/confirm", confirm.clone()).await.refused(401, "identity.unauthenticated");
        ana.post("/api/v1/me/email/confirm", confirm.clone()).await.expect(204);
        ana.post("/api/v1/me/email/confirm", confirm).await.refused(410, "identity.link_unknown");
        let after = ana.get("/api/v1/me/profile").await.expect(200);
        assert_eq!((&after["email"], &after["new_email"]), (&json!("new@example.org"), &Value::Null));
        let by_old: Email = "ana@example.com".parse().unwrap();
        assert!(identity::user_by_email(&t.app, &by_old).await.unwrap().is_none());

        let told = t.mail_to("ana@example.com").await;
        assert_eq!(told.subject, "Your e-mail address was changed");
        let undo = json!({"token": told.token("token")});
        t.clock.advance(Duration::from_secs(6 * 86_400));
        let thief = t.signed_in(user, false).await;
        t.stranger.post("/api/v1/auth/email/undo", undo.clone()).await.expect(204);
        thief.get("/api/v1/me/profile").await.refused(401, "identity.token_unknown");
        t.stranger.post("/api/v1/auth/email/undo", undo).await.refused(410, "identity.link_unknown");
        let back = identity::user_by_email(&t.app, &by_old).await.unwrap().unwrap();
        assert_eq!((back.id, back.password_hash), (user, None));
        t.stop().await;
    }

    /// covers: AUTH-9, AUTH-1
    async fn nobody_gets_the_address_of_another_account(db: TestDb) {
        let t = TestApp::start(db).await;
        let (_, ana) = somebody(&t, "ana@example.com").await;
        let (_, eve) = somebody(&t, "eve@example.com").await;
        // The answer is as always; the owner is told.
        eve.post("/api/v1/me/email", json!({"email": "ANA@example.com"})).await.expect(202);
        assert_eq!(t.mail_to("ANA@example.com").await.subject, "You have an account already");
        // Two who want the same new one at once: one gets it.
        let mut tokens = Vec::new();
        for who in [&ana, &eve] {
            who.post("/api/v1/me/email", json!({"email": "both@example.org"})).await.expect(202);
            tokens.push(json!({"token": t.mail_to("both@example.org").await.token("token")}));
        }
        let (a, b) = tokio::join!(
            ana.post("/api/v1/me/email/confirm", tokens[0].clone()),
            eve.post("/api/v1/me/email/confirm", tokens[1].clone())
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", a.text, b.text);
        // A newer wish ends the older one, and there are only so many in a day.
        let asker = if a.status == 409 { &ana } else { &eve };
        asker.post("/api/v1/me/email", json!({"email": "first@example.org"})).await.expect(202);
        asker.post("/api/v1/me/email", json!({"email": "second@example.org"})).await.expect(202);
        let first = json!({"token": t.mail_to("first@example.org").await.token("token")});
        asker.post("/api/v1/me/email/confirm", first).await.refused(410, "identity.link_unknown");
        for n in 0..5 {
            asker.post("/api/v1/me/email", json!({"email": format!("n{n}@example.org")})).await;
        }
        asker.post("/api/v1/me/email", json!({"email": "more@example.org"})).await.refused(429, "identity.too_many_changes");
        t.stop().await;
    }

    /// covers: AUTH-9
    async fn a_link_to_confirm_an_address_works_for_a_day(db: TestDb) {
        let t = TestApp::start(db).await;
        let (user, ana) = somebody(&t, "ana@example.com").await;
        ana.post("/api/v1/me/email", json!({"email": "new@example.org"})).await.expect(202);
        let confirm = json!({"token": t.mail_to("new@example.org").await.token("token")});
        t.clock.advance(Duration::from_secs(86_401));
        let later = t.signed_in(user, false).await;
        later.post("/api/v1/me/email/confirm", confirm).await.refused(410, "identity.link_unknown");
        t.stop().await;
    }

    /// covers: AUTH-9, BE-8
    async fn consents_are_given_in_a_version_and_only_added_to(db: TestDb) {
        let t = TestApp::start(db).await;
        let (_, ana) = somebody(&t, "ana@example.com").await;
        let give = |version: &str, is_given: bool| json!({"kind": "marketing", "version": version, "is_given": is_given});
        let none = ana.get("/api/v1/me/consents").await.expect(200);
        assert_eq!(none["history"], json!([]));
        assert_eq!(none["consents"].as_array().unwrap().len(), 4);
        ana.post("/api/v1/me/consents", give("0", true)).await.refused(409, "identity.consent_version");
        for _ in 0..2 {
            ana.post("/api/v1/me/consents", give("1", true)).await.expect(200);
        }
        for _ in 0..2 {
            ana.post("/api/v1/me/consents", give("1", false)).await.expect(200);
        }
        let terms = json!({"kind": "terms", "version": "1", "is_given": false});
        ana.post("/api/v1/me/consents", terms).await.refused(409, "identity.consent_required");
        ana.post("/api/v1/me/consents", json!({"kind": "soul", "is_given": true})).await.expect(422);
        let all = ana.get("/api/v1/me/consents").await.expect(200);
        let given: Vec<_> = all["history"].as_array().unwrap().iter().map(|c| c["is_given"].clone()).collect();
        assert_eq!(given, [json!(true), json!(false)], "saying it twice adds nothing: {all}");
        t.stop().await;
    }

    /// covers: AUTH-9, BE-8
    async fn a_copy_holds_everything_and_is_for_its_owner_only(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut order = purchase(&event, 0, 2, "succeed");
        order["buyer"]["email"] = json!("ANA@Example.com");
        t.stranger.post_once("/api/v1/shop/orders", "k1", &order).await.expect(201);
        order["buyer"]["email"] = json!("not-ana@example.com");
        t.stranger.post_once("/api/v1/shop/orders", "k2", &order).await.expect(201);
        let (user, ana) = somebody(&t, "ana@example.com").await;
        let (_, eve) = somebody(&t, "eve@example.com").await;
        ana.post("/api/v1/me/consents", json!({"kind": "terms", "version": "1", "is_given": true})).await.expect(200);
        ana.patch("/api/v1/me/profile", json!({"phone": "+38640123456"})).await.expect(200);
        let codes = with_factors(&t, &ana).await;
        let id = copy(&t, &ana, "ana@example.com").await;
        assert_eq!(ana.post("/api/v1/me/exports", json!({})).await.expect(202)["id"], id, "one is enough");
        let (status, archive) = download(&ana, &id).await;
        assert_eq!(status, 200);
        let files = files(&archive);
        let held = |name: &str| file(&files, name);
        assert_eq!(held("profile.json")["profile"]["phone"], "+38640123456");
        assert_eq!(held("sessions.json")[0]["from"]["user_agent"], "tests");
        assert_eq!(held("consents.json")[0]["kind"], "terms");
        let orders = held("orders.json");
        assert_eq!(orders.as_array().unwrap().len(), 1, "{orders}");
        assert_eq!(orders[0]["order"]["total_minor"], 5000);
        assert_eq!(orders[0]["tickets"].as_array().unwrap().len(), 2);
        assert!(held("recorded_actions.json").to_string().contains("profile.changed"));
        let factors = held("second_factors.json");
        assert_eq!((&factors[0]["kind"], &factors[0]["number"]), (&json!("sms"), &json!("+38640123456")));
        assert_eq!((&factors[1]["kind"], &factors[1]["number"]), (&json!("totp"), &Value::Null));
        assert_eq!(held("recovery_codes.json").as_array().unwrap().len(), 10);
        for secret in codes.iter().map(String::as_str).chain(["not a hash"]) {
            assert!(files.iter().all(|(_, text)| !text.contains(secret)), "no secrets");
        }

        // Nobody else's, and not for ever; sealed where it is kept.
        assert_eq!(download(&eve, &id).await.0, 404);
        assert_eq!(download(&t.stranger, &id).await.0, 401);
        let admin = impersonated(&t, user).await;
        assert_eq!(download(&admin, &id).await.0, 403);
        let kept: Vec<u8> = t.app.db.scalar(sql!("SELECT sealed_archive FROM data_exports"), vals![]).await.unwrap();
        assert!(!kept.windows(4).any(|part| part == b"PK\x03\x04"), "the archive is not sealed");
        t.clock.advance(Duration::from_secs(7 * 86_400 + 1));
        let later = t.signed_in(user, true).await;
        assert_eq!(download(&later, &id).await.0, 404);
        assert_eq!(later.get("/api/v1/me/exports").await.expect(200), json!([]));
        t.stop().await;
    }

    /// covers: AUTH-9, BE-8
    async fn an_erased_person_is_gone_and_the_books_are_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut order = purchase(&event, 0, 2, "succeed");
        order["buyer"] = json!({"email": "Ana@Example.com", "name": "Ana Novak"});
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k1", &order).await.expect(201);
        let (order_id, ticket) = (bought["order"]["id"].as_str().unwrap(), bought["tickets"][0]["id"].as_str().unwrap());
        let given = bought["tickets"][1]["id"].as_str().unwrap();
        let reissue = json!({"version": 1, "holder_name": "Bor Kos"});
        t.organiser.post(&format!("/api/v1/tickets/{given}/reissue"), reissue).await.expect(200);
        let (user, ana) = somebody(&t, "ana@example.com").await;
        let other = t.signed_in(user, false).await;
        with_factors(&t, &ana).await;
        copy(&t, &ana, "ana@example.com").await;
        // What staff writes of her is about her, too, and so is a hash of what she sent.
        let party = t.event(&[("Standing", 2500, 10)]).await;
        let comp = json!({"items": [{"tier": party.tiers[0], "quantity": 1}], "buyer": order["buyer"], "payment": "comp", "reason": "Ana is 40"});
        let comp = t.organiser.post_once(&format!("/api/v1/events/{}/orders", party.id), "comp", &comp).await.expect(201);
        let wish = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}], "email": "ana@example.com"});
        t.stranger.post_once("/api/v1/shop/holds", "held", &wish).await.expect(201);
        let items = [ItemRequest::of(event.tiers[0].parse().unwrap(), 1)];
        let wish = NewOrder::hash_of(&(event.id.parse::<EventId>().unwrap(), &items, Vec::<String>::new(), "ana@example.com"));
        let mut hashes: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT request_hash FROM orders"), vals![]).await.unwrap();
        hashes.push(wish.to_vec());
        ana.post("/api/v1/me/email", json!({"email": "new@example.org"})).await.expect(202);
        let feed = |t: &TestApp| t.app.db.clone();
        let position: i64 = feed(&t).scalar(sql!("SELECT MAX(position) FROM feeds"), vals![]).await.unwrap();

        ana.post("/api/v1/me/erase", json!({"word": "delete"})).await.expect(422);
        impersonated(&t, user).await.post("/api/v1/me/erase", json!({"word": "erase"})).await.refused(403, "identity.impersonated");
        ana.post("/api/v1/me/erase", json!({"word": "erase"})).await.expect(204);
        for dead in [&ana, &other] {
            dead.get("/api/v1/me/profile").await.refused(401, "identity.token_unknown");
        }
        assert_eq!(t.mail_to("ana@example.com").await.subject, "Your account was erased");
        let left = identity::user(&t.app, user).await.unwrap();
        assert_eq!((left.profile, left.password_hash, left.state.as_str()), (None, None, "erased"));
        let rows: i64 = t.app.db.scalar(
            sql!(
                "SELECT (SELECT COUNT(*) FROM sessions WHERE user_id = $1) + (SELECT COUNT(*) FROM email_changes WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM data_exports WHERE user_id = $1) + (SELECT COUNT(*) FROM one_time_tokens WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM sign_in_attempts WHERE user_id = $1) + (SELECT COUNT(*) FROM audit_persons WHERE person = $1)
                 + (SELECT COUNT(*) FROM mfa_methods WHERE user_id = $1) + (SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM passkeys WHERE user_id = $1) AS left_over"
            ),
            vals![user],
        ).await.unwrap();
        assert_eq!(rows, 0);

        let kept: Vec<Vec<u8>> = t.app.db.scalars(
            sql!("SELECT request_hash FROM orders UNION ALL SELECT request_hash FROM payments UNION ALL SELECT request_hash FROM holds"),
            vals![],
        ).await.unwrap();
        assert_eq!(kept.len(), 5);
        assert!(kept.iter().all(|hash| !hashes.contains(hash)), "names could be tried against a hash");
        let origin = t.organiser.get(&format!("/api/v1/orders/{}/origin", comp["order"]["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&origin["paid_by"], &origin["reason"]), (&json!("comp"), &json!("")));

        // What was paid stays, without a name; the ticket lets in, and gates forget the name.
        let kept = t.organiser.get(&format!("/api/v1/orders/{order_id}")).await.expect(200);
        assert_eq!((&kept["total_minor"], &kept["state"]), (&json!(5000), &json!("paid")));
        assert_eq!((&kept["name"], &kept["email"]), (&json!("(erased)"), &json!("")));
        let kept = t.organiser.get(&format!("/api/v1/tickets/{ticket}")).await.expect(200);
        assert_eq!((&kept["holder_name"], &kept["state"]), (&json!("(erased)"), &json!("valid")));
        let others = t.organiser.get(&format!("/api/v1/tickets/{given}")).await.expect(200);
        assert_eq!(others["holder_name"], "Bor Kos", "somebody else holds this one");
        let after: i64 = feed(&t).scalar(sql!("SELECT MAX(position) FROM feeds"), vals![]).await.unwrap();
        assert_eq!(after, position + 1);
        // The address is free again, and whoever has it next sees nothing of before.
        let (next, again) = somebody(&t, "ana@example.com").await;
        assert_ne!(next, user);
        let id = copy(&t, &again, "ana@example.com").await;
        assert_eq!(file(&files(&download(&again, &id).await.1), "orders.json"), json!([]));
        t.stop().await;
    }

    /// covers: AUTH-9, BE-8
    async fn nothing_by_which_an_erased_person_signed_in_is_left(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let (user, _) = somebody(&t, "ana@example.com").await;
        identity::add_member(&t.app, organisation, user, Some(Role::BoxOffice)).await.unwrap();
        let kept = t.app.db.write(move |c| {
            Box::pin(async move {
                for statement in [
                    sql!(
                        "INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at, confirmed_at)
                         VALUES ('mfa_1', $1, 'totp', $2, 0, 0, 0)"
                    ),
                    sql!("INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, 0)"),
                    sql!(
                        "INSERT INTO passkeys (id, user_id, credential_id, sealed_credential, name, created_at)
                         VALUES ('psk_1', $1, $2, $2, 'Phone', 0)"
                    ),
                    sql!(
                        "INSERT INTO one_time_tokens (token_hash, purpose, user_id, sealed_content, attempts, created_at, expires_at)
                         VALUES ($2, 'tests', $1, $2, 0, 0, 9000000000000)"
                    ),
                ] {
                    c.exec(statement, vals![user, vec![7_u8; 32]]).await?;
                }
                c.exec(
                    sql!(
                        "INSERT INTO sso_connections (id, slug, kind, name, sealed_config, role_mapping, is_enabled, created_at, updated_at)
                         VALUES ('sso_1', 'tests', 'oidc', 'Tests', $1, '{}', FALSE, 0, 0)"
                    ),
                    vals![vec![7_u8; 32]],
                )
                .await?;
                for statement in [
                    sql!(
                        "INSERT INTO flagged_accounts (user_id, times, was_let_in, first_at, last_at)
                         VALUES ($1, 1, FALSE, 0, 0)"
                    ),
                    sql!(
                        "INSERT INTO identity_links (connection_id, subject, user_id, created_at)
                         VALUES ('sso_1', 'ana', $1, 0)"
                    ),
                    sql!(
                        "INSERT INTO staff_pins (member_id, organisation_id, pin_hash, created_at)
                         SELECT id, organisation_id, 'not a hash', 0 FROM members WHERE user_id = $1"
                    ),
                ] {
                    c.exec(statement, vals![user]).await?;
                }
                Ok::<_, DbError>(())
            })
        });
        kept.await.unwrap();
        t.signed_in(user, false).await.post("/api/v1/me/erase", json!({"word": "erase"})).await
            .refused(403, "identity.reauthentication_required");
        t.signed_in(user, true).await.post("/api/v1/me/erase", json!({"word": "erase"})).await.expect(204);
        let rows: i64 = t.app.db.scalar(
            sql!(
                "SELECT (SELECT COUNT(*) FROM mfa_methods WHERE user_id = $1) + (SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM passkeys WHERE user_id = $1) + (SELECT COUNT(*) FROM one_time_tokens WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM identity_links WHERE user_id = $1) + (SELECT COUNT(*) FROM flagged_accounts WHERE user_id = $1)
                 + (SELECT COUNT(*) FROM staff_pins p JOIN members m ON m.id = p.member_id WHERE m.user_id = $1)
                 + (SELECT COUNT(*) FROM members WHERE user_id = $1 AND removed_at IS NULL) AS left_over"
            ),
            vals![user],
        ).await.unwrap();
        assert_eq!(rows, 0);
        t.stop().await;
    }

    /// covers: AUTH-9
    async fn an_only_owner_stays_until_there_is_another(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let (ana, first) = somebody(&t, "ana@example.com").await;
        identity::add_member(&t.app, organisation, ana, Some(Role::Owner)).await.unwrap();
        let word = json!({"word": "erase"});
        let refused = first.post("/api/v1/me/erase", word.clone()).await.refused(409, "identity.only_owner");
        assert!(refused["detail"].as_str().unwrap().contains("kino-siska"), "{refused}");
        first.get("/api/v1/me/profile").await.expect(200);
        // Two owners who leave at once: one of them stays.
        let (bor, second) = somebody(&t, "bor@example.com").await;
        identity::add_member(&t.app, organisation, bor, Some(Role::Owner)).await.unwrap();
        let (a, b) = tokio::join!(
            first.post("/api/v1/me/erase", word.clone()),
            second.post("/api/v1/me/erase", word.clone())
        );
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", a.text, b.text);
        t.stop().await;
    }

    /// covers: BE-8
    async fn who_reads_what_is_personal_is_recorded_once_a_request(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let list = format!("/api/v1/events/{}/orders", event.id);
        t.organiser.get(&list).await.expect(200);
        assert!(recorded(&t, "personal_data.read").await.is_empty(), "nothing was read");
        for key in ["k1", "k2"] {
            t.stranger.buy(&event, 0, 1, "succeed", key).await.expect(201);
        }
        let finance = t.member(Role::Finance).await;
        let page = finance.get(&list).await.expect(200);
        let order = page["items"][0]["id"].as_str().unwrap();
        finance.get(&format!("/api/v1/orders/{order}")).await.expect(200);
        t.other_organiser().await.get(&list).await.expect(404);
        let told = recorded(&t, "personal_data.read").await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].0.starts_with("usr_") && told[0].1 == event.id, "{told:?}");
        assert!(told[0].2.contains("\"count\":2") && told[1].1 == order, "{told:?}");
        assert!(told.iter().all(|(_, _, detail)| !detail.contains("ana@")), "{told:?}");
        t.stop().await;
    }
}
