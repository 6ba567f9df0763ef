//! What is due is found with little work, whatever PostgreSQL believes to be in the table.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Db, DbError, Val};
use bilten_kernel::testing::{Engine, TestDb, statement_with};
use bilten_kernel::{sql, vals};

use crate::set_up;

const ENTRIES: i64 = 5_000;
/// How many rows may be gone through: of each entry every step of a plan, and twice each of the 256 aggregates that
/// are claimed at once. Plans that took minutes go through several thousand for each entry.
const MOST: f64 = 600.0 * 5_000.0;
const NOW: Timestamp = Timestamp::from_ms(10);
const LATER: Timestamp = Timestamp::from_ms(40);

/// Writes entries of half as many aggregates.
async fn fill_outbox(db: &Db, count: i64, is_dead: bool) {
    let row = |n: i64| vals![format!("shelf_{}", n % (count / 2)), NOW, is_dead];
    let rows: Vec<_> = (0..count).map(row).collect();
    db.write(move |conn| {
        Box::pin(async move {
            let insert = sql!(
                "INSERT INTO outbox (aggregate, kind, payload, created_at, is_dead)
                 VALUES ($1, 'shelves.filled', '1', $2, $3)"
            );
            conn.insert_many(insert, rows).await
        })
    })
    .await
    .map(|_| ())
    .unwrap_or_else(|error: DbError| panic!("{error}"));
}

async fn fill_jobs(db: &Db) {
    let rows: Vec<_> = (0..ENTRIES).map(|_| vals![NOW]).collect();
    db.write(move |conn| {
        Box::pin(async move {
            let insert = sql!(
                "INSERT INTO jobs (kind, payload, run_at) VALUES ('shelves.dust', 'null', $1)"
            );
            conn.insert_many(insert, rows).await
        })
    })
    .await
    .map(|_| ())
    .unwrap_or_else(|error: DbError| panic!("{error}"));
}

/// Empties a table that was counted when it was full, so that all pages are known to be empty.
async fn empty(db: &TestDb, table: &str) {
    db.keep_statistics(table).await;
    db.write(|conn| {
        Box::pin(async move {
            conn.exec(sql!("DELETE FROM jobs"), vals![]).await?;
            conn.exec(sql!("DELETE FROM outbox"), vals![]).await
        })
    })
    .await
    .map(|_| ())
    .unwrap_or_else(|error: DbError| panic!("{error}"));
    db.keep_statistics(table).await;
}

/// covers: BE-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_the_outbox_goes_through_it_once_by_whatever_statistics() {
    if Engine::Postgres.is_left_out() {
        return;
    }
    let claim = statement_with(&["UPDATE outbox SET claim", "SKIP LOCKED"]);
    for what in ["never filled", "delivered", "dead letters"] {
        let db = TestDb::new(Engine::Postgres).await;
        set_up(&db, 1).await;
        match what {
            "delivered" => {
                fill_outbox(&db, ENTRIES, false).await;
                empty(&db, "outbox").await;
            }
            "dead letters" => fill_outbox(&db, 50, true).await,
            _ => {}
        }
        db.keep_statistics("outbox").await;
        fill_outbox(&db, ENTRIES, false).await;
        let visited = db
            .rows_visited(claim, vals![NOW, LATER, "ours", 256_i64])
            .await;
        // Entries are there, so some are gone through.
        assert!(visited > 256.0 && visited < MOST, "{what}: {visited} rows");
    }
}

/// covers: BE-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_jobs_goes_through_them_once_by_whatever_statistics() {
    if Engine::Postgres.is_left_out() {
        return;
    }
    let claim = statement_with(&["UPDATE jobs SET claim", "SKIP LOCKED"]);
    for what in ["never filled", "done"] {
        let db = TestDb::new(Engine::Postgres).await;
        set_up(&db, 1).await;
        if what == "done" {
            fill_jobs(&db).await;
            empty(&db, "jobs").await;
        }
        db.keep_statistics("jobs").await;
        fill_jobs(&db).await;
        let kinds = Val::texts(["shelves.dust", "shelves.count"]);
        let visited = db
            .rows_visited(claim, vals![NOW, kinds, LATER, "ours", 8_i64])
            .await;
        assert!(visited > 8.0 && visited < MOST, "{what}: {visited} rows");
    }
}
