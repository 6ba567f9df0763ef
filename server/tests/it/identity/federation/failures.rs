//! Everything that can go wrong with a provider, and everything that somebody may try: each is
//! refused with a code of its own, and nobody is signed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::json;

use super::browser::{Browser, lands_at};
use super::connect;
use super::provider::{Fault, Provider};
use crate::app::TestApp;

on_both_engines! {
    /// covers: AUTH-2, AUTH-8
    async fn what_a_provider_gets_wrong_signs_nobody_in(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        for (fault, code) in [
            (Fault::ServerError, "sso.provider_down"),
            (Fault::Garbage, "sso.provider_garbage"),
            (Fault::Endless, "sso.provider_garbage"),
            (Fault::Redirects, "sso.provider_garbage"),
            (Fault::InvalidGrant, "sso.code_refused"),
            (Fault::InvalidClient, "sso.client_refused"),
            (Fault::NoIdToken, "sso.provider_garbage"),
            (Fault::OtherIssuer, "sso.issuer"),
            (Fault::OtherAudience, "sso.audience"),
            (Fault::OtherNonce, "sso.nonce"),
            (Fault::NoNonce, "sso.nonce"),
            (Fault::Expired, "sso.time"),
            (Fault::Future, "sso.time"),
            (Fault::AlgNone, "sso.signature"),
            (Fault::Hmac, "sso.signature"),
            (Fault::OtherKey, "sso.signature"),
            (Fault::Changed, "sso.signature"),
            (Fault::OtherAccessToken, "sso.signature"),
        ] {
            provider.set(fault);
            let mut browser = Browser::new(&t);
            let answer = browser.sign_in("test", &provider, &ana).await;
            answer.refused(400, code);
            assert!(!browser.is_signed_in().await, "{fault:?}");
        }
        // The token leaves the address out, so that it must be asked for.
        provider.set(Fault::NoUserInfo);
        let answer = Browser::new(&t).sign_in("test", &provider, &json!({"sub": "1"})).await;
        answer.refused(400, "sso.provider_down");
        let users = sql!("SELECT COUNT(*) FROM users");
        assert_eq!(t.app.db.scalar::<i64>(users, vals![]).await.unwrap(), 0);
        provider.set(Fault::Nothing);
        lands_at(&Browser::new(&t).sign_in("test", &provider, &ana).await, "/account");
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn what_comes_back_must_be_what_went(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        connect(&t, "other", &provider).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});

        let mut browser = Browser::new(&t);
        browser.get("/sso/test/callback?code=x&state=y").await.refused(400, "sso.state_unknown");
        let out = browser.start("/sso/test/start?next=/account").await;
        let back = provider.login(&out, &ana);
        let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        for path in [
            "/sso/test/callback".to_owned(),
            "/sso/test/callback?code=x".to_owned(),
            "/sso/test/callback?code=x&state=".to_owned(),
            format!("/sso/test/callback?code=x&state={}", state.to_uppercase()),
            // Of another connection, and of another kind.
            format!("/sso/other/callback?code=x&state={state}"),
            format!("/sso/test/finish?state={state}"),
        ] {
            browser.get(&path).await.refused(400, "sso.state_unknown");
        }
        // What the provider's form holds is posted by another site: a link takes its place.
        let posted = browser
            .posted_by_other_site("/sso/test/callback", &[("state", &state), ("code", "code0")])
            .await;
        assert_eq!(posted.status, 303);
        lands_at(&browser.get(&back).await, "/account");
        assert!(browser.is_signed_in().await);
        // It counts once.
        browser.get(&back).await.refused(400, "sso.state_unknown");

        // It ends when its time is over.
        let out = browser.start("/sso/test/start").await;
        let back = provider.login(&out, &ana);
        t.clock.advance(std::time::Duration::from_secs(901));
        browser.get(&back).await.refused(400, "sso.state_unknown");

        // Another provider answers (RFC 9207), or none signs in.
        let mut browser = Browser::new(&t);
        let out = browser.start("/sso/test/start").await;
        let back = format!("{}&iss=https://evil.example", provider.login(&out, &ana));
        browser.get(&back).await.refused(400, "sso.issuer");
        let out = browser.start("/sso/test/start").await;
        let back = provider.login(&out, &ana);
        let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let answer = browser
            .get(&format!("/sso/test/callback?state={state}&error=access_denied%3Cb%3E&error_description=x"))
            .await;
        let refused = answer.refused(403, "sso.refused_by_provider");
        assert!(refused["detail"].as_str().unwrap().contains("(access_deniedb)"));
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn what_comes_back_twice_at_once_counts_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let mut browser = Browser::new(&t);
        let out = browser.start("/sso/test/start?next=/account").await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        let back = provider.login(&out, &ana);
        let mut twin = browser.clone();
        let (one, two) = tokio::join!(browser.get(&back), twin.get(&back));
        let mut answers = [one.status, two.status];
        answers.sort_unstable();
        assert_eq!(answers, [303, 400]);
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn nobody_is_sent_to_another_site(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, "test", &provider).await;
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        for next in [
            "https://evil.example", "//evil.example", "/\\evil.example", "%2F%2Fevil.example",
            "javascript:alert(1)", "/%0d%0aLocation:%20https://evil.example", "/%09/evil.example",
        ] {
            let mut browser = Browser::new(&t);
            let out = browser.start(&format!("/sso/test/start?next={next}")).await;
            lands_at(&browser.get(&provider.login(&out, &ana)).await, "/");
        }
        for path in ["/sso/nothing/start", "/sso/%00/start", "/sso/a%00/saml/metadata", "/sso/%2e%2e/start", "/sso/test'--/callback?state=x", "/sso/test/saml/metadata"] {
            let answer = t.stranger.get(path).await;
            assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        }
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn a_provider_that_is_not_there_is_said_to_be(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut provider = Provider::start().await;
        // Nobody listens there.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        provider.issuer = format!("http://{gone}");
        connect(&t, "gone", &provider).await;
        Browser::new(&t).get("/sso/gone/start").await.refused(400, "sso.provider_down");
        // It says that it is somebody else.
        let other = Provider::start().await;
        provider.issuer = format!("{}/", other.issuer);
        connect(&t, "slash", &provider).await;
        Browser::new(&t).get("/sso/slash/start").await.refused(400, "sso.issuer");
        provider.issuer = format!("{}/nothing", other.issuer);
        connect(&t, "nothing", &provider).await;
        Browser::new(&t).get("/sso/nothing/start").await.refused(400, "sso.provider_garbage");
        // People get a page that leads on.
        let request = t.stranger.request(reqwest::Method::GET, "/sso/gone/start").header("accept", "text/html");
        let page = t.stranger.send(request).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains("sso.provider_down") && page.text.contains("<h1>"), "{}", page.text);
        t.stop().await;
    }

    /// covers: GW-6, AUTH-2
    async fn a_provider_that_says_nothing_is_left_alone_while_others_let_people_in(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.outgoing.awaited_timeout_ms = 1_000).await;
        let (mut silent, good) = (Provider::start().await, Provider::start().await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        silent.issuer = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                kept.push(stream);
            }
        });
        connect(&t, "silent", &silent).await;
        connect(&t, "good", &good).await;
        let ask = || async { Browser::new(&t).get("/sso/silent/start").await };
        for answer in futures_util::future::join_all((0..10).map(|_| ask())).await {
            answer.refused(400, "sso.provider_down");
        }
        assert_eq!(came.load(Ordering::SeqCst), 10);
        // Nobody waits for it any more.
        for _ in 0..3 {
            ask().await.refused(400, "sso.provider_down");
        }
        assert_eq!(came.load(Ordering::SeqCst), 10);
        let ana = json!({"sub": "1", "email": "ana@example.com", "email_verified": true});
        lands_at(&Browser::new(&t).sign_in("good", &good, &ana).await, "/account");
        // After a while one finds out.
        t.clock.advance(std::time::Duration::from_secs(6));
        ask().await.refused(400, "sso.provider_down");
        assert_eq!(came.load(Ordering::SeqCst), 11);
        t.stop().await;
    }
}
