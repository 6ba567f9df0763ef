//! Bad input at the front door.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::json;

use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-6
    async fn broken_bodies_are_refused_and_never_a_fault(db: TestDb) {
        let t = TestApp::start(db).await;
        let deep = "[".repeat(100_000);
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000));
        let json = "application/json";
        for (turn, (kind, body, statuses)) in [
            (json, b"".to_vec(), [400, 400]),
            (json, b"{".to_vec(), [400, 400]),
            (json, b"null".to_vec(), [422, 422]),
            (json, b"{\"name\": \"a\", \"name\": \"b\"}".to_vec(), [422, 422]),
            (json, b"{\"name\": \"a\\u0000b\"}".to_vec(), [422, 422]),
            (json, b"{\"name\": \"\\ud800\"}".to_vec(), [400, 422]),
            (json, b"{\"name\": \"\xff\xfe\"}".to_vec(), [400, 422]),
            (json, b"{\"name\": NaN}".to_vec(), [400, 422]),
            (json, b"{\"name\": 1e999}".to_vec(), [400, 422]),
            (json, deep.into_bytes(), [400, 422]),
            (json, large.into_bytes(), [413, 413]),
            ("text/plain", b"{}".to_vec(), [415, 415]),
            ("application/xml", b"<a/>".to_vec(), [415, 415]),
            ("application/json; charset=utf-16", vec![0xfe, 0xff, 0, b'{'], [415, 415]),
            ("", b"{}".to_vec(), [415, 415]),
        ].into_iter().enumerate() {
            for key in [None, Some("k")] {
                let mut request = t.organiser.request(Method::POST, "/api/v1/events").body(body.clone());
                if !kind.is_empty() {
                    request = request.header("content-type", kind);
                }
                if let Some(key) = key {
                    request = request.header("idempotency-key", format!("{key}{turn}"));
                }
                let answer = t.organiser.send(request).await;
                let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
                assert!(statuses.contains(&answer.status), "{kind} {shown}: {} {}", answer.status, answer.text);
                assert_eq!(answer.headers["content-type"], "application/problem+json");
            }
        }
        t.stop().await;
    }

    /// A compressed body is not taken for what it would be.
    ///
    /// covers: BE-6
    async fn compressed_bodies_are_no_bombs(db: TestDb) {
        let t = TestApp::start(db).await;
        let zeros = vec![b' '; 20_000_000];
        let bomb = zstd::encode_all(&zeros[..], 19).unwrap();
        assert!(bomb.len() < 10_000);
        for encoding in ["zstd", "gzip", "br", "deflate"] {
            let request = t.organiser.request(Method::POST, "/api/v1/events")
                .header("content-type", "application/json")
                .header("content-encoding", encoding)
                .body(bomb.clone());
            let answer = t.organiser.send(request).await;
            assert!([400, 415].contains(&answer.status), "{encoding}: {} {}", answer.status, answer.text);
        }
        t.stop().await;
    }

    /// covers: MON-3, GW-5
    async fn the_callers_trace_is_in_the_answer(db: TestDb) {
        let t = TestApp::start(db).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let request = t.stranger.request(Method::GET, "/api/v1/nowhere")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        let answer = t.stranger.send(request).await;
        assert_eq!(answer.headers["x-request-id"], trace);
        assert_eq!(answer.refused(404, "not_found")["request_id"], json!(trace));
        t.stop().await;
    }
}
