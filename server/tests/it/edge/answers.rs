//! How answers come: compressed, not twice, cut to what is wanted, and readable by other sites.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::json;

use crate::app::{Answer, Client, TestApp};

async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(
        client.request(Method::GET, path),
        |request, (name, value)| request.header(*name, *value),
    );
    client.send_unless_streaming(request).await
}

on_both_engines! {
    /// covers: GW-4
    async fn texts_are_compressed_and_secrets_are_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let description = "/api/openapi.json";
        let whole = t.stranger.get(description).await;
        for encoding in ["gzip", "br", "zstd"] {
            let answer = ask(&t.stranger, description, &[("accept-encoding", encoding)]).await;
            assert_eq!(answer.headers["content-encoding"], encoding);
            assert!(answer.text.len() * 3 < whole.text.len(), "{encoding}: {}", answer.text.len());
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "accept-encoding"));
        }
        let is_compressed = async |path: &str, headers: &[(&str, &str)]| {
            let headers = [headers, &[("accept-encoding", "gzip")]].concat();
            ask(&t.stranger, path, &headers).await.headers.contains_key("content-encoding")
        };
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let page = format!("/e/{}", event.slug);
        assert!(is_compressed(&page, &[]).await, "a page for everybody");
        // What a browser asks for by a cookie, and pages for one person.
        assert!(!is_compressed(&page, &[("cookie", "a=b")]).await);
        assert!(!is_compressed(description, &[("cookie", "a=b")]).await);
        assert!(!is_compressed("/sign-in", &[]).await, "a form with a secret");
        assert!(!is_compressed("/robots.txt", &[]).await, "it is small");
        t.stop().await;
    }

    /// covers: GW-4
    async fn who_has_an_answer_already_is_told_so(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let first = t.organiser.get(&path).await;
        let tag = first.headers["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""));
        assert_eq!(first.headers["cache-control"], "private, no-cache");
        let same = ask(&t.organiser, &path, &[("if-none-match", &tag)]).await;
        assert_eq!((same.status, same.text.as_str()), (304, ""));
        assert_eq!(same.headers["etag"], tag.as_str());
        assert_eq!(ask(&t.organiser, &path, &[("if-none-match", "W/\"other\"")]).await.status, 200);
        assert_eq!(ask(&t.organiser, &path, &[("if-none-match", &tag), ("accept-encoding", "gzip")]).await.status, 304);
        // Who may not see it learns nothing by knowing its tag.
        assert_eq!(ask(&t.stranger, &path, &[("if-none-match", &tag)]).await.status, 401);
        assert_eq!(ask(&t.other_organiser().await, &path, &[("if-none-match", "*")]).await.status, 404);
        t.organiser.patch(&path, json!({"version": 2, "name": "Another name"})).await.expect(200);
        assert_eq!(ask(&t.organiser, &path, &[("if-none-match", &tag)]).await.status, 200);
        let page = t.stranger.get("/").await;
        let tag = page.headers["etag"].to_str().unwrap();
        assert_eq!(ask(&t.stranger, "/", &[("if-none-match", tag)]).await.status, 304);
        assert!(!t.stranger.get("/sign-in").await.headers.contains_key("etag"), "nobody keeps it");
        t.stop().await;
    }

    /// covers: GW-4
    async fn only_the_fields_that_are_wanted_come(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10), ("Seated", 2_000, 5)]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let cut = t.organiser.get(&format!("{path}?fields=id,tiers.name")).await.expect(200);
        assert_eq!(cut, json!({"id": event.id, "tiers": [{"name": "Standing"}, {"name": "Seated"}]}));
        t.event(&[("Standing", 1_000, 10)]).await;
        let list = t.organiser.get("/api/v1/events?fields=id&limit=1").await.expect(200);
        let item = list["items"][0].as_object().unwrap();
        assert_eq!(item.keys().collect::<Vec<_>>(), ["id"]);
        assert!(list["next"].is_string(), "the way on is always there");
        let refused = t.organiser.get(&format!("{path}?fields=id,secret")).await.refused(400, "fields_unknown");
        assert_eq!(refused["errors"][0]["field"], "fields");
        t.organiser.get("/api/v1/events?fields=id&limit=x").await.refused(422, "invalid");
        t.stranger.get(&format!("{path}?fields=id")).await.refused(401, "identity.unauthenticated");
        t.stop().await;
    }

    /// covers: BE-6
    async fn other_sites_may_read_what_is_open_and_never_by_cookies(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            config.http.cors_origins = vec!["https://panel.example.org".to_owned()];
        }).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let ask_before = async |path: &str, origin: &str| {
            let request = t.stranger.request(Method::OPTIONS, path)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization");
            t.stranger.send(request).await
        };
        let shop = ask_before("/api/v1/shop/orders", "https://any.example").await;
        assert_eq!((shop.status, shop.headers["access-control-allow-origin"].to_str().unwrap()), (204, "*"));
        let panel = ask_before("/api/v1/events", "https://panel.example.org").await;
        assert_eq!(panel.headers["access-control-allow-origin"], "https://panel.example.org");
        for answer in [&shop, &panel] {
            assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        }
        for (path, origin) in [
            ("/api/v1/events", "https://any.example"),
            ("/api/v1/events", "https://panel.example.org.evil.example"),
            ("/sign-in", "https://panel.example.org"),
        ] {
            let refused = ask_before(path, origin).await;
            assert!(!refused.headers.contains_key("access-control-allow-origin"), "{path} {origin}");
        }
        let path = format!("/api/v1/shop/events/{}", event.id);
        let read = ask(&t.stranger, &path, &[("origin", "https://any.example")]).await;
        assert_eq!((read.status, read.headers["access-control-allow-origin"].to_str().unwrap()), (200, "*"));
        assert!(read.headers["access-control-expose-headers"].to_str().unwrap().contains("ratelimit"));
        t.stop().await;
    }
}
