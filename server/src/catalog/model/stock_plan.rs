//! What is counted of an event: the counters that its stock has, and which of them a unit takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EventDetail, Occurrence, OccurrenceId, Tier, TierId, TierKind};

/// Names one counter of an event's stock: a tier or pool, as a whole or on one date.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterKey {
    /// The id of the tier or pool.
    pub of: String,
    /// The date, where each has its own stock.
    pub occurrence: Option<OccurrenceId>,
}

impl EventDetail {
    /// What one unit of a tier takes one of, sorted: the tier, its pool, and the same of a bundle's
    /// parts. A counter of which one unit takes several is there as often.
    ///
    /// `occurrence` is the date that the unit is for; it is not looked at where a tier or pool has
    /// one stock for all dates.
    pub fn counters(&self, tier: &Tier, occurrence: Option<OccurrenceId>) -> Vec<CounterKey> {
        let mut keys = Vec::new();
        self.count_one(tier, occurrence, &mut keys);
        if tier.kind == TierKind::Bundle
            && let Some(pricing) = &tier.pricing
        {
            for part in &pricing.parts {
                if let Some(of) = self.tier(part.tier) {
                    for _ in 0..part.quantity {
                        self.count_one(of, occurrence, &mut keys);
                    }
                }
            }
        }
        keys.sort_unstable();
        keys
    }

    fn count_one(&self, tier: &Tier, at: Option<OccurrenceId>, keys: &mut Vec<CounterKey>) {
        keys.push(CounterKey {
            of: tier.id.to_string(),
            occurrence: at.filter(|_| tier.per_date),
        });
        let pool = tier
            .pool_id
            .and_then(|id| self.pools.iter().find(|pool| pool.id == id));
        if let Some(pool) = pool {
            keys.push(CounterKey {
                of: pool.id.to_string(),
                occurrence: at.filter(|_| pool.per_date),
            });
        }
    }

    /// All counters that can be sold from, with the capacity of each, sorted by key: of tiers and
    /// pools as a whole one each, of those by date one for each date that is scheduled.
    ///
    /// A counter that is not in it any more: of a date that is still there but cancelled, keep what
    /// was sold and sell no more; of a date, tier or pool that is gone, drop it, or refuse if
    /// something of it is sold or held.
    pub fn stock_plan(&self) -> Vec<(CounterKey, i64)> {
        let mut plan = BTreeMap::new();
        for tier in &self.tiers {
            let of = tier.id.to_string();
            if tier.per_date {
                for date in self.scheduled() {
                    plan.insert(on(&of, date), Self::capacity_on(tier, date));
                }
            } else {
                plan.insert(in_all(of), tier.capacity);
            }
        }
        for pool in &self.pools {
            let of = pool.id.to_string();
            if pool.per_date {
                for date in self.scheduled() {
                    plan.insert(on(&of, date), pool.capacity);
                }
            } else {
                plan.insert(in_all(of), pool.capacity);
            }
        }
        plan.into_iter().collect()
    }

    /// The dates that take place, earliest first.
    pub fn scheduled(&self) -> impl Iterator<Item = &Occurrence> {
        self.occurrences.iter().filter(|date| date.is_scheduled())
    }

    /// The date with this id.
    pub fn occurrence(&self, id: OccurrenceId) -> Option<&Occurrence> {
        self.occurrences.iter().find(|date| date.id == id)
    }

    /// How many of a tier there are on a date.
    pub fn capacity_on(tier: &Tier, date: &Occurrence) -> i64 {
        let own = date.offer.capacities.get(&tier.number);
        own.copied().unwrap_or(tier.capacity)
    }

    /// The tiers that somebody may see and buy: those that are not hidden, and those that their
    /// codes unlock.
    pub fn visible_tiers(&self, unlocked: &[TierId]) -> Vec<&Tier> {
        self.tiers
            .iter()
            .filter(|tier| !tier.hidden || unlocked.contains(&tier.id))
            .collect()
    }
}

fn on(of: &str, date: &Occurrence) -> CounterKey {
    CounterKey {
        of: of.to_owned(),
        occurrence: Some(date.id),
    }
}

const fn in_all(of: String) -> CounterKey {
    CounterKey {
        of,
        occurrence: None,
    }
}
