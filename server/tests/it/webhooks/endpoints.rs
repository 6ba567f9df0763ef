//! Endpoints: what can be set up, by whom.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, NewApiKey, Permission, Role};
use bilten_server::webhooks::{EventType, MOST_ENDPOINTS};
use serde_json::json;

use super::hook::Hook;
use super::*;
use crate::app::TestApp;

on_both_engines! {
    /// covers: GW-10, ORG-8
    async fn endpoints_are_made_changed_and_deleted(db: TestDb) {
        let t = TestApp::start(db).await;
        let (first, second) = (Hook::start().await, Hook::start().await);
        for (wrong, field) in [
            (json!({"url": "nonsense", "event_types": ["order.paid"]}), "url"),
            (json!({"url": first.url, "event_types": []}), "event_types"),
            (json!({"url": first.url, "event_types": ["order.lost"]}), "event_types[0]"),
            (json!({"url": first.url, "event_types": ["webhook.test"]}), "event_types[0]"),
            (json!({"url": first.url, "event_types": ["order.paid"], "description": "x".repeat(501)}), "description"),
            (json!({"url": first.url, "event_types": ["order.paid"], "secret": "mine"}), "secret"),
            (json!({"event_types": ["order.paid"]}), "url"),
        ] {
            let refused = t.organiser.post(ENDPOINTS, wrong.clone()).await;
            assert_eq!(refused.refused(422, "invalid")["errors"][0]["field"], field, "{wrong}");
        }
        let body = json!({"url": first.url, "description": " Ledger ", "event_types": ["order.paid", "event.created", "order.paid"]});
        let made = t.organiser.post(ENDPOINTS, body).await;
        assert_eq!(made.headers["cache-control"], "no-store");
        let made = made.expect(201);
        assert_eq!((&made["description"], &made["event_types"]), (&json!("Ledger"), &json!(["event.created", "order.paid"])));
        let id = made["id"].as_str().unwrap();
        assert!(id.starts_with("whe_"));
        let path = format!("{ENDPOINTS}/{id}");
        let seen = t.organiser.get(&path).await.expect(200);
        assert!(seen["secret"].is_null() && seen["url"] == first.url.as_str());
        let changed = t.organiser.patch(&path, json!({"url": second.url, "event_types": ["event.created"]})).await.expect(200);
        assert_eq!((&changed["url"], &changed["event_types"]), (&json!(second.url), &json!(["event.created"])));
        t.organiser.patch(&path, json!({"event_types": []})).await.refused(422, "invalid");
        t.organiser.patch(&path, json!({"url": "http://"})).await.refused(422, "invalid");
        t.event(&[("Standing", 2500, 10)]).await;
        second.wait_for(1).await;
        assert!(first.received().is_empty());
        let other = t.other_organiser().await;
        other.patch(&path, json!({"is_enabled": false})).await.refused(404, "webhooks.not_found");
        other.delete(&path).await.refused(404, "webhooks.not_found");
        assert_eq!(other.get(ENDPOINTS).await.expect(200)["items"], json!([]));
        t.organiser.delete(&path).await.expect(204);
        t.organiser.get(&path).await.refused(404, "webhooks.not_found");
        t.event(&[("Standing", 2500, 10)]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(second.received().len(), 1, "nothing is sent to what was deleted");
        // Neither addresses nor secrets lie about in the database.
        let rows: Vec<(String, String)> = t.app.db.all(
            bilten_kernel::sql!("SELECT payload, event_type FROM webhook_messages"), bilten_kernel::vals![],
        ).await.unwrap();
        assert!(!format!("{rows:?}").contains(&second.url) && !t.jobs_as_text().await.concat().contains(&second.url));
        t.stop().await;
    }

    /// covers: GW-10
    async fn an_organisation_has_so_many_endpoints_and_sees_them_page_by_page(db: TestDb) {
        let t = TestApp::start(db).await;
        for n in 0..MOST_ENDPOINTS {
            let body = json!({"url": format!("http://127.0.0.1:1/{n}"), "event_types": ["order.paid"]});
            t.organiser.post(ENDPOINTS, body).await.expect(201);
        }
        let body = json!({"url": "http://127.0.0.1:1/", "event_types": ["order.paid"]});
        t.organiser.post(ENDPOINTS, body).await.refused(409, "webhooks.too_many");
        let (mut seen, mut path) = (0, format!("{ENDPOINTS}?limit=20"));
        loop {
            let page = t.organiser.get(&path).await.expect(200);
            seen += page["items"].as_array().unwrap().len();
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{ENDPOINTS}?limit=20&cursor={next}");
        }
        assert_eq!(i64::try_from(seen).unwrap(), MOST_ENDPOINTS);
        t.stop().await;
    }

    /// covers: GW-10, AUTH-10
    async fn nobody_has_more_told_than_they_may_read(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let key = async |scopes: Vec<Permission>| {
            let new = NewApiKey {
                organisation,
                name: "hooks".to_owned(),
                scopes: Some(scopes),
                event: None,
                expires_at: None,
                created_by: "tests".to_owned(),
            };
            t.stranger.with_token(&identity::issue_api_key(&t.app, new).await.unwrap().1)
        };
        let url = "http://127.0.0.1:1/";
        let bare = key(vec![Permission::WebhooksManage]).await;
        let body = json!({"url": url, "event_types": ["event.created", "order.paid"]});
        let refused = bare.post(ENDPOINTS, body.clone()).await.refused(422, "invalid");
        let errors = refused["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[1]["code"], &errors[1]["field"]), (2, &json!("more_than_own"), &json!("event_types[1]")));
        let reads = key(vec![Permission::WebhooksManage, Permission::EventsRead]).await;
        reads.post(ENDPOINTS, body.clone()).await.refused(422, "invalid");
        let (own, _) = endpoint(&reads, url, &["event.created"]).await;
        reads.patch(&format!("{ENDPOINTS}/{own}"), json!({"event_types": ["order.refunded"]})).await.refused(422, "invalid");
        // What somebody else has told cannot be led elsewhere either.
        let (whole, _) = endpoint(&t.organiser, url, &["order.paid"]).await;
        let path = format!("{ENDPOINTS}/{whole}");
        reads.patch(&path, json!({"url": "http://127.0.0.1:2/"})).await.refused(422, "invalid");
        reads.patch(&path, json!({"description": "still"})).await.expect(200);
        let viewer = t.member(Role::Viewer).await;
        viewer.get(ENDPOINTS).await.refused(403, "identity.permission_missing");
        t.member(Role::Manager).await.get(ENDPOINTS).await.expect(200);
        t.stop().await;
    }

    /// covers: GW-7, GW-10
    async fn the_event_types_are_there_for_everybody_to_read(db: TestDb) {
        let t = TestApp::start(db).await;
        let types = t.stranger.get("/api/v1/webhooks/event-types").await.expect(200);
        let types = types.as_array().unwrap();
        assert_eq!(types.len(), EventType::ALL.len() + 1);
        let paid = types.iter().find(|one| one["type"] == "order.paid").unwrap();
        assert_eq!((&paid["version"], &paid["needs"], &paid["is_chosen"]), (&json!(1), &json!("orders.read"), &json!(true)));
        assert_eq!(paid["schema"]["properties"]["type"]["const"], "order.paid");
        assert!(paid["schema"]["properties"]["data"]["properties"]["total_minor"].is_object());
        t.stop().await;
    }
}
