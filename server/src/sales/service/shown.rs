//! What is taken of an event's tiers and pools, all dates of each together, and what follows from it.
//!
//! An event with 2,000 dates and 50 tiers that are sold by dates has 100,000 counters. They are added up by one
//! statement, by one reader for all who ask on this node, and not more often than once a second: sums of so
//! many are out of date when they arrive. Nothing is sold by them; a date's own stock is always read anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{DbError, Val};

use super::super::model::*;
use super::super::store::{self, CounterTotal};
use super::SalesError;
use crate::app::App;
use crate::catalog::{EventDetail, EventId, OccurrenceId, TierId};

/// So many counters are added up for each who asks: that takes a millisecond or two, and is exact.
const FEW: usize = 2_000;
/// How old the sums of more may be, in milliseconds, to be told just so.
const FRESH_MS: i64 = 1_000;
/// How old they may be, in milliseconds, to be told while they are added up anew.
const OLD_MS: i64 = 2_000;
/// Of how many events sums are kept, before old ones are thrown away.
const MOST: usize = 1_000;

/// Sums of long series as they were a moment ago.
#[derive(Default)]
pub struct Totals(Mutex<HashMap<EventId, Slot>>);

#[derive(Clone, Default)]
struct Slot {
    /// Held by whoever adds up, so that one does it for all.
    turn: Arc<tokio::sync::Mutex<()>>,
    kept: Option<Kept>,
}

#[derive(Clone)]
struct Kept {
    /// The version of the event that they were added up for.
    version: i64,
    read_at: Timestamp,
    rows: Arc<Vec<CounterTotal>>,
}

impl Kept {
    /// Whether they are of this version or a newer one, and not as old as that.
    fn is_good(&self, version: i64, now: Timestamp, most_ms: i64) -> bool {
        let age = now.ms() - self.read_at.ms();
        self.version >= version && (0..most_ms).contains(&age)
    }
}

impl Totals {
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
fn count_of(offer: &EventDetail) -> usize {
    let tiers = offer.tiers.iter().filter(|tier| tier.per_date).count();
    let pools = offer.pools.iter().filter(|pool| pool.per_date).count();
    (tiers + pools).saturating_mul(offer.occurrences.len())
}

/// An event's tiers and pools, each with all its dates put together: of a long series as they were at
/// most two seconds ago.
async fn added(app: &App, offer: &EventDetail) -> Result<Arc<Vec<CounterTotal>>, DbError> {
    let (event, version) = (offer.event.id, offer.event.version);
    if count_of(offer) <= FEW {
        let rows = app
            .db
            .read(move |c| Box::pin(async move { store::counter_totals(c, event).await }))
            .await?;
        return Ok(Arc::new(rows));
    }
    let Slot { turn, kept } = app.totals.slot(event);
    let now = app.now();
    if let Some(kept) = kept.filter(|kept| kept.is_good(version, now, OLD_MS)) {
        if !kept.is_good(version, now, FRESH_MS) {
            add_up_behind(app, event, version, turn);
        }
        return Ok(kept.rows);
    }
    let _turn = turn.lock().await;
    // Whoever had the turn before added up for all who waited.
    let now = app.now();
    let kept = app.totals.slot(event).kept;
    match kept.filter(|kept| kept.is_good(version, now, OLD_MS)) {
        Some(kept) => Ok(kept.rows),
        None => add_up(app, event, version).await,
    }
}

/// Adds up the counters of a long series and keeps the sums.
async fn add_up(
    app: &App,
    event: EventId,
    version: i64,
) -> Result<Arc<Vec<CounterTotal>>, DbError> {
    let read_at = app.now();
    let rows = app
        .db
        .read_long(move |c| Box::pin(async move { store::counter_totals(c, event).await }))
        .await?;
    let rows = Arc::new(rows);
    let kept = Kept {
        version,
        read_at,
        rows: Arc::clone(&rows),
    };
    app.totals.put(event, kept);
    Ok(rows)
}

/// Does it while others are told what is kept, unless somebody is at it.
fn add_up_behind(app: &App, event: EventId, version: i64, turn: Arc<tokio::sync::Mutex<()>>) {
    let Ok(turn) = turn.try_lock_owned() else {
        return;
    };
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = add_up(&app, event, version).await {
            tracing::warn!(%error, "the stock of an event cannot be added up");
        }
        drop(turn);
    });
}

