//! Setting connections up.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::oidc;
use super::provider::Provider;
use super::signer::Signer;
use crate::app::{Answer, Client, TestApp};

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::PUT, path).json(body))
        .await
}

on_both_engines! {
    /// covers: AUTH-5
    async fn owners_connect_their_organisation(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        let owner = t.member(Role::Owner).await;
        let all = "/api/v1/sso/connections";
        let input = oidc("kino-siska", &provider);
        for other in [t.member(Role::Manager).await, t.organiser.clone()] {
            other.post(all, input.clone()).await.refused(403, "identity.permission_missing");
            other.get(all).await.refused(403, "identity.permission_missing");
        }
        t.stranger.get(all).await.refused(401, "identity.unauthenticated");

        let made = owner.post(all, input.clone()).await.expect(201);
        let one = format!("{all}/{}", made["id"].as_str().unwrap());
        assert_eq!(made["callback_url"], format!("{}/sso/kino-siska/callback", t.url));
        assert!(made["oidc"]["client_secret"].is_null(), "secrets are never shown: {made}");
        owner.post(all, input.clone()).await.refused(409, "sso.slug_taken");
        assert_eq!(owner.get(all).await.expect(200)["connections"].as_array().unwrap().len(), 1);
        assert_eq!(owner.post(&format!("{one}/test"), json!({})).await.status, 204);

        // What is left out stays: a secret; and it goes to no other provider.
        let mut changed = input.clone();
        changed["oidc"].as_object_mut().unwrap().remove("client_secret");
        changed["domains"] = json!(["Kino.Example", "kino.example"]);
        changed["is_enabled"] = json!(false);
        let saved = put(&owner, &one, &changed).await.expect(200);
        assert_eq!(saved["domains"], json!([{"domain": "kino.example", "is_confirmed": false}]));
        t.stranger.get("/sso/kino-siska/start").await.refused(404, "sso.unknown");

        // Of another organisation there is nothing.
        let rival = bilten_server::identity::create_organisation(&t.app, "Rival").await.unwrap();
        let user = t.person("rival").await;
        bilten_server::identity::add_member(&t.app, rival.id, user, Some(Role::Owner)).await.unwrap();
        let rival = t.signed_in(user, false).await;
        rival.get(&one).await.refused(404, "sso.not_found");
        put(&rival, &one, &oidc("rival", &provider)).await.refused(404, "sso.not_found");
        rival.delete(&one).await.refused(404, "sso.not_found");
        rival.post(&format!("{one}/test"), json!({})).await.refused(404, "sso.not_found");
        rival.post(all, input.clone()).await.refused(422, "invalid");
        rival.get("/api/v1/platform/sso/connections").await.refused(404, "not_found");

        assert_eq!(owner.delete(&one).await.status, 204);
        owner.get(&one).await.refused(404, "sso.not_found");
        t.stop().await;
    }

    /// covers: AUTH-5
    async fn what_cannot_work_is_not_saved(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        let owner = t.member(Role::Owner).await;
        let event = t.event(&[("Parter", 1000, 10)]).await;
        let good = oidc("kino-siska", &provider);
        let saml = |change: Value| {
            let certificate = base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD, Signer::new().certificate);
            let mut saml = json!({
                "entity_id": "https://idp.example", "sso_url": "https://idp.example/sso", "certificates": [certificate],
            });
            for (name, value) in change.as_object().unwrap() {
                saml[name] = value.clone();
            }
            json!({"slug": "kino-siska-saml", "name": "SAML", "saml": saml})
        };
        let changed = |path: &str, value: Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(path).unwrap() = value;
            changed
        };
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            changed
        };
        let rule = |role: &str, event: Value| {
            json!({"rules": [{"attribute": "groups", "value": "x", "role": role, "event": event}]})
        };
        for wrong in [
            with("slug", json!("google")), with("slug", json!("kino-siskax")), with("slug", json!("")),
            with("slug", json!("kino-siska-/../x")), with("name", json!("")), with("name", json!("a\nb")),
            with("domains", json!(["localhost"])), with("domains", json!(["a b.example"])), with("domains", json!(["*"])),
            with("role_mapping", rule("owner", json!(null))), with("role_mapping", json!({"default_role": "owner"})),
            with("role_mapping", rule("viewer", json!("evt_00000000000000000000000000"))),
            with("saml", json!({})), with("oidc", json!(null)), with("extra", json!(1)),
            changed("/oidc/issuer", json!(null)), changed("/oidc/issuer", json!("ftp://x.example")),
            changed("/oidc/issuer", json!("https://")), changed("/oidc/issuer", json!("javascript:x")),
            changed("/oidc/client_id", json!("")), changed("/oidc/client_secret", json!("x".repeat(501))),
            changed("/oidc/preset", json!("google")), changed("/oidc/preset", json!("myspace")),
            saml(json!({"certificates": []})), saml(json!({"certificates": ["AAAA"]})), saml(json!({"entity_id": ""})),
            saml(json!({"sso_url": "javascript:alert(1)"})), saml(json!({"metadata": "<a/>"})),
            saml(json!({"metadata": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"})),
        ] {
            owner.post("/api/v1/sso/connections", wrong.clone()).await.refused(422, "invalid");
        }
        let list = owner.get("/api/v1/sso/connections").await.expect(200);
        assert_eq!(list["connections"], json!([]));
        let mapping = rule("viewer", json!(event.id));
        owner.post("/api/v1/sso/connections", with("role_mapping", mapping)).await.expect(201);
        let made = owner.post("/api/v1/sso/connections", saml(json!({}))).await.expect(201);
        let metadata = t.stranger.get("/sso/kino-siska-saml/saml/metadata").await;
        assert_eq!(metadata.headers["content-type"], "application/samlmetadata+xml");
        assert!(metadata.text.contains(made["metadata_url"].as_str().unwrap()));
        t.stop().await;
    }
}
