//! Why a change of what is on offer is refused.

use super::{MAX_POOLS, MAX_TAX_RULES};

/// Why a change of tiers, pools, prices or dates is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferRefusal {
    /// An event has the most pools it can have.
    #[error("an event has at most {MAX_POOLS} pools")]
    TooManyPools,
    /// Tiers share the pool.
    #[error("tiers share this pool; take them out of it first")]
    PoolInUse,
    /// An organisation has the most taxes it can have.
    #[error("an organisation has at most {MAX_TAX_RULES} taxes")]
    TooManyTaxes,
    /// What of a tier is sold is counted as it is now.
    #[error("something of this tier is sold or held: how it is counted cannot change any more")]
    TierSold,
    /// Tickets for the date are sold.
    #[error("tickets of this date are sold; say that sold dates may change")]
    DateSold,
    /// Tickets for seats of the date's map are sold.
    #[error("tickets of this date are sold: it keeps its seat map, or gets a newer version of it")]
    MapSold,
    /// The date is over or cancelled.
    #[error("the date is over or cancelled")]
    DateClosed,
    /// It is the last date that takes place.
    #[error("it is the last date that takes place; cancel the event instead")]
    LastDate,
    /// The event is cancelled or archived.
    #[error("the event is cancelled or archived")]
    EventOver,
    /// The event has dates at one time, which a series cannot tell apart.
    #[error("two dates start at one time; a series cannot tell them apart")]
    SameStart,
}

impl OfferRefusal {
    /// The stable code of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooManyPools => "catalog.too_many_pools",
            Self::PoolInUse => "catalog.pool_in_use",
            Self::TooManyTaxes => "catalog.too_many_taxes",
            Self::TierSold => "catalog.tier_sold",
            Self::DateSold => "catalog.date_sold",
            Self::MapSold => "catalog.map_sold",
            Self::DateClosed => "catalog.date_closed",
            Self::LastDate => "catalog.last_date",
            Self::EventOver => "catalog.event_over",
            Self::SameStart => "catalog.same_start",
        }
    }
}
