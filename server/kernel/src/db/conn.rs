//! A connection inside one read or write, of either engine.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use super::many::Shape;
use super::row::Record;
use super::{DbError, FromCol, Row, Signals, Statement, Val, lite, pg};

/// What domain code runs its statements on, inside [`Db::write`](super::Db::write) or
/// [`Db::read`](super::Db::read).
///
/// Any statement that fails poisons the write: PostgreSQL would silently roll it back while saying
/// that the commit went well, so the seam refuses the commit on both engines.
pub struct Conn {
    pub(super) engine: Engine,
    pub(super) failed: Option<&'static str>,
    /// A deadlock or serialisation failure was seen: the same write may well succeed next time.
    pub(super) contended: bool,
    pub(super) hooks: Vec<Box<dyn FnOnce() + Send>>,
    signals: Arc<Signals>,
}

pub(super) enum Engine {
    Lite(rusqlite::Connection),
    Pg(Transaction<'static, Postgres>),
}

/// One engine's connection, borrowed for one statement.
enum Borrowed<'c> {
    // Mutable although reading would do: a shared one could not cross threads.
    Lite(&'c mut rusqlite::Connection),
    Pg(&'c mut PgConnection),
}

impl Conn {
    pub(super) fn new(engine: Engine, signals: Arc<Signals>) -> Self {
        Self {
            engine,
            failed: None,
            contended: false,
            hooks: Vec::new(),
            signals,
        }
    }

    /// What this process is told about commits to this database.
    pub(crate) fn signals(&self) -> Arc<Signals> {
        Arc::clone(&self.signals)
    }

    fn borrowed(&mut self) -> Borrowed<'_> {
        match &mut self.engine {
            Engine::Lite(conn) => Borrowed::Lite(conn),
            Engine::Pg(transaction) => Borrowed::Pg(transaction),
        }
    }

    fn note<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &result {
            let (DbError::Violation { at, .. }
            | DbError::Column { at, .. }
            | DbError::Busy { at, .. }
            | DbError::Unavailable { at, .. }
            | DbError::Fault { at, .. }) = error
            else {
                return result;
            };
            self.failed.get_or_insert(at);
            self.contended |= matches!(error, DbError::Busy { .. });
        }
        result
    }

    /// Runs a statement that answers no rows; gives how many rows it touched.
    ///
    /// # Errors
    /// [`DbError`] of the statement.
    pub async fn exec(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<u64, DbError> {
        let result = match self.borrowed() {
            Borrowed::Lite(conn) => lite::exec(conn, statement, &vals),
            Borrowed::Pg(conn) => pg::exec(conn, statement, &vals).await,
        };
        self.note(result)
    }

    /// Every row as a `T`.
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading a row.
    pub async fn all<T: Record>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Vec<T>, DbError> {
        self.rows(statement, &vals, T::read).await
    }

    /// The first row as a `T`, if there is one.
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading the row.
    pub async fn opt<T: Record>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Option<T>, DbError> {
        Ok(self
            .rows(statement, &vals, T::read)
            .await?
            .into_iter()
            .next())
    }

    /// The first row as a `T`.
    ///
    /// # Errors
    /// [`DbError::NoRow`] if there is none; [`DbError`] of the statement, or of reading the row.
    pub async fn one<T: Record>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<T, DbError> {
        self.opt(statement, vals)
            .await?
            .ok_or(DbError::NoRow { at: statement.at() })
    }

    /// The first column of every row.
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading a row.
    pub async fn scalars<T: FromCol + Send>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Vec<T>, DbError> {
        self.rows(statement, &vals, |row| row.at(0)).await
    }

    /// The first column of the first row, if there is one.
    ///
    /// # Errors
    /// [`DbError`] of the statement, or of reading the row.
    pub async fn scalar_opt<T: FromCol + Send>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<Option<T>, DbError> {
        Ok(self.scalars(statement, vals).await?.into_iter().next())
    }

    /// The first column of the first row.
    ///
    /// # Errors
    /// [`DbError::NoRow`] if there is none; [`DbError`] of the statement, or of reading the row.
    pub async fn scalar<T: FromCol + Send>(
        &mut self,
        statement: &'static Statement,
        vals: Vec<Val>,
    ) -> Result<T, DbError> {
        self.scalar_opt(statement, vals)
            .await?
            .ok_or(DbError::NoRow { at: statement.at() })
    }

    /// Inserts many rows by one statement, written for one row:
    /// `INSERT INTO t (a, b) VALUES ($1, $2)`, also with `ON CONFLICT …`. Gives how many rows were
    /// inserted or updated. The values of a column must be of one type in all rows.
    ///
    /// # Errors
    /// [`DbError`] of the statement; one refused row refuses all.
    pub async fn insert_many(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Val>>,
    ) -> Result<u64, DbError> {
        self.many(statement, rows, Shape::Insert).await
    }

    /// Like [`insert_many`](Self::insert_many) for a statement that ends in `RETURNING …`: gives
    /// what it returned, in no particular order.
    ///
    /// # Errors
    /// [`DbError`] of the statement; one refused row refuses all.
    pub async fn insert_many_returning<T: Record>(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Val>>,
    ) -> Result<Vec<T>, DbError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let result = match self.borrowed() {
            Borrowed::Lite(conn) => rows.iter().try_fold(Vec::new(), |mut found, row| {
                found.extend(lite::rows(conn, statement, row, T::read)?);
                Ok(found)
            }),
            Borrowed::Pg(conn) => pg::many_rows(conn, statement, &rows, T::read).await,
        };
        self.note(result)
    }

