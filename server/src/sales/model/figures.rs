//! What is counted of orders: for screens, reports and what is done to a sandbox.

use bilten_kernel::money::Currency;
use bilten_kernel::record;
use serde::Serialize;
use utoipa::ToSchema;

use super::OrderState;
use crate::catalog::EventId;

record! {
    /// What orders of an event are worth that have a state and a currency in common.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderTotal {
        /// Their state.
        pub state: OrderState,
        /// The currency of the amounts (ISO 4217).
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

record! {
    /// How many orders of an event were paid within a quarter of an hour.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PaidQuarter {
        /// Which quarter of an hour since the epoch.
        pub quarter: i64,
        /// The currency of the amounts.
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

record! {
    /// The stock of all tiers of an event together.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct StockTotal {
        /// The event.
        pub event_id: EventId,
        /// How many tickets there are in all.
        pub capacity: i64,
        /// How many are held.
        pub held: i64,
        /// How many are sold.
        pub sold: i64,
    }
}

record! {
    /// What was paid for an event and not paid back.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct EventSales {
        /// The event.
        pub event_id: EventId,
        /// The currency of the amounts (ISO 4217).
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

/// What was thrown away of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Emptied {
    /// How many events.
    pub events: i64,
    /// How many orders, with their payments and tickets.
    pub orders: i64,
}
