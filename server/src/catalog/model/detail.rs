//! An event with its dates and tiers, and what follows from them together.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::state::{Facts, Kept, Standing, TierFacts};
use super::{Event, Occurrence, Tier, TierId};

/// Tickets are valid from this long before the first doors, in milliseconds: people come early.
const EARLY_MS: i64 = 12 * 3_600_000;
/// Tickets are valid until this long after the last end, in milliseconds: shows run late.
const LATE_MS: i64 = 6 * 3_600_000;

/// An event with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventDetail {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Its dates, earliest first.
    pub occurrences: Vec<Occurrence>,
    /// Its tiers by number.
    pub tiers: Vec<Tier>,
}

/// Why a tier cannot be bought at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffSale {
    /// The event is not published, paused, postponed, or over.
    Event,
    /// Sale has not begun.
    NotYet,
    /// Sale has ended.
    Over,
}

impl EventDetail {
    /// The tier with this id.
    pub fn tier(&self, id: TierId) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.id == id)
    }

    /// When the last date ends.
    pub fn ends_at(&self) -> Timestamp {
        self.occurrences
            .iter()
            .map(|o| o.ends_at)
            .max()
            .unwrap_or(self.event.updated_at)
    }

    /// When the doors of the first date open.
    pub fn opens_at(&self) -> Timestamp {
        self.occurrences
            .iter()
            .map(|o| o.doors_at.unwrap_or(o.starts_at))
            .min()
            .unwrap_or(self.event.created_at)
    }

    /// Whether the doors of one of its dates are open.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.occurrences
            .iter()
            .any(|date| date.doors_at.unwrap_or(date.starts_at) <= now && now < date.ends_at)
    }

    /// When tickets of a tier are valid, in whole seconds since the epoch: `[from, until)`.
    pub fn validity(&self, tier: &Tier) -> (u32, u32) {
        let from = tier
            .valid_from_at
            .map_or(self.opens_at().ms() - EARLY_MS, Timestamp::ms);
        let until = tier
            .valid_until_at
            .map_or(self.ends_at().ms() + LATE_MS, Timestamp::ms);
        let seconds = |ms: i64| u32::try_from(ms.div_euclid(1_000).max(0)).unwrap_or(u32::MAX);
        (
            seconds(from),
            seconds(until).max(seconds(from).saturating_add(1)),
        )
    }

    /// Whether a tier can be bought at `now`, apart from its stock.
    pub fn off_sale(&self, tier: &Tier, now: Timestamp) -> Option<OffSale> {
        match self.event.kept() {
            Kept::Published => {}
            Kept::Draft | Kept::Paused | Kept::Postponed | Kept::Cancelled | Kept::Archived => {
                return Some(OffSale::Event);
            }
        }
        if now >= self.ends_at() {
            Some(OffSale::Event)
        } else if tier.sales_start_at.is_some_and(|start| now < start) {
            Some(OffSale::NotYet)
        } else if tier.sales_end_at.is_some_and(|end| now >= end) {
            Some(OffSale::Over)
        } else {
            None
        }
    }

    /// Where the event stands at `now`; `left` says how many tickets of a tier are not sold (held
    /// ones are not sold).
    pub fn standing(&self, now: Timestamp, left: impl Fn(&Tier) -> i64) -> Standing {
        let tiers: Vec<TierFacts> = self
            .tiers
            .iter()
            .map(|tier| TierFacts {
                sells_from: tier.sales_start_at,
                sells_until: tier.sales_end_at,
                left: left(tier),
            })
            .collect();
        let facts = Facts {
            kept: self.event.kept(),
            ends_at: self.ends_at(),
            tiers: &tiers,
        };
        facts.standing(now)
    }

    /// The price of one ticket of a tier.
    pub fn price(&self, tier: &Tier) -> Money {
        Money::new(tier.price_minor, self.event.currency)
    }
}
