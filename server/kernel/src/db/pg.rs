//! PostgreSQL: the pool, and running statements on a connection.

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Arguments, Executor, PgConnection, Postgres, Transaction};
use tracing::Instrument;

use super::conn::Engine;
use super::guard::Guard;
use super::many::{self, Shape};
use super::{Conn, DatabaseConfig, DbError, Row, Signals, Statement, Val, observe};

/// What traces call this engine.
const SYSTEM: &str = "postgresql";

/// How many prepared statements a connection keeps: more than the program has.
const STATEMENTS: usize = 2048;

/// Opens the pool; fails if not one connection can be had.
pub(super) async fn open(config: &DatabaseConfig) -> Result<PgPool, DbError> {
    let options = PgConnectOptions::from_str(&config.url)
        .map_err(|error| {
            DbError::open(
                "database_url",
                format!("database.url is not a PostgreSQL URL: {error}. Write postgres://user:password@host:5432/database."),
            )
        })?
        .statement_cache_capacity(STATEMENTS)
        .application_name("bilten");
    PgPoolOptions::new()
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        // A ping before each use would cost a round trip; a dead connection answers its one
        // request with "unavailable" and is dropped.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| {
            DbError::open(
                "database_unreachable",
                format!("cannot connect to the PostgreSQL database of database.url: {error}. Check that it runs, and the name and password."),
            )
        })
}

fn bind(statement: &'static Statement, vals: &[Val]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    for val in vals {
        match val {
            Val::Text(text) => arguments.add(text),
            Val::Int(number) => arguments.add(number),
            Val::Bool(answer) => arguments.add(answer),
            Val::Bytes(bytes) => arguments.add(bytes),
            Val::Real(number) => arguments.add(number),
            Val::TextList(items) => arguments.add(items),
            Val::IntList(items) => arguments.add(items),
        }
        .map_err(|error| DbError::fault(statement.at(), error))?;
    }
    Ok(arguments)
}

pub(super) async fn exec(
    conn: &mut PgConnection,
    statement: &'static Statement,
    vals: &[Val],
) -> Result<u64, DbError> {
    let arguments = bind(statement, vals)?;
    execute(conn, statement, statement.pg(), arguments).await
}

