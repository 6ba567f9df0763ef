//! Orders, and where they stand in their life.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::Place;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum, typed_id};
use serde::Serialize;
use utoipa::ToSchema;

use super::OrderItem;
use crate::catalog::EventId;

typed_id!(pub OrderId, "ord", "Names an order.");

text_enum! {
    /// Where an order stands in its life.
    ///
    /// ```text
    /// pending ──▶ paid ──▶ refunded
    ///    ├──▶ cancelled
    ///    └──▶ expired ──▶ paid   (paid late, and stock was left)
    /// ```
    pub enum OrderState {
        /// Its stock is held, its payment is not done.
        Pending = "pending",
        /// It is paid, its tickets are issued.
        Paid = "paid",
        /// The buyer gave it up before paying.
        Cancelled = "cancelled",
        /// It was not paid in time.
        Expired = "expired",
        /// It was paid back, its tickets are dead.
        Refunded = "refunded",
    }
}

/// An order without its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The event.
    pub event_id: EventId,
    /// What people call it.
    pub reference: String,
    /// Where it stands in its life.
    pub state: OrderState,
    /// The buyer's e-mail address; empty once they are forgotten.
    pub email: String,
    /// The buyer's name.
    pub name: String,
    /// Whether it is of a sandbox: a trial, in no total.
    pub sandbox: bool,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// Until when it must be paid.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

text_enum! {
    /// How a list of orders is sorted.
    #[derive(Default)]
    pub enum OrderSort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// As they were made, the oldest first.
        Oldest = "created",
        /// By what they cost, the cheapest first.
        Cheapest = "total",
        /// By what they cost, the dearest first.
        Dearest = "-total",
    }
}

impl OrderSort {
    /// Where an order stands in this order.
    pub fn place(self, order: &Order) -> Place {
        match self {
            Self::Newest | Self::Oldest => Place::of_id(order.id),
            Self::Cheapest | Self::Dearest => Place::of_number(order.total_minor, order.id),
        }
    }
}

record! {
    /// An order that names nobody.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderGlance {
        /// Its id.
        pub id: OrderId,
        /// What people call it.
        pub reference: String,
        /// Where it stands in its life.
        pub state: OrderState,
        /// The currency of its amounts (ISO 4217).
        pub currency: Currency,
        /// What it costs in all, in minor units.
        pub total_minor: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was paid.
        pub paid_at: Option<Timestamp>,
    }
}

/// What stands where a name was of somebody who has been forgotten.
pub const ERASED_NAME: &str = "(erased)";

/// An order whose buyer was forgotten, with the name that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedOrder {
    /// Its id.
    pub id: OrderId,
    /// The event.
    pub event_id: EventId,
    /// The name that it had.
    pub name: String,
}

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// What was ordered.
    pub items: Vec<OrderItem>,
}

impl OrderDetail {
    /// How many tickets it has in all.
    pub fn quantity(&self) -> u32 {
        self.items.iter().map(|item| item.quantity).sum()
    }
}
