//! Closed for maintenance: people wait, gates go on.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::platform::{self, PlatformError};
use reqwest::Method;

use crate::access::{Device, buy};
use crate::app::TestApp;

on_both_engines! {
    /// covers: ADM-4
    async fn gates_go_on_while_everybody_else_waits(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 50)]).await;
        let tickets = buy(&t, &event, 2, "before").await;
        let mut gate = Device::pair(&t, &event, 1).await;
        let until = t.app.now() + Duration::from_secs(600);
        platform::begin_maintenance(&t.app, "New hardware.", Some(until), "usr_1", "new disks").await.unwrap();

        let closed = t.stranger.buy(&event, 0, 1, "succeed", "during").await;
        let problem = closed.refused(503, "platform.maintenance");
        assert_eq!(problem["detail"], "New hardware.");
        let again: i64 = closed.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((590..=600).contains(&again), "{again}");
        t.organiser.get("/api/v1/events").await.refused(503, "platform.maintenance");
        let page = t.stranger.request(Method::GET, "/").header("accept", "text/html");
        let page = t.stranger.send(page).await;
        assert_eq!(page.status, 503);
        assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(page.text.contains("New hardware."), "{}", page.text);
        assert!(page.headers.contains_key("retry-after"));

        // Signs of life and the gates.
        assert_eq!(t.stranger.get("/livez").await.status, 204);
        t.stranger.get("/readyz").await.expect(200);
        gate.open_session().await;
        let receipt = gate.push(&t, &[gate.entry(&t, 1, tickets[0].0, 10)]).await;
        assert_eq!(receipt.accepted, 1);
        assert!(!gate.pull(&t, None).await.0.is_empty());

        platform::end_maintenance(&t.app, "usr_1", "done").await.unwrap();
        t.stranger.buy(&event, 0, 1, "succeed", "during").await.expect(201);
        t.stop().await;
    }

    /// covers: ADM-4
    async fn what_cannot_be_announced_is_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let past = Some(t.app.now() - Duration::from_secs(1));
        for (message, until, field) in [("", None, "message"), (&*"x".repeat(501), None, "message"), ("New disks", past, "until")] {
            let refused = platform::begin_maintenance(&t.app, message, until, "usr_1", "why").await;
            assert!(matches!(&refused, Err(PlatformError::Invalid(fields)) if fields[0].field == field), "{refused:?}");
        }
        assert_eq!(t.stranger.get("/").await.status, 200, "it is open all the same");
        t.stop().await;
    }
}
