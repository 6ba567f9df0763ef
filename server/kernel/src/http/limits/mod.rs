//! Limits: how often somebody may ask.
//!
//! | file | holds |
//! |---|---|
//! | `quota.rs` | [`Quota`]: the rule |
//! | `table.rs` | [`Table`]: buckets in memory |
//! | `mod.rs` | [`Limits`]: buckets here or shared by all nodes; [`Counted`]: what one request was counted in |
//!
//! The layer counts each request by its address. Who finds out more about a caller, as an extractor
//! that reads a token does, counts on with the [`Counted`] in the request's extensions. All that
//! was counted is told in the answer by `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers).

mod quota;
mod table;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::error::Problem;

pub(super) use quota::or_none as quota_or_none;
pub use quota::{Outcome, Quota, QuotaError};
pub use table::Table;

use super::class::Class;

/// How long shared buckets may take to answer.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long they are left alone after they did not.
const REST_MS: i64 = 1_000;

/// How often a request of one class may be made: section `[limits.CLASS]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// By one address (one /64 of IPv6).
    #[serde(deserialize_with = "quota::or_none")]
    pub address: Option<Quota>,
    /// By one person.
    #[serde(deserialize_with = "quota::or_none")]
    pub user: Option<Quota>,
    /// By one program or device.
    #[serde(deserialize_with = "quota::or_none")]
    pub key: Option<Quota>,
    /// By one organisation.
    #[serde(deserialize_with = "quota::or_none")]
    pub organisation: Option<Quota>,
}

/// In which bucket a request is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Whose bucket: class, kind and name.
    pub key: String,
    /// How much it holds.
    pub quota: Quota,
}

/// Buckets that all nodes share did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SharedError(pub String);

/// Buckets that all nodes share.
pub trait SharedLimits: Send + Sync {
    /// Takes one place of a bucket, as [`Quota::take`] decides, at once for all nodes.
    fn take(&self, take: Take) -> BoxFuture<'_, Result<Outcome, SharedError>>;
}

/// Buckets here, or shared by all nodes.
pub struct Limits {
    table: Table,
    shared: Option<Arc<dyn SharedLimits>>,
    /// Until when shared buckets are left alone because they did not answer; 0 if they do.
    resting_until: AtomicI64,
    clock: Arc<dyn Clock>,
    quotas: RwLock<HashMap<String, Quotas>>,
}

impl Limits {
    /// Limits by class, with room for about so many buckets in memory.
    pub fn new(
        quotas: HashMap<String, Quotas>,
        keys: usize,
        shared: Option<Arc<dyn SharedLimits>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            table: Table::new(keys),
            shared,
            resting_until: AtomicI64::new(0),
            clock,
            quotas: RwLock::new(quotas),
        }
    }

    /// Other quotas count from now on; what was taken stays taken.
    pub fn set_quotas(&self, quotas: HashMap<String, Quotas>) {
        *self.quotas.write().unwrap_or_else(PoisonError::into_inner) = quotas;
    }

    /// The quotas of a class.
    pub fn quotas(&self, class: &Class) -> Quotas {
        let quotas = self.quotas.read().unwrap_or_else(PoisonError::into_inner);
        quotas.get(class.name).copied().unwrap_or_default()
    }

    /// Takes one place of a bucket. If shared buckets do not answer, those of this node decide:
    /// limits that are less exact, and no outage.
    pub async fn take(&self, take: Take) -> Outcome {
        let now = self.clock.now().ms();
        let resting_until = self.resting_until.load(Ordering::Relaxed);
        if let Some(shared) = &self.shared
            && now >= resting_until
        {
            let asked = tokio::time::timeout(PATIENCE, shared.take(take.clone())).await;
            let error = match asked {
                Ok(Ok(outcome)) => {
                    if resting_until != 0 && self.resting_until.swap(0, Ordering::Relaxed) != 0 {
                        tracing::info!("limits are shared with the other nodes again");
                    }
                    return outcome;
                }
                Ok(Err(error)) => error,
                Err(_) => SharedError("no answer in time".to_owned()),
            };
            if self.resting_until.swap(now + REST_MS, Ordering::Relaxed) == 0 {
                tracing::warn!(%error, "limits are not shared with the other nodes; this node counts by itself");
            }
        }
        let now_us = u64::try_from(now).unwrap_or(0).saturating_mul(1_000);
        self.table.take(&take.key, take.quota, now_us)
    }
}

/// One bucket in which a request was counted.
#[derive(Debug, Clone, Copy)]
struct Note {
    name: &'static str,
    quota: Quota,
    outcome: Outcome,
}

/// What a request was counted in; in its extensions unless it is not counted at all.
#[derive(Clone)]
pub struct Counted {
    limits: Arc<Limits>,
    class: &'static Class,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl Counted {
    /// A request of a class.
    pub(super) fn new(limits: Arc<Limits>, class: &'static Class) -> Self {
        Self {
            limits,
            class,
            notes: Arc::default(),
        }
    }

