//! Records that cannot be written, and programs that ask very often.

use std::time::Duration;

use bilten_kernel::db::Migration;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::MIGRATIONS;
use serde_json::json;
use tokio::sync::oneshot;

use super::{REQUESTS, list_until};
use crate::app::TestApp;

/// Takes the table away under the running server.
const TABLE_GONE: &[Migration] = &[Migration {
    version: 9_001,
    name: "requests_gone",
    sql: "ALTER TABLE api_requests RENAME TO gone_requests",
}];

/// Puts it back.
const TABLE_BACK: &[Migration] = &[Migration {
    version: 9_002,
    name: "requests_back",
    sql: "ALTER TABLE gone_requests RENAME TO api_requests",
}];

/// Keeps the database from writing records until what comes back is dropped: on SQLite the writer
/// is busy, on PostgreSQL the organisations are locked.
async fn stall(t: &TestApp) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, released) = oneshot::channel::<()>();
    let (begun, began) = oneshot::channel::<()>();
    let db = t.app.db.clone();
    let is_lite = db.engine() == "sqlite";
    let held = tokio::spawn(async move {
        let held = db.write(move |c| {
            Box::pin(async move {
                let locked: Vec<String> = c
                    .scalars(sql!("SELECT id FROM organisations FOR UPDATE"), vals![])
                    .await?;
                assert!(!locked.is_empty());
                begun.send(()).unwrap();
                if is_lite {
                    // The writer's own thread, on which nothing is awaited.
                    let _ = released.blocking_recv();
                } else {
                    let _ = released.await;
                }
                Ok::<_, bilten_kernel::db::DbError>(())
            })
        });
        held.await.unwrap();
    });
    began.await.unwrap();
    (release, held)
}

on_both_engines! {
    /// covers: GW-7, SYS-4
    async fn a_database_that_is_slow_delays_no_request(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.inspector.queue = 5).await;
        let (release, held) = stall(&t).await;
        // All of them are answered while nothing can be written.
        for n in 0..300 {
            let path = format!("/api/v1/events?limit={}", n % 50 + 1);
            t.organiser.get(&path).await.expect(200);
        }
        assert!(t.app.inspector.dropped() > 0);
        drop(release);
        held.await.unwrap();
        // What had found room is written, and then what comes: the queue is full for a moment still.
        for n in 0.. {
            t.organiser.get("/api/v1/events?limit=77").await.expect(200);
            let list = t.organiser.get(&format!("{REQUESTS}?limit=200")).await.expect(200);
            let paths: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| &item["path"]).collect();
            if paths.len() > 1 && paths.iter().any(|path| *path == "/api/v1/events?limit=77") {
                break;
            }
            assert!(n < 400, "{paths:?}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(t.app.inspector.failed(), 0);
        t.stop().await;
    }

    /// covers: GW-7, SYS-4
    async fn a_database_that_refuses_fails_no_request(db: TestDb) {
        let t = TestApp::start(db).await;
        let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS, TABLE_GONE];
        t.app.db.migrate(&sets, t.app.now()).await.unwrap();
        for _ in 0..20 {
            t.organiser.get("/api/v1/events").await.expect(200);
        }
        for n in 0.. {
            if t.app.inspector.failed() == 20 {
                break;
            }
            assert!(n < 400, "only {} were counted", t.app.inspector.failed());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let sets = [bilten_kernel::MIGRATIONS, MIGRATIONS, TABLE_GONE, TABLE_BACK];
        t.app.db.migrate(&sets, t.app.now()).await.unwrap();
        t.organiser.get("/api/v1/events").await.expect(200);
        list_until(&t.organiser, "", |items| items.len() == 1).await;
        t.stop().await;
    }

    /// covers: GW-7
    async fn of_a_busy_program_all_that_went_wrong_is_kept(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.inspector.per_minute = 3).await;
        for _ in 0..10 {
            t.organiser.get("/api/v1/events").await.expect(200);
        }
        for _ in 0..4 {
            t.organiser.get("/api/v1/events/evt_01jx0000000000000000000000").await.expect(404);
        }
        let kept = list_until(&t.organiser, "", |items| items.len() >= 7).await;
        let refused = kept.iter().filter(|item| item["status"] == 404).count();
        assert_eq!((kept.len(), refused), (7, 4));
        t.stop().await;
    }

    /// covers: GW-7
    async fn nothing_is_kept_where_the_operator_does_not_want_it(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.inspector.enabled = false).await;
        t.organiser.get("/api/v1/events").await.expect(200);
        let list = t.organiser.get(REQUESTS).await.expect(200);
        assert_eq!(list["items"], json!([]));
        let app = t.app.clone();
        t.stop().await;
        // Whatever waited would have been written by now.
        assert_eq!((app.inspector.kept(), app.inspector.dropped(), app.inspector.failed()), (0, 0, 0));
    }

    /// covers: GW-7
    async fn what_waits_is_written_before_the_server_ends(db: TestDb) {
        let t = TestApp::start(db).await;
        for _ in 0..30 {
            t.organiser.get("/api/v1/events").await.expect(200);
        }
        let app = t.app.clone();
        t.stop().await;
        assert_eq!((app.inspector.dropped(), app.inspector.failed()), (0, 0));
        assert_eq!(app.inspector.kept(), 30);
    }
}
