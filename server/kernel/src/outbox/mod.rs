//! The outbox: what happened, told to other parts after the write that made it happen.
//!
//! A write calls [`emit`]; the entries exist exactly if the write is committed. A [`Dispatcher`] in
//! each node claims entries row by row and hands each to every consumer of its kind:
//!
//! - entries of one aggregate in the order they were written, different aggregates in any order;
//! - effectively once: a consumer's own writes and the note that it is done are one transaction. So
//!   a consumer only writes to the database; for anything outside it enqueues a job there;
//! - an entry that is refused is tried again with growing pauses, and holds back its aggregate
//!   meanwhile; after the last attempt it is a dead letter, set aside until [`replay`].
//!
//! Entries are never found by "id greater than the last one seen": on PostgreSQL a lower id may be
//! committed after a higher one and would be missed. An entry is found because it is still there.
//! Order within an aggregate needs its writers to queue behind a row lock (an `UPDATE` of the
//! aggregate's row) before they emit, as they do anyway.
//!
//! To add a consumer: `dispatcher.on("search", "shelves.changed", |conn, entry| …)`. A kind that
//! no consumer takes is dropped.

mod dispatcher;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use dispatcher::Dispatcher;

use crate::clock::Timestamp;
use crate::db::{Conn, Db, DbError, Val};
use crate::jobs::JobError;
use crate::{record, sql, vals};

/// Something that happened, to be written in the same transaction.
#[derive(Debug, Clone)]
pub struct Entry {
    aggregate: String,
    kind: &'static str,
    payload: Val,
    created_at: Timestamp,
}

impl Entry {
    /// `kind` happened to `aggregate` (usually an id) at `created_at`.
    ///
    /// # Errors
    /// When the payload cannot be written as JSON, which is a fault.
    pub fn new<P: Serialize>(
        aggregate: impl ToString,
        kind: &'static str,
        payload: &P,
        created_at: Timestamp,
    ) -> Result<Self, DbError> {
        let (aggregate, payload) = (aggregate.to_string(), Val::json(payload)?);
        Ok(Self {
            aggregate,
            kind,
            payload,
            created_at,
        })
    }
}

/// Writes entries, if and only if this write is committed.
///
/// # Errors
/// [`DbError`] of the insert.
pub async fn emit(conn: &mut Conn, entries: Vec<Entry>) -> Result<(), DbError> {
    if entries.is_empty() {
        return Ok(());
    }
    let row = |entry: Entry| vals![entry.aggregate, entry.kind, entry.payload, entry.created_at];
    let insert =
        sql!("INSERT INTO outbox (aggregate, kind, payload, created_at) VALUES ($1, $2, $3, $4)");
    conn.insert_many(insert, entries.into_iter().map(row).collect())
        .await?;
    let signals = conn.signals();
    conn.after_commit(move || signals.outbox.notify_one());
    Ok(())
}

record! {
    /// An entry as a consumer gets it.
    #[derive(Debug, Clone)]
    pub struct Delivered {
        /// Its number; the same in every attempt.
        pub id: i64,
        /// What it happened to.
        pub aggregate: String,
        /// What happened.
        pub kind: String,
        payload: String,
        /// When it happened.
        pub created_at: Timestamp,
        attempts: u32,
    }
}

impl Delivered {
    /// The payload as a `P`.
    ///
    /// # Errors
    /// [`JobError::Dead`] when it is not one: trying again would not help.
    pub fn payload<P: DeserializeOwned>(&self) -> Result<P, JobError> {
        serde_json::from_str(&self.payload)
            .map_err(|error| JobError::Dead(format!("its payload cannot be read: {error}")))
    }

    /// The payload as JSON text.
    pub fn payload_text(&self) -> &str {
        &self.payload
    }
}

record! {
    /// An entry that was refused too often.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeadLetter {
        /// Its number.
        pub id: i64,
        /// What it happened to.
        pub aggregate: String,
        /// What happened.
        pub kind: String,
        /// Who refused it last, and why.
        pub last_error: Option<String>,
        /// When it happened.
        pub created_at: Timestamp,
    }
}

/// The oldest dead letters, at most a thousand.
///
/// # Errors
/// [`DbError`] when they cannot be read.
pub async fn dead_letters(db: &Db) -> Result<Vec<DeadLetter>, DbError> {
    let select = sql!(
        "SELECT id, aggregate, kind, last_error, created_at FROM outbox
         WHERE is_dead ORDER BY id LIMIT 1000"
    );
    db.all(select, vals![]).await
}

/// Delivers dead letters again, to those consumers that have not dealt with them; gives how many
/// of these ids were dead letters.
///
/// # Errors
/// [`DbError`] of the update.
pub async fn replay(db: &Db, ids: Vec<i64>) -> Result<u64, DbError> {
    db.write(|conn| {
        Box::pin(async move {
            let signals = conn.signals();
            conn.after_commit(move || signals.outbox.notify_one());
            conn.exec(
                sql!(
                    "UPDATE outbox SET is_dead = FALSE, attempts = 0, run_at = 0
                     WHERE is_dead AND id IN (SELECT value FROM int_list($1))"
                ),
                vals![Val::ints(ids)],
            )
            .await
        })
    })
    .await
}

/// How many entries wait to be delivered.
///
/// # Errors
/// [`DbError`] when they cannot be counted.
pub async fn waiting(db: &Db) -> Result<i64, DbError> {
    db.scalar(
        sql!("SELECT COUNT(*) FROM outbox WHERE NOT is_dead"),
        vals![],
    )
    .await
}
