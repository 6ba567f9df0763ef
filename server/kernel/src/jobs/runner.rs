//! Running jobs: claiming, working, settling.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::field::Empty;

use super::{JobError, SPREAD_MS, backoff};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, Statement, Topic, Val};
use crate::random::{self, Random};
use crate::telemetry::{Cause, Trace};
use crate::{metric, record, sql, vals};

/// How long a claim lasts; a handler is stopped before its claim ends.
const LEASE: Duration = Duration::from_secs(60);

/// How long a handler may take.
const TIME_LIMIT: Duration = Duration::from_secs(50);

/// How many times a job is tried before it is dead.
const ATTEMPTS: u32 = 12;

/// How many jobs one runner works on at once if nobody says.
const AT_ONCE: usize = 8;

/// How long a runner sleeps at most before it looks for jobs of other nodes.
const POLL: Duration = Duration::from_secs(1);

/// How long jobs in progress may take to finish when the runner stops if nobody says.
const GRACE: Duration = Duration::from_secs(20);

type Handler = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

#[derive(Clone)]
struct Kind {
    handler: Handler,
    every: Option<Duration>,
    attempts: u32,
}

/// Runs the jobs of the kinds it knows; each node has one, or one for each group of kinds.
#[derive(Clone)]
pub struct JobRunner {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    kinds: HashMap<&'static str, Kind>,
    at_once: usize,
    grace: Duration,
    /// Names this runner's claims.
    name: String,
}

record! {
    struct Claimed {
        id: i64,
        kind: String,
        payload: String,
        attempts: u32,
        traceparent: Option<String>,
        request_id: Option<String>,
    }
}

