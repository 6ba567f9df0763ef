//! The one thread that writes to SQLite, and its group commit.
//!
//! Writes queue up while a commit is on its way to the disk. The writer then takes all of them (it
//! never waits for more), runs each inside a savepoint, commits once with `synchronous=FULL` and
//! only then answers: nobody hears of a write that a power cut could still undo, and one `fsync`
//! serves everybody who came in the meantime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::conn::Engine;
use super::{Conn, DbError, Signals, lite, observe};
use crate::http::request_id::{self, RequestId};
use crate::telemetry::Trace;

/// How many writes one commit serves at most.
const GROUP: usize = 1024;

/// How many writes may queue before further ones are refused as busy.
const QUEUE: usize = 16_384;

/// A write on its way: run inside the group's transaction, answered after its commit.
trait Job: Send {
    fn is_abandoned(&self) -> bool;
    /// Runs it; says whether to keep what it did.
    fn run(&mut self, conn: &mut Conn) -> bool;
    fn answer(self: Box<Self>, committed: Result<(), DbError>);
}

struct Write<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    hooks: Vec<Box<dyn FnOnce() + Send>>,
    reply: oneshot::Sender<Result<T, E>>,
    span: tracing::Span,
    request: Option<RequestId>,
    trace: Option<Trace>,
}

impl<F, T, E> Job for Write<F, T, E>
where
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, conn: &mut Conn) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let (request, trace) = (self.request.take(), self.trace.take());
        let in_trace = || match trace {
            Some(trace) => trace.sync_scope(|| run(conn, work)),
            None => run(conn, work),
        };
        let outcome = self.span.in_scope(|| match request {
            Some(id) => request_id::sync_scope(id, in_trace),
            None => in_trace(),
        });
        self.hooks = std::mem::take(&mut conn.hooks);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), DbError>) {
        let outcome = match (self.outcome, committed) {
            // What the write itself refused was never going to be committed.
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => {
                self.hooks.into_iter().for_each(|hook| hook());
                Ok(value)
            }
            (Some(Ok(_)), Err(error)) => Err(error.into()),
            (None, committed) => Err(committed
                .err()
                .unwrap_or(DbError::Closed("the write was abandoned before it ran"))
                .into()),
        };
        // Nobody may be waiting any more; the write stands all the same.
        let _ = self.reply.send(outcome);
    }
}

/// Runs a closure on a SQLite connection to its end: it has nothing to wait for.
pub(super) fn run<F, T, E>(conn: &mut Conn, work: F) -> Result<T, E>
where
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>>,
    E: From<DbError>,
{
    conn.failed = None;
    conn.hooks.clear();
    match catch_unwind(AssertUnwindSafe(|| work(conn).now_or_never())) {
        Ok(Some(Ok(value))) => match conn.failed {
            Some(at) => Err(DbError::Poisoned { at }.into()),
            None => Ok(value),
        },
        Ok(Some(Err(error))) => Err(error),
        Ok(None) => Err(DbError::WouldWait.into()),
        Err(payload) => Err(DbError::panicked(&*payload).into()),
    }
}

