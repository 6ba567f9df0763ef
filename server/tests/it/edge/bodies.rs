//! Bodies that do not end, or are more than they seem.

use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::raw;
use crate::access::Device;
use crate::app::TestApp;

/// The line of a request that says whose it is.
fn authorization(t: &TestApp) -> String {
    let request = t.organiser.request(Method::GET, "/").build().unwrap();
    let value = request.headers()["authorization"].to_str().unwrap();
    format!("Authorization: {value}\r\n")
}

async fn events(t: &TestApp) -> Vec<i64> {
    let count = sql!("SELECT COUNT(*) FROM events");
    t.app.db.scalars(count, vals![]).await.unwrap()
}

on_both_engines! {
    /// covers: GW-2, BE-6
    async fn too_large_a_body_is_refused_before_it_has_come(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.body_limit_bytes = 1_000).await;
        let head = format!(
            "POST /api/v1/events HTTP/1.1\r\nHost: x\r\n{}Content-Type: application/json\r\n",
            authorization(&t)
        );
        let (little, spaces) = ("{\"name\": \"a\"", " ".repeat(1_001));
        for once in ["", "Idempotency-Key: walk\r\n"] {
            // Of each there is more to come than anybody would wait for.
            for body in [
                format!("Content-Length: 10000000000\r\n\r\n{spaces}"),
                format!("Transfer-Encoding: chunked\r\n\r\n3e9\r\n{spaces}\r\n"),
                format!("Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n{spaces}"),
                format!("Transfer-Encoding: chunked\r\n\r\n{}", "1\r\n \r\n".repeat(1_001)),
            ] {
                let answer = raw::send(&t, format!("{head}{once}{body}").as_bytes()).await;
                assert_eq!(raw::statuses(&answer), [413], "{once}{}: {answer}", &body[..30]);
                assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
            }
            // One that ends too early is not carried out.
            let mut stream = raw::connect(&t).await;
            let cut = format!("{head}{once}Content-Length: 500\r\n\r\n{little}}}");
            stream.write_all(cut.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let answer = String::from_utf8_lossy(&raw::rest(stream).await).into_owned();
            assert!(raw::statuses(&answer).iter().all(|status| *status == 400), "{answer}");
        }
        assert_eq!(events(&t).await, [0]);
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// covers: GW-2
    async fn a_body_that_never_ends_is_given_up(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.request_timeout_ms = 300).await;
        let head = format!(
            "POST /api/v1/events HTTP/1.1\r\nHost: x\r\n{}Content-Type: application/json\r\n",
            authorization(&t)
        );
        for once in ["", "Idempotency-Key: walk\r\n"] {
            for body in ["Content-Length: 10\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "Content-Length: 1\r\n\r\n"] {
                let answer = raw::send(&t, format!("{head}{once}{body}").as_bytes()).await;
                assert_eq!(raw::statuses(&answer), [408], "{once}{body}: {answer}");
            }
        }
        assert_eq!(events(&t).await, [0]);
        t.stop().await;
    }

    /// What devices send may be compressed, so it must not grow beyond what it may be plain.
    ///
    /// covers: GW-2, SCAN-10
    async fn what_devices_send_is_no_bomb(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let push = async |encoding: &str, body: Vec<u8>| {
            let request = t.stranger.with_token(&device.session.token).request(Method::POST, "/api/v1/sync/redemptions")
                .header("content-type", "application/x-ndjson")
                .header("content-encoding", encoding)
                .body(body);
            t.stranger.send(request).await
        };
        let packed = |plain: &[u8]| zstd::encode_all(plain, 3).unwrap();
        let bomb = packed(&vec![b' '; 100_000_000]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        push("zstd", bomb.clone()).await.refused(413, "access.push_too_large");
        // A bomb of bombs is what its first layer holds: no lines.
        push("zstd", packed(&bomb)).await.refused(400, "access.push_malformed");
        push("zstd", bomb[..bomb.len() / 2].to_vec()).await;
        for encoding in ["gzip", "br", "deflate", "zstd, zstd", "x"] {
            push(encoding, bomb.clone()).await.refused(415, "access.push_encoding");
        }
        for junk in [&b"\x28\xb5\x2f\xfd"[..], b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\xff", b"{}", b""] {
            let answer = push("zstd", junk.to_vec()).await;
            assert_eq!(answer.status, 400, "{junk:?}: {}", answer.text);
        }
        let header = json!({"device_time": t.app.now().ms(), "count": 0}).to_string();
        push("zstd", packed(header.as_bytes())).await.expect(200);
        t.stop().await;
    }
}
