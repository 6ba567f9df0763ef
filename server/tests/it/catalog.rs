//! The organiser's events, through the API.

use bilten_kernel::on_both_engines;
use serde_json::json;

use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2
    async fn an_event_lives_from_draft_to_archive(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let read = t.organiser.get(&path).await.expect(200);
        assert_eq!(read["slug"], event.slug);
        assert_eq!((read["state"].as_str(), read["version"].as_i64()), (Some("published"), Some(2)));

        let renamed = t.organiser.patch(&path, json!({"version": 2, "name": "Another name"})).await.expect(200);
        assert_eq!(renamed["version"], 3);
        t.organiser.patch(&path, json!({"version": 2, "name": "Too late"})).await.refused(409, "catalog.version_conflict");
        assert_eq!(t.organiser.get(&path).await.expect(200)["name"], "Another name");

        t.organiser.delete(&path).await.refused(409, "catalog.not_a_draft");
        // To do what is done already is no fault, and no change.
        let again = t.organiser.post(&format!("{path}/publish"), json!({})).await.expect(200);
        assert_eq!(again["version"], 3);
        t.organiser.post(&format!("{path}/cancel"), json!({})).await.expect(200);
        let sold = t.stranger.buy(&event, 0, 1, "succeed", "k1").await;
        sold.refused(409, "sales.off_sale");
        t.organiser.post(&format!("{path}/archive"), json!({})).await.expect(200);
        t.stop().await;
    }

    /// covers: BE-2
    async fn a_draft_is_deleted_with_all_that_hangs_on_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let draft = json!({
            "name": "Draft", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": "2030-01-01T19:00:00Z", "ends_at": "2030-01-01T22:00:00Z"}],
            "tiers": [{"name": "Any", "price_minor": 100, "capacity": 5}],
        });
        let made = t.organiser.post("/api/v1/events", draft).await.expect(201);
        let path = format!("/api/v1/events/{}", made["id"].as_str().unwrap());
        t.stranger.get(&path.replace("/events", "/shop/events")).await.refused(404, "sales.event_not_found");
        t.organiser.delete(&path).await.expect(204);
        t.organiser.get(&path).await.refused(404, "catalog.not_found");
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn wrong_input_is_named_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let wrong = json!({
            "name": " ", "slug": "Not A Slug", "time_zone": "Mars/Olympus", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": "2030-01-01T22:00:00Z", "ends_at": "2030-01-01T19:00:00Z"}],
            "tiers": [{"name": "Any", "price_minor": -1, "capacity": 99_999_999_999_i64, "max_per_order": 0}],
        });
        let problem = t.organiser.post("/api/v1/events", wrong).await.refused(422, "invalid");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        for field in ["name", "slug", "time_zone", "occurrences[0].ends_at", "tiers[0].price_minor",
            "tiers[0].capacity", "tiers[0].max_per_order"] {
            assert!(fields.contains(&field), "{field} is not among {fields:?}");
        }
        let odd = t.organiser.post("/api/v1/events", json!({"name": 7})).await;
        assert!((400..500).contains(&odd.status), "{}", odd.text);
        for path in ["/api/v1/events/evt_x", "/api/v1/events/ord_01m827tppbfdtr9hv9xvxht0nk"] {
            let answer = t.organiser.get(path).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
        }
        t.stop().await;
    }

    /// covers: BE-2
    async fn capacity_never_drops_below_what_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 0, 10)]).await;
        t.stranger.buy(&event, 0, 6, "succeed", "k").await.expect(201);
        let path = format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]);
        t.organiser.patch(&path, json!({"version": 2, "capacity": 5})).await.refused(409, "catalog.capacity_below_sold");
        t.organiser.patch(&path, json!({"version": 2, "capacity": 6})).await.expect(200);
        t.stranger.buy(&event, 0, 1, "succeed", "k2").await.refused(409, "sales.sold_out");
        t.organiser.patch(&path, json!({"version": 3, "capacity": 7})).await.expect(200);
        t.stranger.buy(&event, 0, 1, "succeed", "k3").await.expect(201);
        t.stop().await;
    }

    /// covers: BE-6
    async fn another_tenant_sees_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let order = bought["order"]["id"].as_str().unwrap();
        let ticket = bought["tickets"][0]["id"].as_str().unwrap();
        let other = t.other_organiser().await;
        let event_path = format!("/api/v1/events/{}", event.id);
        for path in [event_path.clone(), format!("{event_path}/orders"), format!("/api/v2/events/{}/stock", event.id),
            format!("/api/v1/orders/{order}"), format!("/api/v1/tickets/{ticket}")] {
            assert_eq!(other.get(&path).await.status, 404, "GET {path}");
            assert_eq!(t.stranger.get(&path).await.status, 401, "GET {path}");
            assert_eq!(t.organiser.get(&path).await.status, 200, "GET {path}");
        }
        for path in [format!("{event_path}/publish"), format!("{event_path}/cancel"), format!("{event_path}/archive"),
            format!("{event_path}/keys"), format!("/api/v1/orders/{order}/refund"),
            format!("/api/v1/tickets/{ticket}/revoke")] {
            assert_eq!(other.post(&path, json!({})).await.status, 404, "POST {path}");
            assert_eq!(t.stranger.post(&path, json!({})).await.status, 401, "POST {path}");
        }
        let revoked = t.organiser.with_token("bilten_unknown");
        assert_eq!(revoked.get(&event_path).await.status, 401);
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn events_are_listed_page_by_page(db: TestDb) {
        let t = TestApp::start(db).await;
        for _ in 0..5 {
            t.event(&[("Any", 0, 1)]).await;
        }
        let mut seen = Vec::new();
        let mut path = "/api/v1/events?limit=2".to_owned();
        loop {
            let page = t.organiser.get(&path).await.expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/api/v1/events?limit=2&cursor={next}");
        }
        assert_eq!(seen.len(), 5);
        assert!(seen.is_sorted_by(|a, b| a > b), "newest first, none twice: {seen:?}");
        let odd = t.organiser.get("/api/v1/events?cursor=nonsense").await;
        assert!((400..500).contains(&odd.status), "{}", odd.text);
        t.stop().await;
    }
}
