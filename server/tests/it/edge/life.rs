//! How a node goes.

use std::time::{Duration, Instant};

use bilten_kernel::db::{Db, DbError};
use bilten_kernel::{http, on_both_engines, sql, vals};
use bilten_server::server;
use tokio::sync::{oneshot, watch};

use crate::app::{Client, TestApp};

/// Keeps every statement waiting that wants the outbox or a job, until `release` is dropped.
async fn keep_waiting(db: Db, mut release: watch::Receiver<bool>, begun: oneshot::Sender<()>) {
    let is_lite = db.engine() == "sqlite";
    let kept: Result<(), DbError> = db
        .write(move |c| {
            Box::pin(async move {
                // On PostgreSQL whoever changes a table has it alone until the end of the transaction.
                c.exec(sql!("ALTER TABLE outbox ADD COLUMN kept TEXT"), vals![])
                    .await?;
                c.exec(sql!("ALTER TABLE jobs ADD COLUMN kept TEXT"), vals![])
                    .await?;
                begun.send(()).unwrap();
                if is_lite {
                    // SQLite has one writer: this is its thread.
                    while release.has_changed().is_ok() {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                } else {
                    let _ = release.changed().await;
                }
                Err(DbError::Closed("it was only to keep others waiting"))
            })
        })
        .await;
    assert!(kept.is_err());
}

on_both_engines! {
    /// covers: BE-10, GW-6
    async fn a_stop_waits_for_no_statement_without_end(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.shutdown_grace_ms = 300).await;
        let listener = http::bind("127.0.0.1:0").await.unwrap();
        let node = Client::new(&format!("http://{}", listener.local_addr().unwrap()), None);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server::serve(t.app.clone(), listener, async {
            let _ = stopped.await;
        });
        let served = tokio::spawn(serving);
        node.get("/livez").await.expect(204);
        let (release, released) = watch::channel(false);
        let (begun, has_begun) = oneshot::channel();
        let keeping = tokio::spawn(keep_waiting(t.app.db.clone(), released, begun));
        has_begun.await.unwrap();
        // Jobs are looked for each second, and on PostgreSQL the outbox too.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.send(()).unwrap();
        let within = tokio::time::timeout(Duration::from_secs(60), served).await;
        assert!(!keeping.is_finished(), "nobody was kept waiting");
        drop(release);
        assert!(within.is_ok(), "it does not stop");
        within.unwrap().unwrap().unwrap();
        keeping.await.unwrap();
    }

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
