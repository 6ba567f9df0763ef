//! Capacity that is reserved for a buyer until a time.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::{Currency, Money};
use bilten_kernel::typed_id;
use serde::Serialize;
use utoipa::ToSchema;

use super::{HeldSeat, OrderItem};
use crate::catalog::{CounterKey, EventId, OccurrenceId, TierId};

typed_id!(pub HoldId, "hld", "Names a hold.");

/// How long capacity is held for a buyer, in milliseconds.
pub const HOLD_MS: i64 = 15 * 60_000;
/// How long capacity is held at most, however often that is asked for, in milliseconds.
pub const HOLD_MOST_MS: i64 = 2 * HOLD_MS;

/// Capacity that is reserved until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// Its id; knowing it is the right to use it.
    pub id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Until when, by the server's clock.
    pub expires_at: Timestamp,
    /// What is held.
    pub items: Vec<HeldItem>,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units: the order that takes it over costs the same.
    pub total_minor: i64,
}

/// A line of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldItem {
    /// The tier.
    pub tier: TierId,
    /// How many.
    pub quantity: u32,
    /// The date, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceId>,
    /// The price of one in minor units, before codes and group rates and what comes on top.
    pub unit_price_minor: i64,
    /// What is paid for the line in minor units: all in.
    pub total_minor: i64,
    /// The seats, one for each unit, if it is for seats.
    pub seats: Vec<HeldSeat>,
}

impl From<OrderItem> for HeldItem {
    fn from(item: OrderItem) -> Self {
        Self {
            tier: item.tier_id,
            quantity: item.quantity,
            occurrence: item.occurrence_id,
            unit_price_minor: item.unit_price_minor,
            total_minor: item.total_minor,
            seats: item.seats.0,
        }
    }
}

/// A hold that is to become an order.
#[derive(Clone, Debug)]
pub struct HeldCart {
    /// Which one.
    pub id: HoldId,
    /// Its lines.
    pub items: Vec<OrderItem>,
    /// What it costs in all.
    pub total: Money,
    /// All that the price came from, as JSON.
    pub snapshot: Option<String>,
    /// What it has taken of which counter, sorted.
    pub stock: Vec<(CounterKey, i64)>,
    /// Whether codes are reserved for it.
    pub has_codes: bool,
}
