//! SQLite: opening the file, and running statements on a connection.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};

use super::{DbError, Row, Statement, Val, observe};

/// What traces call this engine.
const SYSTEM: &str = "sqlite";

/// How many prepared statements a connection keeps: more than the program has.
const STATEMENTS: usize = 2048;

/// How long a statement waits for a lock of another process, such as a backup.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the one connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open(path, flags)?;
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -65536;",
    )
    .map_err(|error| unusable(path, &error))?;
    Ok(conn)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let conn = open(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.execute_batch("PRAGMA cache_size = -16384;")
        .map_err(|error| unusable(path, &error))?;
    Ok(conn)
}

/// Opens a connection to a file that nobody changes: SQLite then makes no file beside it.
pub(super) fn open_still(path: &Path) -> Result<Connection, DbError> {
    let mut uri = "file:".to_owned();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' | '?' | '#' => uri.push_str(&format!("%{:02x}", u32::from(c))),
            c => uri.push(c),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    open_as(Path::new(&uri), path, flags)
}

/// Whether the file says that its changes are kept in a write-ahead log, as a server sets it.
pub(super) fn is_wal(path: &Path) -> Result<bool, DbError> {
    // The read version of the header (https://sqlite.org/fileformat.html); a connection to a file
    // that nobody changes does not tell.
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(20).read_to_end(&mut header))
        .map_err(|error| DbError::fault("is_wal", error))?;
    Ok(header.get(19) == Some(&2))
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, DbError> {
    open_as(path, path, flags)
}

/// Opens what SQLite calls `name` and people call `path`.
fn open_as(name: &Path, path: &Path, flags: OpenFlags) -> Result<Connection, DbError> {
    let open = || {
        let conn = Connection::open_with_flags(name, flags)?;
        conn.busy_timeout(PATIENCE)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // One plan for a statement, whatever is bound to it. Otherwise SQLite may plan it anew for
        // each execution, which cost more than running it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // LIKE tells a from A on PostgreSQL, so it does here.
        conn.execute_batch("PRAGMA case_sensitive_like = ON;")?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(conn)
    };
    open().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &rusqlite::Error) -> DbError {
    let path = path.display();
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        return DbError::open(
            "database_damaged",
            format!(
                "{path} is not a SQLite database, or it is damaged: {error}. Give another path, or restore a backup."
            ),
        );
    }
    DbError::open(
        "database_unopenable",
        format!(
            "cannot open {path}: {error}. Check that its folder exists and that this user may write in it."
        ),
    )
}

/// The file that says which process has the database.
fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// The process id of the server that has the database, as far as it says so; takes nothing.
pub(super) fn holder(database: &Path) -> Result<Option<String>, DbError> {
    let path = lock_path(database);
    let failed = |error: std::io::Error| {
        DbError::open(
            "database_unopenable",
            format!("cannot look at {}: {error}", path.display()),
        )
    };
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Shared, and let go at once: others may look too.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Ok(Some(holder.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes the file that says which process has the database, so that a second server is refused.
/// It is held until the returned file is closed, also by the end of the process.
pub(super) fn lock(database: &Path) -> Result<File, DbError> {
    let path = lock_path(database);
    let failed = |error: &dyn std::fmt::Display| {
        DbError::open(
            "database_unopenable",
            format!("cannot lock {}: {error}", path.display()),
        )
    };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => {
            // Who holds it is a courtesy for the message below; the lock itself does not need it.
            let _ = file
                .set_len(0)
                .and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            Err(DbError::open(
                "database_in_use",
                format!(
                    "{} is in use by another server (process {holder}). Stop that one, or give this one a database of its own; several servers can share a PostgreSQL database.",
                    database.display()
                ),
            ))
        }
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

impl ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        fn list<T: serde::Serialize>(items: &T) -> rusqlite::Result<ToSqlOutput<'static>> {
            let text = serde_json::to_string(items)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
            Ok(ToSqlOutput::from(text))
        }
        Ok(match self {
            Val::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Val::Int(Some(number)) => ToSqlOutput::from(*number),
            Val::Bool(Some(answer)) => ToSqlOutput::from(*answer),
            Val::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Val::Real(Some(number)) => ToSqlOutput::from(*number),
            Val::Text(None)
            | Val::Int(None)
            | Val::Bool(None)
            | Val::Bytes(None)
            | Val::Real(None) => ToSqlOutput::from(Null),
            Val::TextList(items) => list(items)?,
            Val::IntList(items) => list(items)?,
        })
    }
}

/// Runs a word of transaction control.
pub(super) fn word(conn: &Connection, word: &'static str) -> Result<(), DbError> {
    conn.prepare_cached(word)
        .and_then(|mut prepared| prepared.raw_execute())
        .map(|_| ())
        .map_err(|error| DbError::lite(word, &error))
}

pub(super) fn exec(
    conn: &Connection,
    statement: &'static Statement,
    vals: &[Val],
) -> Result<u64, DbError> {
    let _in = observe::span(statement, SYSTEM).entered();
    let mut prepared = prepare(conn, statement)?;
    run(&mut prepared, statement, vals)
}

pub(super) fn many(
    conn: &Connection,
    statement: &'static Statement,
    rows: &[Vec<Val>],
) -> Result<u64, DbError> {
    let _in = observe::span(statement, SYSTEM).entered();
    let mut prepared = prepare(conn, statement)?;
    rows.iter().try_fold(
        0,
        |sum, vals| Ok(sum + run(&mut prepared, statement, vals)?),
    )
}

pub(super) fn rows<T>(
    conn: &Connection,
    statement: &'static Statement,
    vals: &[Val],
    read: fn(&Row<'_>) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let _in = observe::span(statement, SYSTEM).entered();
    let failed = |error: rusqlite::Error| DbError::lite(statement.at(), &error);
    let mut prepared = prepare(conn, statement)?;
    bind(&mut prepared, statement, vals)?;
    let (mut rows, mut found) = (prepared.raw_query(), Vec::new());
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read(&Row::lite(row, statement.at()))?);
    }
    Ok(found)
}

/// Prepares a statement without running it.
pub(super) fn prepare<'c>(
    conn: &'c Connection,
    statement: &Statement,
) -> Result<CachedStatement<'c>, DbError> {
    conn.prepare_cached(statement.lite())
        .map_err(|error| DbError::lite(statement.at(), &error))
}

fn run(
    prepared: &mut CachedStatement<'_>,
    statement: &Statement,
    vals: &[Val],
) -> Result<u64, DbError> {
    bind(prepared, statement, vals)?;
    let touched = prepared.raw_execute();
    touched
        .map(|count| count as u64)
        .map_err(|error| DbError::lite(statement.at(), &error))
}

fn bind(
    prepared: &mut CachedStatement<'_>,
    statement: &Statement,
    vals: &[Val],
) -> Result<(), DbError> {
    let wanted = prepared.parameter_count();
    if wanted != vals.len() {
        return Err(DbError::fault(
            statement.at(),
            format!("{wanted} placeholders but {} values", vals.len()),
        ));
    }
    for (place, val) in vals.iter().enumerate() {
        prepared
            .raw_bind_parameter(place + 1, val)
            .map_err(|error| DbError::lite(statement.at(), &error))?;
    }
    Ok(())
}
