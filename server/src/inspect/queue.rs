//! What waits to be written, and which requests of a busy program are kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::metric;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::config::InspectorConfig;
use super::model::Captured;
use crate::identity::OrganisationId;

metric! {
    /// Requests of programs, by what became of their record: `kept`, `sampled` out because there are
    /// many, `dropped` because too many waited, `failed` to be written.
    INSPECTED: Counter = "bilten_inspected_requests_total"
}

/// How long what an organisation asks is counted together.
const WINDOW: Duration = Duration::from_secs(60);
/// Of so many requests beyond what is kept within a minute, one is.
const ONE_IN: u32 = 100;
/// Of how many organisations there are counts before those that are over are forgotten.
const MOST_COUNTS: usize = 10_000;

/// What an organisation has asked since then.
#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    requests: u32,
}

/// Takes records of requests and hands them to whoever writes them. Nobody waits for it.
pub struct Inspector {
    sender: mpsc::Sender<Captured>,
    waiting: AsyncMutex<mpsc::Receiver<Captured>>,
    counts: Mutex<HashMap<OrganisationId, Count>>,
    kept: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Inspector {
    /// With room for as many as the configuration says.
    pub fn new(config: &InspectorConfig) -> Self {
        let (sender, waiting) = mpsc::channel(config.queue.max(1));
        Self {
            sender,
            waiting: AsyncMutex::new(waiting),
            counts: Mutex::default(),
            kept: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Whether a request is kept: up to so many a minute of an organisation, then a few, and all that
    /// went wrong.
    pub(super) fn wants(
        &self,
        organisation: OrganisationId,
        is_error: bool,
        per_minute: u32,
        now: Timestamp,
    ) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_COUNTS {
            counts.retain(|_, count| now < count.since + WINDOW);
        }
        let new = Count {
            since: now,
            requests: 0,
        };
        let count = counts.entry(organisation).or_insert(new);
        // The clock may be set back, too.
        if now < count.since || now >= count.since + WINDOW {
            *count = new;
        }
        count.requests = count.requests.saturating_add(1);
        let beyond = count.requests.saturating_sub(per_minute);
        drop(counts);
        let is_kept = is_error || beyond == 0 || beyond.is_multiple_of(ONE_IN);
        if !is_kept {
            INSPECTED.add(&[("outcome", "sampled")], 1);
        }
        is_kept
    }

    /// Hands a record over, unless too many wait.
    pub(super) fn offer(&self, captured: Captured) {
        if self.sender.try_send(captured).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            INSPECTED.add(&[("outcome", "dropped")], 1);
        }
    }

    /// What waits, for whoever writes it: one at a time.
    pub(super) async fn waiting(&self) -> tokio::sync::MutexGuard<'_, mpsc::Receiver<Captured>> {
        self.waiting.lock().await
    }

    pub(super) fn note_kept(&self, count: u64) {
        self.kept.fetch_add(count, Ordering::Relaxed);
        INSPECTED.add(&[("outcome", "kept")], count);
    }

    pub(super) fn note_failed(&self, count: u64) {
        self.failed.fetch_add(count, Ordering::Relaxed);
        INSPECTED.add(&[("outcome", "failed")], count);
    }

    /// How many records this node has written.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// How many records this node has dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many records this node could not write.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::model::RawMessage;

    fn inspector(queue: usize) -> Inspector {
        Inspector::new(&InspectorConfig {
            enabled: true,
            keep_hours: 24,
            body_limit_bytes: 100,
            per_minute: 3,
            queue,
        })
    }

    /// covers: GW-7
    #[test]
    fn of_a_busy_program_a_few_are_kept_and_all_that_went_wrong() {
        let inspector = inspector(1);
        let (one, other) = (
            OrganisationId::from_bytes([1; 16]),
            OrganisationId::from_bytes([2; 16]),
        );
        let at = |s: i64| Timestamp::from_ms(1_000_000 + s * 1_000);
        let kept = (0..203)
            .filter(|_| inspector.wants(one, false, 3, at(0)))
            .count();
        assert_eq!(kept, 3 + 2, "three, and one in a hundred");
        assert!(inspector.wants(one, true, 3, at(59)));
        assert!(!inspector.wants(one, false, 3, at(59)));
        assert!(inspector.wants(other, false, 3, at(59)));
        assert!(inspector.wants(one, false, 3, at(60)), "the next minute");
        assert!(
            inspector.wants(one, false, 3, at(-5)),
            "the clock was set back"
        );
    }

    /// covers: GW-7
    #[tokio::test]
    async fn what_finds_no_room_is_dropped_and_counted() {
        let inspector = inspector(2);
        let captured = Captured {
            request_id: "r".to_owned(),
            organisation: OrganisationId::from_bytes([1; 16]),
            actor: "key_1".to_owned(),
            at: Timestamp::from_ms(0),
            method: "GET".to_owned(),
            route: None,
            path: "/".to_owned(),
            status: 200,
            problem: None,
            duration_ms: 1,
            client: None,
            request: RawMessage::default(),
            response: RawMessage::default(),
        };
        for _ in 0..5 {
            inspector.offer(captured.clone());
        }
        assert_eq!(inspector.dropped(), 3);
        let mut waiting = inspector.waiting().await;
        assert!(waiting.try_recv().is_ok() && waiting.try_recv().is_ok());
        assert!(waiting.try_recv().is_err());
    }
}
