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

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::clock::{Clock, Timestamp};
use crate::db::{Conn, Db, DbError, Val};
use crate::random::{self, Random};
use crate::{record, sql, vals};

/// How long a claim lasts; a handler is stopped before its claim ends.
const LEASE: Duration = Duration::from_secs(60);

/// How long a handler may take.
const TIME_LIMIT: Duration = Duration::from_secs(50);

/// How many times a job is tried before it is dead.
const ATTEMPTS: u32 = 12;

/// How many jobs one runner works on at once.
const AT_ONCE: usize = 8;

/// How long a runner sleeps at most before it looks for jobs of other nodes.
const POLL: Duration = Duration::from_secs(1);

/// How long jobs in progress may take to finish when the runner stops.
const GRACE: Duration = Duration::from_secs(20);

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

/// Adds many jobs of one kind at once.
///
/// # Errors
/// As [`enqueue`].
pub async fn enqueue_many<'p, P: Serialize + 'p>(
    conn: &mut Conn,
    kind: &'static str,
    jobs: impl IntoIterator<Item = (&'p P, Timestamp)>,
) -> Result<(), DbError> {
    let rows: Result<Vec<_>, DbError> = jobs
        .into_iter()
        .map(|(payload, run_at)| Ok(vals![kind, Val::json(payload)?, run_at]))
        .collect();
    conn.insert_many(
        sql!("INSERT INTO jobs (kind, payload, run_at) VALUES ($1, $2, $3)"),
        rows?,
    )
    .await?;
    let signals = conn.signals();
    conn.after_commit(move || signals.jobs.notify_one());
    Ok(())
}

/// Why a job did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobError {
    /// It may work later.
    Retry(String),
    /// It never will.
    Dead(String),
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
        }
    }
}

type Handler = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

#[derive(Clone)]
struct Kind {
    handler: Handler,
    every: Option<Duration>,
    attempts: u32,
}

/// Runs the jobs of the kinds it knows; one in each node.
#[derive(Clone)]
pub struct JobRunner {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    kinds: HashMap<&'static str, Kind>,
    /// Names this runner's claims.
    name: String,
}

record! {
    struct Claimed {
        id: i64,
        kind: String,
        payload: String,
        attempts: u32,
    }
}

