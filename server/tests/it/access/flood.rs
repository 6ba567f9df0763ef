//! A flood of one kind of request leaves room for all others: people stand at the gates.

use bilten_kernel::on_both_engines;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Device, buy};
use crate::app::TestApp;

/// Begins a request whose body never comes to its end: it is worked on as long as the connection
/// stays.
async fn begin(t: &TestApp, path: &str) -> TcpStream {
    let address = t.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: slow\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

on_both_engines! {
    /// covers: GW-6, GW-2
    async fn a_flood_keeps_neither_gates_nor_other_kinds_out(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.max_in_flight = 100).await;
        let event = t.event(&[("Standing", 2500, 50)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let sold = buy(&t, &event, 2, "k").await;
        let door = format!("/api/v1/events/{}/check-in", event.id);
        for (round, flooded, calm) in [
            (0, "/api/v1/shop/orders", "/api/v1/auth/registrations"),
            (1, "/api/v1/auth/registrations", "/api/v1/shop/orders"),
        ] {
            let mut slow = Vec::new();
            for _ in 0..100 {
                slow.push(begin(&t, flooded).await);
            }
            // Until all places that this kind may have are taken.
            let mut refused = None;
            for _ in 0..500 {
                let answer = t.stranger.post(flooded, json!({})).await;
                if answer.status == 503 {
                    refused = Some(answer);
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            let refused = refused.unwrap();
            refused.refused(503, "edge.busy");
            assert!(refused.headers.contains_key("retry-after"));
            // A gate goes on, and so does everything else.
            let body = json!({"list": device.list().as_str(), "code": sold[round].1});
            let verdict = t.organiser.post_once(&door, &format!("door-{round}"), &body).await;
            assert_eq!(verdict.expect(200)["admit"], true);
            assert_eq!(t.stranger.get("/").await.status, 200);
            assert_eq!(t.organiser.get("/api/v1/events").await.status, 200);
            let other = t.stranger.post(calm, json!({})).await;
            assert!((400..500).contains(&other.status), "{}: {}", other.status, other.text);
            drop(slow);
            // Those who gave up give their places back.
            for _ in 0..500 {
                if t.stranger.post(flooded, json!({})).await.status != 503 {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            let again = t.stranger.post(flooded, json!({})).await;
            assert!((400..500).contains(&again.status), "{}: {}", again.status, again.text);
        }
        t.stop().await;
    }
}
