//! Who sees which requests.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, Role};
use bilten_server::inspect;
use reqwest::Method;
use serde_json::json;

use super::{REQUESTS, list_until, read};
use crate::app::{Client, TestApp};

/// Another key of the tests' organisation: its id and somebody who uses it.
async fn another_key(t: &TestApp) -> (String, Client) {
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap()
        .id;
    let (id, token) = identity::create_api_key(&t.app, organisation, "another")
        .await
        .unwrap();
    (id.to_string(), t.stranger.with_token(&token))
}

on_both_engines! {
    /// covers: GW-7, GW-9
    async fn a_program_finds_its_own_requests_by_their_ids(db: TestDb) {
        let t = TestApp::start(db).await;
        let answer = t.organiser.get("/api/v1/events?limit=2").await;
        answer.expect(200);
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        let seen = read(&t.organiser, &id).await;
        assert_eq!(seen["request_id"], id);
        assert_eq!(
            (&seen["method"], &seen["route"], &seen["path"], &seen["status"]),
            (&json!("GET"), &json!("/api/v1/events"), &json!("/api/v1/events?limit=2"), &json!(200))
        );
        assert!(seen["made_by"].as_str().unwrap().starts_with("key_"), "{seen}");
        assert_eq!(seen["client_network"], "127.0.0.0/24");
        assert!(seen["duration_ms"].as_i64().unwrap() >= 0 && seen["problem"].is_null(), "{seen}");
        assert_eq!(seen["response"]["body"]["json"], json!({"items": []}));
        assert!(seen["request"].get("body").is_none(), "{seen}");
        let own_id = seen["id"].as_str().unwrap();
        assert_eq!(t.organiser.get(&format!("{REQUESTS}/{own_id}")).await.expect(200), seen);

        // What was refused says why; of two with one id, the newest.
        for limit in ["x", "1"] {
            let request = t.organiser.request(Method::GET, &format!("/api/v1/events?limit={limit}"));
            t.organiser.send(request.header("x-request-id", "mine:1")).await;
        }
        list_until(&t.organiser, "?status=2xx", |items| items[0]["request_id"] == "mine:1").await;
        assert_eq!(read(&t.organiser, "mine:1").await["status"], 200);
        let refused = list_until(&t.organiser, "?status=4xx", |items| items.len() == 1).await;
        assert_eq!((&refused[0]["problem"], &refused[0]["status"]), (&json!("invalid"), &json!(422)));

        // Nobody else has it, and nobody finds what was never there.
        let (_, another) = another_key(&t).await;
        let elsewhere = t.other_organiser().await;
        for id in [own_id, "mine:1", "never", "req_01jx0000000000000000000000", "%00", "a%2Fb", &"x".repeat(200)] {
            for other in [&another, &elsewhere] {
                other.get(&format!("{REQUESTS}/{id}")).await.expect(404);
            }
        }
        another.get(&format!("{REQUESTS}/{own_id}")).await.refused(404, "inspect.not_found");
        t.stranger.get(REQUESTS).await.refused(401, "identity.unauthenticated");
        t.stop().await;
    }

    /// covers: GW-7, GW-10
    async fn who_manages_keys_sees_those_of_the_organisation(db: TestDb) {
        let t = TestApp::start(db).await;
        let (key, another) = another_key(&t).await;
        let elsewhere = t.other_organiser().await;
        t.organiser.get("/api/v1/events").await.expect(200);
        another.get("/api/v1/events/evt_01jx0000000000000000000000").await.expect(404);
        another.post("/api/v1/events", json!({})).await.expect(422);
        elsewhere.get("/api/v1/events").await.expect(200);
        let owner = t.member(Role::Owner).await;
        let all = list_until(&owner, "", |items| items.len() == 3).await;
        let at = |place: usize, field: &str| all[place][field].clone();
        assert_eq!([at(0, "status"), at(1, "status"), at(2, "status")], [json!(422), json!(404), json!(200)]);
        assert_eq!(at(1, "made_by"), json!(key));
        let of = |query: &str| {
            let (owner, path) = (owner.clone(), format!("{REQUESTS}?{query}"));
            async move { owner.get(&path).await.expect(200)["items"].as_array().unwrap().len() }
        };
        assert_eq!(of(&format!("key={key}")).await, 2);
        assert_eq!(of(&format!("key={key}&status=error&method=post")).await, 1);
        assert_eq!(of("status=5xx").await, 0);
        assert_eq!(of("route=/api/v1/events/{event}").await, 1);
        assert_eq!(of("method=GET&route=/api/v1/events").await, 1);
        // A program that asks for another's sees nothing.
        let own = t.organiser.get(&format!("{REQUESTS}?key={key}")).await.expect(200);
        assert_eq!(own["items"], json!([]));
        for wrong in ["key=1", "method=%00", "route=%0a", "status=9xx", "after=1", "cursor=1", "more=1"] {
            let answer = owner.get(&format!("{REQUESTS}?{wrong}")).await;
            assert!(matches!(answer.status, 400 | 422), "{wrong}: {}", answer.text);
        }
        // Page by page.
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for _ in 0..3 {
            let page = owner.get(&format!("{REQUESTS}?limit=1{cursor}")).await.expect(200);
            seen.push(page["items"][0].clone());
            cursor = page["next"].as_str().map_or(String::new(), |next| format!("&cursor={next}"));
        }
        assert_eq!((seen, cursor.as_str()), (all.clone(), ""));
        // A member without that right, and somebody of another organisation.
        t.member(Role::Manager).await.get(REQUESTS).await.refused(403, "identity.permission_missing");
        let id = all[0]["id"].as_str().unwrap();
        elsewhere.get(&format!("{REQUESTS}/{id}")).await.refused(404, "inspect.not_found");
        owner.get(&format!("{REQUESTS}/{id}")).await.expect(200);
        // People's own requests are not kept, and neither is looking.
        assert_eq!(of("").await, 3);
        t.stop().await;
    }

    /// covers: GW-7
    async fn whoever_asks_for_newer_ones_misses_none(db: TestDb) {
        let t = TestApp::start(db).await;
        t.organiser.get("/api/v1/events?limit=1").await.expect(200);
        let first = list_until(&t.organiser, "", |items| items.len() == 1).await;
        let after = first[0]["id"].as_str().unwrap().to_owned();
        for limit in 2..5 {
            t.organiser.get(&format!("/api/v1/events?limit={limit}")).await.expect(200);
        }
        list_until(&t.organiser, "", |items| items.len() == 4).await;
        // A moment later they are there for whoever polls.
        t.clock.advance(Duration::from_secs(3));
        let newer = list_until(&t.organiser, &format!("?after={after}"), |items| items.len() == 3).await;
        let newest = newer[0]["id"].as_str().unwrap();
        let none = t.organiser.get(&format!("{REQUESTS}?after={newest}")).await.expect(200);
        assert_eq!(none["items"], json!([]));
        t.stop().await;
    }

    /// covers: GW-9, SYS-8
    async fn they_are_forgotten_after_a_day_and_with_whom_they_were_made_for(db: TestDb) {
        let t = TestApp::start(db).await;
        t.organiser.get("/api/v1/events").await.expect(200);
        list_until(&t.organiser, "", |items| items.len() == 1).await;
        t.clock.advance(Duration::from_secs(23 * 3_600));
        inspect::tidy(&t.app).await.unwrap();
        t.organiser.get("/api/v1/events?limit=1").await.expect(200);
        list_until(&t.organiser, "", |items| items.len() == 2).await;
        t.clock.advance(Duration::from_secs(2 * 3_600));
        inspect::tidy(&t.app).await.unwrap();
        let left = t.organiser.get(REQUESTS).await.expect(200);
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        assert_eq!(left["items"][0]["path"], "/api/v1/events?limit=1");

        let user = t.person("granted").await;
        let named = user.to_string();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE api_requests SET user_id = $1"), vals![named]).await
        })).await.unwrap();
        let app = t.app.clone();
        let held = t.app.db.read(move |c| Box::pin(async move {
            inspect::requests_of_person_in(&app, c, user).await
        })).await.unwrap();
        assert_eq!(held[0].path, "/api/v1/events?limit=1");
        t.app.db.write(move |c| Box::pin(async move { inspect::on_person_erased(c, user).await })).await.unwrap();
        let left = t.organiser.get(REQUESTS).await.expect(200);
        assert_eq!(left["items"], json!([]));
        t.stop().await;
    }
}
