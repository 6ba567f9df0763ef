//! How a node goes.

use std::time::{Duration, Instant};

use bilten_kernel::{http, on_both_engines};
use bilten_server::server;
use tokio::sync::oneshot;

use crate::app::{Client, TestApp};

on_both_engines! {
    /// covers: BE-10, GW-6
    async fn a_node_that_goes_says_so_before_it_stops_to_serve(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.drain_delay_ms = 1_500).await;
        let listener = http::bind("127.0.0.1:0").await.unwrap();
        let node = Client::new(&format!("http://{}", listener.local_addr().unwrap()), None);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server::serve(t.app.clone(), listener, async {
            let _ = stopped.await;
        });
        let served = tokio::spawn(serving);
        node.get("/readyz").await.expect(200);
        let began = Instant::now();
        stop.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.get("/readyz").await.refused(503, "platform.stopping");
        node.get("/livez").await.expect(204);
        assert_eq!(node.get("/robots.txt").await.status, 200, "who comes is served");
        served.await.unwrap().unwrap();
        assert!(began.elapsed() >= Duration::from_millis(1_500));
        let gone = node.request(reqwest::Method::GET, "/livez").send().await;
        assert!(gone.is_err());
    }
}
