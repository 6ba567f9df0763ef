//! Databases that have every migration, to be copied.

use std::sync::Arc;

use rusqlite::Connection as LiteConnection;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

use super::{run_sql, with_database};
use crate::clock::Timestamp;
use crate::db::{self, DatabaseConfig, Db, Migration};

/// How many templates of other schemas stay on a server: whoever goes between branches needs them again.
const KEPT: usize = 2;

/// Any number that no other program is likely to use.
const LOCK: &str = "SELECT pg_advisory_lock(4706512230812)";

/// A file that has these migrations, which this process makes once.
///
/// # Panics
/// When it cannot be made.
#[expect(
    clippy::expect_used,
    reason = "a test without its database can only fail"
)]
pub(super) async fn lite(sets: &[&[Migration]], now: Timestamp) -> Arc<Vec<u8>> {
    static MADE: Mutex<Option<(String, Arc<Vec<u8>>)>> = Mutex::const_new(None);
    let schema = db::fingerprint(sets);
    let mut made = MADE.lock().await;
    if let Some((of, bytes)) = &*made
        && *of == schema
    {
        return Arc::clone(bytes);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("template.db");
    migrate(format!("sqlite:{}", path.display()), sets, now).await;
    // What is still in the log beside the file comes into it.
    LiteConnection::open(&path)
        .and_then(|file| file.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"))
        .expect("a whole file");
    let bytes = Arc::new(std::fs::read(&path).expect("the file"));
    *made = Some((schema, Arc::clone(&bytes)));
    bytes
}

/// Makes a database of this name that has these migrations.
///
/// # Panics
/// When it cannot be made.
#[expect(clippy::panic, reason = "a test without its database can only fail")]
pub(super) async fn copy(admin: &str, name: &str, sets: &[&[Migration]], now: Timestamp) {
    /// The template that is known to be there.
    static MADE: Mutex<Option<String>> = Mutex::const_new(None);
    let template = format!("bilten_template_{}", db::fingerprint(sets));
    let mut left = 3;
    loop {
        let mut made = MADE.lock().await;
        if made.as_deref() != Some(template.as_str()) {
            pg(admin, &template, sets, now).await;
            *made = Some(template.clone());
        }
        drop(made);
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        match run_sql(admin, create).await {
            Ok(()) => return,
            // Tests of other schemas, or a person, have dropped it meanwhile.
            Err(sqlx::Error::Database(error))
                if left > 0 && error.code().as_deref() == Some("3D000") =>
            {
                left -= 1;
                *MADE.lock().await = None;
            }
            Err(error) => panic!("no copy of {template}: {error}"),
        }
    }
}

/// Makes this template unless it is there.
#[expect(
    clippy::expect_used,
    reason = "a test without its database can only fail"
)]
async fn pg(admin: &str, template: &str, sets: &[&[Migration]], now: Timestamp) {
    // Other processes wait until this connection ends.
    let mut conn = PgConnection::connect(admin).await.expect("the server");
    sqlx::raw_sql(LOCK)
        .execute(&mut conn)
        .await
        .expect("the lock of templates");
    // The newest first.
    let templates: Vec<String> = sqlx::query_scalar(
        r"SELECT datname::text FROM pg_database WHERE datname LIKE 'bilten\_template\_%' ORDER BY oid DESC",
    )
    .fetch_all(&mut conn)
    .await
    .expect("the templates");
    if !templates.iter().any(|one| one == template) {
        // It gets its name when it is complete, so that nobody copies half of one.
        let half = format!("{template}_half");
        for sql in [
            format!("DROP DATABASE IF EXISTS {half} WITH (FORCE)"),
            format!("CREATE DATABASE {half}"),
        ] {
            run_sql(admin, sql).await.expect("a new template");
        }
        migrate(with_database(admin, &half), sets, now).await;
        for sql in [
            // Nobody can be in the way of whoever copies it.
            format!("ALTER DATABASE {half} WITH ALLOW_CONNECTIONS false"),
            format!("ALTER DATABASE {half} RENAME TO {template}"),
        ] {
            run_sql(admin, sql).await.expect("a complete template");
        }
        for old in templates.iter().filter(|old| **old != half).skip(KEPT) {
            // One that is being copied is dropped another time.
            let _ = run_sql(admin, format!("DROP DATABASE IF EXISTS {old}")).await;
        }
    }
    let _ = conn.close().await;
}

#[expect(
    clippy::expect_used,
    reason = "a test without its database can only fail"
)]
async fn migrate(url: String, sets: &[&[Migration]], now: Timestamp) {
    let db = Db::open(&DatabaseConfig::new(url))
        .await
        .expect("a database that opens");
    db.migrate(sets, now).await.expect("every migration");
    db.close().await;
}
