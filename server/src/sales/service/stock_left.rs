//! What is left of an event, with everything counted that a unit takes: its tier's own stock, the pool that
//! it shares, and what is in a bundle. Whoever says "sold out" asks here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};

use super::super::model::*;
use super::super::store;
use super::SalesError;
use crate::app::App;
use crate::catalog::state::{Kept, Standing};
use crate::catalog::{
    self, CatalogError, CounterKey, EventDetail, EventId, OccurrenceId, OffSale, PoolId, Tier,
    TierId, TierKind,
};
use crate::waiting_room::Supply;

/// What is left of a counter, or of a tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftNow {
    /// What is not sold: some of it may be held.
    pub unsold: i64,
    /// What is neither held nor sold.
    pub free: i64,
}

impl LeftNow {
    fn or_less(self, other: Self) -> Self {
        Self {
            unsold: self.unsold.min(other.unsold),
            free: self.free.min(other.free),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            unsold: self.unsold.saturating_add(other.unsold),
            free: self.free.saturating_add(other.free),
        }
    }
}

/// What is left of all counters of an event, on dates that are not over.
#[derive(Clone, Debug, Default)]
pub struct StockLeft {
    /// By counter, all dates together, and by date where that makes a difference.
    left: HashMap<CounterKey, LeftNow>,
    /// The dates by which it is known; none where all dates together tell the same.
    dates: Vec<OccurrenceId>,
}

impl StockLeft {
    /// What is left of a tier.
    pub fn of(&self, event: &EventDetail, tier: &Tier) -> LeftNow {
        // Never more than of all dates together: a pool may be one for all of them.
        let in_all = self.of_unit(&event.counters(tier, None));
        if !tier.per_date || self.dates.is_empty() {
            return in_all;
        }
        let by_date = self.dates.iter().fold(LeftNow::default(), |sum, date| {
            sum.and(self.of_unit(&event.counters(tier, Some(*date))))
        });
        by_date.or_less(in_all)
    }

    /// How many can be bought in all: what is shared is there once.
    pub fn in_all(&self, event: &EventDetail) -> i64 {
        let tiers = event.tiers.iter();
        let all: Vec<_> = tiers
            .map(|tier| (tier, self.of(event, tier).free))
            .collect();
        i64::try_from(self.together(&all)).unwrap_or(i64::MAX)
    }

    /// How many units are left that take one of each of these, sorted.
    fn of_unit(&self, keys: &[CounterKey]) -> LeftNow {
        let each = keys.chunk_by(|a, b| a == b).filter_map(|same| {
            let left = self.left.get(same.first()?).copied().unwrap_or_default();
            let times = i64::try_from(same.len()).unwrap_or(i64::MAX);
            Some(LeftNow {
                unsold: left.unsold.max(0) / times,
                free: left.free.max(0) / times,
            })
        });
        each.reduce(LeftNow::or_less).unwrap_or_default()
    }

    fn of_pool(&self, pool: PoolId) -> i64 {
        let key = CounterKey {
            of: pool.to_string(),
            occurrence: None,
        };
        self.left.get(&key).map_or(0, |left| left.free.max(0))
    }

    /// What there is for those who wait for their turn to buy; tickets behind codes count, for those who
    /// have codes wait in the same line.
    pub fn supply(&self, event: &EventDetail, now: Timestamp) -> Supply {
        match event.event.kept() {
            Kept::Draft | Kept::Cancelled | Kept::Archived => return Supply::Over,
            Kept::Published | Kept::Paused if now >= event.ends_at() => return Supply::Over,
            Kept::Published | Kept::Paused | Kept::Postponed => {}
        }
        let (mut is_sold, mut is_any_unsold) = (false, false);
        let mut open: Vec<(&Tier, i64)> = Vec::new();
        for tier in event.ticket_tiers() {
            let off_sale = event.off_sale(tier, now);
            if off_sale == Some(OffSale::Over) {
                continue;
            }
            let left = self.of(event, tier);
            is_sold = true;
            is_any_unsold |= left.unsold > 0;
            if off_sale.is_none() {
                open.push((tier, left.free));
            }
        }
        if !is_sold {
            return Supply::Over;
        }
        match self.together(&open) {
            0 if is_any_unsold => Supply::Later,
            0 => Supply::SoldOut,
            free => Supply::Free(free),
        }
    }

