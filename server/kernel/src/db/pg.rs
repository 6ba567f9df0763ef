//! PostgreSQL: the pool, and running statements on a connection.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Arguments, Executor, PgConnection};

use super::many::{self, Shape};
use super::{DatabaseConfig, DbError, Row, Statement, Val};

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
    let done = sqlx::query_with(sql, arguments).execute(conn).await;
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
