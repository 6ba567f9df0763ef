//! Tiers: kinds of ticket with a price and a capacity.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

typed_id!(pub TierId, "tir", "Names a tier of an event.");

/// The most tiers of one event.
pub const MAX_TIERS: usize = 50;
/// The largest price of one ticket in minor units: far above any real one, far below overflow.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000;
/// The largest capacity of one tier.
pub const MAX_CAPACITY: i64 = 10_000_000;

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
        /// How many tickets there are in all.
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
}
