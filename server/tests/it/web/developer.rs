//! The pages for developers, as a browser without scripts uses them.

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};
use serde_json::json;

use super::Visitor;
use super::account::{PASSWORD, registered, signed_in};
use crate::app::{Answer, TestApp};

const PAGE: &str = "/account/developer/kino-siska";

/// A browser of somebody with this role.
async fn browser(t: &TestApp, role: Role) -> Visitor {
    let email = format!("{role}@example.com");
    let user = registered(t, &email, "Ana").await;
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap();
    identity::add_member(&t.app, organisation.id, user, Some(role))
        .await
        .unwrap();
    signed_in(t, &email, PASSWORD).await
}

/// The key that a page shows.
fn key_on(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("dir=\"ltr\">bilten_").unwrap();
    format!("bilten_{}", rest.split('<').next().unwrap())
}

/// What follows this in the address of the first form that holds it.
fn id_after(page: &Answer, start: &str) -> String {
    let (_, rest) = page.text.split_once(start).unwrap();
    rest.split(['/', '"', '?']).next().unwrap().to_owned()
}

on_both_engines! {
    /// covers: GW-10, WEB-3
    async fn a_key_is_made_used_replaced_and_ended_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = browser(&t, Role::Owner).await;
        owner.get("/account").await.says(200, "href=\"/account/developer\"");
        owner.get("/account/developer").await.says(200, &format!("href=\"{PAGE}\""))
            .says(200, "href=\"/api/docs\"").says(200, "href=\"/api/v1/openapi.json\"");
        owner.get(PAGE).await.says(200, "href=\"/account/developer/kino-siska/keys/new\"");

        let new = format!("{PAGE}/keys/new");
        owner.get(&new).await.says(200, "value=\"events.read\"").says(200, "See events with their dates");
        assert!(!owner.get(&new).await.text.contains("value=\"keys.manage\""), "programs may not");
        let keys = format!("{PAGE}/keys");
        let evil = "\"><script>alert(1)</script>";
        let wrong = owner.send(&keys, &[("name", ""), ("scopes", "events.read"), ("lives", "")]).await;
        wrong.says(422, "href=\"#name\"").says(422, "value=\"events.read\" checked");
        owner.send(&keys, &[("name", "Till")]).await.says(422, "href=\"#scopes\"");
        owner.send(&keys, &[("name", "Till"), ("scopes", evil)]).await.says(422, "href=\"#scopes\"");
        owner.send(&keys, &[("name", "Till"), ("scopes", "keys.manage")]).await.says(422, "href=\"#scopes\"");
        owner.send(&keys, &[("name", "Till"), ("scopes", "events.read"), ("lives", "31")]).await.says(422, "href=\"#lives\"");

        let fields = [("name", evil), ("scopes", "events.read"), ("scopes", "orders.read"), ("lives", "30")];
        let made = owner.send(&keys, &fields).await;
        made.says(200, "It is shown only now.");
        assert_eq!(made.headers["cache-control"], "no-store");
        assert!(!made.text.contains("<script>alert"), "{}", made.text);
        let key = key_on(&made);
        t.stranger.with_token(&key).get("/api/v1/events").await.expect(200);
        t.stranger.with_token(&key).get("/api/v1/audit").await.refused(403, "identity.permission_missing");
        let page = owner.get(PAGE).await;
        page.says(200, "events.read, orders.read").says(200, "until <time");
        assert!(!page.text.contains(&key), "it is shown once");

        let id = id_after(&page, &format!("{PAGE}/keys/"));
        owner.send(&format!("{PAGE}/keys/{id}/rotate"), &[("overlap", "5")]).await.says(422, "Please choose from the list");
        let rotated = owner.send(&format!("{PAGE}/keys/{id}/rotate"), &[("overlap", "24")]).await;
        rotated.says(200, "It may do what the old one may.");
        let other = key_on(&rotated);
        for token in [&key, &other] {
            t.stranger.with_token(token).get("/api/v1/events").await.expect(200);
        }
        owner.send(&format!("{PAGE}/keys/{id}/rotate"), &[("overlap", "0")]).await.says(409, "replaced");
        let ended = owner.send(&format!("{PAGE}/keys/{id}/end"), &[]).await.leads_to(PAGE);
        owner.get(&ended).await.says(200, "That key has ended").says(200, "Ended</span>");
        t.stranger.with_token(&key).get("/api/v1/events").await.refused(401, "identity.token_unknown");
        t.stop().await;
    }

    /// covers: GW-7, GW-10
    async fn requests_are_looked_at_and_webhooks_are_tried(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = browser(&t, Role::Owner).await;
        let body = json!({"name": "Skrivna Ana", "password": "hunter2"});
        t.organiser.post("/api/v1/events?token=t0ken", body).await.expect(422);
        let first = crate::inspect::first(&t).await;
        owner.get(PAGE).await.says(200, "POST /api/v1/events?token=[masked]").says(200, "tag bad\">422");
        let list = format!("{PAGE}/requests");
        owner.get(&format!("{list}?status=4xx&key=")).await.says(200, &format!("{list}/{first}"))
            .says(200, "value=\"4xx\" selected");
        let none = owner.get(&format!("{list}?status=2xx&key=&x=1")).await;
        none.says(200, "There are none.");
        let one = owner.get(&format!("{list}/{first}")).await;
        one.says(200, "Bearer [masked]").says(200, "&#34;password&#34;: &#34;[masked]&#34;").says(200, "127.0.0.0/24");
        for secret in ["hunter2", "t0ken", "Skrivna"] {
            assert!(!one.text.contains(secret), "{secret}: {}", one.text);
        }
        owner.get(&format!("{list}/never")).await.says(404, "inspect.not_found");

        owner.get(PAGE).await.says(200, "POST /api/v1/webhooks/endpoints");
        let endpoint = json!({"url": "http://127.0.0.1:1/", "event_types": ["event.deleted"]});
        let endpoint = t.organiser.post("/api/v1/webhooks/endpoints", endpoint).await.expect(201);
        let id = endpoint["id"].as_str().unwrap();
        let page = owner.get(PAGE).await;
        page.says(200, "http://127.0.0.1:1/").says(200, "Told of: <span dir=\"ltr\">event.deleted");
        let test = format!("{PAGE}/webhooks/{id}/test");
        let sent = owner.send(&test, &[]).await.leads_to(PAGE);
        owner.get(&sent).await.says(200, "A test event is on its way");
        let path = format!("/api/v1/webhooks/endpoints/{id}");
        t.organiser.patch(&path, json!({"is_enabled": false})).await.expect(200);
        owner.get(PAGE).await.says(200, "It was switched off.");
        owner.send(&test, &[]).await.says(409, "This endpoint is off");
        t.organiser.delete(&path).await.expect(204);
        t.stop().await;
    }

    /// covers: GW-10, SYS-6
    async fn who_looks_after_no_programs_finds_nothing_there(db: TestDb) {
        let t = TestApp::start(db).await;
        let viewer = browser(&t, Role::Viewer).await;
        assert!(!viewer.get("/account").await.text.contains("/account/developer"));
        viewer.get("/account/developer").await.says(200, "In none of your organisations");
        let first = {
            t.organiser.get("/api/v1/events").await.expect(200);
            crate::inspect::first(&t).await
        };
        let pages = [String::new(), "/requests".to_owned(), format!("/requests/{first}"), "/keys/new".to_owned()];
        for page in &pages {
            viewer.get(&format!("{PAGE}{page}")).await.says(403, "identity.permission_missing");
        }
        viewer.send(&format!("{PAGE}/keys"), &[("name", "x"), ("scopes", "events.read")]).await.says(403, "identity.permission_missing");
        // Whoever manages webhooks only sees those.
        let manager = browser(&t, Role::Manager).await;
        let page = manager.get(PAGE).await;
        page.says(200, "Webhooks");
        assert!(!page.text.contains("API keys") && !page.text.contains("Newest requests"), "{}", page.text);
        manager.get(&format!("{PAGE}/requests")).await.says(403, "identity.permission_missing");
        // And somebody of another organisation finds no such one.
        registered(&t, "eva@example.com", "Eva").await;
        let stranger = signed_in(&t, "eva@example.com", PASSWORD).await;
        for page in &pages {
            stranger.get(&format!("{PAGE}{page}")).await.says(404, "identity.organisation_not_found");
        }
        Visitor::new(&t).get(PAGE).await.leads_to("/sign-in?next=");
        // Another site's form does nothing.
        let owner = browser(&t, Role::Owner).await;
        let lured = owner.send_with(&format!("{PAGE}/keys"), &[("name", "x"), ("scopes", "events.read")], &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!(lured.status, 403, "{}", lured.text);
        t.stop().await;
    }
}
