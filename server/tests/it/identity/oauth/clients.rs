//! Clients of an organisation.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;

use super::*;

const CLIENTS: &str = "/api/v1/oauth/clients";

on_both_engines! {
    /// covers: AUTH-10, GW-10
    async fn an_organisation_keeps_its_clients(db: TestDb) {
        let p = Place::start(db).await;
        let body = json!({"name": " Tool ", "kind": "confidential", "redirect_uris": [CALLBACK], "scopes": ["orders.read", "events.read", "orders.read"]});
        let made = p.owner.post(CLIENTS, body.clone()).await;
        assert_eq!(made.headers["cache-control"], "no-store");
        let made = made.expect(201);
        let (client, secret) = (&made["client"], made["secret"].as_str().unwrap());
        assert_eq!((&client["name"], &client["scopes"]), (&json!("Tool"), &json!(["events.read", "orders.read"])));
        assert!(secret.starts_with("biltencs_"));
        let path = format!("{CLIENTS}/{}", client["id"].as_str().unwrap());
        assert_eq!(&p.owner.get(&path).await.expect(200), client);
        let public = p.tool("public", "events.read").await;
        assert!(public.secret.is_none());
        let listed = p.owner.get(&format!("{CLIENTS}?limit=1")).await.expect(200);
        assert_eq!(listed["items"][0]["id"], json!(public.id));
        let rest = p.owner.get(&format!("{CLIENTS}?limit=1&cursor={}", listed["next"].as_str().unwrap())).await.expect(200);
        assert_eq!(&rest["items"][0], client);
        assert!(!p.owner.get(CLIENTS).await.text.contains("biltencs_"), "a secret is shown once");

        let changed = p.owner.patch(&path, json!({"name": "Other", "redirect_uris": ["https://other.example/cb"]})).await.expect(200);
        assert_eq!((&changed["name"], &changed["kind"]), (&json!("Other"), &json!("confidential")));
        p.owner.patch(&path, json!({"kind": "service"})).await.expect(422);
        for (change, field) in [(json!({"name": ""}), "name"), (json!({"scopes": []}), "scopes"), (json!({"scopes": ["keys.manage"]}), "scopes[0]"),
            (json!({"redirect_uris": []}), "redirect_uris"), (json!({"redirect_uris": ["http://evil.example/"]}), "redirect_uris[0]"),
            (json!({"redirect_uris": [CALLBACK, "https://*.example/cb"]}), "redirect_uris[1]"),
            (json!({"name": "a\u{0}b"}), "name")] {
            let refused = p.owner.patch(&path, change.clone()).await.expect(422);
            assert_eq!(refused["errors"][0]["field"], field, "{change}");
            let mut new = body.clone();
            new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(p.owner.post(CLIENTS, new).await.expect(422)["errors"][0]["field"], field, "{change}");
        }
        p.owner.delete(&path).await.expect(204);
        p.owner.delete(&path).await.refused(404, "identity.not_found");
        p.owner.get(&path).await.refused(404, "identity.not_found");
        p.t.stop().await;
    }

    /// covers: AUTH-10, BE-1
    async fn clients_are_for_those_who_may_and_for_nobody_else(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let (path, secret) = (format!("{CLIENTS}/{}", tool.id), format!("{CLIENTS}/{}/secret", tool.id));
        let manager = p.t.member(Role::Manager).await;
        let elsewhere = {
            let organisation = identity::create_organisation(&p.t.app, "Elsewhere").await.unwrap();
            let user = p.t.person("elsewhere").await;
            identity::add_member(&p.t.app, organisation.id, user, Some(Role::Owner)).await.unwrap();
            p.t.signed_in(user, false).await
        };
        for (who, status, code) in [(&manager, 403, "identity.permission_missing"), (&p.t.organiser, 403, "identity.permission_missing"),
            (&p.t.stranger, 401, "identity.unauthenticated"), (&elsewhere, 404, "identity.not_found")] {
            who.get(&path).await.refused(status, code);
            who.patch(&path, json!({"name": "Mine"})).await.refused(status, code);
            who.post(&secret, json!({})).await.refused(status, code);
            who.delete(&path).await.refused(status, code);
        }
        assert_eq!(elsewhere.get(CLIENTS).await.expect(200)["items"], json!([]));
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_secret_is_changed_without_a_gap(db: TestDb) {
        let p = Place::start(db).await;
        let old = p.tool("service", "events.read").await;
        let path = format!("{CLIENTS}/{}/secret", old.id);
        let rotate = async |body: Value| {
            let answer = p.owner.post(&path, body).await;
            assert_eq!(answer.headers["cache-control"], "no-store");
            let secret = answer.expect(200)["secret"].as_str().unwrap().to_owned();
            Tool { id: old.id.clone(), secret: Some(secret) }
        };
        let grant = [("grant_type", "client_credentials")];
        let new = rotate(json!({"overlap_s": 3_600})).await;
        for tool in [&old, &new] {
            tool.call(&p.t.stranger, "/oauth/token", &grant).await.expect(200);
        }
        p.t.clock.advance(Duration::from_secs(3_600));
        refused(&old.call(&p.t.stranger, "/oauth/token", &grant).await, 401, "invalid_client");
        // One that leaked ends at once, and two before it do not come back.
        let newest = rotate(json!({"overlap_s": 0})).await;
        for tool in [&old, &new] {
            refused(&tool.call(&p.t.stranger, "/oauth/token", &grant).await, 401, "invalid_client");
        }
        newest.call(&p.t.stranger, "/oauth/token", &grant).await.expect(200);
        p.owner.post(&path, json!({"overlap_s": 99_999_999})).await.expect(422);
        // What has no secret gets none.
        let public = p.tool("public", "events.read").await;
        p.owner.post(&format!("{CLIENTS}/{}/secret", public.id), json!({})).await.refused(404, "identity.not_found");
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn a_client_with_less_takes_it_from_its_tokens(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read orders.read").await;
        let service = p.tool("service", "events.read orders.read").await;
        let event = p.t.event(&[("Standing", 2500, 10)]).await;
        let orders = format!("/api/v1/events/{}/orders", event.id);
        let by_person = p.program(&p.tokens(&p.browser, &tool, CALLBACK, "events.read orders.read").await);
        let by_itself = service.call(&p.t.stranger, "/oauth/token", &[("grant_type", "client_credentials")]).await.expect(200);
        let by_itself = p.program(&by_itself);
        for (program, tool) in [(by_person, tool), (by_itself, service)] {
            let path = format!("{CLIENTS}/{}", tool.id);
            program.get(&orders).await.expect(200);
            p.owner.patch(&path, json!({"scopes": ["events.read"]})).await.expect(200);
            program.get(&orders).await.refused(403, "identity.permission_missing");
            program.get("/api/v1/events").await.expect(200);
            p.owner.patch(&path, json!({"is_enabled": false})).await.expect(200);
            program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
            let answer = tool.call(&p.t.stranger, "/oauth/token", &[("grant_type", "client_credentials")]).await;
            refused(&answer, 401, "invalid_client");
            p.owner.patch(&path, json!({"is_enabled": true})).await.expect(200);
            program.get("/api/v1/events").await.expect(200);
            p.owner.delete(&path).await.expect(204);
            program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        }
        p.t.stop().await;
    }
}
