//! What people granted, and its end.

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;

use super::*;

on_both_engines! {
    /// covers: AUTH-10
    async fn somebody_sees_and_ends_what_they_granted(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let program = p.program(&tokens);
        let me = p.t.signed_in(p.manager, false).await;
        let grants = me.get("/api/v1/me/grants").await.expect(200);
        let grant = &grants["items"][0];
        assert_eq!((&grant["client_id"], &grant["scopes"]), (&json!(tool.id), &json!(["events.read"])));
        assert_eq!((&grant["client_name"], &grant["organisation_name"]), (&json!("Tool & <b>Co</b>"), &json!("Kino Šiška")));
        assert!(grant["last_used_at"].is_string());
        let path = format!("/api/v1/me/grants/{}", grant["id"].as_str().unwrap());
        p.t.member(Role::Owner).await.delete(&path).await.refused(404, "identity.not_found");
        p.t.organiser.delete(&path).await.refused(403, "identity.person_required");
        program.get("/api/v1/events").await.expect(200);
        me.delete(&path).await.expect(204);
        program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        me.delete(&path).await.refused(404, "identity.not_found");
        assert_eq!(me.get("/api/v1/me/grants").await.expect(200)["items"], json!([]));
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn an_organisation_sees_and_ends_what_its_people_granted(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        p.tool("service", "events.read").await;
        let program = p.program(&p.tokens(&p.browser, &tool, CALLBACK, "events.read").await);
        let grants = p.owner.get("/api/v1/oauth/grants").await.expect(200);
        assert_eq!(grants["items"].as_array().unwrap().len(), 1);
        assert_eq!(grants["items"][0]["user_id"], json!(p.manager));
        let path = format!("/api/v1/oauth/grants/{}", grants["items"][0]["id"].as_str().unwrap());
        p.t.signed_in(p.manager, false).await.delete(&path).await.refused(403, "identity.permission_missing");
        let elsewhere = identity::create_organisation(&p.t.app, "Elsewhere").await.unwrap();
        let stranger = p.t.person("elsewhere").await;
        identity::add_member(&p.t.app, elsewhere.id, stranger, Some(Role::Owner)).await.unwrap();
        p.t.signed_in(stranger, false).await.delete(&path).await.refused(404, "identity.not_found");
        program.get("/api/v1/events").await.expect(200);
        p.owner.delete(&path).await.expect(204);
        program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        p.t.stop().await;
    }

    /// covers: AUTH-10, BE-1
    async fn a_grant_ends_with_the_membership_and_does_not_come_back(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let waiting = p.code(&p.browser, &tool, CALLBACK, "events.read").await;
        let program = p.program(&tokens);
        program.get("/api/v1/events").await.expect(200);
        p.remove_manager().await;
        for _ in 0..2 {
            program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
            refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
            refused(&p.exchange(&tool, CALLBACK, &waiting).await, 400, "invalid_grant");
            identity::add_member(&p.t.app, p.organisation, p.manager, Some(Role::Manager)).await.unwrap();
        }
        p.t.stop().await;
    }

    /// covers: AUTH-10
    async fn a_grant_is_dead_while_its_person_is(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let program = p.program(&tokens);
        let user = p.manager;
        for state in ["deactivated", "erased"] {
            p.t.app.db.write(move |c| Box::pin(async move {
                c.exec(sql!("UPDATE users SET state = $2 WHERE id = $1"), vals![user, state]).await
            })).await.unwrap();
            p.t.app.principals.clear();
            program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
            refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        }
        p.t.stop().await;
    }

    /// covers: AUTH-9, AUTH-10
    async fn programs_of_an_erased_person_are_shut_out(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let waiting = p.code(&p.browser, &tool, CALLBACK, "events.read").await;
        let program = p.program(&tokens);
        program.get("/api/v1/events").await.expect(200);
        let me = p.t.signed_in(p.manager, false).await;
        me.post("/api/v1/me/erase", json!({"word": "erase"})).await.expect(204);
        program.get("/api/v1/events").await.refused(401, "identity.token_unknown");
        refused(&p.refresh(&tool, tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        refused(&p.exchange(&tool, CALLBACK, &waiting).await, 400, "invalid_grant");
        let alive: i64 = p.t.app.db.scalar(
            sql!("SELECT COUNT(*) FROM oauth_grants WHERE user_id = $1 AND revoked_at IS NULL"),
            vals![p.manager],
        ).await.unwrap();
        assert_eq!(alive, 0);
        // The organisation can see that the program works for nobody there any more.
        let log = p.owner.get("/api/v1/audit?action=oauth.grant_ended").await.expect(200);
        assert_eq!(log["items"][0]["detail"]["user"], json!(p.manager));
        p.t.stop().await;
    }

    /// covers: AUTH-10, GW-10
    async fn a_program_gives_its_tokens_back(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let other = p.tool("public", "events.read").await;
        let tokens = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        let revoke = async |tool: &Tool, token: &str| tool.call(&p.t.stranger, "/oauth/revoke", &[("token", token)]).await;
        // Not by another client, nor by nobody.
        refused(&revoke(&other, access).await, 400, "invalid_grant");
        refused(&revoke(&other, refresh).await, 400, "invalid_grant");
        refused(&post_form(&p.t.stranger, "/oauth/revoke", &[("token", refresh)], None).await, 401, "invalid_client");
        refused(&tool.call(&p.t.stranger, "/oauth/revoke", &[]).await, 400, "invalid_request");
        p.program(&tokens).get("/api/v1/events").await.expect(200);
        // An access token alone, then the whole grant; what is unknown counts as ended.
        assert_eq!(revoke(&tool, access).await.status, 200);
        p.program(&tokens).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        let next = p.refresh(&tool, refresh).await.expect(200);
        p.program(&next).get("/api/v1/events").await.expect(200);
        assert_eq!(revoke(&tool, next["refresh_token"].as_str().unwrap()).await.status, 200);
        p.program(&next).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        refused(&p.refresh(&tool, next["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
        for unknown in ["biltenrt_unknown", "x", next["refresh_token"].as_str().unwrap()] {
            assert_eq!(revoke(&tool, unknown).await.status, 200);
        }
        p.t.stop().await;
    }

    /// covers: AUTH-10, DB-6
    async fn the_audit_log_says_what_became_of_a_program(db: TestDb) {
        let p = Place::start(db).await;
        let tool = p.tool("confidential", "events.read").await;
        let path = format!("/api/v1/oauth/clients/{}", tool.id);
        p.owner.patch(&path, json!({"name": "Other"})).await.expect(200);
        let code = p.code(&p.browser, &tool, CALLBACK, "events.read").await;
        let tokens = p.exchange(&tool, CALLBACK, &code).await.expect(200);
        refused(&p.exchange(&tool, CALLBACK, &code).await, 400, "invalid_grant");
        refused(&p.exchange(&tool, CALLBACK, &code).await, 400, "invalid_grant");
        let again = p.tokens(&p.browser, &tool, CALLBACK, "events.read").await;
        let old = again["refresh_token"].as_str().unwrap();
        p.refresh(&tool, old).await.expect(200);
        refused(&p.refresh(&tool, old).await, 400, "invalid_grant");
        p.owner.delete(&path).await.expect(204);
        let log = p.owner.get("/api/v1/audit?action=oauth.").await.expect(200);
        let entries = log["items"].as_array().unwrap();
        let mut actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        actions.reverse();
        assert_eq!(actions, ["oauth.client_created", "oauth.client_changed", "oauth.granted", "oauth.code_replayed",
            "oauth.granted", "oauth.refresh_replayed", "oauth.client_ended"]);
        let replayed = &entries[3];
        assert_eq!((&replayed["actor"], &replayed["detail"]["user"]), (&json!(tool.id), &json!(p.manager)));
        assert_eq!(replayed["detail"]["client"], json!(tool.id));
        // Nothing that opens a door is in it.
        for secret in [&code, tool.secret.as_ref().unwrap(), &tokens["access_token"].as_str().unwrap().to_owned(), &old.to_owned()] {
            assert!(!log.to_string().contains(secret.as_str()));
        }
        p.t.stop().await;
    }
}
