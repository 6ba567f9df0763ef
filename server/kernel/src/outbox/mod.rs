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
//! To add a consumer: `dispatcher.on("search", "shelves.changed", |conn, entry| …)`, or `on_every` for
//! one that looks at all kinds. A kind that no consumer takes is dropped.

mod dispatcher;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use dispatcher::Dispatcher;

use crate::clock::Timestamp;
use crate::db::{Conn, Db, DbError, Topic, Val};
use crate::jobs::JobError;
use crate::telemetry::Cause;
use crate::{record, sql, vals};

/// Something that happened, to be written in the same transaction.
#[derive(Debug, Clone)]
pub struct Entry {
    aggregate: String,
    kind: &'static str,
    payload: Val,
    created_at: Timestamp,
    cause: Cause,
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
            cause: Cause::current(),
        })
    }

    /// Says that it was caused elsewhere than where the write runs: a lane writes for many requests
    /// at once.
    #[must_use]
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = cause.or(self.cause);
        self
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
    let row = |entry: Entry| {
        vals![
            entry.aggregate,
            entry.kind,
            entry.payload,
            entry.created_at,
            entry.cause.traceparent(),
            entry.cause.request_id()
        ]
    };
    let insert = sql!(
        "INSERT INTO outbox (aggregate, kind, payload, created_at, traceparent, request_id)
         VALUES ($1, $2, $3, $4, $5, $6)"
    );
    conn.insert_many(insert, entries.into_iter().map(row).collect())
        .await?;
    let signals = conn.signals();
    conn.after_commit(move || signals.committed(Topic::Outbox));
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
        traceparent: Option<String>,
        request_id: Option<String>,
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

    /// What caused it.
    pub fn cause(&self) -> Cause {
        Cause::stored(self.traceparent.as_deref(), self.request_id.as_deref())
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
    dead_letters_after(db, 0, 1_000).await
}

/// The oldest dead letters after one of them by its number.
///
/// # Errors
/// [`DbError`] when they cannot be read.
pub async fn dead_letters_after(
    db: &Db,
    after: i64,
    limit: i64,
) -> Result<Vec<DeadLetter>, DbError> {
    let select = sql!(
        "SELECT id, aggregate, kind, last_error, created_at FROM outbox
         WHERE is_dead AND id > $1 ORDER BY id LIMIT $2"
    );
    db.all(select, vals![after, limit]).await
}

/// Delivers dead letters again, to those consumers that have not dealt with them; gives how many
/// of these ids were dead letters.
///
/// # Errors
/// [`DbError`] of the update.
pub async fn replay(db: &Db, ids: Vec<i64>) -> Result<u64, DbError> {
    db.write(|conn| Box::pin(async move { replay_in(conn, Some(ids)).await }))
        .await
}

/// Like [`replay`], inside a write; all dead letters if no numbers are given.
///
/// # Errors
/// [`DbError`] of the update.
pub async fn replay_in(conn: &mut Conn, ids: Option<Vec<i64>>) -> Result<u64, DbError> {
    let signals = conn.signals();
    conn.after_commit(move || signals.committed(Topic::Outbox));
    match ids {
        Some(ids) => {
            let some = sql!(
                "UPDATE outbox SET is_dead = FALSE, attempts = 0, run_at = 0
                 WHERE is_dead AND id IN (SELECT value FROM int_list($1))"
            );
            conn.exec(some, vals![Val::ints(ids)]).await
        }
        None => {
            let all =
                sql!("UPDATE outbox SET is_dead = FALSE, attempts = 0, run_at = 0 WHERE is_dead");
            conn.exec(all, vals![]).await
        }
    }
}

record! {
    /// How far behind the outbox is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Lag {
        /// How many entries wait to be delivered.
        pub waiting: i64,
        /// How many of them were refused at least once.
        pub refused: i64,
        /// How many were refused too often.
        pub dead: i64,
        /// When the oldest that waits was written, if one does.
        pub oldest_at: Option<Timestamp>,
    }
}

impl Lag {
    /// How long the oldest entry has waited; nothing if none does.
    pub fn age(&self, now: Timestamp) -> Duration {
        self.oldest_at
            .map_or(Duration::ZERO, |oldest| now.since(oldest))
    }
}

/// How far behind the outbox is, for metrics and for people.
///
/// # Errors
/// [`DbError`] when it cannot be read.
pub async fn lag(db: &Db) -> Result<Lag, DbError> {
    db.one(
        sql!(
            "SELECT CAST(COALESCE(SUM(CASE WHEN is_dead THEN 0 ELSE 1 END), 0) AS BIGINT) AS waiting,
                 CAST(COALESCE(SUM(CASE WHEN NOT is_dead AND attempts > 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS refused,
                 CAST(COALESCE(SUM(CASE WHEN is_dead THEN 1 ELSE 0 END), 0) AS BIGINT) AS dead,
                 MIN(CASE WHEN is_dead THEN NULL ELSE created_at END) AS oldest_at
             FROM outbox"
        ),
        vals![],
    )
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