    /// Updates many rows by one statement, written for one row:
    /// `UPDATE t SET a = $2 WHERE id = $1`. Gives how many rows were updated. Each row of values
    /// must address rows of its own: PostgreSQL updates a row only once.
    ///
    /// # Errors
    /// [`DbError`] of the statement; one refused row refuses all.
    pub async fn update_many(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Val>>,
    ) -> Result<u64, DbError> {
        self.many(statement, rows, Shape::Update).await
    }

    /// Runs a part of a write by itself: if it is refused, or a statement of it fails, what it did is undone
    /// and the write goes on without it.
    ///
    /// # Errors
    /// What `part` refused; [`DbError`] when it could not be run. When it could not be undone, the whole write
    /// fails.
    pub async fn apart<F, T, E>(&mut self, part: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
        T: Send,
        E: From<DbError> + Send,
    {
        self.word("SAVEPOINT part").await?;
        let (failed, hooks) = (self.failed.take(), self.hooks.len());
        let result = match (part(self).await, self.failed) {
            (Ok(_), Some(at)) => Err(DbError::Poisoned { at }.into()),
            (result, _) => result,
        };
        if result.is_err() {
            self.hooks.truncate(hooks);
            self.word("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .await?;
        } else {
            self.word("RELEASE SAVEPOINT part").await?;
        }
        self.failed = failed;
        result
    }

    /// Statements about the transaction itself, in one round trip; one that fails poisons the write.
    async fn word(&mut self, word: &'static str) -> Result<(), DbError> {
        let result = match &mut self.engine {
            // A full disk may have ended the transaction: a savepoint would begin another one.
            Engine::Lite(conn) if conn.is_autocommit() => Err(DbError::Unavailable {
                at: word,
                detail: "SQLite rolled the whole write back, as it does when the disk is full"
                    .to_owned(),
            }),
            Engine::Lite(conn) => word
                .split("; ")
                .try_for_each(|single| lite::word(conn, single)),
            Engine::Pg(transaction) => sqlx::raw_sql(word)
                .execute(&mut **transaction)
                .await
                .map(|_| ())
                .map_err(|error| DbError::pg(word, &error)),
        };
        self.note(result)
    }

    /// Runs `hook` once this write is durable, before its caller hears of it; never if it is
    /// rolled back. For waking others up; it must be quick and must not touch the database.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Runs the statements of a migration.
    pub(super) async fn exec_batch(&mut self, at: &'static str, sql: &str) -> Result<(), DbError> {
        let result = match self.borrowed() {
            Borrowed::Lite(conn) => conn
                .execute_batch(sql)
                .map_err(|error| DbError::lite(at, &error)),
            Borrowed::Pg(conn) => sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                .execute(conn)
                .await
                .map(|_| ())
                .map_err(|error| DbError::pg(at, &error)),
        };
        self.note(result)
    }

    /// Whether any migration was ever applied; asked of the engines' own catalogues.
    pub(super) async fn has_history(&mut self) -> Result<bool, DbError> {
        let at = "schema_migrations";
        match self.borrowed() {
            Borrowed::Lite(conn) => conn
                .table_exists(None, at)
                .map_err(|error| DbError::lite(at, &error)),
            Borrowed::Pg(conn) => {
                sqlx::query_scalar("SELECT to_regclass('schema_migrations') IS NOT NULL")
                    .fetch_one(conn)
                    .await
                    .map_err(|error| DbError::pg(at, &error))
            }
        }
    }

    async fn many(
        &mut self,
        statement: &'static Statement,
        rows: Vec<Vec<Val>>,
        shape: Shape,
    ) -> Result<u64, DbError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let result = match self.borrowed() {
            Borrowed::Lite(conn) => lite::many(conn, statement, &rows),
            Borrowed::Pg(conn) => pg::many(conn, statement, &rows, shape).await,
        };
        self.note(result)
    }

    async fn rows<T: Send>(
        &mut self,
        statement: &'static Statement,
        vals: &[Val],
        read: fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let result = match self.borrowed() {
            Borrowed::Lite(conn) => lite::rows(conn, statement, vals, read),
            Borrowed::Pg(conn) => pg::rows(conn, statement, vals, read).await,
        };
        self.note(result)
    }
}
