//! Databases for tests, of both engines (feature `testing`).
//!
//! Every test that touches the database runs on SQLite and on PostgreSQL:
//!
//! ```ignore
//! bilten_kernel::on_both_engines! {
//!     async fn a_shelf_is_found_again(db: TestDb) {
//!         db.migrate(&[MIGRATIONS], Timestamp::from_ms(0)).await.unwrap();
//!     }
//! }
//! ```
//!
//! `BILTEN_TEST_POSTGRES` names a PostgreSQL server by the URL of somebody who may create
//! databases; each test makes one of its own and drops it. Without it the tests on PostgreSQL fail,
//! because a test that is silently skipped is no test; `BILTEN_TEST_ENGINES=sqlite` leaves them out
//! on purpose. `scripts/postgres start DIR` starts such a server.
//!
//! A database comes to be when it is first used. If that is [`TestDb::migrate`], it is a copy of one
//! that was migrated before: applying every migration for each test would take longer than most
//! tests. Used in any other way it begins empty.
//!
//! PostgreSQL copies from a template that stays there for the next run: one for each schema, of which
//! the newest few are kept (`bilten_template_…`, about 10 MB each; whoever drops one loses nothing).

mod plan;
mod template;

pub use plan::statement_with;

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::clock::Timestamp;
use crate::db::{DatabaseConfig, Db, DbError, Migration};

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server of `BILTEN_TEST_POSTGRES`.
    Postgres,
}

impl Engine {
    /// Whether this engine was left out on purpose.
    pub fn is_left_out(self) -> bool {
        self == Self::Postgres
            && std::env::var("BILTEN_TEST_ENGINES").is_ok_and(|engines| engines == "sqlite")
    }
}

/// A database that is dropped with this handle; a [`Db`] to everybody else.
pub struct TestDb {
    db: OnceLock<Db>,
    config: DatabaseConfig,
    place: Place,
}

/// Where it is.
enum Place {
    /// The file `test.db` in this folder.
    Folder(tempfile::TempDir),
    /// On this server, under this name.
    Server { admin: String, name: String },
}

impl TestDb {
    /// A database of its own, empty unless [`migrate`](Self::migrate) is the first that is done.
    ///
    /// # Panics
    /// When it cannot be had, with the reason.
    #[expect(
        clippy::expect_used,
        reason = "a test without its database can only fail"
    )]
    pub async fn new(engine: Engine) -> Self {
        let (url, place) = match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                (url, Place::Folder(folder))
            }
            Engine::Postgres => {
                let admin = std::env::var("BILTEN_TEST_POSTGRES").expect(
                    "BILTEN_TEST_POSTGRES is not set: start a server with `scripts/postgres start DIR` and set it to the URL that prints, or leave these tests out with BILTEN_TEST_ENGINES=sqlite",
                );
                let name = fresh_name();
                let url = with_database(&admin, &name);
                (url, Place::Server { admin, name })
            }
        };
        Self {
            db: OnceLock::new(),
            config: DatabaseConfig::new(url),
            place,
        }
    }

    /// [`Db::migrate`], for which a database that nobody has used yet becomes a copy of one that has
    /// all of it. A test of migrations themselves asks [`db`](Self::db) to migrate.
    ///
    /// # Errors
    /// As those of [`Db::migrate`].
    ///
    /// # Panics
    /// When there can be no copy, with the reason.
    #[expect(
        clippy::expect_used,
        reason = "a test without its database can only fail"
    )]
    pub async fn migrate(
        &self,
        sets: &[&[Migration]],
        now: Timestamp,
    ) -> Result<Vec<&'static str>, DbError> {
        if self.db.get().is_none() {
            match &self.place {
                Place::Folder(folder) => {
                    let bytes = template::lite(sets, now).await;
                    std::fs::write(folder.path().join("test.db"), &*bytes).expect("a copied file");
                }
                Place::Server { admin, name } => template::copy(admin, name, sets, now).await,
            }
            let db = Db::open(&self.config).await.expect("a copy that opens");
            let _ = self.db.set(db);
        }
        self.opened().migrate(sets, now).await
    }

    /// How to open the same database again.
    pub fn config(&self) -> &DatabaseConfig {
        self.opened();
        &self.config
    }

    /// The handle that domain code takes.
    pub fn db(&self) -> Db {
        self.opened().clone()
    }

    /// Closes the database and opens it again, as a restart of the server does.
    ///
    /// # Panics
    /// When it cannot be opened again.
    #[expect(
        clippy::expect_used,
        reason = "a test without its database can only fail"
    )]
    pub async fn reopen(&mut self) {
        self.db().close().await;
        let db = Db::open(&self.config)
            .await
            .expect("a database that opens again");
        self.db = OnceLock::from(db);
    }

    /// The database, which begins empty if this is its first use.
    #[expect(
        clippy::expect_used,
        reason = "a test without its database can only fail"
    )]
    fn opened(&self) -> &Db {
        self.db.get_or_init(|| {
            let begin = async {
                if let Place::Server { admin, name } = &self.place {
                    run_sql(admin, format!("CREATE DATABASE {name}"))
                        .await
                        .expect("a new database");
                }
                Db::open(&self.config).await.expect("a database that opens")
            };
            block_in_place(|| Handle::current().block_on(begin))
        })
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.opened()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Place::Server { admin, name } = &self.place else {
            return;
        };
        let drop_sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let admin = admin.clone();
        // The test's own runtime may be ending, so this brings its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(run_sql(&admin, drop_sql))
                .map_err(std::io::Error::other)
        });
        if let Ok(Err(error)) = dropped.join() {
            tracing::warn!(%error, "a test database was left behind");
        }
    }
}

