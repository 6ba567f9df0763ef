//! Delivering: claiming entries and handing them to their consumers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tracing::field::Empty;

use super::Delivered;
use crate::clock::Clock;
use crate::db::{Conn, Db, DbError, Statement, Topic, Val};
use crate::jobs::{JobError, backoff};
use crate::random::{self, Random};
use crate::telemetry::Trace;
use crate::{metric, sql, vals};

/// How long a claim lasts.
const LEASE: Duration = Duration::from_secs(30);

/// How many times an entry is tried before it is a dead letter.
const ATTEMPTS: u32 = 10;

/// How many entries are claimed at once.
const BATCH: i64 = 256;

/// How long the dispatcher sleeps at most before it looks for entries of other nodes, if nobody says.
const POLL: Duration = Duration::from_secs(1);

type Handler = Arc<
    dyn for<'c> Fn(&'c mut Conn, &'c Delivered) -> BoxFuture<'c, Result<(), JobError>>
        + Send
        + Sync,
>;

struct Consumer {
    name: &'static str,
    /// What it takes; everything if this is absent.
    kind: Option<&'static str>,
    handler: Handler,
}

metric! {
    /// Entries of the outbox that a consumer took.
    TAKEN: Counter = "bilten_outbox_taken_total"
}
metric! {
    /// Entries of the outbox that a consumer refused.
    REFUSED: Counter = "bilten_outbox_refused_total"
}

impl Consumer {
    /// Hands it an entry, in the trace of whatever wrote that.
    async fn take(
        &self,
        conn: &mut Conn,
        entry: &Delivered,
        random: &dyn Random,
    ) -> Result<(), Refused> {
        let span = tracing::error_span!(
            "delivery",
            otel.name = %format_args!("{} to {}", entry.kind, self.name),
            otel.kind = "consumer",
            trace_id = Empty,
            request_id = Empty,
            entry = entry.id,
            kind = entry.kind,
            consumer = self.name,
        );
        let cause = entry.cause();
        if let Some(id) = cause.request_id() {
            span.record("request_id", id);
        }
        let trace = Trace::begin(span, cause.trace(), true, random);
        let taken = cause.scope(trace.scope((self.handler)(conn, entry))).await;
        if taken.is_ok() {
            let consumer = self.name;
            conn.after_commit(move || TAKEN.add(&[("consumer", consumer)], 1));
        }
        taken.map_err(Refused::Consumer)
    }

    fn takes(&self, entry: &Delivered) -> bool {
        self.kind.is_none_or(|kind| kind == entry.kind)
    }
}

