//! Whose account a provider opens.

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity;
use serde_json::json;

use super::browser::{Browser, lands_at};
use super::provider::Provider;
use super::{account, change, connect};
use crate::app::TestApp;

async fn users(t: &TestApp) -> i64 {
    let count = sql!("SELECT COUNT(*) FROM users");
    t.app.db.scalar(count, vals![]).await.unwrap()
}

on_both_engines! {
    /// covers: AUTH-1, AUTH-2
    async fn a_provider_that_is_trusted_opens_one_account(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let buttons = t.stranger.get("/api/v1/sso/providers").await.expect(200);
        assert_eq!(buttons["providers"], json!([{"slug": "test", "name": "Test", "kind": "oidc"}]));

        let ana = json!({"sub": "1", "email": "Ana@Example.com", "email_verified": true, "name": " Ana Novak "});
        let mut browser = Browser::new(&t);
        let answer = browser.sign_in("test", &provider, &ana).await;
        lands_at(&answer, "/account");
        let mine = browser.identities().await;
        assert_eq!(mine["identities"][0]["slug"], "test");
        assert_eq!(users(&t).await, 1);
        let user = identity::user_by_email(&t.app, &"ana@example.com".parse().unwrap())
            .await.unwrap().unwrap();
        assert!(user.email_verified_at.is_some());
        assert_eq!(user.profile.unwrap().name, "Ana Novak");

        // The same person again, with another address there; somebody else is somebody else.
        let later = json!({"sub": "1", "email": "new@example.com", "email_verified": true});
        let mut other = Browser::new(&t);
        lands_at(&other.sign_in("test", &provider, &later).await, "/account");
        assert_eq!(users(&t).await, 1);
        let eva = json!({"sub": "2", "email": "eva@example.com", "email_verified": true});
        lands_at(&Browser::new(&t).sign_in("test", &provider, &eva).await, "/account");
        assert_eq!(users(&t).await, 2);
        // A provider's keys change.
        provider.rotate();
        t.clock.advance(std::time::Duration::from_secs(31));
        lands_at(&Browser::new(&t).sign_in("test", &provider, &eva).await, "/account");
        // What the token leaves out is asked for.
        provider.says(json!({"sub": "3", "email": "tea@example.com", "email_verified": true}));
        lands_at(&Browser::new(&t).sign_in("test", &provider, &json!({"sub": "3"})).await, "/account");
        provider.says(json!({"sub": "1", "email": "ana@example.com", "email_verified": true}));
        let swapped = Browser::new(&t).sign_in("test", &provider, &json!({"sub": "4"})).await;
        swapped.refused(400, "sso.provider_garbage");
        assert_eq!(users(&t).await, 3);
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn an_address_alone_opens_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        account(&t, "ana@example.com", true).await;
        account(&t, "squatted@example.com", false).await;
        let sign_in = async |sub: &str, email: Option<&str>, verified: serde_json::Value| {
            let who = json!({"sub": sub, "email": email, "email_verified": verified});
            Browser::new(&t).sign_in("test", &provider, &who).await
        };
        // Not verified there: an account that there is stays closed.
        for verified in [json!(false), json!(null), json!("false")] {
            sign_in("1", Some("ANA@example.com"), verified).await.refused(409, "sso.email_in_use");
        }
        let attempts = sql!("SELECT COUNT(*) FROM sign_in_attempts WHERE method = 'oidc:test' AND outcome = 'failed'");
        assert_eq!(t.app.db.scalar::<i64>(attempts, vals![]).await.unwrap(), 3);
        // Not verified here: whoever made the account may have waited for this.
        sign_in("2", Some("squatted@example.com"), json!(true)).await.refused(409, "sso.email_in_use");
        for email in [None, Some("nonsense"), Some("\u{430}na@example.com")] {
            let answer = sign_in("3", email, json!(true)).await;
            answer.refused(400, "sso.email_missing");
        }
        // Nobody has it and nobody vouches: a mail first.
        let new = json!({"sub": "4", "email": "new@example.com", "email_verified": false});
        let mut news = Browser::new(&t);
        lands_at(&news.sign_in("test", &provider, &new).await, "/check-mail?for=provider");
        assert_eq!(users(&t).await, 2);
        // The link counts in the browser that began: whoever owns the address opens no stranger's way in.
        let link = t.mail_to("new@example.com").await.link();
        let mut owners = Browser::new(&t);
        owners.get(&link).await.refused(400, "sso.state_unknown");
        owners.with_cookie("bilten_sso", &"a".repeat(40));
        owners.get(&link).await.refused(400, "sso.state_unknown");
        let links = sql!("SELECT COUNT(*) FROM identity_links");
        assert_eq!(t.app.db.scalar::<i64>(links, vals![]).await.unwrap(), 0);
        lands_at(&news.get(&link).await, "/account");
        assert!(news.is_signed_in().await);
        news.get(&link).await.refused(400, "sso.state_unknown");
        // Verified on both sides: linked, once and for all, and told.
        lands_at(&sign_in("1", Some("ana@example.com"), json!("true")).await, "/account");
        lands_at(&sign_in("1", None, json!(null)).await, "/account");
        assert_eq!(users(&t).await, 3);
        let told = "Another way to sign in to your account";
        t.mail_about("ana@example.com", told).await;
        // A subject is personal: it is not in the database as it is.
        let subjects = sql!("SELECT subject FROM identity_links ORDER BY created_at LIMIT 1");
        let subject: String = t.app.db.scalar(subjects, vals![]).await.unwrap();
        assert_eq!(subject.len(), 64);

        let ana = identity::user_by_email(&t.app, &"ana@example.com".parse().unwrap())
            .await.unwrap().unwrap().id;
        let statement = sql!("UPDATE users SET state = 'deactivated' WHERE id = $1");
        change(&t, statement, vals![ana]).await;
        sign_in("1", Some("ana@example.com"), json!(true)).await.refused(403, "sso.account_closed");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn first_sign_ins_at_the_same_moment_open_one_account(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        let mut back = Vec::new();
        for _ in 0..3 {
            let mut browser = Browser::new(&t);
            let out = browser.start("/sso/test/start?next=/account").await;
            back.push((browser, provider.login(&out, &ana)));
        }
        let [(a, to_a), (b, to_b), (c, to_c)] = &mut *back else { unreachable!() };
        let (one, two, three) = tokio::join!(a.get(to_a), b.get(to_b), c.get(to_c));
        for answer in [one, two, three] {
            lands_at(&answer, "/account");
        }
        assert_eq!(users(&t).await, 1);
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-9
    async fn whoever_comes_by_a_provider_agrees_to_what_its_button_names(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            config.identity.consents.terms_url = "https://t.example/terms".to_owned();
            config.identity.consents.privacy_url = "https://t.example/privacy".to_owned();
            config.identity.consents.terms = "3".to_owned();
        })
        .await;
        let provider = Provider::start().await;
        assert!(!t.stranger.get("/sign-in").await.text.contains("by continuing"));
        connect(&t, "test", &provider).await;
        let page = t.stranger.get("/sign-in").await.text;
        for part in ["by continuing you agree to", "\"https://t.example/terms\"", "\"https://t.example/privacy\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let given = async |email: &str| -> Vec<(String, String, String)> {
            let user = identity::user_by_email(&t.app, &email.parse().unwrap()).await.unwrap().unwrap().id;
            let consents = sql!("SELECT kind, version, source FROM consents WHERE user_id = $1 ORDER BY kind");
            t.app.db.all(consents, vals![user]).await.unwrap()
        };
        let agreed = [("privacy", "1", "provider"), ("terms", "3", "provider")]
            .map(|(kind, version, source)| (kind.to_owned(), version.to_owned(), source.to_owned()));
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        for _ in 0..2 {
            lands_at(&Browser::new(&t).sign_in("test", &provider, &ana).await, "/account");
            assert_eq!(given("ana@example.com").await, agreed);
        }
        // So does whoever confirms their address first.
        let eva = json!({"sub": "2", "email": "eva@example.com", "email_verified": false});
        let mut evas = Browser::new(&t);
        lands_at(&evas.sign_in("test", &provider, &eva).await, "/check-mail?for=provider");
        lands_at(&evas.get(&t.mail_to("eva@example.com").await.link()).await, "/account");
        assert_eq!(given("eva@example.com").await, agreed);
        // Who had an account agrees to nothing anew.
        account(&t, "ivo@example.com", true).await;
        let ivo = json!({"sub": "3", "email": "ivo@example.com", "email_verified": true});
        lands_at(&Browser::new(&t).sign_in("test", &provider, &ivo).await, "/account");
        assert!(given("ivo@example.com").await.is_empty());
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn no_text_that_can_be_read_is_no_consent(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        assert!(!t.stranger.get("/sign-in").await.text.contains("by continuing"));
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        lands_at(&Browser::new(&t).sign_in("test", &provider, &ana).await, "/account");
        let consents = sql!("SELECT COUNT(*) FROM consents");
        assert_eq!(t.app.db.scalar::<i64>(consents, vals![]).await.unwrap(), 0);
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn a_provider_that_vouches_for_nothing_floods_nobody_with_mail(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let who = json!({"sub": "1", "email": "new@example.com", "email_verified": false});
        for _ in 0..4 {
            let answer = Browser::new(&t).sign_in("test", &provider, &who).await;
            lands_at(&answer, "/check-mail?for=provider");
        }
        let answer = Browser::new(&t).sign_in("test", &provider, &who).await;
        answer.refused(429, "identity.too_many_tries");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn links_are_made_and_ended_by_their_owner(db: TestDb) {
        let t = TestApp::start(db).await;
        let (one, two) = (Provider::start().await, Provider::start().await);
        connect(&t, "one", &one).await;
        connect(&t, "two", &two).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        let mut browser = Browser::new(&t);
        lands_at(&browser.sign_in("one", &one, &ana).await, "/account");

        // Another account elsewhere, with another address that nobody vouches for.
        let out = browser.start("/sso/two/start?link=1&next=/account/links").await;
        let back = two.login(&out, &json!({"sub": "x", "email": "x@example.org"}));
        lands_at(&browser.get(&back).await, "/account/links");
        let mine = browser.identities().await;
        assert_eq!(mine["identities"].as_array().unwrap().len(), 2);
        let mut other = Browser::new(&t);
        lands_at(&other.sign_in("two", &two, &json!({"sub": "x"})).await, "/account");
        assert_eq!(other.identities().await["identities"].as_array().unwrap().len(), 2);

        // It cannot be linked with another account too, nor by a stranger.
        let eva = json!({"sub": "2", "email": "eva@example.com", "email_verified": true});
        let mut evas = Browser::new(&t);
        lands_at(&evas.sign_in("one", &one, &eva).await, "/account");
        let out = evas.start("/sso/two/start?link=1").await;
        evas.get(&two.login(&out, &json!({"sub": "x"}))).await.refused(409, "sso.linked_elsewhere");
        let mut stranger = Browser::new(&t);
        stranger.get("/sso/two/start?link=1").await.refused(401, "identity.unauthenticated");
        // To prove it once more, the provider is asked to ask.
        let user = identity::user_by_email(&t.app, &"eva@example.com".parse().unwrap())
            .await.unwrap().unwrap().id;
        let able = identity::identities_that_ask_again(&t.app, user).await.unwrap();
        assert_eq!(able.len(), 1);
        let out = evas.start("/sso/one/start?again=1&next=/account").await;
        assert!(out.contains("prompt=login"), "{out}");
        let old = json!({"sub": "2", "auth_time": 1_000_000});
        evas.get(&one.login(&out, &old)).await.refused(400, "sso.not_recent");
        let out = evas.start("/sso/one/start?again=1").await;
        evas.get(&one.login(&out, &ana)).await.refused(403, "sso.other_person");
        // Nothing is linked later than a sign-in is recent.
        t.clock.advance(std::time::Duration::from_secs(11 * 60));
        evas.get("/sso/two/start?link=1").await.refused(403, "identity.reauthentication_required");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn nobody_locks_themselves_out(db: TestDb) {
        let t = TestApp::start(db).await;
        let (one, two) = (Provider::start().await, Provider::start().await);
        connect(&t, "one", &one).await;
        connect(&t, "two", &two).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        let mut browser = Browser::new(&t);
        lands_at(&browser.sign_in("one", &one, &ana).await, "/account");
        let mine = browser.identities().await;
        let first = mine["identities"][0]["connection"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/me/identities/{first}");
        browser.delete(&path).await.refused(409, "sso.last_way_in");
        lands_at(&browser.sign_in("two", &two, &ana).await, "/account");
        assert_eq!(browser.delete(&path).await.status, 204);
        browser.delete(&path).await.refused(404, "sso.not_linked");
        browser.delete("/api/v1/me/identities/sso_nothing").await.refused(404, "not_found");
        t.stop().await;
    }

    /// covers: AUTH-1
    async fn a_link_begun_by_somebody_else_is_not_made(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let mut anas = Browser::new(&t);
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        lands_at(&anas.sign_in("test", &provider, &ana).await, "/account");
        let out = anas.start("/sso/test/start?link=1").await;
        let back = provider.login(&out, &json!({"sub": "evil"}));
        // Another browser cannot finish it, and then it is still to be had by the first.
        let mut evils = Browser::new(&t);
        evils.get(&back).await.refused(400, "sso.state_unknown");
        evils.with_cookie("bilten_sso", &"a".repeat(40));
        evils.get(&back).await.refused(400, "sso.state_unknown");
        // Whoever signs in as another one in between links nothing.
        let eva = json!({"sub": "2", "email": "eva@example.com", "email_verified": true});
        lands_at(&anas.sign_in("test", &provider, &eva).await, "/account");
        anas.get(&back).await.refused(403, "sso.signed_out");
        t.stop().await;
    }
}
