//! Tiers: kinds of ticket with a price and a capacity.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PoolId, TierPricing};

typed_id!(pub TierId, "tir", "Names a tier of an event.");

/// The most tiers of one event.
pub const MAX_TIERS: usize = 50;
/// The largest price of one ticket in minor units: far above any real one, far below overflow.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000;
/// The largest capacity of one tier.
pub const MAX_CAPACITY: i64 = 10_000_000;

text_enum! {
    /// What kind of thing a tier sells.
    #[derive(Default)]
    pub enum TierKind {
        /// A ticket.
        #[default]
        Ticket = "ticket",
        /// Something that belongs to a ticket, such as parking.
        AddOn = "add_on",
        /// Several tiers for one price.
        Bundle = "bundle",
        /// A gift; neither codes nor group rates touch it.
        Donation = "donation",
        /// A thing that is sold along.
        Merchandise = "merchandise",
    }
}

record! {
    /// A kind of ticket with price and capacity.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct Tier {
        /// Its id.
        pub id: TierId,
        /// Its number within the event, as tickets carry it.
        pub number: u16,
        /// Its name.
        pub name: String,
        /// What it includes, in plain text.
        pub description: String,
        /// The price of one ticket, in minor units of the event's currency, taxes included.
        pub price_minor: i64,
        /// How many tickets there are in all; of each date, if it is sold by date.
        pub capacity: i64,
        /// How many tickets one order may have.
        pub max_per_order: i64,
        /// When sale begins; without it, when the event is published.
        pub sales_start_at: Option<Timestamp>,
        /// When sale ends; without it, when the event ends.
        pub sales_end_at: Option<Timestamp>,
        /// From when its tickets are valid, if not for the whole event.
        pub valid_from_at: Option<Timestamp>,
        /// Until when its tickets are valid, if not for the whole event.
        pub valid_until_at: Option<Timestamp>,
        /// What kind of thing it sells.
        #[serde(default)]
        pub kind: TierKind,
        /// Whether a ticket is for one date, and each date has its own stock.
        #[serde(default)]
        pub per_date: bool,
        /// The pool whose capacity it shares with other tiers.
        #[serde(default)]
        pub pool_id: Option<PoolId>,
        /// Whether it is shown and sold only to those with a code that unlocks it.
        #[serde(default)]
        pub hidden: bool,
        /// The price category of the seat map whose seats it sells; without it, it sells no seats.
        #[serde(default)]
        pub seat_category: Option<String>,
        /// Whether an order with one of it waits, unpaid, until the organiser accepts it; a bundle says it for
        /// itself.
        #[serde(default)]
        pub needs_approval: bool,
        /// How its price comes about; without it, `price_minor` is the price.
        #[serde(default)]
        pub pricing: Option<TierPricing>,
    }
}

/// What an organiser says of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierInput {
    /// Its name.
    pub name: String,
    /// What it includes, in plain text.
    #[serde(default)]
    pub description: String,
    /// The price of one ticket, in minor units of the event's currency, taxes included.
    pub price_minor: i64,
    /// How many tickets there are in all.
    pub capacity: i64,
    /// How many tickets one order may have.
    #[serde(default = "default_max_per_order")]
    pub max_per_order: i64,
    /// When sale begins; without it, when the event is published.
    pub sales_start_at: Option<Timestamp>,
    /// When sale ends; without it, when the event ends.
    pub sales_end_at: Option<Timestamp>,
    /// From when its tickets are valid, if not for the whole event.
    pub valid_from_at: Option<Timestamp>,
    /// Until when its tickets are valid, if not for the whole event.
    pub valid_until_at: Option<Timestamp>,
    /// The currency of its amounts; if it is said, it must be the event's.
    pub currency: Option<Currency>,
    /// What kind of thing it sells; a ticket, unless it is said.
    #[serde(default)]
    pub kind: TierKind,
    /// Whether a ticket is for one date, and each date has its own stock.
    #[serde(default)]
    pub per_date: bool,
    /// The pool whose capacity it shares with other tiers.
    pub pool_id: Option<PoolId>,
    /// Whether it is shown and sold only to those with a code that unlocks it.
    #[serde(default)]
    pub hidden: bool,
    /// The price category of the seat map whose seats it sells.
    pub seat_category: Option<String>,
    /// Whether an order with one of it waits, unpaid, until the organiser accepts it; those of staff do not.
    #[serde(default)]
    pub needs_approval: bool,
    /// How its price comes about; without it, `price_minor` is the price.
    pub pricing: Option<TierPricing>,
}

const fn default_max_per_order() -> i64 {
    10
}

/// A change of a tier; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPatch {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// What it includes, in plain text.
    pub description: Option<String>,
    /// The price of one ticket, in minor units of the event's currency, taxes included.
    pub price_minor: Option<i64>,
    /// How many tickets there are in all; never below what is sold and held.
    pub capacity: Option<i64>,
    /// How many tickets one order may have.
    pub max_per_order: Option<i64>,
    /// The currency of its amounts; if it is said, it must be the event's.
    pub currency: Option<Currency>,
    /// When sale begins; null for when the event is published.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Timestamp>)]
    pub sales_start_at: Option<Option<Timestamp>>,
    /// When sale ends; null for when the event ends.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Timestamp>)]
    pub sales_end_at: Option<Option<Timestamp>>,
    /// What kind of thing it sells.
    pub kind: Option<TierKind>,
    /// Whether a ticket is for one date; only while nothing of it is sold or held.
    pub per_date: Option<bool>,
    /// The pool whose capacity it shares; null for none. Only while nothing of it is sold or held.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<PoolId>)]
    pub pool_id: Option<Option<PoolId>>,
    /// Whether it is shown and sold only to those with a code that unlocks it.
    pub hidden: Option<bool>,
    /// The price category of the seat map whose seats it sells; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub seat_category: Option<Option<String>>,
    /// Whether an order with one of it waits, unpaid, until the organiser accepts it; those of staff do not.
    pub needs_approval: Option<bool>,
    /// How its price comes about; null for the fixed price of `price_minor`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<TierPricing>)]
    pub pricing: Option<Option<TierPricing>>,
}

/// What is said, null among it; what is left out is none.
pub(in crate::catalog) fn nullable<'de, D, T>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
