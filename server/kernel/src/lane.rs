//! Lanes: requests for one hot thing, served as a batch.
//!
//! When a thousand buyers want the same row, a thousand transactions queue up behind its lock, and
//! more connections only make it slower. A lane queues them in the node instead and hands all that
//! are waiting to one handler inside one write: the stock is decided once and the rows are inserted
//! many at a time (measured on PostgreSQL: 14 times faster). A lane exists only while its key has
//! requests; lanes of different keys run side by side, and several nodes may run lanes for the same
//! key because the database still decides.
//!
//! The handler answers each request for itself. When the batch fails as a whole (a statement
//! failed, a panic), its requests are run again one by one, so that one poisonous request cannot
//! sink the others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::db::{Conn, Db, DbError};
use crate::metric;
use crate::random::OsRandom;
use crate::telemetry::{SIZES, Trace, TraceContext, trace};

/// How many requests one batch serves at most.
const BATCH: usize = 512;

/// How many requests may wait in one lane before further ones are refused as busy.
const QUEUE: usize = 8_192;

type Handler<Req, Out, E> = dyn for<'c> Fn(&'c mut Conn, Vec<Req>) -> BoxFuture<'c, Result<Vec<Result<Out, E>>, E>>
    + Send
    + Sync;

type Waiting<Req, Out, E> = (Req, oneshot::Sender<Result<Out, E>>, Option<TraceContext>);

/// What waits in each lane; a lane that is here has a task that serves it.
type Queues<Key, Req, Out, E> = HashMap<Key, Vec<Waiting<Req, Out, E>>>;

/// One lane for each key in use; cheap to clone.
pub struct Lanes<Key, Req, Out, E> {
    shared: Arc<Shared<Key, Req, Out, E>>,
}

struct Shared<Key, Req, Out, E> {
    db: Db,
    handler: Box<Handler<Req, Out, E>>,
    at_once: usize,
    lanes: Mutex<Queues<Key, Req, Out, E>>,
}

impl<Key, Req, Out, E> Clone for Lanes<Key, Req, Out, E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<Key, Req, Out, E> Lanes<Key, Req, Out, E>
where
    Key: Hash + Eq + Clone + Send + 'static,
    Req: Clone + Send + Sync + 'static,
    Out: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    /// Lanes served by `handler`, which gets a batch in order of arrival inside one write and must
    /// give as many answers in the same order. An answer `Err` is that request's alone and keeps
    /// what the others did; `Err` instead of the answers rolls the batch back.
    pub fn new<H>(db: Db, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Conn, Vec<Req>) -> BoxFuture<'c, Result<Vec<Result<Out, E>>, E>>
            + Send
            + Sync
            + 'static,
    {
        Self::of_batches(db, BATCH, handler)
    }

    /// The same with batches of at most so many requests.
    pub fn of_batches<H>(db: Db, at_once: usize, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Conn, Vec<Req>) -> BoxFuture<'c, Result<Vec<Result<Out, E>>, E>>
            + Send
            + Sync
            + 'static,
    {
        let lanes = Mutex::new(HashMap::new());
        Self {
            shared: Arc::new(Shared {
                db,
                handler: Box::new(handler),
                at_once: at_once.max(1),
                lanes,
            }),
        }
    }

    /// Queues a request behind the others for `key` and waits for its durable answer.
    ///
    /// # Errors
    /// The handler's answer; [`DbError::Busy`] when too many are waiting already.
    pub async fn submit(&self, key: Key, request: Req) -> Result<Out, E> {
        let (reply, answer) = oneshot::channel();
        self.shared
            .enqueue(key, (request, reply, trace::current()))?;
        answer
            .await
            .unwrap_or_else(|_| Err(DbError::Closed("the lane has ended").into()))
    }

    /// How many lanes are in use just now.
    pub fn in_use(&self) -> usize {
        self.shared.lanes().len()
    }
}

