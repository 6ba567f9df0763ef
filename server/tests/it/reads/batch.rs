//! Many reads in one request.

use bilten_kernel::on_both_engines;
use bilten_server::identity::{Permission, Role};
use reqwest::Method;
use serde_json::{Value, json};

use super::key;
use crate::app::{Answer, Client, TestApp};

const BATCH: &str = "/api/v1/batch";

/// Asks for these paths, each by its place as its id.
async fn batch(client: &Client, paths: &[&str]) -> Vec<Value> {
    let answer = client.post(BATCH, reads(paths)).await.expect(200);
    let responses = answer["responses"].as_array().unwrap().clone();
    let ids: Vec<_> = responses.iter().map(|one| one["id"].clone()).collect();
    let wanted: Vec<_> = (0..paths.len())
        .map(|place| json!(place.to_string()))
        .collect();
    assert_eq!(ids, wanted, "in the order in which they were asked for");
    responses
}

fn reads(paths: &[&str]) -> Value {
    let reads: Vec<_> = paths
        .iter()
        .enumerate()
        .map(|(place, path)| json!({"id": place.to_string(), "path": path}))
        .collect();
    json!({"requests": reads})
}

fn statuses(responses: &[Value]) -> Vec<u64> {
    let status = |one: &Value| one["status"].as_u64().unwrap();
    responses.iter().map(status).collect()
}

fn same(response: &Value, answer: &Answer) {
    assert_eq!(response["body"], answer.expect(200), "{}", answer.what);
    assert_eq!(
        response["headers"]["etag"],
        answer.headers["etag"].to_str().unwrap()
    );
}

