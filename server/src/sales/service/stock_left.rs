//! What is left of an event, with everything counted that a unit takes: its tier's own stock, the pool that
//! it shares, and what is in a bundle. Whoever says "sold out" asks here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};

use super::super::model::*;
use super::super::store;
use super::SalesError;
use super::recent::stock_left;
use crate::app::App;
use crate::catalog::state::{Kept, Standing};
use crate::catalog::{
    self, CatalogError, EventDetail, EventId, OccurrenceId, OffSale, PoolId, Tier, TierId, TierKind,
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

/// What is left of one counter: all its dates together, and each where that makes a difference.
#[derive(Debug, Default)]
struct Counter {
    in_all: LeftNow,
    by_date: HashMap<OccurrenceId, LeftNow>,
}

/// What is left of all counters of an event, on dates that are not over.
#[derive(Debug, Default)]
pub(super) struct Counters {
    by_id: HashMap<String, Counter>,
    /// The dates by which it is known; none where all dates together tell the same.
    dates: Vec<OccurrenceId>,
}

impl Counters {
    /// What is left of a tier.
    fn of(&self, event: &EventDetail, tier: &Tier) -> LeftNow {
        let none = Counter::default();
        // What a unit takes is the same on each date, so that it is looked up once.
        let keys = event.counters(tier, self.dates.first().copied());
        let unit: Vec<(&Counter, bool, i64)> = keys
            .chunk_by(|a, b| a == b)
            .filter_map(|same| {
                let key = same.first()?;
                let counter = self.by_id.get(&key.of).unwrap_or(&none);
                let times = i64::try_from(same.len()).unwrap_or(i64::MAX);
                Some((counter, key.occurrence.is_some(), times))
            })
            .collect();
        let least = |date: Option<OccurrenceId>| {
            let each = unit.iter().map(|(counter, is_by_date, times)| {
                let left = match date {
                    Some(date) if *is_by_date => {
                        counter.by_date.get(&date).copied().unwrap_or_default()
                    }
                    Some(_) | None => counter.in_all,
                };
                LeftNow {
                    unsold: left.unsold.max(0) / times,
                    free: left.free.max(0) / times,
                }
            });
            each.reduce(LeftNow::or_less).unwrap_or_default()
        };
        // Never more than of all dates together: a pool may be one for all of them.
        let in_all = least(None);
        if !tier.per_date || self.dates.is_empty() {
            return in_all;
        }
        let by_date = self
            .dates
            .iter()
            .fold(LeftNow::default(), |sum, date| sum.and(least(Some(*date))));
        by_date.or_less(in_all)
    }
}

/// What is left of an event's tiers and pools, on dates that are not over.
#[derive(Clone, Debug, Default)]
pub struct StockLeft {
    tiers: HashMap<TierId, LeftNow>,
    pools: HashMap<PoolId, LeftNow>,
}

impl StockLeft {
    /// What follows from what is left of the counters: no more of it than tiers and pools, however many
    /// dates there are.
    pub(super) fn of_counters(event: &EventDetail, counters: &Counters) -> Self {
        let tiers = event.tiers.iter();
        let pools = event.pools.iter().filter_map(|pool| {
            let counter = counters.by_id.get(&pool.id.to_string())?;
            Some((pool.id, counter.in_all))
        });
        Self {
            tiers: tiers
                .map(|tier| (tier.id, counters.of(event, tier)))
                .collect(),
            pools: pools.collect(),
        }
    }

    /// What is left of a tier.
    pub fn of(&self, tier: &Tier) -> LeftNow {
        self.tiers.get(&tier.id).copied().unwrap_or_default()
    }

    /// How many can be bought in all: what is shared is there once.
    pub fn in_all(&self, event: &EventDetail) -> i64 {
        let tiers = event.tiers.iter();
        let all: Vec<_> = tiers.map(|tier| (tier, self.of(tier).free)).collect();
        i64::try_from(self.together(&all)).unwrap_or(i64::MAX)
    }

    /// How many of some tiers can be bought together: what they share is there once.
    pub fn of_all(&self, tiers: &[&Tier]) -> u64 {
        let open: Vec<(&Tier, i64)> = tiers
            .iter()
            .map(|tier| (*tier, self.of(tier).free))
            .collect();
        self.together(&open)
    }

    fn of_pool(&self, pool: PoolId) -> i64 {
        self.pools.get(&pool).map_or(0, |left| left.free.max(0))
    }

    /// What there is for those who wait for their turn to buy; tickets behind codes count, for those who
    /// have codes wait in the same line.
    pub fn supply(&self, event: &EventDetail, now: Timestamp) -> Supply {
        // All dates together say it, and the same of each tier.
        let is_over = now >= event.ends_at();
        match event.event.kept() {
            Kept::Draft | Kept::Cancelled | Kept::Archived => return Supply::Over,
            Kept::Published | Kept::Paused if is_over => return Supply::Over,
            Kept::Published | Kept::Paused | Kept::Postponed => {}
        }
        let (mut is_sold, mut is_any_unsold) = (false, false);
        let mut open: Vec<(&Tier, i64)> = Vec::new();
        for tier in event.ticket_tiers() {
            let off_sale = event.off_sale_if(tier, is_over, now);
            if off_sale == Some(OffSale::Over) {
                continue;
            }
            let left = self.of(tier);
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
pub(super) struct Ask {
    event: EventId,
    /// The dates that are over.
    over: Val,
    /// Those to come, where what is left is to be known for each.
    dates: Option<Vec<OccurrenceId>>,
}

impl Ask {
    pub(super) fn of(event: &EventDetail, now: Timestamp) -> Self {
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

    pub(super) async fn answered(self, c: &mut Conn) -> Result<Counters, DbError> {
        let rows = if self.dates.is_some() {
            store::left_by_date(c, self.event, self.over).await?
        } else {
            store::left_in_all(c, self.event, self.over).await?
        };
        let mut by_id: HashMap<String, Counter> = HashMap::new();
        for row in rows {
            let of_row = LeftNow {
                unsold: row.unsold,
                free: row.free,
            };
            let counter = by_id.entry(row.counter).or_default();
            counter.in_all = counter.in_all.and(of_row);
            if let Ok(date) = row.occurrence_id.parse::<OccurrenceId>() {
                counter.by_date.insert(date, of_row);
            }
        }
        let dates = self.dates.unwrap_or_default();
        Ok(Counters { by_id, dates })
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
    let counters = Ask::of(event, now).answered(c).await?;
    Ok(StockLeft::of_counters(event, &counters))
}

/// What is left of an event on each of some dates, but for hidden tiers: exact, and as cheap as these dates are
/// few. Of a tier that is not sold by dates it is what is left of it for all of them.
///
/// # Errors
/// A fault of the database.
pub async fn stock_left_on(
    app: &App,
    event: &EventDetail,
    dates: &[OccurrenceId],
) -> Result<HashMap<OccurrenceId, StockLeft>, SalesError> {
    if dates.is_empty() {
        return Ok(HashMap::new());
    }
    let mut counters = BTreeSet::new();
    for tier in event.visible_tiers(&[]) {
        counters.extend(event.counters(tier, None).into_iter().map(|key| key.of));
    }
    let of_all_dates = std::iter::once(String::new());
    let keys = of_all_dates.chain(dates.iter().map(ToString::to_string));
    let (counters, keys) = (Val::texts(counters), Val::texts(keys));
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::left_on(c, counters, keys).await }))
        .await?;
    let mut by_date: HashMap<OccurrenceId, Counters> = dates
        .iter()
        .map(|date| (*date, Counters::default()))
        .collect();
    for row in rows {
        let in_all = LeftNow {
            unsold: row.unsold,
            free: row.free,
        };
        let counter = || Counter {
            in_all,
            by_date: HashMap::new(),
        };
        // A counter is either for each date or for all of them.
        match row.occurrence_id.parse::<OccurrenceId>() {
            Ok(date) => {
                if let Some(on_date) = by_date.get_mut(&date) {
                    on_date.by_id.insert(row.counter, counter());
                }
            }
            Err(_) => {
                for on_date in by_date.values_mut() {
                    on_date.by_id.insert(row.counter.clone(), counter());
                }
            }
        }
    }
    Ok(by_date
        .into_iter()
        .map(|(date, counters)| (date, StockLeft::of_counters(event, &counters)))
        .collect())
}

/// Where an event stands when so much is left.
pub fn standing(event: &EventDetail, left: &StockLeft, now: Timestamp) -> Standing {
    event.standing(now, |tier| left.of(tier).unsold)
}

/// What is left of each tier that is not hidden, on all dates together.
pub fn availability_of(event: &EventDetail, left: &StockLeft) -> Vec<Availability> {
    let visible = event.tiers.iter().filter(|tier| !tier.hidden);
    visible
        .map(|tier| Availability {
            tier: tier.id,
            left: left.of(tier).free,
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
