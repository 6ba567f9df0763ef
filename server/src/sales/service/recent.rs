//! What is left of a long series, kept for a moment.
//!
//! An event with 2,000 dates and 50 tiers that are sold by dates has 100,000 counters. They are added up by one
//! statement, by one reader for all who ask on this node, and not more often than once a second: sums of so
//! many are out of date when they arrive. Nothing is sold by them, and a date's own stock is always read anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bilten_kernel::clock::Timestamp;

use super::SalesError;
use super::stock_left::{Ask, StockLeft};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId};

/// So many counters are added up for each who asks: that takes a millisecond or two, and is exact.
const FEW: usize = 2_000;
/// How old what is left of more may be, in milliseconds, to be told just so.
const FRESH_MS: i64 = 1_000;
/// How old it may be, in milliseconds, to be told while it is added up anew.
const OLD_MS: i64 = 2_000;
/// Of how many events it is kept, before what is old is thrown away.
const MOST: usize = 1_000;

/// What was left of long series a moment ago.
#[derive(Default)]
pub struct RecentCounts(Mutex<HashMap<EventId, Slot>>);

#[derive(Clone, Default)]
struct Slot {
    /// Held by whoever adds up, so that one does it for all.
    turn: Arc<tokio::sync::Mutex<()>>,
    kept: Option<Kept>,
}

#[derive(Clone)]
struct Kept {
    /// The version of the event that it was added up for.
    version: i64,
    read_at: Timestamp,
    counted: Arc<StockLeft>,
}

impl Kept {
    /// Whether it is of this version or a newer one, and not as old as that.
    fn is_good(&self, version: i64, now: Timestamp, most_ms: i64) -> bool {
        let age = now.ms() - self.read_at.ms();
        self.version >= version && (0..most_ms).contains(&age)
    }
}

impl RecentCounts {
    fn slots(&self) -> MutexGuard<'_, HashMap<EventId, Slot>> {
        // Nothing panics while the lock is held, so the map is whole even if it is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, event: EventId) -> Slot {
        self.slots().entry(event).or_default().clone()
    }

    fn put(&self, event: EventId, new: Kept) {
        let mut slots = self.slots();
        if slots.len() >= MOST {
            let now = new.read_at;
            slots.retain(|_, slot| {
                let kept = slot.kept.as_ref();
                kept.is_some_and(|kept| kept.is_good(i64::MIN, now, OLD_MS))
            });
        }
        slots.entry(event).or_default().kept = Some(new);
    }

    /// Has an event looked at anew, since somebody was told what is not so any more.
    pub fn forget(&self, event: EventId) {
        if let Some(slot) = self.slots().get_mut(&event) {
            slot.kept = None;
        }
    }
}

/// How many counters an event has about.
fn count_of(event: &EventDetail) -> usize {
    let tiers = event.tiers.iter().filter(|tier| tier.per_date).count();
    let pools = event.pools.iter().filter(|pool| pool.per_date).count();
    (tiers + pools).saturating_mul(event.occurrences.len())
}

/// What is left of an event: of a long series as it was at most two seconds ago.
///
/// # Errors
/// A fault of the database.
pub async fn stock_left(app: &App, event: &EventDetail) -> Result<Arc<StockLeft>, SalesError> {
    if count_of(event) <= FEW {
        let ask = Ask::of(event, app.now());
        let counters = app
            .db
            .read(move |c| Box::pin(async move { ask.answered(c).await }))
            .await?;
        return Ok(Arc::new(StockLeft::of_counters(event, &counters)));
    }
    let (id, version) = (event.event.id, event.event.version);
    let Slot { turn, kept } = app.counts.slot(id);
    let now = app.now();
    if let Some(kept) = kept.filter(|kept| kept.is_good(version, now, OLD_MS)) {
        if !kept.is_good(version, now, FRESH_MS) {
            add_up_behind(app, id, turn);
        }
        return Ok(kept.counted);
    }
    let _turn = turn.lock().await;
    // Whoever had the turn before added up for all who waited.
    let now = app.now();
    let kept = app.counts.slot(id).kept;
    match kept.filter(|kept| kept.is_good(version, now, OLD_MS)) {
        Some(kept) => Ok(kept.counted),
        None => add_up(app, event).await,
    }
}

/// Adds up what is left of a long series, and keeps it.
async fn add_up(app: &App, event: &EventDetail) -> Result<Arc<StockLeft>, SalesError> {
    let read_at = app.now();
    let ask = Ask::of(event, read_at);
    let counters = app
        .db
        .read_long(move |c| Box::pin(async move { ask.answered(c).await }))
        .await?;
    let counted = Arc::new(StockLeft::of_counters(event, &counters));
    let kept = Kept {
        version: event.event.version,
        read_at,
        counted: Arc::clone(&counted),
    };
    app.counts.put(event.event.id, kept);
    Ok(counted)
}

/// Does it while others are told what is kept, unless somebody is at it.
fn add_up_behind(app: &App, event: EventId, turn: Arc<tokio::sync::Mutex<()>>) {
    let Ok(turn) = turn.try_lock_owned() else {
        return;
    };
    let app = app.clone();
    tokio::spawn(async move {
        let done = match catalog::offer(&app, event).await {
            Ok(offer) => add_up(&app, &offer).await.err(),
            Err(error) => Some(error.into()),
        };
        if let Some(error) = done {
            tracing::warn!(%error, %event, "what is left of an event cannot be added up");
        }
        drop(turn);
    });
}