impl JobRunner {
    /// A runner that knows no kind yet.
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let name = random::token(&*random, 16);
        Self {
            db,
            clock,
            random,
            kinds: HashMap::new(),
            name,
        }
    }

    /// Handles the jobs of `kind`; the handler must be idempotent.
    #[must_use]
    pub fn on<P, F, R>(mut self, kind: &'static str, handler: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |payload| match serde_json::from_str::<P>(payload) {
            Ok(payload) => handler(payload).boxed(),
            Err(error) => {
                let error = JobError::Dead(format!("its payload cannot be read: {error}"));
                std::future::ready(Err(error)).boxed()
            }
        });
        self.kinds.insert(
            kind,
            Kind {
                handler,
                every: None,
                attempts: ATTEMPTS,
            },
        );
        self
    }

    /// Runs the handler every `period`, on one node at a time; it never becomes dead.
    #[must_use]
    pub fn every<F, R>(mut self, kind: &'static str, period: Duration, handler: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |_| handler().boxed());
        self.kinds.insert(
            kind,
            Kind {
                handler,
                every: Some(period),
                attempts: u32::MAX,
            },
        );
        self
    }

    /// Takes over the kinds of another runner of the same database.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.kinds.extend(other.kinds);
        self
    }

    /// Tries the jobs of this kind so many times before they are dead.
    #[must_use]
    pub fn attempts(mut self, kind: &'static str, attempts: u32) -> Self {
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.attempts = attempts.max(1);
        }
        self
    }

    /// Runs jobs until `shutdown`, then finishes those in progress.
    ///
    /// A database that is away for a while is waited for.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let runner = Arc::new(self);
        let (mut working, mut shutdown) = (JoinSet::new(), std::pin::pin!(shutdown));
        let mut scheduled = false;
        loop {
            let round = async {
                if !scheduled {
                    runner.schedule().await?;
                    scheduled = true;
                }
                runner.claim(AT_ONCE - working.len()).await
            };
            match round.await {
                Ok(claimed) => {
                    for job in claimed {
                        let runner = Arc::clone(&runner);
                        working.spawn(async move { runner.work(job).await });
                    }
                }
                Err(error) => tracing::warn!(%error, "jobs cannot be claimed just now"),
            }
            let pause = runner.pause().await;
            let is_full = working.len() >= AT_ONCE;
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = working.join_next() => {}
                () = runner.db.signals().jobs.notified(), if !is_full => {}
                () = tokio::time::sleep(pause), if !is_full => {}
            }
        }
        let finish = async { while working.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!(
                jobs = working.len(),
                "stopped jobs that did not finish in time"
            );
        }
        working.shutdown().await;
        if let Err(error) = runner.release().await {
            tracing::warn!(%error, "claims of jobs were left to run out");
        }
    }

    /// Runs every job that is due by the clock, also those that these jobs add, one after the
    /// other; gives how many were run.
    ///
    /// # Errors
    /// [`DbError`] when jobs cannot be claimed.
    pub async fn run_until_idle(&self) -> Result<usize, DbError> {
        self.schedule().await?;
        let mut count = 0;
        loop {
            let claimed = self.claim(1).await?;
            if claimed.is_empty() {
                return Ok(count);
            }
            for job in claimed {
                self.work(job).await;
                count += 1;
            }
        }
    }

    /// Makes sure that each recurring kind has its row.
    async fn schedule(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let recurring = self.kinds.iter().filter(|(_, kind)| kind.every.is_some());
        let rows: Vec<_> = recurring.map(|(name, _)| vals![*name, now]).collect();
        self.db
            .write(|conn| {
                Box::pin(async move {
                    let insert = sql!(
                        "INSERT INTO jobs (kind, recurring, payload, run_at) VALUES ($1, $1, 'null', $2)
                         ON CONFLICT (recurring) DO NOTHING"
                    );
                    conn.insert_many(insert, rows).await.map(|_| ())
                })
            })
            .await
    }

    fn known(&self) -> Val {
        Val::texts(self.kinds.keys())
    }

    async fn claim(&self, limit: usize) -> Result<Vec<Claimed>, DbError> {
        let now = self.clock.now();
        // Looking costs no write; most of the time nothing is due.
        let due: bool = self
            .db
            .scalar(
                sql!(
                    "SELECT EXISTS (SELECT 1 FROM jobs WHERE NOT is_dead AND run_at <= $1
                     AND kind IN (SELECT value FROM list($2)))"
                ),
                vals![now, self.known()],
            )
            .await?;
        if limit == 0 || !due {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(1);
        let vals = vals![now, self.known(), now + LEASE, &self.name, limit];
        self.db
            .write(|conn| {
                Box::pin(async move {
                    conn.all(
                        sql!(
                            "UPDATE jobs SET claim = $4, run_at = $3, attempts = attempts + 1
                             WHERE id IN (
                                 SELECT id FROM jobs
                                 WHERE NOT is_dead AND run_at <= $1
                                 AND kind IN (SELECT value FROM list($2))
                                 ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED
                             ) RETURNING id, kind, payload, attempts"
                        ),
                        vals,
                    )
                    .await
                })
            })
            .await
    }

    /// How long until the next known job is due, within the pause between two looks.
    async fn pause(&self) -> Duration {
        let next = self.db.scalar::<Option<Timestamp>>(
            sql!("SELECT MIN(run_at) FROM jobs WHERE NOT is_dead AND kind IN (SELECT value FROM list($1))"),
            vals![self.known()],
        );
        let until = |at: Timestamp| at.since(self.clock.now()).max(Duration::from_millis(5));
        next.await.ok().flatten().map_or(POLL, until).min(POLL)
    }

    async fn work(&self, job: Claimed) {
        let Some(kind) = self.kinds.get(job.kind.as_str()) else {
            return;
        };
        let result = if job.attempts > kind.attempts {
            Err(JobError::Dead(
                "it was claimed too often without an answer".to_owned(),
            ))
        } else {
            let run = AssertUnwindSafe((kind.handler)(&job.payload)).catch_unwind();
            match tokio::time::timeout(TIME_LIMIT, run).await {
                Ok(Ok(result)) => result,
                Ok(Err(payload)) => Err(JobError::Retry(DbError::panicked(&*payload).to_string())),
                Err(_) => Err(JobError::Retry("it took too long".to_owned())),
            }
        };
        if let Err(error) = &result {
            let (id, attempt) = (job.id, job.attempts);
            tracing::warn!(kind = job.kind, id, attempt, %error, "a job failed");
        }
        if let Err(error) = self.settle(&job, kind, result).await {
            // The claim runs out and the job is run again.
            tracing::error!(kind = job.kind, id = job.id, %error, "a job's end was not recorded");
        }
    }

    async fn settle(
        &self,
        job: &Claimed,
        kind: &Kind,
        result: Result<(), JobError>,
    ) -> Result<(), DbError> {
        let (id, claim, now) = (job.id, self.name.clone(), self.clock.now());
        let (is_dead, error) = match (&result, kind.every) {
            (Ok(()), None) => {
                let delete = sql!("DELETE FROM jobs WHERE id = $1 AND claim = $2");
                return self.settled(delete, vals![id, claim]).await;
            }
            (Ok(()), Some(_)) => (false, None),
            (Err(JobError::Dead(error)), every) => (every.is_none(), Some(error)),
            (Err(JobError::Retry(error)), every) => (
                every.is_none() && job.attempts >= kind.attempts,
                Some(error),
            ),
        };
        let pause = match (&result, kind.every) {
            (Ok(()), Some(period)) => period,
            (_, Some(period)) => backoff(&*self.random, job.attempts).min(period),
            (_, None) => backoff(&*self.random, job.attempts),
        };
        let attempts = if result.is_ok() { 0 } else { job.attempts };
        let update = sql!(
            "UPDATE jobs SET claim = NULL, run_at = $3, attempts = $4, is_dead = $5, last_error = $6
             WHERE id = $1 AND claim = $2"
        );
        self.settled(
            update,
            vals![id, claim, now + pause, attempts, is_dead, error],
        )
        .await
    }

    async fn settled(
        &self,
        statement: &'static crate::db::Statement,
        vals: Vec<Val>,
    ) -> Result<(), DbError> {
        let touched = self
            .db
            .write(move |conn| Box::pin(async move { conn.exec(statement, vals).await }))
            .await?;
        if touched == 0 {
            tracing::warn!("a job's claim had run out before it ended; it may have run twice");
        }
        Ok(())
    }

    /// Gives back what this runner still claims.
    async fn release(&self) -> Result<(), DbError> {
        let (claim, now) = (self.name.clone(), self.clock.now());
        let update =
            sql!("UPDATE jobs SET claim = NULL, run_at = $2 WHERE claim = $1 AND NOT is_dead");
        self.db
            .write(move |conn| Box::pin(async move { conn.exec(update, vals![claim, now]).await }))
            .await
            .map(|_| ())
    }
}

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

/// Lets the dead jobs of a kind run again from now on; gives how many there were.
///
/// # Errors
/// [`DbError`] of the update.
pub async fn revive(db: &Db, kind: String, now: Timestamp) -> Result<u64, DbError> {
    db.write(move |conn| {
        Box::pin(async move {
            let signals = conn.signals();
            conn.after_commit(move || signals.jobs.notify_one());
            conn.exec(
                sql!("UPDATE jobs SET is_dead = FALSE, attempts = 0, run_at = $2 WHERE kind = $1 AND is_dead"),
                vals![kind, now],
            )
            .await
        })
    })
    .await
}