metric! {
    /// Jobs that were run, by kind and by how they ended: `done`, `failed` (to be tried again), `put_off` (not tried) or `dead`.
    JOBS: Counter = "bilten_jobs_total"
}
metric! {
    /// How long jobs took, by kind.
    JOB_TIME: Histogram = "bilten_job_duration_seconds"
}
metric! {
    /// When this node last looked for jobs, as seconds since 1970.
    LOOKED: Gauge = "bilten_job_runner_last_look_timestamp_seconds"
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
            at_once: AT_ONCE,
            grace: GRACE,
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

    /// Runs the handler at once and then every `period`, on one node at a time; it is never dead.
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

    /// Works on so many jobs at once. Work that waits for others a lot gets a runner of its own, so
    /// that it keeps nothing else waiting.
    #[must_use]
    pub fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// Lets jobs in progress finish for so long when the runner stops.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
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
        let mut news = runner.db.signals().listen(Topic::Jobs);
        let mut scheduled = false;
        loop {
            let round = async {
                if !scheduled {
                    runner.schedule().await?;
                    scheduled = true;
                }
                runner.claim(runner.at_once - working.len()).await
            };
            match round.await {
                Ok(claimed) => {
                    runner.looked();
                    for job in claimed {
                        let runner = Arc::clone(&runner);
                        working.spawn(async move { runner.work(job).await });
                    }
                }
                Err(error) => tracing::warn!(%error, "jobs cannot be claimed just now"),
            }
            let pause = runner.pause().await;
            let is_full = working.len() >= runner.at_once;
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = working.join_next() => {}
                Ok(()) = news.changed(), if !is_full => {}
                () = tokio::time::sleep(pause), if !is_full => {}
            }
        }
        let finish = async { while working.join_next().await.is_some() {} };
        if tokio::time::timeout(runner.grace, finish).await.is_err() {
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
        // Materialized: PostgreSQL may not look for them anew for each job, and lock more than asked for.
        let vals = vals![now, self.known(), now + LEASE, &self.name, limit];
        self.db
            .write(|conn| {
                Box::pin(async move {
                    conn.all(
                        sql!(
                            "WITH due AS MATERIALIZED (
                                 SELECT id FROM jobs
                                 WHERE NOT is_dead AND run_at <= $1
                                 AND kind IN (SELECT value FROM list($2))
                                 ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED
                             )
                             UPDATE jobs SET claim = $4, run_at = $3, attempts = attempts + 1
                             WHERE id IN (SELECT id FROM due)
                             RETURNING id, kind, payload, attempts, traceparent, request_id"
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

    /// Notes that jobs could be looked for just now.
    fn looked(&self) {
        let now = self.clock.now();
        self.db
            .signals()
            .jobs_looked_at
            .store(now.ms(), Ordering::Relaxed);
        LOOKED.set(&[], now.ms() / 1_000);
    }

    /// Works on a job in the trace of whatever caused it.
    async fn work(&self, job: Claimed) {
        let Some((&name, kind)) = self.kinds.get_key_value(job.kind.as_str()) else {
            return;
        };
        let span = tracing::error_span!(
            "job",
            otel.name = %format_args!("job {name}"),
            otel.kind = "consumer",
            otel.status_code = Empty,
            trace_id = Empty,
            request_id = Empty,
            job = job.id,
            kind = name,
            attempt = job.attempts,
        );
        let cause = Cause::stored(job.traceparent.as_deref(), job.request_id.as_deref());
        if let Some(id) = cause.request_id() {
            span.record("request_id", id);
        }
        let trace = Trace::begin(span, cause.trace(), true, &*self.random);
        let work = trace.scope(self.work_on(name, kind, job));
        cause.scope(work).await;
    }

    async fn work_on(&self, name: &'static str, kind: &Kind, job: Claimed) {
        let began = Instant::now();
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
        JOB_TIME.time(&[("kind", name)], began.elapsed());
        match &result {
            Ok(()) => {}
            // Whoever left it alone has said why.
            Err(JobError::PutOff(until)) => tracing::debug!(%until, "a job is put off"),
            Err(error @ (JobError::Retry(_) | JobError::Dead(_))) => {
                tracing::Span::current().record("otel.status_code", "ERROR");
                tracing::warn!(%error, "a job failed");
            }
        }
        match self.settle(&job, kind, result).await {
            Ok(outcome) => JOBS.add(&[("kind", name), ("outcome", outcome)], 1),
            // The claim runs out and the job is run again.
            Err(error) => tracing::error!(%error, "a job's end was not recorded"),
        }
    }

    /// Records how a job ended; gives the word for it.
    async fn settle(
        &self,
        job: &Claimed,
        kind: &Kind,
        result: Result<(), JobError>,
    ) -> Result<&'static str, DbError> {
        let (id, claim, now) = (job.id, self.name.clone(), self.clock.now());
        if let Err(JobError::PutOff(until)) = result {
            let spread = Duration::from_millis(random::below(&*self.random, SPREAD_MS));
            let run_at = until.max(now) + spread;
            let attempts = job.attempts.saturating_sub(1);
            let error = JobError::PutOff(until).to_string();
            let update = sql!(
                "UPDATE jobs SET claim = NULL, run_at = $3, attempts = $4, last_error = $5
                 WHERE id = $1 AND claim = $2"
            );
            self.settled(update, vals![id, claim, run_at, attempts, error])
                .await?;
            return Ok("put_off");
        }
        let (is_dead, error) = match (&result, kind.every) {
            (Ok(()), None) => {
                let delete = sql!("DELETE FROM jobs WHERE id = $1 AND claim = $2");
                self.settled(delete, vals![id, claim]).await?;
                return Ok("done");
            }
            (Ok(()), Some(_)) => (false, None),
            (Err(JobError::Dead(error)), every) => (every.is_none(), Some(error)),
            (Err(JobError::Retry(error)), every) => (
                every.is_none() && job.attempts >= kind.attempts,
                Some(error),
            ),
            // Dealt with above.
            (Err(JobError::PutOff(_)), _) => (false, None),
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
        .await?;
        Ok(match &result {
            Ok(()) => "done",
            Err(_) if is_dead => "dead",
            Err(_) => "failed",
        })
    }

    async fn settled(&self, statement: &'static Statement, vals: Vec<Val>) -> Result<(), DbError> {
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
