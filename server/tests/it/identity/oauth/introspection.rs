//! What programs are told of tokens.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;

use super::*;

/// What is said of a token that is not known, and nothing more.
fn nothing() -> Value {
    json!({"active": false})
}

on_both_engines! {
    /// covers: AUTH-10
    async fn a_token_is_told_to_its_own_organisation_only(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read orders.read").await;
        let service = p.tool("service", "events.read").await;
        let public = p.tool("public", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        let ask = async |tool: &Tool, token: &str| tool.call(&p.t.stranger, "/oauth/introspect", &[("token", token), ("token_type_hint", "x")]).await;

        // Another program of the same organisation, such as a service that is called with the token.
        let seen = ask(&service, access).await;
        assert_eq!(seen.headers["cache-control"], "no-store");
        let seen = seen.expect(200);
        assert_eq!((&seen["active"], &seen["scope"], &seen["client_id"]), (&json!(true), &json!("events.read"), &json!(tool.id)));
        assert_eq!((&seen["sub"], &seen["iss"], &seen["role"]), (&json!(p.manager), &json!(p.t.url), &json!("manager")));
        assert_eq!((&seen["permissions"], &seen["organisation"]), (&json!(["events.read"]), &json!(p.organisation)));
        assert_eq!(seen["exp"].as_i64().unwrap() - seen["iat"].as_i64().unwrap(), 1_800);
        // A refresh token is told to its own client only.
        assert_eq!(ask(&tool, refresh).await.expect(200)["token_type"], "refresh_token");
        assert_eq!(ask(&service, refresh).await.expect(200), nothing());

        // Strangers, public clients and other tenants learn nothing.
        refused(&post_form(&p.t.stranger, "/oauth/introspect", &[("token", access)], None).await, 401, "invalid_client");
        refused(&post_form(&p.t.stranger, "/oauth/introspect", &[("token", access)], Some(&basic(&tool.id, "wrong"))).await, 401, "invalid_client");
        refused(&ask(&public, access).await, 400, "unauthorized_client");
        let elsewhere = identity::create_organisation(&p.t.app, "Elsewhere").await.unwrap();
        let stranger = p.t.person("elsewhere").await;
        identity::add_member(&p.t.app, elsewhere.id, stranger, Some(Role::Owner)).await.unwrap();
        let owner = p.t.signed_in(stranger, false).await;
        let spy = tool_of(&owner, json!({"name": "Spy", "kind": "service", "scopes": ["events.read"]})).await;
        let (_, key) = identity::create_api_key(&p.t.app, p.organisation, "tests").await.unwrap();
        for token in [access, refresh, key.as_str(), "", "x", "biltenat_x", "biltenrt_x", "bilten_x", "biltense_x"] {
            let answer = ask(&spy, token).await;
            if token.is_empty() {
                refused(&answer, 400, "invalid_request");
            } else {
                assert_eq!(answer.expect(200), nothing(), "{token}");
            }
        }
        // What is over is over.
        tool.call(&p.t.stranger, "/oauth/revoke", &[("token", access)]).await.expect(200);
        assert_eq!(ask(&service, access).await.expect(200), nothing());
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn keys_and_sessions_are_told_with_what_they_may_do(db: TestDb) {
        let p = Place::start(db).await;
        let service = p.tool("service", "events.read").await;
        let ask = async |token: &str| service.call(&p.t.stranger, "/oauth/introspect", &[("token", token)]).await.expect(200);
        let (id, key) = identity::create_api_key(&p.t.app, p.organisation, "tests").await.unwrap();
        let seen = ask(&key).await;
        assert_eq!((&seen["active"], &seen["sub"]), (&json!(true), &json!(id)));
        let permissions = seen["permissions"].as_array().unwrap();
        assert!(permissions.contains(&json!("orders.read")) && !permissions.contains(&json!("keys.manage")), "{seen}");
        identity::revoke_api_key(&p.t.app, id).await.unwrap();
        assert_eq!(ask(&key).await, nothing());

        let event = p.t.event(&[("Standing", 2500, 10)]).await;
        let user = p.t.person("door").await;
        identity::add_member(&p.t.app, p.organisation, user, None).await.unwrap();
        let (event_id, at) = (event.id.clone(), p.organisation);
        p.t.app.db.write(move |c| Box::pin(async move {
            c.exec(
                sql!("INSERT INTO member_events (member_id, event_id, role) SELECT id, $3, 'door_staff' FROM members WHERE user_id = $1 AND organisation_id = $2"),
                vals![user, at, event_id],
            ).await
        })).await.unwrap();
        let app = p.t.app.clone();
        let session = async |kind| {
            let app = app.clone();
            p.t.app.db.write(move |c| Box::pin(async move {
                let proof = Proof { methods: "test".to_owned(), is_mfa: false };
                let origin = Origin { ip: [127, 0, 0, 1].into(), user_agent: "tests".to_owned() };
                identity::begin_session(&app, c, user, kind, &proof, &origin, None).await
            })).await.unwrap().token
        };
        let seen = ask(&session(SessionKind::App).await).await;
        assert_eq!((&seen["sub"], &seen["role"]), (&json!(user), &Value::Null));
        assert_eq!(seen["event_roles"], json!({&event.id: ["door_staff"]}));
        let single = seen["event_permissions"][&event.id].as_array().unwrap();
        assert!(single.contains(&json!("check_in.scan")) && !single.contains(&json!("orders.read")), "{seen}");
        // The cookie of a page works with pages only.
        assert_eq!(ask(&session(SessionKind::Page).await).await, nothing());
        p.t.stop().await;
    }
}
