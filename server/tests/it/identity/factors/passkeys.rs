//! Passkeys, with a software authenticator.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_kernel::testing::TestDb;
use bilten_server::identity::{FactorKind, SignInStep};
use serde_json::{Value, json};

use super::authenticator::Authenticator;
use super::*;
use crate::identity::mail::settled;

/// A server with a name, without which there are no passkeys.
async fn start(db: TestDb) -> TestApp {
    TestApp::start_with(db, |config| {
        config.http.public_url = "http://localhost".to_owned();
    })
    .await
}

const ORIGIN: &str = "http://localhost";

async fn begin(client: &Client, path: &str, body: Value) -> (String, Value) {
    let begun = client.post(path, body).await.expect(200);
    let ceremony = begun["ceremony"].as_str().unwrap().to_owned();
    (ceremony, begun["options"].clone())
}

/// Adds a passkey to somebody's account.
async fn add(client: &Client, authenticator: &mut Authenticator, name: &str) -> Answer {
    let (ceremony, options) = begin(client, "/api/v1/me/passkeys/begin", json!({})).await;
    let credential = authenticator.create(&options);
    let body = json!({ "ceremony": ceremony, "name": name, "credential": credential });
    client.post("/api/v1/me/passkeys", body).await
}

async fn begin_sign_in(t: &TestApp, body: Value) -> (String, Value) {
    begin(&t.stranger, "/api/v1/auth/passkey/begin", body).await
}

async fn finish_sign_in(t: &TestApp, ceremony: &str, credential: &Value) -> Answer {
    let body = json!({ "ceremony": ceremony, "credential": credential });
    t.stranger.post("/api/v1/auth/passkey", body).await
}

/// Signs in without a name.
async fn sign_in(t: &TestApp, authenticator: &mut Authenticator) -> Answer {
    let (ceremony, options) = begin_sign_in(t, json!({})).await;
    let credential = authenticator.get(&options);
    finish_sign_in(t, &ceremony, &credential).await
}

