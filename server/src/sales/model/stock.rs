//! The stock of tiers and events, and what is left of it.

use bilten_kernel::record;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::{EventDetail, EventId, Tier, TierId};

record! {
    /// The stock of a tier.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Stock {
        /// The tier.
        pub tier_id: TierId,
        /// How many there are in all.
        pub capacity: i64,
        /// How many are held.
        pub held: i64,
        /// How many are sold.
        pub sold: i64,
    }
}

impl Stock {
    /// How many can still be bought.
    pub const fn left(&self) -> i64 {
        self.capacity - self.held - self.sold
    }
}

/// What is left of a tier, on one date or on all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Availability {
    /// The tier.
    pub tier: TierId,
    /// How many can still be bought, of its own stock and of the pool that it shares.
    pub left: i64,
}

/// The stock of an event as a whole and by its tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventStock {
    /// The event.
    pub event_id: EventId,
    /// How many tickets there are in all.
    pub capacity: i64,
    /// How many are held.
    pub held: i64,
    /// How many are sold.
    pub sold: i64,
    /// How many can still be bought.
    pub left: i64,
    /// Its tiers by number.
    pub tiers: Vec<TierStock>,
}

/// The stock of a tier, with what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TierStock {
    /// The tier.
    pub tier_id: TierId,
    /// Its name.
    pub name: String,
    /// How many there are in all.
    pub capacity: i64,
    /// How many are held.
    pub held: i64,
    /// How many are sold.
    pub sold: i64,
    /// How many can still be bought.
    pub left: i64,
}

impl EventStock {
    /// The stock of an event's tiers put together; `left` says how many of a tier can be bought, and `in_all`
    /// of all of them: pools are shared.
    pub fn of(
        event: &EventDetail,
        stock: &[Stock],
        left: impl Fn(&Tier) -> i64,
        in_all: i64,
    ) -> Self {
        let tiers = event.tiers.iter().filter_map(|tier| {
            let stock = stock.iter().find(|stock| stock.tier_id == tier.id)?;
            Some(TierStock {
                tier_id: tier.id,
                name: tier.name.clone(),
                capacity: stock.capacity,
                held: stock.held,
                sold: stock.sold,
                left: left(tier),
            })
        });
        let tiers: Vec<TierStock> = tiers.collect();
        let sum = |of: fn(&TierStock) -> i64| -> i64 { tiers.iter().map(of).sum() };
        Self {
            event_id: event.event.id,
            capacity: sum(|tier| tier.capacity),
            held: sum(|tier| tier.held),
            sold: sum(|tier| tier.sold),
            left: in_all,
            tiers,
        }
    }
}