    /// The quotas of the request's class.
    pub fn quotas(&self) -> Quotas {
        self.limits.quotas(self.class)
    }

    /// The class of the request.
    pub const fn class(&self) -> &'static Class {
        self.class
    }

    /// Counts the request in one more bucket; `name` says what it is the bucket of, such as `key`.
    ///
    /// # Errors
    /// A problem 429 that says when to come back.
    pub async fn take(
        &self,
        name: &'static str,
        who: &str,
        quota: Option<Quota>,
    ) -> Result<(), Problem> {
        let Some(quota) = quota else {
            return Ok(());
        };
        let key = format!("{}:{name}:{who}", self.class.name);
        let outcome = self.limits.take(Take { key, quota }).await;
        let note = Note {
            name,
            quota,
            outcome,
        };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
        drop(notes);
        if outcome.is_allowed {
            return Ok(());
        }
        tracing::info!(class = self.class.name, limit = name, "limited");
        let seconds = u32::try_from(outcome.retry_us.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        let (count, window) = (quota.count(), quota.seconds());
        Err(Problem::too_many(
            "edge.limited",
            format!("At most {count} requests of this kind in {window} s for each {name}."),
        )
        .retry_after(seconds.max(1)))
    }

    /// Tells what was counted, in the headers of the answer: all quotas, and the state of the one
    /// of which the least is left.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let share =
            |note: &&Note| u64::from(note.outcome.left) * 1_000_000 / u64::from(note.quota.count());
        let Some(tightest) = notes.iter().min_by_key(share) else {
            return;
        };
        let policy = notes.iter().map(|note| {
            let (count, seconds) = (note.quota.count(), note.quota.seconds());
            format!("\"{}\";q={count};w={seconds}", note.name)
        });
        let policy = policy.collect::<Vec<_>>().join(", ");
        let full = tightest.outcome.full_us.div_ceil(1_000_000);
        let state = format!("\"{}\";r={};t={full}", tightest.name, tightest.outcome.left);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::http::class::EVERYTHING;

    /// Shared buckets that can be broken.
    #[derive(Default)]
    struct Fragile {
        is_broken: std::sync::atomic::AtomicBool,
        asked: std::sync::atomic::AtomicU32,
    }

    impl SharedLimits for Fragile {
        fn take(&self, take: Take) -> BoxFuture<'_, Result<Outcome, SharedError>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let is_broken = self.is_broken.load(Ordering::SeqCst);
            Box::pin(async move {
                if is_broken {
                    return Err(SharedError("broken".to_owned()));
                }
                Ok(Outcome {
                    left: 77,
                    ..take.quota.take(0, 1).1
                })
            })
        }
    }

    /// covers: GW-2
    #[tokio::test]
    async fn without_shared_buckets_the_nodes_own_decide_and_they_are_not_asked_in_vain() {
        let (clock, shared) = (
            Arc::new(ManualClock::default()),
            Arc::new(Fragile::default()),
        );
        let limits = Limits::new(HashMap::new(), 1_000, Some(shared.clone()), clock.clone());
        let take = async || {
            let take = Take {
                key: "k".to_owned(),
                quota: "5/60".parse().unwrap(),
            };
            limits.take(take).await.left
        };
        assert_eq!(take().await, 77);
        shared.is_broken.store(true, Ordering::SeqCst);
        assert_eq!([take().await, take().await, take().await], [4, 3, 2]);
        assert_eq!(shared.asked.load(Ordering::SeqCst), 2);
        shared.is_broken.store(false, Ordering::SeqCst);
        clock.advance(Duration::from_millis(1_000));
        assert_eq!(take().await, 77);
    }

    /// covers: BE-6
    #[tokio::test]
    async fn the_answer_tells_all_quotas_and_the_tightest_state() {
        let limits = Limits::new(
            HashMap::new(),
            1_000,
            None,
            Arc::new(ManualClock::default()),
        );
        let counted = Counted::new(Arc::new(limits), &EVERYTHING);
        counted
            .take("address", "::1", "100/60".parse().ok())
            .await
            .unwrap();
        counted.take("user", "usr_1", None).await.unwrap();
        counted
            .take("key", "key_1", "2/10".parse().ok())
            .await
            .unwrap();
        let mut headers = HeaderMap::new();
        counted.tell(&mut headers);
        assert_eq!(
            headers["ratelimit-policy"],
            "\"address\";q=100;w=60, \"key\";q=2;w=10"
        );
        assert_eq!(headers["ratelimit"], "\"key\";r=1;t=5");
        counted
            .take("key", "key_1", "2/10".parse().ok())
            .await
            .unwrap();
        let problem = counted
            .take("key", "key_1", "2/10".parse().ok())
            .await
            .unwrap_err();
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (429, "edge.limited")
        );
        assert_eq!(problem.headers()[0].1, "5");
    }
}
