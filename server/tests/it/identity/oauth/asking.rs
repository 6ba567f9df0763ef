//! What a program must not ask, and where nobody must be sent.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{ImpersonationId, Role};

use super::*;

on_both_engines! {
    /// covers: AUTH-10, GW-10
    async fn nobody_is_sent_to_an_address_that_is_not_the_clients(db: TestDb) {
        let p = Place::start(db).await;
        let stranger = Browser::stranger(&p.t);
        let confidential = p.tool("confidential", "events.read").await;
        let public = p.tool("public", "events.read").await;
        let service = p.tool("service", "events.read").await;
        let mut asks = Vec::new();
        for uri in ["https://tool.example/callback/", "https://tool.example/callback2", "https://tool.example/callback?x=1",
            "https://tool.example/callback#x", "https://tool.example/", "https://tool.example@evil.example/callback",
            "https://tool.example.evil.example/callback", "https://tool.example:8443/callback",
            "https://tool.example/%63allback", "https://tool.example/x/../callback", "https://TOOL.example/callback",
            "http://tool.example/callback", "https://evil.example/?https://tool.example/callback",
            "//tool.example/callback", "javascript:alert(1)", "https://tool.example/callback\u{0}", "https://tool.example\\callback"] {
            asks.push(Ask::of(&confidential, uri));
        }
        for uri in ["http://127.0.0.1:51004/callback/", "http://127.0.0.1:51004/", "http://localhost:51004/callback",
            "http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1.evil.example/callback", "http://[::1]:5/callback",
            "http://127.0.0.1:51004/callback#x", "https://127.0.0.1:51004/callback", "com.example.tool:/callback2"] {
            asks.push(Ask::of(&public, uri));
        }
        let good = Ask::of(&confidential, CALLBACK);
        asks.push(good.without("redirect_uri"));
        asks.push(good.twice("redirect_uri"));
        asks.push(good.without("client_id"));
        asks.push(good.twice("client_id"));
        asks.push(good.with("client_id", "oac_01jx0000000000000000000000"));
        asks.push(good.with("client_id", "nobody' OR 1=1 --"));
        asks.push(good.with("state", &"x".repeat(5_000)));
        asks.push(Ask::of(&service, CALLBACK));
        for ask in &asks {
            for browser in [&p.browser, &stranger] {
                browser.see(ask).await.stays(400);
                browser.allow(ask, p.organisation).await.stays(400);
            }
        }
        // A client that is switched off or ended asks nobody any more.
        let path = format!("/api/v1/oauth/clients/{}", confidential.id);
        p.browser.see(&good).await.stays(200);
        p.owner.patch(&path, json!({"is_enabled": false})).await.expect(200);
        p.browser.see(&good).await.stays(400);
        p.owner.patch(&path, json!({"is_enabled": true})).await.expect(200);
        p.browser.see(&good).await.stays(200);
        p.owner.delete(&path).await.expect(204);
        p.browser.see(&good).await.stays(400);
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_wrong_request_is_refused_at_the_clients_address(db: TestDb) {
        let p = Place::start(db).await;
        let stranger = Browser::stranger(&p.t);
        let tool = p.tool("confidential", "events.read orders.read").await;
        let good = Ask::of(&tool, CALLBACK);
        for (ask, error) in [
            (good.without("response_type"), "invalid_request"),
            (good.with("response_type", "token"), "unsupported_response_type"),
            (good.with("response_type", "code token"), "unsupported_response_type"),
            (good.with("response_mode", "fragment"), "invalid_request"),
            (good.with("request", "eyJ"), "invalid_request"),
            (good.with("request_uri", "https://evil.example"), "invalid_request"),
            // PKCE cannot be left out, nor weakened.
            (good.without("code_challenge"), "invalid_request"),
            (good.without("code_challenge").without("code_challenge_method"), "invalid_request"),
            (good.without("code_challenge_method"), "invalid_request"),
            (good.with("code_challenge_method", "plain"), "invalid_request"),
            (good.with("code_challenge", VERIFIER), "invalid_request"),
            (good.with("code_challenge", ""), "invalid_request"),
            (good.twice("code_challenge"), "invalid_request"),
            (good.twice("scope"), "invalid_request"),
            (good.twice("state"), "invalid_request"),
            (good.with("scope", "everything"), "invalid_scope"),
            (good.with("scope", "events.read events.write"), "invalid_scope"),
            (good.with("scope", "keys.manage"), "invalid_scope"),
        ] {
            let back = p.browser.see(&ask).await.back(CALLBACK);
            assert_eq!(back.value("error").as_deref(), Some(error), "{:?}", ask.0);
            assert!(back.value("code").is_none());
            assert_eq!(back.value("iss").as_deref(), Some(p.t.url.as_str()));
            let is_doubled = ask.0.iter().filter(|(name, _)| name == "state").count() > 1;
            assert_eq!(back.value("state").is_some(), !is_doubled);
            // The form is no way around it, and who is not signed in is sent nowhere.
            let back = p.browser.allow(&ask, p.organisation).await.back(CALLBACK);
            assert_eq!(back.value("error").as_deref(), Some(error));
            stranger.see(&ask).await.stays(400);
        }
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn only_the_person_themselves_agrees(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let ask = Ask::of(&tool, CALLBACK);
        // Another site sends the form in their name.
        for headers in [[("sec-fetch-site", "cross-site"), ("x", "y")], [("origin", "https://evil.example"), ("x", "y")]] {
            let mut request = p.browser.request(Method::POST, &ask.path())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(encoded(&[("decision", "allow"), ("organisation", &p.organisation.to_string())]));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            p.t.stranger.send(request).await.stays(403);
        }
        // An app's token is no cookie, and a page's cookie no token.
        let app = p.t.signed_in(p.manager, false).await;
        let by_app = app.send(app.request(Method::GET, &ask.path()).header("accept", "text/html")).await;
        assert_eq!(by_app.status, 303);
        assert!(by_app.headers["location"].to_str().unwrap().starts_with("/sign-in?"));
        // An administrator who acts as them leaves no program behind.
        let (admin, user, id) = (p.t.person("admin").await, p.manager, ImpersonationId::new(&*p.t.app.clock, &*p.t.app.random));
        let (now, until) = (p.t.app.now(), p.t.app.now() + Duration::from_secs(600));
        p.t.app.db.write(move |c| Box::pin(async move {
            c.exec(
                sql!("INSERT INTO impersonations (id, admin_id, user_id, reason, started_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"),
                vals![id, admin, user, "to look at a problem", now, until],
            ).await
        })).await.unwrap();
        let acting = Browser::with_session(&p.t, user, true, Some((id, until))).await;
        acting.see(&ask).await.stays(200);
        acting.allow(&ask, p.organisation).await.stays(403);
        // Somebody who belongs nowhere can only say no.
        let nobody = Browser::signed_in(&p.t, p.t.person("nobody").await, false).await;
        let page = nobody.see(&ask).await;
        page.stays(200);
        assert!(!page.text.contains("value=\"allow\"") && page.text.contains("value=\"deny\""), "{}", page.text);
        nobody.allow(&ask, p.organisation).await.stays(404);
        p.t.stop().await;
    }

    /// covers: AUTH-10, AUTH-4
    async fn an_organisation_that_wants_a_second_factor_gets_it_here_too(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let ask = Ask::of(&tool, CALLBACK);
        let before = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let organisation = p.organisation;
        p.t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE organisations SET requires_mfa = TRUE WHERE id = $1"), vals![organisation]).await
        })).await.unwrap();
        p.t.app.principals.clear();
        let page = p.browser.see(&ask).await;
        page.stays(200);
        assert!(page.text.contains("second factor") && !page.text.contains("value=\"allow\""), "{}", page.text);
        p.browser.allow(&ask, p.organisation).await.stays(403);
        // What was granted without one is worth nothing meanwhile.
        p.program(&before).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        let with_both = Browser::signed_in(&p.t, p.manager, true).await;
        let tokens = p.tokens(&with_both, &tool, CALLBACK, "events.read").await;
        p.program(&tokens).get("/api/v1/events").await.expect(200);
        p.t.stop().await;
    }

    /// covers: AUTH-10, BE-1
    async fn a_program_may_never_do_more_than_the_person(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read events.write orders.read").await;
        let viewer = p.t.person("viewer").await;
        identity::add_member(&p.t.app, p.organisation, viewer, Some(Role::Viewer)).await.unwrap();
        let browser = Browser::signed_in(&p.t, viewer, false).await;
        let page = browser.see(&Ask::of(&tool, CALLBACK)).await;
        assert!(page.text.contains("left out: Change and delete events; See orders"), "{}", page.text);
        let code = browser.allow(&Ask::of(&tool, CALLBACK), p.organisation).await.back(CALLBACK).value("code").unwrap();
        let tokens = p.exchange(&tool, CALLBACK, &code).await.expect(200);
        assert_eq!(tokens["scope"], "events.read");
        let event = p.t.event(&[("Standing", 2500, 10)]).await;
        let program = p.program(&tokens);
        program.get(&format!("/api/v1/events/{}", event.id)).await.expect(200);
        program.get(&format!("/api/v1/events/{}/orders", event.id)).await.refused(403, "identity.permission_missing");
        // Who may do nothing of it cannot agree to it.
        let ask = Ask::of(&tool, CALLBACK).with("scope", "orders.read");
        let page = browser.see(&ask).await;
        assert!(!page.text.contains("value=\"allow\""), "{}", page.text);
        browser.allow(&ask, p.organisation).await.stays(403);
        // A person with less than before takes their programs along.
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "orders.read events.read").await;
        let program = p.program(&tokens);
        let orders = format!("/api/v1/events/{}/orders", event.id);
        program.get(&orders).await.expect(200);
        let (user, organisation) = (p.manager, p.organisation);
        p.t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE members SET role = 'viewer' WHERE user_id = $1 AND organisation_id = $2"), vals![user, organisation]).await
        })).await.unwrap();
        p.t.app.principals.clear();
        program.get(&orders).await.refused(403, "identity.permission_missing");
        let less = p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await.expect(200);
        assert_eq!(less["scope"], "events.read");
        p.t.stop().await;
    }
}
