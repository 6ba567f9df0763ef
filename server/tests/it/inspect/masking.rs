//! What is never kept.

use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use serde_json::{Value, json};

use super::{list_until, read};
use crate::app::TestApp;

on_both_engines! {
    /// covers: GW-7, GW-9, SEC-5
    async fn secrets_and_people_are_masked_in_all_that_is_shown(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k1").await.expect(201);
        let (order, ticket) = (bought["order"]["id"].as_str().unwrap(), &bought["tickets"][0]);
        let code = ticket["code"].as_str().unwrap();
        let answer = t.organiser.get(&format!("/api/v1/orders/{order}")).await;
        assert!(answer.text.contains("ana@example.com"), "the API shows it: {}", answer.text);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        let seen = read(&t.organiser, id).await;
        let text = seen.to_string();
        assert!(!text.contains("ana@example.com") && !text.contains("Ana Novak"), "{text}");
        assert!(text.contains(order), "what it is about stays: {text}");

        // A code that is checked in, in a body and in an address; a header with a secret of ours.
        let list = t.organiser.get(&format!("/api/v1/events/{}/lists", event.id)).await.expect(200);
        let list = list.as_array().or(list["items"].as_array()).unwrap()[0]["id"].clone();
        let path = format!("/api/v1/events/{}/check-in?q=ana%40example.com&token=t0ken", event.id);
        let scan = t.organiser.request(Method::POST, &path)
            .header("idempotency-key", "scan-1").header("x-request-id", "scan-1")
            .header("cookie", "a=hunter2").header("x-forwarded-for", "203.0.113.77")
            .header("bilten-device", "hunter3").header("x-note", "to eva@example.com")
            .json(&json!({"list": list, "code": code}));
        t.organiser.send(scan).await;
        let seen = read(&t.organiser, "scan-1").await;
        let text = seen.to_string();
        for secret in [code, "ana%40example.com", "ana@example.com", "t0ken", "hunter2", "hunter3", "203.0.113.77", "eva@example.com"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        let header = |name: &str| {
            let headers = seen["request"]["headers"].as_array().unwrap();
            headers.iter().find(|header| header["name"] == name).unwrap()["value"].clone()
        };
        assert_eq!(header("authorization"), "Bearer [masked]");
        assert_eq!((header("idempotency-key"), header("x-note")), (json!("scan-1"), json!("to [masked]")));
        assert_eq!(seen["request"]["body"]["json"]["code"], "[masked]");
        assert_eq!(seen["request"]["body"]["json"]["list"], list);

        // Nothing of it is in the clear in the database.
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_detail FROM api_requests"), vals![]).await.unwrap();
        assert!(!sealed.is_empty());
        for one in sealed {
            assert!(!String::from_utf8_lossy(&one).contains("authorization"));
        }
        t.stop().await;
    }

    /// covers: GW-7
    async fn what_is_large_or_no_json_is_kept_as_its_type_and_size(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.inspector.body_limit_bytes = 400).await;
        let send = async |id: &'static str, kind: &str, body: String| {
            let request = t.organiser.request(Method::POST, "/api/v1/events")
                .header("x-request-id", id).header("content-type", kind).body(body);
            let answer = t.organiser.send(request).await;
            (answer, read(&t.organiser, id).await["request"]["body"].clone())
        };
        let large = json!({"description": "x".repeat(500)}).to_string();
        let (_, body) = send("large", "application/json", large.clone()).await;
        assert_eq!(body, json!({"media_type": "application/json", "size": large.len(), "left_out": "too_large"}));
        let (_, body) = send("broken", "application/json", "{\"name\": \"Ana".to_owned()).await;
        assert_eq!((&body["left_out"], &body["json"]), (&json!("malformed"), &Value::Null));
        let (refused, body) = send("text", "text/plain", "Ana Novak".to_owned()).await;
        refused.refused(415, "media_type");
        assert_eq!(body, json!({"media_type": "text/plain", "size": 9, "left_out": "not_json"}));
        // And what goes on works as if nobody looked: the body arrives, and the answer is whole.
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let answer = t.organiser.get(&path).await;
        assert!(answer.text.len() > 400, "{}", answer.text);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        let seen = read(&t.organiser, id).await;
        assert_eq!(seen["response"]["body"]["left_out"], "too_large");
        assert_eq!(seen["response"]["body"]["size"], answer.text.len());
        t.stop().await;
    }

    /// covers: GW-7
    async fn an_answer_that_was_given_before_is_taken_down_too(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2_500, 10)]).await;
        let path = format!("/api/v1/events/{}/gates", event.id);
        for _ in 0..2 {
            t.organiser.post_once(&path, "k1", &json!({"name": "North"})).await.expect(201);
        }
        let route = "?route=/api/v1/events/{event}/gates&method=POST";
        let both = list_until(&t.organiser, route, |items| items.len() == 2).await;
        let id = both[0]["id"].as_str().unwrap();
        let again = read(&t.organiser, id).await;
        let headers = again["response"]["headers"].as_array().unwrap();
        assert!(headers.iter().any(|header| header["name"] == "idempotency-replayed"), "{again}");
        assert_eq!(again["status"], 201);
        t.stop().await;
    }
}