impl<Key, Req, Out, E> Shared<Key, Req, Out, E>
where
    Key: Hash + Eq + Clone + Send + 'static,
    Req: Clone + Send + Sync + 'static,
    Out: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    fn lanes(&self) -> MutexGuard<'_, Queues<Key, Req, Out, E>> {
        // Nothing panics while the lock is held, so the map is whole even if it is poisoned.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(self: &Arc<Self>, key: Key, waiting: Waiting<Req, Out, E>) -> Result<(), DbError> {
        match self.lanes().entry(key.clone()) {
            Entry::Occupied(lane) if lane.get().len() >= QUEUE => {
                return Err(DbError::Busy {
                    at: "a lane",
                    detail: format!("{QUEUE} requests for the same thing are waiting"),
                });
            }
            Entry::Occupied(mut lane) => {
                lane.get_mut().push(waiting);
                return Ok(());
            }
            Entry::Vacant(place) => {
                place.insert(vec![waiting]);
            }
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(batch) = shared.take(&key) {
                shared.serve(batch).await;
            }
        });
        Ok(())
    }

    /// The next batch, or `None` after taking the idle lane away.
    fn take(&self, key: &Key) -> Option<Vec<Waiting<Req, Out, E>>> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(key)?;
        if lane.is_empty() {
            lanes.remove(key);
            return None;
        }
        let rest = lane.split_off(lane.len().min(self.at_once));
        Some(std::mem::replace(lane, rest))
    }

    async fn serve(self: &Arc<Self>, batch: Vec<Waiting<Req, Out, E>>) {
        // Those who have stopped waiting get nothing, and nothing is done for them.
        let batch: Vec<_> = batch
            .into_iter()
            .filter(|(_, reply, _)| !reply.is_closed())
            .collect();
        if batch.is_empty() {
            return;
        }
        let trace = trace_of(&batch);
        trace.scope(self.answer(batch)).await;
    }

    async fn answer(self: &Arc<Self>, batch: Vec<Waiting<Req, Out, E>>) {
        let (requests, replies): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|(request, reply, _)| (request, reply))
            .unzip();
        match self.run(requests.clone()).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
            }
            Err(error) if requests.len() == 1 => {
                if let Some(reply) = replies.into_iter().next() {
                    let _ = reply.send(Err(error));
                }
            }
            Err(_) => {
                tracing::warn!(
                    requests = requests.len(),
                    "a batch failed; its requests run one by one"
                );
                for (request, reply) in requests.into_iter().zip(replies) {
                    // While the database is away each one takes long: nothing is done for who has left.
                    if reply.is_closed() {
                        continue;
                    }
                    let answer = self.run(vec![request]).await.and_then(|answers| {
                        answers
                            .into_iter()
                            .next()
                            .unwrap_or_else(|| Err(short().into()))
                    });
                    let _ = reply.send(answer);
                }
            }
        }
    }

    async fn run(self: &Arc<Self>, requests: Vec<Req>) -> Result<Vec<Result<Out, E>>, E> {
        let shared = Arc::clone(self);
        self.db
            .write_again(move |conn| {
                let (shared, requests) = (Arc::clone(&shared), requests.clone());
                Box::pin(async move {
                    let wanted = requests.len();
                    let answers = (shared.handler)(conn, requests).await?;
                    if answers.len() == wanted {
                        Ok(answers)
                    } else {
                        Err(short().into())
                    }
                })
            })
            .await
    }
}

metric! {
    /// How many requests one batch of a lane served.
    BATCHED: Histogram = "bilten_lane_batch_size", limits: SIZES
}

/// The batch as a piece of work: in the trace of its first request, and linked with all others.
fn trace_of<Req, Out, E>(batch: &[Waiting<Req, Out, E>]) -> Trace {
    BATCHED.size(&[], batch.len());
    let span = tracing::error_span!(
        "batch",
        trace_id = tracing::field::Empty,
        requests = batch.len(),
    );
    let mut causes = batch.iter().filter_map(|(_, _, cause)| *cause);
    let trace = Trace::begin(span, causes.next(), true, &OsRandom);
    causes.for_each(|cause| trace.link(cause));
    trace
}

fn short() -> DbError {
    DbError::Panicked("the handler of a lane did not answer each request".to_owned())
}
