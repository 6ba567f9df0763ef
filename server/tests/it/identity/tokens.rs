//! Access tokens and refresh tokens of apps: forged, old, used twice.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, SessionKind, UserState};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use super::people::{Phone, person, set_state};
use crate::app::TestApp;

const MINE: &str = "/api/v1/me/sessions";

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = format!(
        "{}.{}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims.to_string())
    );
    format!(
        "{text}.{}",
        BASE64.encode(key.sign(text.as_bytes()).to_bytes())
    )
}

/// The key that really signs, taken out of the vault.
async fn real_key(t: &TestApp, kid: &str) -> SigningKey {
    let statement = sql!("SELECT sealed_secret FROM token_keys WHERE key_id = $1");
    let sealed: Vec<u8> = t.app.db.scalar(statement, vals![kid]).await.unwrap();
    let secret = t
        .app
        .vault
        .open(&format!("token key {kid}"), &sealed)
        .unwrap();
    SigningKey::from_bytes(&secret.try_into().unwrap())
}

async fn is_good(t: &TestApp, token: &str) -> bool {
    let answer = t.stranger.with_token(token).get(MINE).await;
    match answer.status {
        200 => true,
        _ => {
            answer.refused(401, "identity.token_unknown");
            false
        }
    }
}

on_both_engines! {
    /// covers: AUTH-2, AUTH-10, BE-1
    async fn only_tokens_of_ours_for_us_and_for_now_are_good(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.identity.access_token_s = 600).await;
        person(&t, "ana@example.com").await;
        let eve = person(&t, "eve@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let ana = phone.sign_in("ana@example.com").await;
        let hers = phone.sign_in("eve@example.com").await;
        let (header, claims) = (part(&ana.access, 0), part(&ana.access, 1));
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("JWT")));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
        assert!(!claims.to_string().contains("ana"), "nothing personal: {claims}");
        let key = real_key(&t, header["kid"].as_str().unwrap()).await;
        let with = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            claims
        };
        let headed = |name: &str, value: Value| {
            let mut header = header.clone();
            header[name] = value;
            header
        };
        // What is made here would be taken if nothing were wrong with it.
        assert!(is_good(&t, &signed(&key, &header, &claims)).await);
        let now = t.app.now().ms() / 1_000;
        assert!(is_good(&t, &signed(&key, &header, &with("iat", json!(now + 25)))).await, "clocks differ a little");
        assert!(is_good(&t, &signed(&key, &header, &with("exp", json!(now - 20)))).await, "clocks differ a little");

        let stranger = SigningKey::from_bytes(&[7; 32]);
        let (text, signature) = ana.access.rsplit_once('.').unwrap();
        let (_, payload) = text.split_once('.').unwrap();
        let mut other_key = header.clone();
        other_key["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(stranger.verifying_key().to_bytes())});
        let page_session = {
            let app = t.app.clone();
            let begun = t.app.db.write(move |c| Box::pin(async move {
                let (proof, origin) = (identity::Proof::single("test"), identity::Origin::new([127, 0, 0, 1].into(), "tests"));
                identity::begin_session(&app, c, eve, SessionKind::Page, &proof, &origin, None).await
            }));
            begun.await.unwrap().session.to_string()
        };
        for (why, token) in [
            ("no algorithm", format!("{}.{payload}.", BASE64.encode(headed("alg", json!("none")).to_string()))),
            ("no algorithm, signed", signed(&key, &headed("alg", json!("none")), &claims)),
            ("another algorithm", signed(&key, &headed("alg", json!("HS256")), &claims)),
            ("no signature", format!("{text}.")),
            ("another key", signed(&stranger, &header, &claims)),
            ("another key that it brings along", signed(&stranger, &other_key, &claims)),
            ("a key nobody knows", signed(&key, &headed("kid", json!("unknown")), &claims)),
            ("what must be understood", signed(&key, &headed("crit", json!(["exp"])), &claims)),
            ("another audience", signed(&key, &header, &with("aud", json!("https://elsewhere.example/api/v1")))),
            ("two audiences", signed(&key, &header, &with("aud", json!([claims["aud"], "x"])))),
            ("another issuer", signed(&key, &header, &with("iss", json!("https://elsewhere.example")))),
            ("expired", signed(&key, &header, &with("exp", json!(now - 31)))),
            ("not yet", signed(&key, &header, &with("iat", json!(now + 3_600)))),
            ("no end", signed(&key, &header, &with("exp", Value::Null))),
            ("somebody else's session", signed(&key, &header, &with("sid", json!(hers.session)))),
            ("somebody else", signed(&key, &header, &with("sub", json!(eve)))),
            ("a session that does not exist", signed(&key, &header, &with("sid", json!("ses_00000000000000000000000000")))),
            ("a page's session", signed(&key, &header, &{
                let mut claims = with("sid", json!(page_session));
                claims["sub"] = json!(eve);
                claims
            })),
            ("another payload", format!("{}.{}.{signature}", text.split_once('.').unwrap().0, BASE64.encode(with("sub", json!(eve)).to_string()))),
            ("something behind it", format!("{}x", ana.access)),
            ("one part more", format!("{}.x", ana.access)),
            ("padding", format!("{}==", ana.access)),
            ("much too long", format!("{text}{}.{signature}", "A".repeat(7_000))),
            ("only its beginning", "eyJ".to_owned()),
            ("dots", "eyJ...".to_owned()),
            ("a refresh token", ana.refresh.clone()),
        ] {
            assert!(!is_good(&t, &token).await, "{why}");
        }
        assert!(is_good(&t, &ana.access).await);
        // Some of the half minute that clocks may be apart is left to a slow machine.
        t.clock.advance(Duration::from_secs(605));
        assert!(is_good(&t, &ana.access).await);
        t.clock.advance(Duration::from_secs(26));
        assert!(!is_good(&t, &ana.access).await);
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-9, BE-1
    async fn tokens_die_with_their_session_and_with_their_person(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let (first, second) = (phone.sign_in("ana@example.com").await, phone.sign_in("ana@example.com").await);
        assert!(is_good(&t, &first.access).await);
        second.client.delete(&format!("{MINE}/{}", first.session)).await.expect(204);
        assert!(!is_good(&t, &first.access).await);
        phone.refresh(&first.refresh).await.refused(401, "identity.refresh_unknown");
        assert!(is_good(&t, &second.access).await);
        set_state(&t, user, UserState::Erased).await;
        assert!(!is_good(&t, &second.access).await);
        phone.refresh(&second.refresh).await.refused(401, "identity.refresh_unknown");
        t.stop().await;
    }

    /// covers: AUTH-2, BE-1
    async fn a_refresh_token_counts_once_and_a_second_use_ends_the_session(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let (phone, thief) = (Phone::new(&t, "Bilten/1.0"), Phone::new(&t, "curl/8"));
        let token = |answer: crate::app::Answer| answer.expect(200)["refresh_token"].as_str().unwrap().to_owned();
        let first = phone.sign_in("ana@example.com").await;
        let second = token(phone.refresh(&first.refresh).await);
        assert_ne!(first.refresh, second);
        // The answer was lost: the same client asks again, at once, and is told the same.
        assert_eq!(token(phone.refresh(&first.refresh).await), second);
        let third = token(phone.refresh(&second).await);
        assert!(is_good(&t, &first.access).await);
        // The one after was used: this is no lost answer any more.
        phone.refresh(&first.refresh).await.refused(401, "identity.refresh_reused");
        assert!(!is_good(&t, &first.access).await, "the whole session has ended");
        phone.refresh(&third).await.refused(401, "identity.refresh_unknown");

        // A thief who is second does not get the answer that was not lost.
        let again = phone.sign_in("ana@example.com").await;
        token(phone.refresh(&again.refresh).await);
        thief.refresh(&again.refresh).await.refused(401, "identity.refresh_reused");
        assert!(!is_good(&t, &again.access).await);
        // Nor does anybody later.
        let later = phone.sign_in("ana@example.com").await;
        token(phone.refresh(&later.refresh).await);
        t.clock.advance(Duration::from_secs(11));
        phone.refresh(&later.refresh).await.refused(401, "identity.refresh_reused");
        for wrong in ["", "biltenrt_", "\0", &"x".repeat(100_000)] {
            phone.refresh(wrong).await.refused(401, "identity.refresh_unknown");
        }
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn of_many_at_once_with_one_refresh_token_all_get_the_same(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let first = phone.sign_in("ana@example.com").await;
        let all = (0..8).map(|_| phone.refresh(&first.refresh));
        let mut next: Vec<_> = futures_util::future::join_all(all).await
            .iter()
            .map(|answer| answer.expect(200)["refresh_token"].clone())
            .collect();
        next.dedup();
        assert_eq!(next.len(), 1);
        let count: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM refresh_tokens"), vals![]).await.unwrap();
        assert_eq!(count, 2);
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn an_app_that_is_not_used_is_signed_out(db: TestDb) {
        let t = TestApp::start(db).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let app = phone.sign_in("ana@example.com").await;
        let idle = Duration::from_secs(t.app.config.identity.session_idle_s);
        t.clock.advance(idle - Duration::from_secs(60));
        let next = phone.refresh(&app.refresh).await.expect(200)["refresh_token"].as_str().unwrap().to_owned();
        t.clock.advance(idle - Duration::from_secs(60));
        let next = phone.refresh(&next).await.expect(200)["refresh_token"].as_str().unwrap().to_owned();
        t.clock.advance(idle);
        phone.refresh(&next).await.refused(401, "identity.refresh_unknown");
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-10
    async fn keys_change_and_an_old_one_is_trusted_as_long_as_its_tokens_last(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            config.identity.access_token_s = 600;
            config.identity.token_key_s = 2 * 86_400;
            config.identity.session_idle_s = 30 * 86_400;
        }).await;
        person(&t, "ana@example.com").await;
        let phone = Phone::new(&t, "Bilten/1.0");
        let kid = |token: &str| part(token, 0)["kid"].as_str().unwrap().to_owned();
        let shown = async || {
            let keys = t.stranger.get("/.well-known/jwks.json").await.expect(200);
            let keys = keys["keys"].as_array().unwrap().iter();
            keys.map(|key| {
                assert_eq!((&key["kty"], &key["crv"], &key["alg"], &key["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig")));
                assert!(key.get("d").is_none());
                (key["kid"].as_str().unwrap().to_owned(), key["x"].as_str().unwrap().to_owned())
            }).collect::<Vec<_>>()
        };
        let first = phone.sign_in("ana@example.com").await;
        let old = kid(&first.access);
        assert_eq!(shown().await.len(), 1);
        identity::rotate_token_keys(&t.app).await.unwrap();
        assert_eq!(shown().await.len(), 1, "it is not time yet");
        // A day before, the next one is shown, and does not sign yet.
        t.clock.advance(Duration::from_secs(86_400));
        identity::rotate_token_keys(&t.app).await.unwrap();
        identity::rotate_token_keys(&t.app).await.unwrap();
        assert_eq!(shown().await.len(), 2);
        assert_eq!(kid(&phone.sign_in("ana@example.com").await.access), old);
        // The last token of the old key, a minute before it stops.
        t.clock.advance(Duration::from_secs(86_400 - 60));
        let last = phone.sign_in("ana@example.com").await;
        assert_eq!(kid(&last.access), old);
        t.clock.advance(Duration::from_secs(120));
        let next = phone.sign_in("ana@example.com").await;
        assert_ne!(kid(&next.access), old);
        assert!(is_good(&t, &last.access).await && is_good(&t, &next.access).await);
        t.clock.advance(Duration::from_secs(1_200));
        identity::rotate_token_keys(&t.app).await.unwrap();
        assert!(!is_good(&t, &last.access).await);
        let shown = shown().await;
        assert!(shown.iter().all(|(id, _)| *id != old), "{shown:?}");
        // Others can check a token with what is shown.
        let (_, x) = shown.iter().find(|(id, _)| *id == kid(&next.access)).unwrap();
        let public: [u8; 32] = BASE64.decode(x).unwrap().try_into().unwrap();
        let public = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
        let (text, signature) = next.access.rsplit_once('.').unwrap();
        let signature: [u8; 64] = BASE64.decode(signature).unwrap().try_into().unwrap();
        public.verify_strict(text.as_bytes(), &ed25519_dalek::Signature::from_bytes(&signature)).unwrap();
        t.stop().await;
    }
}