/// Fails the test if a job or an entry of the outbox is left undone: what a test has set going it
/// has to see through.
///
/// # Panics
/// When something is left, naming it.
#[expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
pub async fn assert_nothing_left(db: &Db) {
    let jobs = crate::jobs::remaining(db)
        .await
        .expect("the jobs that remain");
    let waiting = crate::outbox::waiting(db)
        .await
        .expect("the outbox's length");
    let dead = crate::outbox::dead_letters(db)
        .await
        .expect("the dead letters");
    if !jobs.is_empty() || waiting != 0 || !dead.is_empty() {
        panic!(
            "left undone: jobs {jobs:?}, {waiting} entries of the outbox, dead letters {dead:?}"
        );
    }
}

async fn run_sql(url: &str, sql: String) -> Result<(), sqlx::Error> {
    // A template may be in use for a moment.
    let mut left = 20;
    let mut conn = PgConnection::connect(url).await?;
    loop {
        match sqlx::raw_sql(AssertSqlSafe(sql.clone()))
            .execute(&mut conn)
            .await
        {
            Err(sqlx::Error::Database(error))
                if left > 0 && error.code().as_deref() == Some("55006") =>
            {
                left -= 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            done => {
                done?;
                return conn.close().await;
            }
        }
    }
}

/// A name that no other test has, also not one of another process.
fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let token = crate::random::token(&crate::random::OsRandom, 8);
    format!("bilten_test_{}_{count}_{token}", std::process::id())
}

/// The URL with its database's name replaced.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let host = base.find("://").map_or(0, |at| at + 3);
    let server = base[host..].find('/').map_or(base, |at| &base[..host + at]);
    query.map_or_else(
        || format!("{server}/{name}"),
        |query| format!("{server}/{name}?{query}"),
    )
}

/// Makes of `async fn name(db: TestDb) { … }` one test on SQLite and one on PostgreSQL.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: TestDb) $body:block)+) => {$(
        #[cfg(test)]
        mod $name {
            use super::*;

            $(#[$meta])*
            async fn run($db: $crate::testing::TestDb) $body

            #[$crate::private::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "bilten_kernel::private::tokio")]
            async fn sqlite() {
                run($crate::testing::TestDb::new($crate::testing::Engine::Sqlite).await).await;
            }

            #[$crate::private::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "bilten_kernel::private::tokio")]
            async fn postgres() {
                let engine = $crate::testing::Engine::Postgres;
                if !engine.is_left_out() {
                    run($crate::testing::TestDb::new(engine).await).await;
                }
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        for (url, wanted) in [
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/new"),
            ("postgres://u@h", "postgres://u@h/new"),
            ("postgres:///old?host=/run/x", "postgres:///new?host=/run/x"),
        ] {
            assert_eq!(with_database(url, "new"), wanted);
        }
    }
}
