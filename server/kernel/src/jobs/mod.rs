//! Work for later: a table of jobs, enqueued in the transaction that causes them.
//!
//! A job is a kind and a small payload. It is written by [`enqueue`] inside the write that makes it
//! necessary, so it exists exactly if that write does. A [`JobRunner`] in each node claims due jobs
//! row by row, under a lease: when a node dies, its jobs are claimed again once the lease is over.
//! So a job may run more than once, and every handler must be idempotent. A failed job is tried
//! again with growing, jittered pauses, and after its last attempt it stays as a dead row with its
//! last error.
//!
//! To add one, write a `struct` for its payload and a `const` for its kind (`area.what`) in the
//! domain, enqueue it in a write, and register its handler in the domain's `jobs()`:
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use bilten_kernel::{clock::{Clock, Timestamp}, db::{Conn, Db, DbError}, jobs::{self, JobError, JobRunner}, random::Random};
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Dust { shelf: i64 }
//! const DUST: &str = "shelves.dust";
//!
//! async fn after_use(conn: &mut Conn, shelf: i64, later: Timestamp) -> Result<(), DbError> {
//!     jobs::enqueue(conn, DUST, &Dust { shelf }, later).await
//! }
//!
//! fn runner(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> JobRunner {
//!     JobRunner::new(db, clock, random)
//!         .on(DUST, |job: Dust| async move { println!("dusting {}", job.shelf); Ok(()) })
//!         .every("shelves.count", Duration::from_secs(3600), || async { Ok::<_, JobError>(()) })
//! }
//! // runner.run(shutdown).await
//! ```

mod runner;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

pub use runner::JobRunner;

use crate::clock::Timestamp;
use crate::db::{Conn, Db, DbError, Topic, Val};
use crate::random::{self, Random};
use crate::telemetry::Cause;
use crate::{record, sql, vals};

/// Adds a job that may run from `run_at` on, if and only if this write is committed.
///
/// # Errors
/// [`DbError`] of the insert, or when the payload cannot be written as JSON.
pub async fn enqueue<P: Serialize + Sync>(
    conn: &mut Conn,
    kind: &'static str,
    payload: &P,
    run_at: Timestamp,
) -> Result<(), DbError> {
    enqueue_many(conn, kind, [(payload, run_at)]).await
}

/// Like [`enqueue`], for something that was caused elsewhere than where the write runs: a lane writes
/// for many requests at once.
///
/// # Errors
/// As [`enqueue`].
pub async fn enqueue_caused_by<P: Serialize + Sync>(
    conn: &mut Conn,
    kind: &'static str,
    payload: &P,
    run_at: Timestamp,
    cause: &Cause,
) -> Result<(), DbError> {
    let rows = rows(kind, [(payload, run_at)], cause)?;
    insert(conn, rows).await
}

/// Adds many jobs of one kind at once.
///
/// # Errors
/// As [`enqueue`].
pub async fn enqueue_many<'p, P: Serialize + 'p>(
    conn: &mut Conn,
    kind: &'static str,
    jobs: impl IntoIterator<Item = (&'p P, Timestamp)>,
) -> Result<(), DbError> {
    let rows = rows(kind, jobs, &Cause::current())?;
    insert(conn, rows).await
}

fn rows<'p, P: Serialize + 'p>(
    kind: &'static str,
    jobs: impl IntoIterator<Item = (&'p P, Timestamp)>,
    cause: &Cause,
) -> Result<Vec<Vec<Val>>, DbError> {
    let (traceparent, request_id) = (cause.traceparent(), cause.request_id());
    jobs.into_iter()
        .map(|(payload, run_at)| {
            Ok(vals![
                kind,
                Val::json(payload)?,
                run_at,
                &traceparent,
                request_id
            ])
        })
        .collect()
}

async fn insert(conn: &mut Conn, rows: Vec<Vec<Val>>) -> Result<(), DbError> {
    conn.insert_many(
        sql!(
            "INSERT INTO jobs (kind, payload, run_at, traceparent, request_id)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        rows,
    )
    .await?;
    let signals = conn.signals();
    conn.after_commit(move || signals.committed(Topic::Jobs));
    Ok(())
}

/// Why a job did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// It may work later.
    Retry(String),
    /// It never will.
    Dead(String),
    /// It was not tried, because whoever it needs is not to be asked before then; that is no attempt.
    PutOff(Timestamp),
}

impl<E: std::error::Error> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::Retry(error.to_string())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(text) | Self::Dead(text) => f.write_str(text),
            Self::PutOff(until) => write!(f, "it is put off until {until}"),
        }
    }
}

/// How much later than asked what was put off is tried, at most: not all of it at once.
const SPREAD_MS: u64 = 2_000;

/// The pause before the next attempt: 2 s, doubled each time up to an hour, and of that a random
/// half to whole, so that what failed together is not tried together.
pub(crate) fn backoff(random: &dyn Random, attempts: u32) -> Duration {
    let whole = 2_000u64
        .saturating_mul(1 << attempts.saturating_sub(1).min(20))
        .min(3_600_000);
    Duration::from_millis(whole / 2 + random::below(random, whole / 2 + 1))
}

record! {
    /// A job that has not been done.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Remaining {
        /// Its kind.
        pub kind: String,
        /// How often it was tried.
        pub attempts: u32,
        /// Whether it will not be tried again.
        pub is_dead: bool,
        /// What the last attempt said.
        pub last_error: Option<String>,
        /// When it may run next.
        pub run_at: Timestamp,
    }
}

/// The jobs that have not been done, at most a thousand, without the recurring ones.
///
/// # Errors
/// [`DbError`] when they cannot be read.
pub async fn remaining(db: &Db) -> Result<Vec<Remaining>, DbError> {
    db.all(
        sql!(
            "SELECT kind, attempts, is_dead, last_error, run_at FROM jobs
             WHERE recurring IS NULL ORDER BY id LIMIT 1000"
        ),
        vals![],
    )
    .await
}

record! {
    /// How much there is to do.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Backlog {
        /// Jobs that should have begun by now.
        pub due: i64,
        /// Jobs whose time is still to come.
        pub later: i64,
        /// Jobs that will not be tried again.
        pub dead: i64,
        /// Since when the oldest of those that are due waits.
        pub oldest_due: Option<Timestamp>,
    }
}

/// How much there is to do at a time.
///
/// # Errors
/// [`DbError`] when it cannot be counted.
pub async fn backlog(db: &Db, now: Timestamp) -> Result<Backlog, DbError> {
    db.one(
        sql!(
            "SELECT COUNT(CASE WHEN NOT is_dead AND run_at <= $1 THEN 1 END) AS due,
                    COUNT(CASE WHEN NOT is_dead AND run_at > $1 THEN 1 END) AS later,
                    COUNT(CASE WHEN is_dead THEN 1 END) AS dead,
                    MIN(CASE WHEN NOT is_dead AND run_at <= $1 THEN run_at END) AS oldest_due
             FROM jobs"
        ),
        vals![now],
    )
    .await
}

/// Lets the dead jobs of a kind run again from now on; gives how many there were.
///
/// # Errors
/// [`DbError`] of the update.
pub async fn revive(db: &Db, kind: String, now: Timestamp) -> Result<u64, DbError> {
    db.write(move |conn| {
        Box::pin(async move {
            let signals = conn.signals();
            conn.after_commit(move || signals.committed(Topic::Jobs));
            conn.exec(
                sql!("UPDATE jobs SET is_dead = FALSE, attempts = 0, run_at = $2 WHERE kind = $1 AND is_dead"),
                vals![kind, now],
            )
            .await
        })
    })
    .await
}