/// An event's stock as buyers are shown it, all dates of each tier together; of a long series as it was at
/// most two seconds ago.
#[derive(Clone, Debug)]
pub struct ShownStock {
    /// The stock of each tier.
    pub tiers: Vec<Stock>,
    /// What is left of each tier that is not hidden.
    pub left: Vec<Availability>,
}

/// An event's stock as buyers are shown it.
///
/// # Errors
/// A fault of the database.
pub async fn shown_stock(app: &App, offer: &EventDetail) -> Result<ShownStock, SalesError> {
    let rows = added(app, offer).await?;
    let of_tier = |row: &CounterTotal| {
        // A pool has no such id.
        let tier_id = row.counter.parse::<TierId>().ok()?;
        Some(Stock {
            tier_id,
            capacity: row.capacity,
            held: row.held,
            sold: row.sold,
        })
    };
    Ok(ShownStock {
        tiers: rows.iter().filter_map(of_tier).collect(),
        left: left_by_tier(offer, None, &in_all(&rows)),
    })
}

/// What is left of an event's tiers, on one date and in all that are for all dates together, or of each
/// tier on all dates; but for hidden ones. On a date it is exact, on all dates as [`shown_stock`] says.
///
/// # Errors
/// A fault of the database.
pub async fn availability(
    app: &App,
    offer: &EventDetail,
    date: Option<OccurrenceId>,
) -> Result<Vec<Availability>, SalesError> {
    match date {
        Some(_) => left_now(app, offer, date).await,
        None => {
            let rows = added(app, offer).await?;
            Ok(left_by_tier(offer, None, &in_all(&rows)))
        }
    }
}

/// What is left now of the tiers that are sold by dates on this date, and of the others; nothing of those
/// that are sold by dates, without a date. But for hidden ones.
///
/// # Errors
/// A fault of the database.
pub async fn left_now(
    app: &App,
    offer: &EventDetail,
    date: Option<OccurrenceId>,
) -> Result<Vec<Availability>, SalesError> {
    // Named one by one: those of all other dates are not touched.
    let mut counters = Vec::new();
    for tier in offer.visible_tiers(&[]) {
        counters.push(tier.id.to_string());
        counters.extend(tier.pool_id.map(|pool| pool.to_string()));
    }
    let at = date.map_or_else(String::new, |date| date.to_string());
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::counters_on(c, Val::texts(counters), &at).await })
        })
        .await?;
    let mut left = Lefts::new();
    for row in &rows {
        let key = (row.counter.as_str(), row.occurrence_id.as_str());
        left.insert(key, (row.capacity - row.taken).max(0));
    }
    Ok(left_by_tier(offer, date, &left))
}

/// What is left, by counter and date.
type Lefts<'a> = HashMap<(&'a str, &'a str), i64>;

fn in_all(rows: &[CounterTotal]) -> Lefts<'_> {
    rows.iter()
        .map(|row| {
            let left = row.capacity - row.held - row.sold;
            ((row.counter.as_str(), ""), left.max(0))
        })
        .collect()
}

/// What is left of each tier that is not hidden: of its own counters, and no more than of its pool.
fn left_by_tier(
    offer: &EventDetail,
    date: Option<OccurrenceId>,
    left: &Lefts<'_>,
) -> Vec<Availability> {
    let of = |counter: &str, at: &str| left.get(&(counter, at)).copied();
    let visible = offer.tiers.iter().filter(|tier| !tier.hidden);
    visible
        .map(|tier| {
            let (id, pool) = (
                tier.id.to_string(),
                tier.pool_id.map(|pool| pool.to_string()),
            );
            let on = |at: &str| {
                let own = of(&id, at)?;
                let shared = pool
                    .as_deref()
                    .and_then(|pool| of(pool, at).or_else(|| of(pool, "")));
                Some(shared.map_or(own, |shared| own.min(shared)))
            };
            let tier_left = match date {
                Some(date) if tier.per_date => on(&date.to_string()),
                // All dates together, where there are several.
                Some(_) | None => on(""),
            };
            Availability {
                tier: tier.id,
                left: tier_left.unwrap_or(0),
            }
        })
        .collect()
}
