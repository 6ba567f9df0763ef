//! An event with its dates and tiers, and what follows from them together.

use std::collections::BTreeSet;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::state::{Facts, Kept, Standing, TierFacts};
use super::{
    CapacityPool, Event, MAX_OCCURRENCES, Occurrence, OccurrenceId, PoolId, PriceSettings, Tier,
    TierId, TierKind, VenueId,
};

/// Tickets are valid from this long before the first doors, in milliseconds: people come early.
const EARLY_MS: i64 = 12 * 3_600_000;
/// Tickets are valid until this long after the last end, in milliseconds: shows run late.
const LATE_MS: i64 = 6 * 3_600_000;

/// An event with all that belongs to it.
///
/// Written as JSON it carries its first [`MAX_OCCURRENCES`] dates and says how many there are, so
/// that neither an answer, a row of its history nor a message grows with a series; in memory it has
/// all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventDetail {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// The venue that its name and address were copied from, if it is one of the organisation's.
    #[serde(default)]
    pub venue_id: Option<VenueId>,
    /// Its dates, earliest first; in JSON the first hundred of them.
    #[serde(serialize_with = "first_dates")]
    pub occurrences: Vec<Occurrence>,
    /// How many dates it has.
    #[serde(default)]
    pub occurrence_count: usize,
    /// Its tiers by number.
    pub tiers: Vec<Tier>,
    /// Its capacity pools, oldest first.
    #[serde(default)]
    pub pools: Vec<CapacityPool>,
    /// What it says of prices besides its tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_settings: Option<PriceSettings>,
}

