//! The seam: one SQL text and one closure for SQLite and PostgreSQL.
//!
//! Bilten runs from one file on a laptop and on PostgreSQL behind many nodes. The two differ in
//! how they are driven (SQLite has one writer and answers at once, PostgreSQL is awaited), in a
//! few words of SQL, and in what happens after an error. All of that is decided in this folder and
//! nowhere else; a domain's `store.rs` sees only [`Conn`], [`sql!`](crate::sql),
//! [`vals!`](crate::vals) and [`record!`](crate::record).
//!
//! | file | holds |
//! |---|---|
//! | `config.rs`, `error.rs` | where it is; what goes wrong |
//! | `conn.rs` | what statements run on, inside a read or a write |
//! | `statement.rs`, `val.rs`, `row.rs` | statements, what goes in, what comes out |
//! | `dialect.rs`, `many.rs` | the words that differ; many rows at once |
//! | `migrate.rs`, `schema.rs` | the schema's history, and its words |
//! | `lite.rs`, `writer.rs`, `reader.rs` | SQLite: statements, group commit, reading threads |
//! | `pg.rs`, `places.rs` | PostgreSQL: pool and statements; who goes first when connections are short |
//! | `guard.rs` | what the writes of a task do first, in the same transaction |
//! | `observe.rs` | what is traced and measured |
//! | `signals.rs`, `notify.rs` | waking whoever waits for a commit, in this process and on other nodes |
//! | `inspect.rs` | what a database looks like, without changing it |
//!
//! Rules for a write: decide inside the statement (`UPDATE … WHERE stock >= $2`, then look at the
//! count), await nothing but the `Conn`, and do nothing slow (network, hashing) in it.

mod config;
mod conn;
mod dialect;
mod error;
mod guard;
mod inspect;
mod lite;
mod many;
mod migrate;
mod notify;
mod observe;
mod pg;
mod places;
mod reader;
mod row;
mod schema;
mod signals;
mod statement;
mod val;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgPool;
use tracing::Instrument;

pub use config::DatabaseConfig;
pub use conn::Conn;
pub use error::{DbError, Violation};
pub use guard::{Guard, guarded};
pub use inspect::{Inspection, LiteFile, Settings};
pub use migrate::Migration;
pub use notify::{Nodes, NodesError};
pub use places::can_wait;
pub use row::{AsJson, Col, ColError, FromCol, Record, Row};
pub use statement::{STATEMENTS, Statement, check_statements};
pub use val::{ToVal, Val};

use crate::clock::Timestamp;
use conn::Engine;
use places::Places;
use reader::Readers;
use writer::Writer;

#[cfg(feature = "testing")]
pub(crate) use migrate::fingerprint;
#[cfg(feature = "testing")]
pub(crate) use pg::explain;
pub(crate) use signals::{Signals, Topic};

/// How often [`Db::write_again`] runs a write at most.
const ATTEMPTS: u32 = 5;

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    backend: Arc<Backend>,
    places: Arc<Places>,
    signals: Arc<Signals>,
}

/// How a database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// How many writes wait for the writer of SQLite.
    pub writes_queued: usize,
    /// The connections to PostgreSQL.
    pub connections: Option<Connections>,
}

/// Connections to PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How many are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
    /// How many there may be.
    pub most: u32,
}

enum Backend {
    Lite {
        readers: Readers,
        writer: Option<Writer>,
    },
    Pg(PgPool),
}

impl Db {
    fn new(backend: Backend, signals: Arc<Signals>) -> Self {
        let places = match &backend {
            // Its writer and its reading threads have no such limit.
            Backend::Lite { .. } => Places::new(1, Duration::ZERO),
            Backend::Pg(pool) => {
                let options = pool.options();
                Places::new(options.get_max_connections(), options.get_acquire_timeout())
            }
        };
        Self {
            backend: Arc::new(backend),
            places: Arc::new(places),
            signals,
        }
    }