on_both_engines! {
    /// covers: GW-1, GW-3
    async fn each_read_is_answered_as_if_it_came_by_itself(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let other = t.other_organiser().await;
        let foreign = t.event_of(&other, &[("Standing", 1_000, 10)]).await;
        let paths = [
            format!("/api/v1/events/{}?fields=id,tiers.name", event.id),
            format!("/api/v1/events/{}", foreign.id),
            "/api/v1/events?limit=1".to_owned(),
            "/api/v1/nothing".to_owned(),
            "/livez".to_owned(),
            "/api/v1/sync/hints".to_owned(),
            BATCH.to_owned(),
            "/api/v1/events?sort=price".to_owned(),
            format!("/api/v1/events/{}/publish", event.id),
            "/api/v1/me/profile".to_owned(),
        ];
        let asked: Vec<&str> = paths.iter().map(String::as_str).collect();
        let responses = batch(&t.organiser, &asked).await;
        assert_eq!(statuses(&responses), [200, 404, 200, 404, 400, 400, 400, 400, 405, 403]);
        same(&responses[0], &t.organiser.get(&paths[0]).await);
        same(&responses[2], &t.organiser.get(&paths[2]).await);
        assert_eq!(responses[0]["body"], json!({"id": event.id, "tiers": [{"name": "Standing"}]}));
        for (place, code) in [(1, "catalog.not_found"), (3, "not_found"), (4, "batch.path"), (5, "batch.path"), (6, "batch.path"),
            (7, "sort_unknown"), (8, "method_not_allowed"), (9, "identity.person_required")] {
            let one = &responses[place];
            assert_eq!((&one["body"]["code"], &one["headers"]["content-type"]), (&json!(code), &json!("application/problem+json")), "{one}");
        }

        // Each sees what its sender may: a member, a stranger, a key for something else.
        let orders = format!("/api/v1/events/{}/orders", event.id);
        let shop = format!("/api/v1/shop/events/{}", event.id);
        let asked = [orders.as_str(), shop.as_str()];
        assert_eq!(statuses(&batch(&t.organiser, &asked).await), [200, 200]);
        assert_eq!(statuses(&batch(&t.member(Role::Viewer).await, &asked).await), [403, 200]);
        assert_eq!(statuses(&batch(&key(&t, &[Permission::EventsRead], None).await, &asked).await), [403, 200]);
        assert_eq!(statuses(&batch(&other, &asked).await), [404, 200]);
        let nobody = batch(&t.stranger, &asked).await;
        assert_eq!(statuses(&nobody), [401, 200]);
        assert!(nobody[0]["headers"]["www-authenticate"].is_string());

        // Their ids in the log are the batch's with a number.
        let request = t.organiser.request(Method::POST, BATCH).header("x-request-id", "mine").json(&reads(&asked));
        let named = t.organiser.send(request).await;
        assert_eq!(named.headers["x-request-id"], "mine");
        assert_eq!(named.expect(200)["responses"][1]["headers"]["x-request-id"], "mine.2");
        t.stop().await;
    }

    /// covers: GW-1
    async fn what_no_batch_can_be_is_said(db: TestDb) {
        let t = TestApp::start(db).await;
        let many = vec!["/api/v1/events"; 21];
        for (body, field) in [
            (json!({"requests": []}), "requests"),
            (reads(&many), "requests"),
            (json!({"requests": [{"id": "a", "path": "/api/v1/events"}, {"id": "a", "path": "/api/v1/events"}]}), "requests[1].id"),
            (json!({"requests": [{"id": "", "path": "/api/v1/events"}]}), "requests[0].id"),
            (json!({"requests": [{"id": "č", "path": "/api/v1/events"}]}), "requests[0].id"),
            (json!({"requests": [{"id": "x".repeat(65), "path": "/api/v1/events"}]}), "requests[0].id"),
            (json!({"requests": [{"id": "a", "path": 7}]}), "requests[0].path"),
            (json!({"requests": [{"id": "a", "path": "/api/v1/events", "method": "DELETE"}]}), "requests[0].method"),
        ] {
            let refused = t.organiser.post(BATCH, body.clone()).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], field, "{body}");
        }
        let most = vec!["/api/v1/events?fields=id"; 20];
        assert_eq!(statuses(&batch(&t.organiser, &most).await), [200; 20]);

        // A picture is none of it; the same address without a batch gives it.
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
        let order = format!("/api/v1/shop/orders/{}", bought["order"]["id"].as_str().unwrap());
        let picture = format!("{order}/tickets/{}/qr/svg", bought["tickets"][0]["id"].as_str().unwrap());
        assert_eq!(buyer.get(&picture).await.status, 200);
        let responses = batch(&buyer, &[&picture, &order]).await;
        assert_eq!(statuses(&responses), [406, 200]);
        assert_eq!(responses[0]["body"]["code"], "batch.not_json");

        // Another site cannot have it sent by somebody's browser.
        let request = t.stranger.request(Method::POST, BATCH)
            .header("cookie", "bilten_session=x").header("origin", "https://evil.example").json(&reads(&["/api/v1/events"]));
        t.stranger.send(request).await.refused(403, "identity.other_site");
        t.stop().await;
    }

    /// covers: GW-1
    async fn what_is_too_large_is_said_in_its_place(db: TestDb) {
        let t = TestApp::start(db).await;
        for turn in 0..60 {
            let draft = json!({
                "name": format!("Draft {turn}"), "description": "x".repeat(20_000), "time_zone": "Europe/Ljubljana",
                "currency": "EUR", "venue_name": "Hall",
                "occurrences": [{"starts_at": "2030-01-01T19:00:00Z", "ends_at": "2030-01-01T22:00:00Z"}],
            });
            t.organiser.post("/api/v1/events", draft).await.expect(201);
        }
        // One that is too large by itself touches no other; nor does one for which there is no more room.
        let (all, some, few) = ("/api/v1/events?limit=200", "/api/v1/events?limit=40", "/api/v1/events?limit=200&fields=id");
        let responses = batch(&t.organiser, &[all, few, some, some, some, some, some, some, few]).await;
        assert_eq!(statuses(&responses), [413, 200, 200, 200, 200, 200, 200, 413, 200]);
        for refused in [&responses[0], &responses[7]] {
            assert_eq!(refused["body"]["code"], "batch.answer_too_large");
        }
        assert_eq!(responses[8]["body"]["items"].as_array().unwrap().len(), 60);
        t.stop().await;
    }

    /// covers: GW-1, GW-2
    async fn each_read_counts(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            config.visitors.always.clear();
            config.limits.api.key = "5/60".parse().ok();
        }).await;
        let path = "/api/v1/events?limit=1";
        assert_eq!(statuses(&batch(&t.organiser, &[path; 4]).await), [200; 4]);
        let mut more = statuses(&batch(&t.organiser, &[path; 3]).await);
        more.sort_unstable();
        assert_eq!(more, [200, 429, 429], "five in all");
        let refused = batch(&t.organiser, &[path]).await;
        assert_eq!(refused[0]["body"]["code"], "edge.limited");
        assert!(refused[0]["headers"]["retry-after"].is_string());
        t.stop().await;
    }
}