fn first_dates<S: Serializer>(dates: &[Occurrence], serializer: S) -> Result<S::Ok, S::Error> {
    dates
        .get(..MAX_OCCURRENCES)
        .unwrap_or(dates)
        .serialize(serializer)
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
    /// The event with what belongs to it; the dates earliest first.
    pub fn new(
        event: Event,
        occurrences: Vec<Occurrence>,
        tiers: Vec<Tier>,
        pools: Vec<CapacityPool>,
    ) -> Self {
        let mut detail = Self {
            event,
            venue_id: None,
            occurrences: Vec::new(),
            occurrence_count: 0,
            tiers,
            pools,
            price_settings: None,
        };
        detail.set_occurrences(occurrences);
        detail
    }

    /// Gives it other dates, in any order.
    pub fn set_occurrences(&mut self, mut dates: Vec<Occurrence>) {
        dates.sort_by_key(|date| (date.starts_at, date.id));
        self.occurrence_count = dates.len();
        self.occurrences = dates;
    }

    /// The event as somebody sees it who may buy these hidden tiers and knows of no rules: neither
    /// the others nor the names of group rates are in it. Of a long series it has the first dates that
    /// are not over.
    #[must_use]
    pub fn for_buyers(&self, unlocked: &[TierId], now: Timestamp) -> Self {
        let is_short = self.occurrences.len() <= MAX_OCCURRENCES;
        let dates = self
            .occurrences
            .iter()
            .filter(|date| is_short || date.ends_at > now)
            .take(MAX_OCCURRENCES);
        let mut seen = Self {
            event: self.event.clone(),
            venue_id: self.venue_id,
            occurrences: self.dates_for_buyers(dates, unlocked),
            occurrence_count: self.occurrence_count,
            tiers: self.tiers.clone(),
            pools: Vec::new(),
            price_settings: None,
        };
        seen.tiers
            .retain(|tier| !tier.hidden || unlocked.contains(&tier.id));
        seen
    }

    /// Some of its dates without what they say of hidden tiers, but for these.
    pub fn dates_for_buyers<'a>(
        &self,
        dates: impl Iterator<Item = &'a Occurrence>,
        unlocked: &[TierId],
    ) -> Vec<Occurrence> {
        let shown = self.visible_tiers(unlocked);
        let shown: BTreeSet<u16> = shown.iter().map(|tier| tier.number).collect();
        dates
            .map(|date| {
                let mut seen = date.clone();
                seen.offer.prices.retain(|number, _| shown.contains(number));
                seen.offer
                    .capacities
                    .retain(|number, _| shown.contains(number));
                seen
            })
            .collect()
    }

    /// The event as its JSON shows it, with its first [`MAX_OCCURRENCES`] dates only: for an answer that is
    /// made of what is kept.
    #[must_use]
    pub fn for_answer(&self) -> Self {
        Self {
            event: self.event.clone(),
            venue_id: self.venue_id,
            occurrences: self
                .occurrences
                .iter()
                .take(MAX_OCCURRENCES)
                .cloned()
                .collect(),
            occurrence_count: self.occurrence_count,
            tiers: self.tiers.clone(),
            pools: self.pools.clone(),
            price_settings: self.price_settings.clone(),
        }
    }

    /// The pool with this id.
    pub fn pool(&self, id: PoolId) -> Option<&CapacityPool> {
        self.pools.iter().find(|pool| pool.id == id)
    }

    /// The dates that take place, or all of them if none does.
    fn taking_place(&self) -> impl Iterator<Item = &Occurrence> {
        let is_off = self.scheduled().next().is_none();
        self.occurrences
            .iter()
            .filter(move |date| is_off || date.is_scheduled())
    }

    /// The tier with this id.
    pub fn tier(&self, id: TierId) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.id == id)
    }

    /// When the last date ends.
    pub fn ends_at(&self) -> Timestamp {
        self.taking_place()
            .map(|o| o.ends_at)
            .max()
            .unwrap_or(self.event.updated_at)
    }

    /// When the doors of the first date open.
    pub fn opens_at(&self) -> Timestamp {
        self.taking_place()
            .map(|o| o.doors_at.unwrap_or(o.starts_at))
            .min()
            .unwrap_or(self.event.created_at)
    }

    /// Whether the doors of one of its dates are open.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.scheduled()
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

    /// When tickets of a tier for a date are valid, as [`validity`](Self::validity) says it: around
    /// that date, unless the tier itself says when.
    pub fn validity_on(&self, tier: &Tier, occurrence: Option<OccurrenceId>) -> (u32, u32) {
        let Some(date) = occurrence.and_then(|id| self.occurrence(id)) else {
            return self.validity(tier);
        };
        let opens = date.doors_at.unwrap_or(date.starts_at).ms() - EARLY_MS;
        let from = tier.valid_from_at.map_or(opens, Timestamp::ms);
        let until = tier
            .valid_until_at
            .map_or(date.ends_at.ms() + LATE_MS, Timestamp::ms);
        let seconds = |ms: i64| u32::try_from(ms.div_euclid(1_000).max(0)).unwrap_or(u32::MAX);
        (
            seconds(from),
            seconds(until).max(seconds(from).saturating_add(1)),
        )
    }

    /// Whether a tier can be bought at `now`, apart from its stock.
    pub fn off_sale(&self, tier: &Tier, now: Timestamp) -> Option<OffSale> {
        self.off_sale_if(tier, now >= self.ends_at(), now)
    }

    /// The same for who asks of many tiers and knows whether the last date is over: only all dates
    /// together say that.
    pub fn off_sale_if(&self, tier: &Tier, is_over: bool, now: Timestamp) -> Option<OffSale> {
        match self.event.kept() {
            Kept::Published => {}
            Kept::Draft | Kept::Paused | Kept::Postponed | Kept::Cancelled | Kept::Archived => {
                return Some(OffSale::Event);
            }
        }
        if is_over {
            Some(OffSale::Event)
        } else if tier.sales_start_at.is_some_and(|start| now < start) {
            Some(OffSale::NotYet)
        } else if tier.sales_end_at.is_some_and(|end| now >= end) {
            Some(OffSale::Over)
        } else {
            None
        }
    }

    /// Whether a tier can be bought for a date at `now`, apart from its stock: as
    /// [`off_sale`](Self::off_sale), and not for a date that is over or cancelled.
    pub fn off_sale_on(
        &self,
        tier: &Tier,
        occurrence: Option<OccurrenceId>,
        now: Timestamp,
    ) -> Option<OffSale> {
        let date = occurrence.and_then(|id| self.occurrence(id));
        match date {
            Some(date) if !date.is_scheduled() || date.ends_at <= now => Some(OffSale::Event),
            Some(_) | None => self.off_sale(tier, now),
        }
    }

    /// The tiers of tickets, by which it is said whether the event is sold out; all tiers, if none is.
    pub fn ticket_tiers(&self) -> Vec<&Tier> {
        let is_ticket = |tier: &&Tier| matches!(tier.kind, TierKind::Ticket | TierKind::Bundle);
        let tickets: Vec<&Tier> = self.tiers.iter().filter(is_ticket).collect();
        if tickets.is_empty() {
            self.tiers.iter().collect()
        } else {
            tickets
        }
    }

    /// Where the event stands at `now`; `left` says how many tickets of a tier are not sold (held
    /// ones are not sold). Tiers behind codes count only where there are no others.
    pub fn standing(&self, now: Timestamp, left: impl Fn(&Tier) -> i64) -> Standing {
        let all = self.ticket_tiers();
        let is_any_shown = all.iter().any(|tier| !tier.hidden);
        let tiers: Vec<TierFacts> = all
            .into_iter()
            .filter(|tier| !(is_any_shown && tier.hidden))
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

    /// The price of one ticket of a tier for a date.
    pub fn price_on(&self, tier: &Tier, date: &Occurrence) -> Money {
        let own = date
            .offer
            .prices
            .get(&tier.number)
            .filter(|_| tier.per_date);
        Money::new(
            own.copied().unwrap_or(tier.price_minor),
            self.event.currency,
        )
    }

    /// The price of one ticket of a tier.
    pub fn price(&self, tier: &Tier) -> Money {
        Money::new(tier.price_minor, self.event.currency)
    }
}