/// What a refused write of a delivery says.
enum Refused {
    Consumer(JobError),
    Db(DbError),
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Hands entries to their consumers; one in each node.
#[derive(Clone)]
pub struct Dispatcher {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    consumers: Arc<Vec<Consumer>>,
    attempts: u32,
    poll: Duration,
}

impl Dispatcher {
    /// A dispatcher without consumers.
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            db,
            clock,
            random,
            consumers: Arc::default(),
            attempts: ATTEMPTS,
            poll: POLL,
        }
    }

    /// Hands entries of `kind` to `handler`. The name says whose progress is recorded: it is
    /// unique among the consumers of a kind and does not change.
    #[must_use]
    pub fn on<H>(self, name: &'static str, kind: &'static str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Conn, &'c Delivered) -> BoxFuture<'c, Result<(), JobError>>
            + Send
            + Sync
            + 'static,
    {
        self.add(name, Some(kind), Arc::new(handler))
    }

    /// Hands entries of every kind to `handler`, under a name as for [`on`](Self::on).
    #[must_use]
    pub fn on_every<H>(self, name: &'static str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Conn, &'c Delivered) -> BoxFuture<'c, Result<(), JobError>>
            + Send
            + Sync
            + 'static,
    {
        self.add(name, None, Arc::new(handler))
    }

    fn add(mut self, name: &'static str, kind: Option<&'static str>, handler: Handler) -> Self {
        let mut consumers = Arc::try_unwrap(self.consumers).unwrap_or_else(|shared| {
            let copy = |old: &Consumer| Consumer {
                handler: Arc::clone(&old.handler),
                ..*old
            };
            shared.iter().map(copy).collect()
        });
        consumers.push(Consumer {
            name,
            kind,
            handler,
        });
        self.consumers = Arc::new(consumers);
        self
    }

    /// Tries each entry so many times before it is a dead letter.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Looks for entries that nobody told of so often.
    #[must_use]
    pub fn poll_every(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Delivers until `shutdown`; what is claimed then is finished.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut news = self.db.signals().listen(Topic::Outbox);
        loop {
            let pause = match self.round().await {
                Ok(0) => self.poll,
                Ok(_) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read just now");
                    self.poll
                }
            };
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                Ok(()) = news.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Delivers everything that is due by the clock; gives how many deliveries were tried.
    ///
    /// # Errors
    /// [`DbError`] when entries cannot be claimed.
    pub async fn run_until_idle(&self) -> Result<usize, DbError> {
        let mut sum = 0;
        loop {
            let count = self.round().await?;
            if count == 0 {
                return Ok(sum);
            }
            sum += count;
        }
    }

    async fn round(&self) -> Result<usize, DbError> {
        let claim = random::token(&*self.random, 16);
        let mut entries = self.claim(&claim).await?;
        entries.sort_by_key(|entry| entry.id);
        let count = entries.len();
        if count == 0 {
            return Ok(0);
        }
        let entries: Arc<[Delivered]> = entries.into();
        if self.deliver_all(&claim, Arc::clone(&entries)).await.is_ok() {
            return Ok(count);
        }
        // Something in the batch was refused: one by one, and stop at the first of an aggregate.
        let mut stuck: Vec<&str> = Vec::new();
        for entry in entries.iter() {
            let is_stuck = stuck.contains(&entry.aggregate.as_str());
            if is_stuck || !self.deliver(&claim, entry).await? {
                stuck.push(&entry.aggregate);
            }
        }
        // What was claimed behind a refused entry waits for it unclaimed.
        let release = sql!("UPDATE outbox SET claim = NULL, run_at = 0 WHERE claim = $1");
        self.exec(release, vals![claim]).await?;
        Ok(count)
    }

    /// Claims the entries of aggregates whose first entry is due and not claimed.
    async fn claim(&self, claim: &str) -> Result<Vec<Delivered>, DbError> {
        let now = self.clock.now();
        let is_empty: bool = self
            .db
            .scalar(
                sql!("SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE NOT is_dead AND run_at <= $1)"),
                vals![now],
            )
            .await?;
        if is_empty {
            return Ok(Vec::new());
        }
        // By old statistics PostgreSQL takes the outbox to be empty. Materialized, so that it does not look for the
        // heads anew for each entry and lock more than asked for; and the first entry of an aggregate is looked up
        // in the index, for which it would go through all of them otherwise.
        let vals = vals![now, now + LEASE, claim, BATCH];
        self.db
            .write(|conn| {
                Box::pin(async move {
                    conn.all(
                        sql!(
                            "WITH heads AS MATERIALIZED (
                                 SELECT aggregate FROM outbox AS head
                                 WHERE NOT head.is_dead AND head.run_at <= $1 AND head.id = (
                                     SELECT MIN(own.id) FROM outbox AS own
                                     WHERE own.aggregate = head.aggregate AND NOT own.is_dead
                                 )
                                 ORDER BY head.id LIMIT $4 FOR UPDATE SKIP LOCKED
                             ), mine AS MATERIALIZED (
                                 SELECT id FROM outbox
                                 WHERE NOT is_dead AND aggregate IN (SELECT aggregate FROM heads)
                                 ORDER BY id LIMIT $4
                             )
                             UPDATE outbox SET claim = $3, run_at = $2 WHERE id IN (SELECT id FROM mine)
                             RETURNING id, aggregate, kind, payload, created_at, attempts, traceparent, request_id"
                        ),
                        vals,
                    )
                    .await
                })
            })
            .await
    }

    /// Delivers all entries to all their consumers in one transaction, or none.
    async fn deliver_all(&self, claim: &str, entries: Arc<[Delivered]>) -> Result<(), ()> {
        let (consumers, claim) = (Arc::clone(&self.consumers), claim.to_owned());
        let random = Arc::clone(&self.random);
        self.db
            .write(move |conn| {
                Box::pin(async move {
                    let done = done(conn, &entries).await?;
                    for entry in entries.iter() {
                        for consumer in consumers.iter().filter(|one| one.takes(entry)) {
                            if !done
                                .iter()
                                .any(|(id, name)| *id == entry.id && name == consumer.name)
                            {
                                consumer.take(conn, entry, &*random).await?;
                            }
                        }
                    }
                    finish(conn, &claim, &entries).await
                })
            })
            .await
            .map_err(|_: Refused| ())
    }

    /// Delivers one entry to each consumer in a transaction of its own; says whether all took it.
    async fn deliver(&self, claim: &str, entry: &Delivered) -> Result<bool, DbError> {
        for place in 0..self.consumers.len() {
            if !self.consumers[place].takes(entry) {
                continue;
            }
            let (consumers, own, mine) =
                (Arc::clone(&self.consumers), entry.clone(), claim.to_owned());
            let random = Arc::clone(&self.random);
            let result = self
                .db
                .write(move |conn| {
                    Box::pin(async move {
                        // Holds the row, so that nobody can take over the claim meanwhile.
                        let held =
                            sql!("UPDATE outbox SET claim = $2 WHERE id = $1 AND claim = $2");
                        if conn.exec(held, vals![own.id, mine]).await? == 0 {
                            return Ok(false);
                        }
                        let consumer = &consumers[place];
                        let first = sql!(
                            "INSERT INTO outbox_done (outbox_id, consumer) VALUES ($1, $2)
                             ON CONFLICT DO NOTHING"
                        );
                        if conn.exec(first, vals![own.id, consumer.name]).await? == 1 {
                            consumer.take(conn, &own, &*random).await?;
                        }
                        Ok(true)
                    })
                })
                .await;
            let error = match result {
                Ok(true) => continue,
                Ok(false) => return Ok(false),
                Err(Refused::Consumer(error)) => error,
                Err(Refused::Db(error)) => JobError::Retry(error.to_string()),
            };
            self.refused(claim, entry, self.consumers[place].name, error)
                .await?;
            return Ok(false);
        }
        let (claim, own) = (claim.to_owned(), [entry.clone()]);
        let finished: Result<(), Refused> = self
            .db
            .write(move |conn| Box::pin(async move { finish(conn, &claim, &own).await }))
            .await;
        Ok(finished.is_ok())
    }

    async fn refused(
        &self,
        claim: &str,
        entry: &Delivered,
        consumer: &'static str,
        error: JobError,
    ) -> Result<(), DbError> {
        REFUSED.add(&[("consumer", consumer)], 1);
        let attempts = entry.attempts.saturating_add(1);
        let is_dead = attempts >= self.attempts || matches!(error, JobError::Dead(_));
        tracing::warn!(consumer, kind = entry.kind, id = entry.id, attempts, is_dead, %error, "an entry of the outbox was refused");
        let run_at = self.clock.now() + backoff(&*self.random, attempts);
        let update = sql!(
            "UPDATE outbox SET claim = NULL, run_at = $3, attempts = $4, is_dead = $5, last_error = $6
             WHERE id = $1 AND claim = $2"
        );
        let error = format!("{consumer}: {error}");
        self.exec(
            update,
            vals![entry.id, claim, run_at, attempts, is_dead, error],
        )
        .await
    }

    async fn exec(&self, statement: &'static Statement, vals: Vec<Val>) -> Result<(), DbError> {
        self.db
            .write(move |conn| {
                Box::pin(async move { conn.exec(statement, vals).await.map(|_| ()) })
            })
            .await
    }
}

/// Which consumers have dealt with which of these entries in an earlier attempt.
async fn done(conn: &mut Conn, entries: &[Delivered]) -> Result<Vec<(i64, String)>, DbError> {
    let select = sql!(
        "SELECT outbox_id, consumer FROM outbox_done
         WHERE outbox_id IN (SELECT value FROM int_list($1))"
    );
    conn.all(
        select,
        vals![Val::ints(entries.iter().map(|entry| entry.id))],
    )
    .await
}

/// Deletes delivered entries, if they are still claimed by us.
async fn finish(conn: &mut Conn, claim: &str, entries: &[Delivered]) -> Result<(), Refused> {
    let ids = Val::ints(entries.iter().map(|entry| entry.id));
    let delete =
        sql!("DELETE FROM outbox WHERE id IN (SELECT value FROM int_list($1)) AND claim = $2");
    let deleted = conn.exec(delete, vals![ids, claim]).await?;
    if usize::try_from(deleted) == Ok(entries.len()) {
        Ok(())
    } else {
        Err(Refused::Consumer(JobError::Retry(
            "the claim had run out".to_owned(),
        )))
    }
}
