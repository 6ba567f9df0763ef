//! Codes and tokens: each counts once, for its client, while all that it stands on is in order.

use std::time::Duration;

use bilten_kernel::on_both_engines;

use super::*;

on_both_engines! {
    /// covers: AUTH-10, GW-10
    async fn a_code_counts_once_and_coming_twice_ends_its_grant(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let code = p.code(&p.browser, &tool, CALLBACK, "events.read").await;
        let tries = futures_util::future::join_all((0..20).map(|_| p.exchange(&tool, CALLBACK, &code))).await;
        let (won, lost): (Vec<_>, Vec<_>) = tries.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "one of many at once gets the tokens");
        lost.iter().for_each(|answer| refused(answer, 400, "invalid_grant"));
        // Somebody else has the code too: what came of it is over.
        let tokens = won[0].expect(200);
        p.program(&tokens).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        let grants = p.t.signed_in(p.manager, false).await.get("/api/v1/me/grants").await.expect(200);
        assert_eq!(grants["items"], json!([]));
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_code_is_for_one_client_one_address_and_one_verifier(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("public", "events.read").await;
        let other = p.tool("public", "events.read").await;
        let uri = "http://127.0.0.1:51004/callback";
        let code = p.code(&p.browser, &tool, uri, "events.read").await;
        let whole = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", uri), ("code_verifier", VERIFIER)];
        let with = |name: &str, value: &'static str| {
            let mut form = whole.to_vec();
            form.iter_mut().filter(|(known, _)| *known == name).for_each(|pair| pair.1 = value);
            form
        };
        refused(&other.call(&p.t.stranger, "/oauth/token", &whole).await, 400, "invalid_grant");
        for (form, error) in [
            (with("code_verifier", "another-verifier-that-is-long-enough-0123456789"), "invalid_grant"),
            (with("code_verifier", "short"), "invalid_grant"),
            (with("code_verifier", ""), "invalid_request"),
            (with("redirect_uri", "http://127.0.0.1:51005/callback"), "invalid_grant"),
            (with("redirect_uri", LOOPBACK), "invalid_grant"),
            (with("redirect_uri", ""), "invalid_request"),
            (with("code", "guessed"), "invalid_grant"),
            (with("code", ""), "invalid_request"),
            (with("grant_type", ""), "invalid_request"),
            (with("grant_type", "password"), "unsupported_grant_type"),
            (with("grant_type", "client_credentials"), "unauthorized_client"),
        ] {
            refused(&tool.call(&p.t.stranger, "/oauth/token", &form).await, 400, error);
        }
        // None of that used the code up, or told anybody of its grant.
        tool.call(&p.t.stranger, "/oauth/token", &whole).await.expect(200);
        // A code waits for a minute.
        let code = p.code(&p.browser, &tool, uri, "events.read").await;
        p.t.clock.advance(Duration::from_secs(61));
        refused(&p.exchange(&tool, uri, &code).await, 400, "invalid_grant");
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_refresh_token_counts_once_and_coming_twice_ends_its_grant(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read orders.read").await;
        let first = p.tokens(&p.browser, &tool, CALLBACK, "events.read orders.read").await;
        let refresh = first["refresh_token"].as_str().unwrap();
        // More than was granted is refused, and costs nothing.
        let form = |token: &'_ str, scope: &'static str| [("grant_type", "refresh_token".to_owned()), ("refresh_token", token.to_owned()), ("scope", scope.to_owned())];
        let ask = async |token: &str, scope: &'static str| {
            let form = form(token, scope);
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            tool.call(&p.t.stranger, "/oauth/token", &form).await
        };
        refused(&ask(refresh, "events.read events.write").await, 400, "invalid_scope");
        let narrow = ask(refresh, "events.read").await.expect(200);
        assert_eq!(narrow["scope"], "events.read");
        let event = p.t.event(&[("Standing", 2500, 10)]).await;
        let orders = format!("/api/v1/events/{}/orders", event.id);
        p.program(&narrow).get(&orders).await.refused(403, "identity.permission_missing");
        // The narrow one's refresh token is still good for all of it.
        let whole = p.refresh(&tool, narrow["refresh_token"].as_str().unwrap()).await.expect(200);
        assert_eq!(whole["scope"], "events.read orders.read");
        p.program(&whole).get(&orders).await.expect(200);

        // Another client's refresh token is nothing to this one, and stays good.
        let other = p.tool("confidential", "events.read").await;
        let latest = whole["refresh_token"].as_str().unwrap();
        refused(&p.refresh(&other, latest).await, 400, "invalid_grant");
        refused(&p.refresh(&other, refresh).await, 400, "invalid_grant");
        // An access token fetches nothing.
        refused(&p.refresh(&tool, whole["access_token"].as_str().unwrap()).await, 400, "invalid_grant");
        p.program(&whole).get(&orders).await.expect(200);

        let tries = futures_util::future::join_all((0..20).map(|_| p.refresh(&tool, latest))).await;
        let won: Vec<_> = tries.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        for dead in [&whole, &won[0].expect(200)] {
            p.program(dead).get("/api/v1/events").await.refused(401, "identity.token_unknown");
            refused(&p.refresh(&tool, dead["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        }
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn a_grant_lasts_for_thirty_days_after_its_last_use(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let mut tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let first = tokens.clone();
        for _ in 0..3 {
            p.t.clock.advance(Duration::from_secs(29 * 86_400));
            tokens = p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await.expect(200);
        }
        identity::sweep_oauth(&p.t.app).await.unwrap();
        // What is long over is forgotten, and does no harm to what is not.
        refused(&p.refresh(&tool, first["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        p.program(&tokens).get("/api/v1/events").await.expect(200);
        p.t.clock.advance(Duration::from_secs(30 * 86_400));
        refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        let left: i64 = p.t.app.db.scalar(sql!("SELECT COUNT(*) FROM oauth_codes"), vals![]).await.unwrap();
        assert_eq!(left, 0);
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_client_proves_who_it_is_in_one_way(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("service", "events.read").await;
        let (id, secret) = (tool.id.as_str(), tool.secret.as_deref().unwrap());
        let grant = ("grant_type", "client_credentials");
        let good = basic(id, secret);
        let post = async |form: &[(&str, &str)], header: Option<&str>| post_form(&p.t.stranger, "/oauth/token", form, header).await;
        post(&[grant], Some(&good)).await.expect(200);
        post(&[grant, ("client_id", id)], Some(&good)).await.expect(200);
        post(&[grant, ("client_id", id), ("client_secret", secret)], None).await.expect(200);
        refused(&post(&[grant, ("client_secret", secret)], Some(&good)).await, 400, "invalid_request");
        refused(&post(&[grant, ("client_id", "oac_01jx0000000000000000000000")], Some(&good)).await, 400, "invalid_request");
        refused(&post(&[grant, ("client_id", id), ("client_id", id), ("client_secret", secret)], None).await, 400, "invalid_request");
        let public = p.tool("public", "events.read").await;
        for (form, header) in [
            (vec![grant], None),
            (vec![grant], Some("Basic !!!".to_owned())),
            (vec![grant], Some(format!("Bearer {secret}"))),
            (vec![grant], Some(basic(id, "wrong"))),
            (vec![grant], Some(basic(id, ""))),
            (vec![grant], Some(basic("oac_01jx0000000000000000000000", secret))),
            (vec![grant], Some(basic("nobody\u{0}", secret))),
            // Neither without its secret, nor a public client with one.
            (vec![grant, ("client_id", id)], None),
            (vec![grant, ("client_id", id), ("client_secret", "")], None),
            (vec![grant, ("client_id", public.id.as_str()), ("client_secret", secret)], None),
            (vec![grant, ("client_id", public.id.as_str()), ("client_secret", "x")], None),
        ] {
            refused(&post(&form, header.as_deref()).await, 401, "invalid_client");
        }
        // A form and nothing else, in the body and nowhere else.
        let in_query = format!("/oauth/token?{}", encoded(&[grant, ("client_id", id), ("client_secret", secret)]));
        refused(&post_form(&p.t.stranger, &in_query, &[], None).await, 401, "invalid_client");
        let as_json = p.t.stranger.post("/oauth/token", json!({"grant_type": "client_credentials"})).await;
        refused(&as_json, 400, "invalid_request");
        assert_eq!(p.t.stranger.get("/oauth/token").await.status, 405);
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn odd_parameters_are_refused_and_break_nothing(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let good = basic(&tool.id, tool.secret.as_deref().unwrap());
        let long = format!("grant_type=authorization_code&code={}", "a".repeat(9_000));
        for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
            for body in [
                b"".to_vec(), b"&&&===".to_vec(), b"token=%00&code=%00&grant_type=authorization_code".to_vec(),
                b"token=a&token=b&grant_type=a&grant_type=b".to_vec(), long.clone().into_bytes(), vec![b'&'; 20_000], vec![0xff; 100],
                b"grant_type=authorization_code&code=%F0%9F%8E%AB&redirect_uri=%E2%80%AE&code_verifier=%C3%A4".to_vec(),
                b"grant_type=refresh_token&refresh_token=%27%20OR%201%3D1".to_vec(),
            ] {
                let answer = post_raw(&p.t.stranger, path, body.clone(), Some(&good)).await;
                assert!((400..500).contains(&answer.status), "{path} {body:?}: {} {}", answer.status, answer.text);
                assert!(answer.expect(answer.status)["error"].is_string(), "{path}: {}", answer.text);
            }
            // The server answers before it has read all of this and hangs up: its answer may be lost, and
            // so may be what comes after it on that connection.
            let huge = p.t.stranger.request(Method::POST, path).header("authorization", &good);
            let huge = huge.body(vec![b'a'; 3_000_000]).build().unwrap();
            if let Ok(answer) = reqwest::Client::new().execute(huge).await {
                assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
            }
            let after = post_raw(&p.t.stranger, path, long.clone(), Some(&good)).await;
            assert!((400..500).contains(&after.status), "{path}: {}", after.status);
        }
        for query in ["", "?", "?%00", "?client_id=%00&redirect_uri=%00", "?client_id=%ff", &format!("?state={}", "x".repeat(30_000))] {
            let request = p.browser.request(Method::GET, &format!("/oauth/authorize{query}"));
            let answer = p.t.stranger.send(request).await;
            assert!((400..500).contains(&answer.status), "{query}: {}", answer.status);
        }
        p.t.stop().await;
    }
}