    /// Opens the database for reading and writing, and SQLite's file for this process alone.
    ///
    /// # Errors
    /// [`DbError::Open`], with the code `database_in_use` when another server has the file.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, DbError> {
        let Some(path) = config::lite_path(&config.url)? else {
            let pool = pg::open(config).await?;
            return Ok(Self::new(Backend::Pg(pool), Arc::default()));
        };
        let lock = lite::lock(&path)?;
        let signals = Arc::new(Signals::default());
        let writer = Writer::start(lite::open_writer(&path)?, lock, Arc::clone(&signals))?;
        let readers = Readers::new(&path, Arc::clone(&signals));
        Ok(Self::new(
            Backend::Lite {
                readers,
                writer: Some(writer),
            },
            signals,
        ))
    }

    /// Opens the database for reading beside a running server; every write is refused on SQLite.
    ///
    /// # Errors
    /// [`DbError::Open`] when it cannot be opened.
    pub async fn open_to_read(config: &DatabaseConfig) -> Result<Self, DbError> {
        let Some(path) = config::lite_path(&config.url)? else {
            return Self::open(config).await;
        };
        lite::open_reader(&path)?;
        let signals = Arc::new(Signals::default());
        let readers = Readers::new(&path, Arc::clone(&signals));
        Ok(Self::new(
            Backend::Lite {
                readers,
                writer: None,
            },
            signals,
        ))
    }

    /// The name of the engine, for logs and health reports: `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        match &*self.backend {
            Backend::Lite { .. } => "sqlite",
            Backend::Pg(_) => "postgres",
        }
    }

    /// What this process is told about commits to this database.
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// When jobs were last looked for in this process, if ever.
    pub fn jobs_looked_at(&self) -> Option<Timestamp> {
        let ms = self.signals.jobs_looked_at.load(Ordering::Relaxed);
        (ms != 0).then(|| Timestamp::from_ms(ms))
    }

    /// How its connections or its queue are used just now.
    pub fn usage(&self) -> Usage {
        match &*self.backend {
            Backend::Lite { writer, .. } => Usage {
                writes_queued: writer.as_ref().map_or(0, Writer::queued),
                connections: None,
            },
            Backend::Pg(pool) => Usage {
                writes_queued: 0,
                connections: Some(Connections {
                    open: pool.size(),
                    idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
                    most: pool.options().get_max_connections(),
                }),
            },
        }
    }

    /// Lets nodes that share this database wake each other, until `shutdown`: by `nodes`, or by the
    /// database itself if there is none. Without it a node finds the jobs and entries of others when
    /// it looks by itself, within a second. SQLite has one node.
    pub async fn wake_each_other(
        &self,
        nodes: Option<&dyn Nodes>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let Backend::Pg(pool) = &*self.backend else {
            return shutdown.await;
        };
        let own = notify::PgNodes(pool);
        let nodes: &dyn Nodes = match nodes {
            Some(nodes) => nodes,
            None => &own,
        };
        tokio::select! {
            () = shutdown => {}
            () = notify::run(nodes, &self.signals) => {}
        }
    }

    /// Tells other nodes that something has come to a number, which only grows; while it waits to be
    /// told, the last number counts. A hint that may get lost, as all that nodes tell each other. The
    /// name is one word, without `=`.
    pub fn tell_nodes(&self, about: String, number: i64) {
        if matches!(&*self.backend, Backend::Pg(_)) {
            self.signals.grew(about, number);
        }
    }

    /// Hands over what nodes tell each other by [`tell_nodes`](Self::tell_nodes), this one too, while
    /// [`wake_each_other`](Self::wake_each_other) runs. Whoever asks first is the only one who hears.
    pub fn hear_nodes(&self, hear: impl Fn(&str, i64) + Send + Sync + 'static) {
        self.signals.on_heard(Box::new(hear));
    }

    /// Runs `work` as one transaction and answers when it is durable.
    ///
    /// Everything is rolled back when `work` gives an error, when any statement in it failed, when
    /// it panics, or when the caller stops waiting before it began.
    ///
    /// # Errors
    /// What `work` refused; [`DbError`] when it could not be run or committed.
    pub async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &*self.backend {
            Backend::Lite {
                writer: Some(writer),
                ..
            } => {
                let span = observe::write_span("sqlite");
                let Some(guard) = guard::current() else {
                    return writer.write(work).instrument(span).await;
                };
                writer
                    .write(move |conn| {
                        Box::pin(async move {
                            match guard.check(&mut *conn).await {
                                Ok(()) => work(conn).await,
                                Err(error) => Err(error.into()),
                            }
                        })
                    })
                    .instrument(span)
                    .await
            }
            Backend::Lite { writer: None, .. } => {
                Err(DbError::Closed("the database was opened for reading only").into())
            }
            Backend::Pg(pool) => {
                let _place = self.places.take("begin").await?;
                pg::write(pool, &self.signals, guard::current(), work)
                    .await
                    .0
            }
        }
    }

    /// Like [`write`](Self::write) for work that may be run again: after a deadlock or a
    /// serialisation failure on PostgreSQL it is, up to five times in all. SQLite has neither.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`DbError::Busy`] when every attempt collided.
    pub async fn write_again<F, T, E>(&self, mut work: F) -> Result<T, E>
    where
        F: for<'c> FnMut(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let Backend::Pg(pool) = &*self.backend else {
            return self.write(work).await;
        };
        let _place = self.places.take("begin").await?;
        for _ in 1..ATTEMPTS {
            let (result, contended) =
                pg::write(pool, &self.signals, guard::current(), &mut work).await;
            if result.is_ok() || !contended {
                return result;
            }
        }
        pg::write(pool, &self.signals, guard::current(), work)
            .await
            .0
    }

    /// Runs `work` on one snapshot of the database; several statements in it agree with each other.
    /// On SQLite it runs on the calling thread: keep it to what a request needs.
    ///
    /// # Errors
    /// What `work` refused; [`DbError`] when it could not be run.
    pub async fn read<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
        T: Send,
        E: From<DbError> + Send,
    {
        match &*self.backend {
            Backend::Lite { readers, .. } => readers.with(|conn| {
                writer::word(conn, "BEGIN")?;
                let result = writer::run(conn, work);
                writer::word(conn, "ROLLBACK")?;
                result
            }),
            Backend::Pg(pool) => {
                let _place = self.places.take("begin").await?;
                let words = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let transaction = pg::begin(pool, words).await?;
                let signals = Arc::clone(&self.signals);
                pg::run(&mut Conn::new(Engine::Pg(transaction), signals), work).await
            }
        }
    }

    /// Like [`read`](Self::read) for long reports and exports: on SQLite it runs on a thread that
    /// may be blocked.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn read_long<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        if matches!(&*self.backend, Backend::Pg(_)) {
            return self.read(work).await;
        }
        let db = self.clone();
        // On SQLite a read never waits, so one poll finishes it.
        let read = move || db.read(work).now_or_never();
        match tokio::task::spawn_blocking(read).await {
            Ok(Some(result)) => result,
            Ok(None) => Err(DbError::WouldWait.into()),
            Err(failed) => Err(DbError::Panicked(failed.to_string()).into()),
        }
    }

    /// Every row of one statement; see [`Conn::all`].
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading a row.
    pub async fn all<T: Record>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Vec<T>, DbError> {
        self.single(statement, vals, T::read).await
    }

    /// The first row of one statement, if there is one; see [`Conn::opt`].
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading the row.
    pub async fn opt<T: Record>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Option<T>, DbError> {
        Ok(self.all(statement, vals).await?.into_iter().next())
    }

    /// The first row of one statement; see [`Conn::one`].
    ///
    /// # Errors
    /// [`DbError::NoRow`] if there is none; [`DbError`] of the statement, or of reading the row.
    pub async fn one<T: Record>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<T, DbError> {
        self.opt(statement, vals)
            .await?
            .ok_or(DbError::NoRow { at: statement.at() })
    }

    /// The first column of every row of one statement; see [`Conn::scalars`].
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading a row.
    pub async fn scalars<T: FromCol + Send>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Vec<T>, DbError> {
        self.single(statement, vals, |row| row.at(0)).await
    }

    /// The first column of the first row of one statement; see [`Conn::scalar`].
    ///
    /// # Errors
    /// [`DbError::NoRow`] if there is none; [`DbError`] of the statement, or of reading the row.
    pub async fn scalar<T: FromCol + Send>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<T, DbError> {
        let found = self.scalars(statement, vals).await?.into_iter().next();
        found.ok_or(DbError::NoRow { at: statement.at() })
    }

    /// Finishes the queued writes, then closes the file or the connections.
    pub async fn close(self) {
        match &*self.backend {
            Backend::Lite { .. } => {
                let backend = Arc::clone(&self.backend);
                let close = move || {
                    if let Backend::Lite {
                        writer: Some(writer),
                        ..
                    } = &*backend
                    {
                        writer.close();
                    }
                };
                // It fails only if the runtime is ending, which closes everything anyway.
                let _ = tokio::task::spawn_blocking(close).await;
            }
            Backend::Pg(pool) => pool.close().await,
        }
    }

    async fn single<T: Send>(
        &self,
        statement: &'static Statement,
        vals: Vec<Val>,
        read: fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        match &*self.backend {
            Backend::Lite { readers, .. } => readers.with(|conn| match &conn.engine {
                Engine::Lite(lite) => lite::rows(lite, statement, &vals, read),
                Engine::Pg(_) => Err(DbError::WouldWait),
            }),
            Backend::Pg(pool) => {
                let _place = self.places.take(statement.at()).await?;
                let mut conn = pg::acquire(pool, statement.at()).await?;
                pg::rows(&mut conn, statement, &vals, read).await
            }
        }
    }

    async fn prepare_all(
        &self,
        statements: &[&'static Statement],
    ) -> Result<Vec<(&'static Statement, DbError)>, DbError> {
        let mut refused = Vec::new();
        match &*self.backend {
            Backend::Lite { readers, .. } => readers.with(|conn| {
                if let Engine::Lite(lite) = &conn.engine {
                    let prepare = |statement: &&'static Statement| {
                        lite::prepare(lite, statement)
                            .err()
                            .map(|error| (*statement, error))
                    };
                    refused.extend(statements.iter().filter_map(prepare));
                }
                Ok::<_, DbError>(())
            })?,
            Backend::Pg(pool) => {
                let acquired = pool.acquire().await;
                let mut conn = acquired.map_err(|error| DbError::pg("check_statements", &error))?;
                for statement in statements {
                    if let Err(error) = pg::prepare(&mut conn, statement).await {
                        refused.push((*statement, error));
                    }
                }
            }
        }
        Ok(refused)
    }
}