    /// How many tickets these tiers have together: what they share is there once.
    fn together(&self, open: &[(&Tier, i64)]) -> u64 {
        let ids: BTreeSet<TierId> = open.iter().map(|(tier, _)| tier.id).collect();
        let is_of_others = |tier: &Tier| {
            let parts = tier.pricing.as_ref().map(|pricing| &pricing.parts);
            tier.kind == TierKind::Bundle
                && parts.is_some_and(|parts| parts.iter().any(|part| ids.contains(&part.tier)))
        };
        let mut by_pool: BTreeMap<Option<PoolId>, i64> = BTreeMap::new();
        for &(tier, free) in open {
            if !is_of_others(tier) {
                let sum = by_pool.entry(tier.pool_id).or_default();
                *sum = sum.saturating_add(free);
            }
        }
        let each = by_pool.into_iter().map(|(pool, sum)| {
            let most = pool.map_or(i64::MAX, |pool| self.of_pool(pool));
            u64::try_from(sum.min(most)).unwrap_or(0)
        });
        each.fold(0, u64::saturating_add)
    }
}

/// What is asked of an event's counters.
struct Ask {
    event: EventId,
    /// The dates that are over.
    over: Val,
    /// Those to come, where what is left is to be known for each.
    dates: Option<Vec<OccurrenceId>>,
}

impl Ask {
    fn of(event: &EventDetail, now: Timestamp) -> Self {
        // All dates together would say that something is left where one date has none of a tier and
        // another none of its pool.
        let is_by_date = event.pools.iter().any(|pool| pool.per_date)
            || event
                .tiers
                .iter()
                .any(|tier| tier.per_date && tier.kind == TierKind::Bundle);
        let over = event.occurrences.iter().filter(|date| date.ends_at <= now);
        let to_come = event.scheduled().filter(|date| date.ends_at > now);
        Self {
            event: event.event.id,
            over: Val::texts(over.map(|date| date.id)),
            dates: is_by_date.then(|| to_come.map(|date| date.id).collect()),
        }
    }

    async fn answered(self, c: &mut Conn) -> Result<StockLeft, DbError> {
        let rows = if self.dates.is_some() {
            store::left_by_date(c, self.event, self.over).await?
        } else {
            store::left_in_all(c, self.event, self.over).await?
        };
        let mut left: HashMap<CounterKey, LeftNow> = HashMap::new();
        for row in rows {
            let of_row = LeftNow {
                unsold: row.unsold,
                free: row.free,
            };
            if let Ok(date) = row.occurrence_id.parse::<OccurrenceId>() {
                let key = CounterKey {
                    of: row.counter.clone(),
                    occurrence: Some(date),
                };
                left.insert(key, of_row);
            }
            let key = CounterKey {
                of: row.counter,
                occurrence: None,
            };
            let sum = left.entry(key).or_default();
            *sum = sum.and(of_row);
        }
        let dates = self.dates.unwrap_or_default();
        Ok(StockLeft { left, dates })
    }
}

/// What is left of an event's counters, inside a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn stock_left_in(
    c: &mut Conn,
    event: &EventDetail,
    now: Timestamp,
) -> Result<StockLeft, DbError> {
    Ask::of(event, now).answered(c).await
}

/// What is left of an event's counters.
///
/// # Errors
/// A fault of the database.
pub async fn stock_left(app: &App, event: &EventDetail) -> Result<StockLeft, SalesError> {
    let ask = Ask::of(event, app.now());
    Ok(app
        .db
        .read(move |c| Box::pin(async move { ask.answered(c).await }))
        .await?)
}

/// Where an event stands when so much is left.
pub fn standing(event: &EventDetail, left: &StockLeft, now: Timestamp) -> Standing {
    event.standing(now, |tier| left.of(event, tier).unsold)
}

/// What is left of each tier that is not hidden, on all dates together.
pub fn availability_of(event: &EventDetail, left: &StockLeft) -> Vec<Availability> {
    let visible = event.tiers.iter().filter(|tier| !tier.hidden);
    visible
        .map(|tier| Availability {
            tier: tier.id,
            left: left.of(event, tier).free,
        })
        .collect()
}

/// What there is for those who wait to buy tickets of some events; of what is not named nothing is known.
///
/// # Errors
/// A fault of the database.
pub async fn supply_of(
    app: &App,
    events: Vec<EventId>,
) -> Result<BTreeMap<EventId, Supply>, SalesError> {
    let mut found = BTreeMap::new();
    for id in events {
        let event = match catalog::offer(app, id).await {
            Ok(event) => event,
            Err(CatalogError::NotFound) => continue,
            Err(error) => return Err(error.into()),
        };
        let supply = stock_left(app, &event).await?.supply(&event, app.now());
        found.insert(id, supply);
    }
    Ok(found)
}