pub(super) async fn rows<T>(
    conn: &mut PgConnection,
    statement: &'static Statement,
    vals: &[Val],
    read: fn(&Row<'_>) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let arguments = bind(statement, vals)?;
    fetch(conn, statement, statement.pg(), arguments, read).await
}

pub(super) async fn many(
    conn: &mut PgConnection,
    statement: &'static Statement,
    rows: &[Vec<Val>],
    shape: Shape,
) -> Result<u64, DbError> {
    let (sql, arguments) = many::unnest(statement, rows, shape)?;
    execute(conn, statement, sql, arguments).await
}

pub(super) async fn many_rows<T>(
    conn: &mut PgConnection,
    statement: &'static Statement,
    rows: &[Vec<Val>],
    read: fn(&Row<'_>) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let (sql, arguments) = many::unnest(statement, rows, Shape::Insert)?;
    fetch(conn, statement, sql, arguments, read).await
}

async fn execute(
    conn: &mut PgConnection,
    statement: &'static Statement,
    sql: &'static str,
    arguments: PgArguments,
) -> Result<u64, DbError> {
    let done = sqlx::query_with(sql, arguments)
        .execute(conn)
        .instrument(observe::span(statement, SYSTEM))
        .await;
    done.map(|done| done.rows_affected())
        .map_err(|error| DbError::pg(statement.at(), &error))
}

async fn fetch<T>(
    conn: &mut PgConnection,
    statement: &'static Statement,
    sql: &'static str,
    arguments: PgArguments,
    read: fn(&Row<'_>) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let found: Vec<PgRow> = sqlx::query_with(sql, arguments)
        .fetch_all(conn)
        .instrument(observe::span(statement, SYSTEM))
        .await
        .map_err(|error| DbError::pg(statement.at(), &error))?;
    found
        .iter()
        .map(|row| read(&Row::pg(row, statement.at())))
        .collect()
}

/// Prepares a statement without running it.
pub(super) async fn prepare(
    conn: &mut PgConnection,
    statement: &'static Statement,
) -> Result<(), DbError> {
    let prepared = conn
        .prepare(sqlx::SqlStr::from_static(statement.pg()))
        .await;
    prepared
        .map(|_| ())
        .map_err(|error| DbError::pg(statement.at(), &error))
}

/// What PostgreSQL did to run a statement, as JSON by its own account; all of it is undone.
#[cfg(feature = "testing")]
pub(crate) async fn explain(
    url: &str,
    statement: &'static Statement,
    vals: &[Val],
) -> Result<String, DbError> {
    use sqlx::{Connection as _, Row as _};
    let failed = |error: sqlx::Error| DbError::pg(statement.at(), &error);
    let arguments = bind(statement, vals)?;
    let mut conn = PgConnection::connect(url).await.map_err(failed)?;
    sqlx::raw_sql("BEGIN; SET LOCAL statement_timeout = '60s'")
        .execute(&mut conn)
        .await
        .map_err(failed)?;
    let sql = format!(
        "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}",
        statement.pg()
    );
    let row: PgRow = sqlx::query_with(sqlx::AssertSqlSafe(sql), arguments)
        .fetch_one(&mut conn)
        .await
        .map_err(failed)?;
    let explained = row.try_get_unchecked(0).map_err(failed)?;
    conn.close().await.map_err(failed)?;
    Ok(explained)
}

/// Begins a transaction; whoever gives up meanwhile leaves none open.
///
/// sqlx rolls back a transaction that is dropped, but not one whose `BEGIN` was still under way
/// when its future was dropped (0.9: the depth is counted afterwards), as when a browser closes the
/// connection: the next to get the connection would write into that transaction. So it is begun by
/// a task that always comes to its end.
pub(super) async fn begin(
    pool: &PgPool,
    words: &'static str,
) -> Result<Transaction<'static, Postgres>, DbError> {
    let (pool, began) = (pool.clone(), Instant::now());
    let begun = tokio::spawn(async move { pool.begin_with(words).await })
        .await
        .map_err(|error| DbError::fault("begin", error))?;
    acquired(began, "begin", begun)
}

/// A connection for single statements.
pub(super) async fn acquire(
    pool: &PgPool,
    at: &'static str,
) -> Result<PoolConnection<Postgres>, DbError> {
    let began = Instant::now();
    acquired(began, at, pool.acquire().await)
}

/// Measures how long it took to get something of the pool.
fn acquired<T>(
    began: Instant,
    at: &'static str,
    result: Result<T, sqlx::Error>,
) -> Result<T, DbError> {
    match result {
        Ok(had) => {
            observe::ACQUIRED.time(&[], began.elapsed());
            Ok(had)
        }
        Err(error) => {
            observe::NOT_ACQUIRED.add(&[], 1);
            Err(DbError::pg(at, &error))
        }
    }
}

/// One transaction on PostgreSQL; also says whether it collided with another.
pub(super) async fn write<F, T, E>(
    pool: &PgPool,
    signals: &Arc<Signals>,
    guard: Option<Arc<dyn Guard>>,
    work: F,
) -> (Result<T, E>, bool)
where
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    let span = observe::write_span(SYSTEM);
    transact(pool, signals, guard, work).instrument(span).await
}

async fn transact<F, T, E>(
    pool: &PgPool,
    signals: &Arc<Signals>,
    guard: Option<Arc<dyn Guard>>,
    work: F,
) -> (Result<T, E>, bool)
where
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    let transaction = match begin(pool, "BEGIN").await {
        Ok(transaction) => transaction,
        Err(error) => return (Err(error.into()), false),
    };
    let mut conn = Conn::new(Engine::Pg(transaction), Arc::clone(signals));
    let guarded = match guard {
        Some(guard) => guard.check(&mut conn).await,
        None => Ok(()),
    };
    let result = match guarded {
        Ok(()) => run(&mut conn, work).await,
        Err(error) => Err(error.into()),
    };
    let Conn {
        engine,
        contended,
        hooks,
        ..
    } = conn;
    let value = match result {
        Ok(value) => value,
        // Dropping the transaction rolls it back.
        Err(error) => return (Err(error), contended),
    };
    if let Engine::Pg(transaction) = engine {
        let began = Instant::now();
        if let Err(error) = transaction.commit().await {
            let error = DbError::pg("commit", &error);
            let contended = matches!(error, DbError::Busy { .. });
            return (Err(error.into()), contended);
        }
        observe::COMMITTED.time(&[], began.elapsed());
    }
    hooks.into_iter().for_each(|hook| hook());
    (Ok(value), false)
}

/// Runs a closure on a PostgreSQL connection; a panic or a failed statement is an error.
pub(super) async fn run<F, T, E>(conn: &mut Conn, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
    E: From<DbError>,
{
    let run = AssertUnwindSafe(async { work(conn).await }).catch_unwind();
    match run.await {
        Ok(Ok(value)) => match conn.failed {
            Some(at) => Err(DbError::Poisoned { at }.into()),
            None => Ok(value),
        },
        Ok(Err(error)) => Err(error),
        Err(payload) => Err(DbError::panicked(&*payload).into()),
    }
}
