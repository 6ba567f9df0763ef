//! Capacity pools: how many tickets several tiers have together.

use bilten_kernel::{record, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

typed_id!(pub PoolId, "pol", "Names a capacity pool of an event.");

/// The most pools of one event.
pub const MAX_POOLS: usize = 50;

record! {
    /// A capacity that tiers share: each unit of each of them takes one of it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct CapacityPool {
        /// Its id.
        pub id: PoolId,
        /// Its name.
        pub name: String,
        /// How many there are in all; of each date, if its tiers are sold by date.
        pub capacity: i64,
        /// Whether each date has its own stock.
        #[serde(default)]
        pub per_date: bool,
    }
}

/// What an organiser says of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolInput {
    /// Its name.
    pub name: String,
    /// How many there are in all; of each date, if its tiers are sold by date.
    pub capacity: i64,
    /// Whether each date has its own stock; as its tiers are sold.
    #[serde(default)]
    pub per_date: bool,
}

/// A change of a pool; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolPatch {
    /// The version of the event that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// How many there are in all; never below what is sold and held.
    pub capacity: Option<i64>,
}