on_both_engines! {
    /// covers: AUTH-4
    async fn a_passkey_is_added_named_used_and_removed(db: TestDb) {
        let t = start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        let mut phone = Authenticator::new(ORIGIN, 1);
        let (_, options) = begin(&ana, "/api/v1/me/passkeys/begin", json!({})).await;
        let wanted = &options["publicKey"]["authenticatorSelection"];
        assert_eq!(wanted["userVerification"], "required");
        assert_eq!(wanted["residentKey"], "preferred");
        let added = add(&ana, &mut phone, " Phone ").await.expect(201);
        assert_eq!(added["passkey"]["name"], "Phone");
        assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
        // The same authenticator is asked not to make a second one, and is refused if it does.
        let (_, options) = begin(&ana, "/api/v1/me/passkeys/begin", json!({})).await;
        assert_eq!(options["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 1);
        add(&ana, &mut phone, "Twice").await.refused(409, "identity.passkey_taken");

        let signed_in = sign_in(&t, &mut phone).await.expect(200);
        let token = signed_in["access_token"].as_str().unwrap();
        let again = t.stranger.with_token(token);
        let listed = again.get("/api/v1/me/passkeys").await.expect(200);
        assert!(listed[0]["used_at"].is_string(), "{listed}");
        let path = format!("/api/v1/me/passkeys/{}", listed[0]["id"].as_str().unwrap());
        again.patch(&path, json!({"name": "Old phone"})).await.expect(204);
        again.patch(&path, json!({"name": "a\nb"})).await.refused(422, "invalid");
        assert_eq!(again.get("/api/v1/me/passkeys").await.expect(200)[0]["name"], "Old phone");
        let bor = t.signed_in(t.person("bor").await, false).await;
        bor.delete(&path).await.refused(404, "identity.not_found");
        bor.patch(&path, json!({"name": "x"})).await.refused(404, "identity.not_found");
        again.delete(&path).await.expect(204);
        sign_in(&t, &mut phone).await.refused(422, "identity.passkey_refused");
        assert!(matches!(after(&t, user, "password").await, SignInStep::Done(_)));
        t.stop().await;
    }

    /// covers: AUTH-4
    async fn what_an_authenticator_gets_wrong_is_refused(db: TestDb) {
        let t = start(db).await;
        let user = t.person("ana").await;
        let ana = t.signed_in(user, false).await;
        // Neither another site nor an unverified user makes a passkey.
        let mut evil = Authenticator::new("http://evil.localhost", 2);
        add(&ana, &mut evil, "").await.refused(422, "identity.passkey_refused");
        let mut hasty = Authenticator::new(ORIGIN, 2);
        hasty.verifies = false;
        add(&ana, &mut hasty, "").await.refused(422, "identity.passkey_refused");
        let mut key = Authenticator::new(ORIGIN, 2);
        add(&ana, &mut key, "").await.expect(201);

        type Lie = fn(&mut Authenticator);
        let lies: [Lie; 4] = [
            |a| a.origin = "http://evil.localhost".to_owned(),
            |a| a.origin = "http://localhost:81".to_owned(),
            |a| a.verifies = false,
            |a| a.names_user = false,
        ];
        for lie in lies {
            let mut liar = key.clone();
            lie(&mut liar);
            sign_in(&t, &mut liar).await.refused(422, "identity.passkey_refused");
        }
        // Another's signature under this name, another challenge, the same answer twice.
        let mut forger = Authenticator::new(ORIGIN, 3);
        let (ceremony, options) = begin_sign_in(&t, json!({})).await;
        let mut forged = key.clone().get(&options);
        forged["response"]["signature"] = forger.get(&options)["response"]["signature"].clone();
        finish_sign_in(&t, &ceremony, &forged).await.refused(422, "identity.passkey_refused");
        let (_, other) = begin_sign_in(&t, json!({})).await;
        let (ceremony, options) = begin_sign_in(&t, json!({})).await;
        let elsewhere = key.clone().get(&other);
        finish_sign_in(&t, &ceremony, &elsewhere).await.refused(422, "identity.passkey_refused");
        // A challenge is answered once, even wrongly.
        let right = key.get(&options);
        finish_sign_in(&t, &ceremony, &right).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin_sign_in(&t, json!({})).await;
        let right = key.get(&options);
        finish_sign_in(&t, &ceremony, &right).await.expect(200);
        finish_sign_in(&t, &ceremony, &right).await.refused(422, "identity.passkey_refused");
        // Too late.
        let (ceremony, options) = begin_sign_in(&t, json!({})).await;
        t.clock.advance(Duration::from_secs(301));
        let late = key.get(&options);
        finish_sign_in(&t, &ceremony, &late).await.refused(422, "identity.passkey_refused");
        for garbage in [json!(null), json!({}), json!("x"), json!({"id": "", "rawId": "!", "type": "public-key", "response": {}})] {
            let answer = finish_sign_in(&t, "x", &garbage).await;
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
        t.stop().await;
    }

    /// covers: AUTH-4
    async fn a_counter_that_goes_back_is_a_copy(db: TestDb) {
        let t = start(db).await;
        let user = t.person("ana").await;
        let mut key = Authenticator::new(ORIGIN, 4);
        add(&t.signed_in(user, false).await, &mut key, "").await.expect(201);
        let mut before = key.clone();
        let mut copy = before.clone();
        sign_in(&t, &mut key).await.expect(200);
        settled(&t).await;
        sign_in(&t, &mut copy).await.refused(422, "identity.passkey_refused");
        let copied = bilten_kernel::sql!("SELECT COUNT(*) FROM audit_log WHERE action = $1");
        let count: i64 = t.app.db.scalar(copied, bilten_kernel::vals!["passkey.copied"]).await.unwrap();
        assert_eq!(count, 1);
        // The owner is told, once in an hour.
        let address = identity::user(&t.app, user).await.unwrap().profile.unwrap().email.to_string();
        settled(&t).await;
        let mut told = t.mail_to(&address).await;
        while t.mails_waiting(&address) > 0 {
            let other = t.mail_to(&address).await;
            if other.subject == "A copy of your passkey was refused" {
                told = other;
            }
        }
        assert_eq!(told.subject, "A copy of your passkey was refused");
        assert!(told.text.contains("Your passkey Passkey was shown") && told.link().contains("/account/passkeys"), "{}", told.text);
        let mut copy = before.clone();
        sign_in(&t, &mut copy).await.refused(422, "identity.passkey_refused");
        settled(&t).await;
        assert_eq!(t.mails_waiting(&address), 0);
        t.clock.advance(Duration::from_secs(3_600));
        sign_in(&t, &mut before).await.refused(422, "identity.passkey_refused");
        assert_eq!(t.mail_to(&address).await.subject, told.subject);
        // Both at the same moment: one of them.
        let mut twin = key.clone();
        let ((one, first), (two, second)) = (begin_sign_in(&t, json!({})).await, begin_sign_in(&t, json!({})).await);
        let (first, second) = (key.get(&first), twin.get(&second));
        let answers = tokio::join!(finish_sign_in(&t, &one, &first), finish_sign_in(&t, &two, &second));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422]);
        // Synchronised passkeys count nothing.
        let mut cloud = Authenticator::new(ORIGIN, 5);
        cloud.counter = None;
        add(&t.signed_in(user, true).await, &mut cloud, "").await.expect(201);
        for _ in 0..2 {
            sign_in(&t, &mut cloud).await.expect(200);
        }
        t.stop().await;
    }

    /// covers: AUTH-4
    async fn an_address_tells_nobody_whether_it_has_an_account(db: TestDb) {
        let t = start(db).await;
        let user = t.person("ana").await;
        let mut key = Authenticator::new(ORIGIN, 6);
        // A key without room for a name needs the address.
        key.names_user = false;
        add(&t.signed_in(user, false).await, &mut key, "").await.expect(201);
        let email = identity::user(&t.app, user).await.unwrap().profile.unwrap().email;
        let (ceremony, options) = begin_sign_in(&t, json!({ "email": email })).await;
        assert!(key.is_named(&options));
        let shown = key.get(&options);
        finish_sign_in(&t, &ceremony, &shown).await.expect(200);
        // Somebody without passkeys, and nobody: each the same credentials every time.
        let bor = t.person("bor").await;
        let bor = identity::user(&t.app, bor).await.unwrap().profile.unwrap().email;
        for email in [bor.as_str(), "nobody@example.com"] {
            let (ceremony, options) = begin_sign_in(&t, json!({ "email": email })).await;
            let (_, again) = begin_sign_in(&t, json!({ "email": email.to_uppercase() })).await;
            let named = &options["publicKey"]["allowCredentials"];
            assert!(!named.as_array().unwrap().is_empty(), "{options}");
            assert_eq!(named, &again["publicKey"]["allowCredentials"]);
            assert_eq!(named[0]["type"], "public-key");
            // Ana's passkey opens no other account.
            let shown = key.get(&options);
            finish_sign_in(&t, &ceremony, &shown).await.refused(422, "identity.passkey_refused");
        }
        t.stop().await;
    }

    /// covers: AUTH-3, AUTH-4
    async fn a_passkey_ends_a_sign_in_and_only_its_own(db: TestDb) {
        let t = start(db).await;
        let (user, other) = (t.person("ana").await, t.person("bor").await);
        let ana = t.signed_in(user, false).await;
        let (mut key, mut others) = (Authenticator::new(ORIGIN, 7), Authenticator::new(ORIGIN, 8));
        add(&ana, &mut key, "").await.expect(201);
        add(&t.signed_in(other, false).await, &mut others, "").await.expect(201);
        let path = "/api/v1/auth/second-factor/passkey";
        let show = async |ticket: &str, ceremony: &str, credential: Value| {
            let body = json!({ "ticket": ticket, "method": "passkey", "ceremony": ceremony, "credential": credential });
            t.stranger.post("/api/v1/auth/second-factor", body).await
        };
        let (first, methods) = ticket(&t, user).await;
        assert_eq!(methods, [FactorKind::Passkey, FactorKind::Recovery]);
        let (second, _) = ticket(&t, user).await;
        let (ceremony, options) = begin(&t.stranger, path, json!({ "ticket": first })).await;
        assert!(key.is_named(&options) && !others.is_named(&options));
        // Another person's passkey, another sign-in, and a ceremony of another kind.
        show(&first, &ceremony, others.get(&options)).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin(&t.stranger, path, json!({ "ticket": first })).await;
        show(&second, &ceremony, key.get(&options)).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin_sign_in(&t, json!({})).await;
        show(&first, &ceremony, key.get(&options)).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin(&t.stranger, path, json!({ "ticket": first })).await;
        finish_sign_in(&t, &ceremony, &key.get(&options)).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin(&t.stranger, path, json!({ "ticket": first })).await;
        show(&first, &ceremony, key.get(&options)).await.expect(200);

        // In a session: only in the one that began.
        t.clock.advance(Duration::from_secs(601));
        let elsewhere = t.signed_in(user, true).await;
        let again = async |client: &Client, ceremony: &str, credential: Value| {
            let body = json!({ "method": "passkey", "ceremony": ceremony, "credential": credential });
            client.post("/api/v1/me/reauthenticate/factor", body).await
        };
        let path = "/api/v1/me/reauthenticate/passkey";
        let (ceremony, options) = begin(&ana, path, json!({})).await;
        again(&elsewhere, &ceremony, key.get(&options)).await.refused(422, "identity.passkey_refused");
        let (ceremony, options) = begin(&ana, path, json!({})).await;
        again(&ana, &ceremony, key.get(&options)).await.expect(204);
        // What was begun in one session is finished in no other, nor by anybody else.
        let (ceremony, options) = begin(&ana, "/api/v1/me/passkeys/begin", json!({})).await;
        let mut new = Authenticator::new(ORIGIN, 9);
        let body = json!({ "ceremony": ceremony, "name": "", "credential": new.create(&options) });
        for client in [&elsewhere, &t.signed_in(other, true).await] {
            let answer = client.post("/api/v1/me/passkeys", body.clone()).await;
            answer.refused(422, "identity.passkey_refused");
        }
        ana.post("/api/v1/me/passkeys", body).await.expect(201);
        t.stop().await;
    }

    /// covers: AUTH-4
    async fn a_server_without_a_name_has_none(db: TestDb) {
        let t = TestApp::start(db).await;
        let ana = t.signed_in(t.person("ana").await, false).await;
        assert_eq!(ana.get("/api/v1/me/factors").await.expect(200)["has_passkeys"], false);
        for (client, path) in [(&ana, "/api/v1/me/passkeys/begin"), (&t.stranger, "/api/v1/auth/passkey/begin")] {
            client.post(path, json!({})).await.refused(409, "identity.passkeys_unavailable");
        }
        t.stop().await;
    }
}
