//! The tables, how they came about, and what is checked before a file is used.
//!
//! To change a table: add a step to [`STEPS`], never edit one. A step runs once, in a transaction.

use super::StoreError;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// "BiLt": tells a store from other programs' databases.
const APPLICATION_ID: i64 = 0x4269_4c74;

const STEPS: &[&str] = &["
-- Who this device is, and how far it knows the feed. One row.
CREATE TABLE device (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  software TEXT NOT NULL,
  sealed_check BLOB NOT NULL,
  sealed_secret BLOB,
  server TEXT, id TEXT, event TEXT, event_name TEXT, list TEXT, gate TEXT,
  epoch INTEGER, position INTEGER NOT NULL, cursor TEXT, page_made_at INTEGER,
  -- Rows of an older generation are stale once a feed that began anew was read to its end.
  generation INTEGER NOT NULL, is_resync INTEGER NOT NULL,
  tickets INTEGER NOT NULL, unknown_changes INTEGER NOT NULL,
  clock_offset_ms INTEGER NOT NULL,
  pulled_at INTEGER, pushed_at INTEGER, revoked_at INTEGER, wiped_at INTEGER
) STRICT;
CREATE TABLE tickets (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  version INTEGER NOT NULL, tier INTEGER NOT NULL, state INTEGER NOT NULL,
  valid_from INTEGER NOT NULL, valid_until INTEGER NOT NULL,
  sealed_holder BLOB, generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revocations (
  ticket BLOB PRIMARY KEY CHECK (length(ticket) = 16),
  below INTEGER NOT NULL, generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE event_keys (public_key BLOB PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE withdrawn_keys (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE tiers (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
CREATE TABLE lists (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE gates (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Accepted scans, our own and others'. `counts` follows from all passages of the ticket on the
-- list by `settle`; it is unknown while the list is. `server_counts` is what the server said.
CREATE TABLE passages (
  scan BLOB PRIMARY KEY CHECK (length(scan) = 16),
  ticket BLOB NOT NULL, list TEXT NOT NULL, gate TEXT, device TEXT NOT NULL,
  at INTEGER NOT NULL, direction INTEGER NOT NULL, is_own INTEGER NOT NULL,
  counts INTEGER, server_counts INTEGER, generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passages_of_ticket ON passages (ticket, list);
CREATE INDEX passages_own_conflicts ON passages (scan)
  WHERE is_own = 1 AND (counts = 0 OR server_counts = 0);
-- The sum over counted passages of a list: entries less exits.
CREATE TABLE occupancy (list TEXT PRIMARY KEY, inside INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Every attempt at this device, refused ones too. Not sent yet: the outbox.
CREATE TABLE scans (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  at INTEGER NOT NULL, list TEXT NOT NULL, gate TEXT, direction INTEGER NOT NULL,
  refused TEXT, ticket BLOB, version INTEGER, sealed_code BLOB, sent_at INTEGER
) STRICT;
CREATE INDEX scans_unsent ON scans (seq) WHERE sent_at IS NULL;
"];

/// The newest version of the tables.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// All tables but `device`, for a wipe.
pub(super) const TABLES: &[&str] = &[
    "tickets",
    "revocations",
    "event_keys",
    "withdrawn_keys",
    "tiers",
    "lists",
    "gates",
    "passages",
    "occupancy",
    "scans",
];

/// Opens the file for writing, checks it and brings its tables up to date.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(5))?;
    // The first statement that reads the file: finds files that are no databases.
    let version = pragma(&db, "user_version")?;
    let is_empty = pragma(&db, "schema_version")? == 0;
    if !is_empty && pragma(&db, "application_id")? != APPLICATION_ID {
        return Err(StoreError::NotAStore);
    }
    if version > VERSION {
        return Err(StoreError::TooNew {
            found: version,
            known: VERSION,
        });
    }
    let health: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if health != "ok" {
        return Err(StoreError::Damaged(health));
    }
    // What is acknowledged survives a power cut; what is deleted is overwritten.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 33554432;",
    )?;
    db.set_prepared_statement_cache_capacity(64);
    migrate(&mut db)?;
    Ok(db)
}

/// Opens the file beside the store, for reading only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(Duration::from_secs(5))?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version = usize::try_from(pragma(&tx, "user_version")?).unwrap_or(0);
    if version < STEPS.len() {
        for step in &STEPS[version..] {
            tx.execute_batch(step)?;
        }
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    tx.commit()?;
    Ok(())
}

pub(super) fn pragma(db: &Connection, name: &str) -> Result<i64, StoreError> {
    Ok(db.pragma_query_value(None, name, |row| row.get(0))?)
}
