//! Versions side by side, what is deprecated, and the pages about the API.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::api::{DEPRECATED, DESCRIPTION, DOCS};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

fn header<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let all = answer.headers.get_all(name).iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

/// What `GET /api` says of the only deprecated route so far.
async fn told(t: &TestApp) -> Value {
    let index = t.stranger.get("/api").await.expect(200);
    let all = index["deprecated"].as_array().unwrap();
    let found = all
        .iter()
        .find(|one| one["path"] == "/api/v1/events/{event}/stock");
    found.unwrap().clone()
}

on_both_engines! {
    /// covers: GW-1, GW-8
    async fn two_versions_of_a_route_live_side_by_side_until_the_older_ends(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10), ("Seated", 2_000, 5)]).await;
        t.stranger.buy(&event, 0, 2, "succeed", "k").await.expect(201);
        let (old, new) = (
            format!("/api/v1/events/{}/stock", event.id),
            format!("/api/v2/events/{}/stock", event.id),
        );
        let second = t.organiser.get(&new).await;
        let stock = second.expect(200);
        assert_eq!(
            (&stock["capacity"], &stock["sold"], &stock["left"], &stock["tiers"][0]["name"]),
            (&json!(15), &json!(2), &json!(13), &json!("Standing"))
        );
        assert_eq!(stock["tiers"][0]["left"], 8);
        for name in ["deprecation", "sunset", "link"] {
            assert!(header(&second, name).is_empty(), "{name}");
        }

        let first = t.organiser.get(&old).await;
        assert_eq!(first.expect(200).as_array().unwrap().len(), 2);
        let refused = t.stranger.get(&old).await;
        refused.refused(401, "identity.unauthenticated");
        let (successor, explained) = (
            format!("<{new}>; rel=\"successor-version\""),
            format!("<{DOCS}>; rel=\"deprecation\"; type=\"text/html\""),
        );
        for answer in [&first, &refused] {
            assert_eq!(header(answer, "deprecation"), ["@1796083200"]);
            assert_eq!(header(answer, "sunset"), ["Sat, 01 Jan 2028 00:00:00 GMT"]);
            assert_eq!(header(answer, "link"), [successor.as_str(), explained.as_str()]);
        }
        let announced = told(&t).await;
        assert_eq!(announced["sunset_at"], "2028-01-01T00:00:00.000Z");
        assert_eq!((&announced["is_ended"], &announced["successor"]), (&json!(false), &json!("/api/v2/events/{event}/stock")));

        let left = DEPRECATED[0].sunset_at().since(t.app.now());
        assert!(left > Duration::from_secs(3_600), "the route has ended: remove it, and this test with it");
        t.clock.advance(left + Duration::from_secs(1));
        // Whoever asks, and whatever they may see, it is no longer there.
        for client in [&t.organiser, &t.stranger] {
            let gone = client.get(&old).await;
            gone.refused(410, "api.sunset");
            assert!(gone.text.contains(&new), "{}", gone.text);
            assert_eq!(header(&gone, "link")[0], successor);
            assert_eq!(header(&gone, "sunset"), ["Sat, 01 Jan 2028 00:00:00 GMT"]);
        }
        let head = t.organiser.send(t.organiser.request(Method::HEAD, &old)).await;
        assert_eq!(head.status, 410);
        assert_eq!(t.organiser.get(&new).await.expect(200)["sold"], 2);
        assert_eq!(told(&t).await["is_ended"], true);
        t.stop().await;
    }

    /// covers: GW-1, BE-6
    async fn what_is_not_there_is_told_as_a_problem(db: TestDb) {
        let t = TestApp::start(db).await;
        for path in ["/api/", "/api/v1", "/api/v1/nothing", "/api/v3/events", "/api/v2/events", "/api/docs/x/nothing.js"] {
            t.organiser.get(path).await.refused(404, "not_found");
        }
        for (method, path, allowed) in [
            (Method::POST, "/api", "GET"),
            (Method::DELETE, "/api/v1/events", "POST"),
            (Method::PUT, "/api/v2/events/x/stock", "GET"),
            (Method::POST, DOCS, "GET"),
        ] {
            let refused = t.organiser.send(t.organiser.request(method, path)).await;
            refused.refused(405, "method_not_allowed");
            assert!(header(&refused, "allow").join(",").contains(allowed), "{path}: {:?}", refused.headers);
        }
        t.stop().await;
    }

    /// covers: GW-7, GW-8
    async fn versions_and_documentation_are_told_to_everybody(db: TestDb) {
        let t = TestApp::start(db).await;
        let index = t.stranger.get("/api").await.expect(200);
        let versions: Vec<&str> = index["versions"].as_array().unwrap().iter().map(|v| v["version"].as_str().unwrap()).collect();
        assert_eq!(versions, ["v1", "v2"]);
        assert_eq!((&index["openapi"], &index["docs"]), (&json!(DESCRIPTION), &json!(DOCS)));
        let document = t.stranger.get(DESCRIPTION).await.expect(200);
        assert_eq!(document["paths"]["/api/v1/events/{event}/stock"]["get"]["x-sunset"], "2028-01-01");
        assert_eq!(t.stranger.get("/api/v1/openapi.json").await.expect(200), document);

        let page = t.stranger.get(DOCS).await;
        assert_eq!(page.status, 200);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert!(!page.text.contains("//"), "nothing from another host: {}", page.text);
        let files: Vec<&str> = page.text.split('"').filter(|text| text.starts_with("/api/docs/")).collect();
        assert_eq!(files.len(), 3, "{}", page.text);
        for file in files {
            let answer = t.stranger.get(file).await;
            assert_eq!(answer.status, 200, "{file}");
            assert_eq!(answer.headers["cache-control"], "public, max-age=31536000, immutable");
            let other = file.replace("/api/docs/", "/api/docs/0");
            assert_eq!(t.stranger.get(&other).await.headers["cache-control"], "no-cache");
        }
        t.stop().await;
    }
}