/// The queue to the writer thread.
pub(super) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    id: ThreadId,
    queued: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread; it owns the connection and the lock of the file.
    pub(super) fn start(
        conn: rusqlite::Connection,
        lock: std::fs::File,
        signals: Arc<Signals>,
    ) -> Result<Self, DbError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let queued = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&queued);
        let thread = std::thread::Builder::new()
            .name("bilten-db-writer".to_owned())
            .spawn(move || {
                let mut conn = Conn::new(Engine::Lite(conn), signals);
                serve(&mut conn, &jobs, &waiting);
                if let Engine::Lite(conn) = &conn.engine {
                    let _ = conn.execute_batch("PRAGMA optimize;");
                }
                drop((conn, lock));
            })
            .map_err(|error| DbError::open("database_unopenable", error))?;
        let id = thread.thread().id();
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            id,
            queued,
        })
    }

    /// Queues a write and waits until it is durable.
    pub(super) async fn write<F, T, E>(&self, work: F) -> Result<T, E>
    where
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Write {
            work: Some(work),
            outcome: None,
            hooks: Vec::new(),
            reply,
            span: tracing::Span::current(),
            // The writer's thread serves no request of its own.
            request: request_id::current(),
            trace: Trace::current(),
        };
        self.queue(Box::new(job))?;
        answer
            .await
            .unwrap_or_else(|_| Err(DbError::Closed("the database was closed").into()))
    }

    fn queue(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue
            .as_ref()
            .ok_or(DbError::Closed("the database was closed"))?;
        // Counted first: the writer may take it before we could.
        self.queued.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job).map_err(|refused| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => DbError::Busy {
                    at: "the queue of the writer",
                    detail: format!("{QUEUE} writes are waiting"),
                },
                TrySendError::Disconnected(_) => DbError::Closed("the writer has ended"),
            }
        })
    }

    /// How many writes wait or are being run.
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Lets the queued writes finish, then closes the file and gives back its lock.
    pub(super) fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The last handle may be dropped by a write itself: a thread cannot wait for its own end.
        if let Some(thread) = thread
            && std::thread::current().id() != self.id
        {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn serve(conn: &mut Conn, jobs: &Receiver<Box<dyn Job>>, queued: &AtomicUsize) {
    let mut waiting = Vec::new();
    loop {
        if waiting.is_empty() {
            match jobs.recv() {
                Ok(job) => waiting.push(job),
                Err(_) => return,
            }
        }
        while waiting.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push(job);
        }
        let taken = waiting.len();
        waiting = commit(conn, waiting);
        queued.fetch_sub(taken - waiting.len(), Ordering::Relaxed);
    }
}

/// Runs the jobs in one transaction and answers them after its commit; gives back those that could
/// not be run because the transaction was lost before their turn.
fn commit(conn: &mut Conn, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    if let Err(error) = word(conn, "BEGIN IMMEDIATE") {
        for job in jobs {
            job.answer(Err(error.clone()));
        }
        return Vec::new();
    }
    let (mut run, mut kept, mut outcome) = (Vec::with_capacity(jobs.len()), false, Ok(()));
    let mut jobs = jobs.into_iter();
    for mut job in jobs.by_ref().filter(|job| !job.is_abandoned()) {
        outcome = one(conn, &mut *job, &mut kept);
        run.push(job);
        if outcome.is_err() {
            break;
        }
    }
    if outcome.is_ok() {
        let began = Instant::now();
        outcome = word(conn, if kept { "COMMIT" } else { "ROLLBACK" });
        if kept && outcome.is_ok() {
            observe::COMMITTED.time(&[], began.elapsed());
            observe::GROUPED.size(&[], run.len());
        }
    }
    if outcome.is_err() {
        // A full disk may already have rolled everything back, so this may fail.
        let _ = word(conn, "ROLLBACK");
    }
    for job in run {
        job.answer(outcome.clone());
    }
    jobs.collect()
}

/// Runs one job in a savepoint of its own.
fn one(conn: &mut Conn, job: &mut dyn Job, kept: &mut bool) -> Result<(), DbError> {
    word(conn, "SAVEPOINT job")?;
    let keep = job.run(conn);
    if let Engine::Lite(lite) = &conn.engine
        && lite.is_autocommit()
    {
        return Err(DbError::Unavailable {
            at: "a write of the same group",
            detail: "SQLite rolled the whole group back, as it does when the disk is full"
                .to_owned(),
        });
    }
    if !keep {
        word(conn, "ROLLBACK TO job")?;
    }
    *kept |= keep;
    word(conn, "RELEASE job")
}

/// Runs a word of transaction control.
pub(super) fn word(conn: &Conn, word: &'static str) -> Result<(), DbError> {
    let Engine::Lite(lite) = &conn.engine else {
        return Err(DbError::fault(word, "not a SQLite connection"));
    };
    lite::word(lite, word)
}
