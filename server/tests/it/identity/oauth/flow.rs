//! The whole flow, by a client library that many programs use.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IntrospectionUrl, PkceCodeChallenge, RedirectUrl, Scope, TokenIntrospectionResponse as _,
    TokenResponse as _, TokenUrl,
};

use super::*;

/// HTTP for the library; it must not follow redirects.
async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let answer = http.execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

on_both_engines! {
    /// covers: AUTH-10, GW-10
    async fn a_program_acts_for_somebody_by_a_real_client_library(db: TestDb) {
        let p = Place::start(db).await;
        let metadata = p.t.stranger.get("/.well-known/oauth-authorization-server").await.expect(200);
        assert_eq!(metadata["issuer"], p.t.url);
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        let url = |name: &str| metadata[name].as_str().unwrap().to_owned();
        for (kind, uri) in [("confidential", CALLBACK), ("public", "http://127.0.0.1:51004/callback")] {
            let tool = p.tool(kind, "events.read orders.read").await;
            let mut client = BasicClient::new(ClientId::new(tool.id.clone()))
                .set_auth_uri(AuthUrl::new(url("authorization_endpoint")).unwrap())
                .set_token_uri(TokenUrl::new(url("token_endpoint")).unwrap())
                .set_introspection_url(IntrospectionUrl::new(url("introspection_endpoint")).unwrap())
                .set_redirect_uri(RedirectUrl::new(uri.to_owned()).unwrap());
            if let Some(secret) = &tool.secret {
                client = client.set_client_secret(ClientSecret::new(secret.clone()));
            }
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let (address, state) = client
                .authorize_url(CsrfToken::new_random)
                .add_scope(Scope::new("events.read".to_owned()))
                .set_pkce_challenge(challenge)
                .url();
            let path = format!("{}?{}", address.path(), address.query().unwrap());

            // Whoever is not signed in comes back to the same place afterwards.
            let stranger = Browser::stranger(&p.t);
            let sent = p.t.stranger.send(stranger.request(Method::GET, &path)).await;
            assert_eq!(sent.status, 303);
            let next = sent.headers["location"].to_str().unwrap().strip_prefix("/sign-in?").unwrap();
            let next: Vec<(String, String)> = form_urlencoded::parse(next.as_bytes()).into_owned().collect();
            assert_eq!(next, [("next".to_owned(), path.clone())]);

            let page = p.t.stranger.send(p.browser.request(Method::GET, &path)).await;
            page.stays(200);
            assert!(page.text.contains("Tool &#38; &#60;b&#62;Co") && page.text.contains("Kino Šiška"), "{}", page.text);
            assert!(page.text.contains("See events with their dates"), "{}", page.text);
            assert!(!page.text.contains("See orders"), "{}", page.text);
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            let source = uri.strip_suffix("/callback").unwrap();
            assert!(policy.contains(&format!("form-action 'self' {source};")), "{policy}");

            let fields = encoded(&[("decision", "allow"), ("organisation", &p.organisation.to_string())]);
            let allow = p.browser.request(Method::POST, &path)
                .header("content-type", "application/x-www-form-urlencoded").body(fields);
            let back = p.t.stranger.send(allow).await.back(uri);
            assert_eq!(back.value("state").as_deref(), Some(state.secret().as_str()));
            assert_eq!(back.value("iss").as_deref(), Some(p.t.url.as_str()));
            let code = AuthorizationCode::new(back.value("code").unwrap());

            let tokens = client.exchange_code(code).set_pkce_verifier(verifier)
                .request_async(&send).await.unwrap();
            assert_eq!(tokens.expires_in().unwrap().as_secs(), 1_800);
            assert!(tokens.access_token().secret().starts_with("biltenat_"));
            let program = p.t.stranger.with_token(tokens.access_token().secret());
            program.get("/api/v1/events").await.expect(200);
            let kept_out = program.get("/api/v1/oauth/clients").await;
            kept_out.refused(403, "identity.permission_missing");
            let challenge = kept_out.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("insufficient_scope") && challenge.contains("keys.manage"), "{challenge}");
            // What is one's own is for people.
            program.get("/api/v1/me/grants").await.refused(403, "identity.person_required");

            if tool.secret.is_some() {
                let seen = client.introspect(tokens.access_token()).request_async(&send).await.unwrap();
                assert!(seen.active() && seen.sub() == Some(&p.manager.to_string()));
                let scopes: Vec<&str> = seen.scopes().unwrap().iter().map(|scope| scope.as_str()).collect();
                assert_eq!(scopes, ["events.read"]);
            }

            // An access token lasts half an hour, and the next is fetched without the person.
            p.t.clock.advance(std::time::Duration::from_secs(1_801));
            let late = program.get("/api/v1/events").await;
            late.refused(401, "identity.token_unknown");
            assert!(late.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
            let refreshed = client.exchange_refresh_token(tokens.refresh_token().unwrap())
                .request_async(&send).await.unwrap();
            p.t.stranger.with_token(refreshed.access_token().secret()).get("/api/v1/events").await.expect(200);
            assert_ne!(refreshed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());
        }
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_service_acts_for_its_organisation_by_a_real_client_library(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("service", "events.read events.create").await;
        let client = BasicClient::new(ClientId::new(tool.id.clone()))
            .set_client_secret(ClientSecret::new(tool.secret.clone().unwrap()))
            .set_token_uri(TokenUrl::new(format!("{}/oauth/token", p.t.url)).unwrap());
        for kind in [oauth2::AuthType::BasicAuth, oauth2::AuthType::RequestBody] {
            let tokens = client.clone().set_auth_type(kind).exchange_client_credentials()
                .add_scope(Scope::new("events.read".to_owned()))
                .request_async(&send).await.unwrap();
            assert!(tokens.refresh_token().is_none());
            let service = p.t.stranger.with_token(tokens.access_token().secret());
            service.get("/api/v1/events").await.expect(200);
            service.post("/api/v1/events", json!({})).await.refused(403, "identity.permission_missing");
            // Its token may name the organisation, but no other.
            let elsewhere = service.request(Method::GET, "/api/v1/events")
                .header("bilten-organisation", "org_01jx0000000000000000000000");
            service.send(elsewhere).await.refused(404, "identity.organisation_not_found");
        }
        let whole = client.exchange_client_credentials().request_async(&send).await.unwrap();
        let service = p.t.stranger.with_token(whole.access_token().secret());
        assert_eq!(service.post("/api/v1/events", json!({})).await.status, 422);
        let more = client.exchange_client_credentials().add_scope(Scope::new("orders.read".to_owned()))
            .request_async(&send).await;
        let oauth2::RequestTokenError::ServerResponse(answer) = more.unwrap_err() else {
            panic!("that was no answer of the server");
        };
        assert_eq!(*answer.error(), BasicErrorResponseType::InvalidScope);
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn somebody_says_no_or_chooses_for_whom(db: TestDb) {
        let p = Place::start(db).await;
        let other = identity::create_organisation(&p.t.app, "Cankarjev dom").await.unwrap();
        identity::add_member(&p.t.app, other.id, p.manager, Some(Role::Viewer)).await.unwrap();
        let tool = p.tool("confidential", "events.read orders.read").await;
        let ask = Ask::of(&tool, CALLBACK);
        let back = p.browser.answer(&ask, &[("decision", "deny")]).await.back(CALLBACK);
        assert_eq!(back.value("error").as_deref(), Some("access_denied"));
        assert_eq!(back.value("state").as_deref(), Some("a state & more"));
        assert_eq!(back.value("iss").as_deref(), Some(p.t.url.as_str()));
        assert!(back.value("code").is_none());
        // A form without a decision allows nothing.
        let back = p.browser.answer(&ask, &[]).await.back(CALLBACK);
        assert_eq!(back.value("error").as_deref(), Some("access_denied"));

        // The client is for its own organisation only, until it is shared.
        assert!(!p.browser.see(&ask).await.text.contains("Cankarjev dom"));
        p.browser.allow(&ask, other.id).await.stays(404);
        let path = format!("/api/v1/oauth/clients/{}", tool.id);
        p.owner.patch(&path, json!({"is_shared": true})).await.expect(200);
        let page = p.browser.see(&ask).await;
        page.stays(200);
        assert!(page.text.contains("Cankarjev dom") && page.text.contains("Without what you may not do there"), "{}", page.text);
        let unsure = p.browser.answer(&ask, &[("decision", "allow")]).await;
        unsure.stays(422);
        assert!(unsure.text.contains("Please choose for which organisation."), "{}", unsure.text);
        let code = p.browser.allow(&ask, other.id).await.back(CALLBACK).value("code").unwrap();
        let tokens = p.exchange(&tool, CALLBACK, &code).await.expect(200);
        assert_eq!(tokens["scope"], "events.read");
        let program = p.program(&tokens);
        program.get("/api/v1/events").await.expect(200);
        let event = p.t.event(&[("Standing", 2500, 10)]).await;
        program.get(&format!("/api/v1/events/{}", event.id)).await.expect(404);
        // What is shared no longer is over for the others at once.
        p.owner.patch(&path, json!({"is_shared": false})).await.expect(200);
        program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        p.t.stop().await;
    }
}
