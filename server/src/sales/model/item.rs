//! Lines of holds and orders: how many of a tier somebody wants or has, and which seats.

use bilten_kernel::db::{AsJson, Col, ColError, FromCol};
use bilten_kernel::record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::seating::{PartId, SeatId};
use crate::catalog::{OccurrenceId, TierId};

/// The most different tiers in one order.
pub const MAX_ITEMS: usize = 20;

/// How many of a tier somebody wants, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemRequest {
    /// The tier.
    pub tier: TierId,
    /// How many; at least 1. Where `seats` names them, it may be left out.
    #[serde(default)]
    pub quantity: u32,
    /// The date, of a tier that is sold by dates; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceId>,
    /// Which seats, of a tier that sells seats; without it, the best ones that are free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatId>,
    /// What the best seats must be, where `seats` names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<SeatWish>,
    /// What the buyer pays for one in minor units, where that is theirs to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_minor: Option<i64>,
}

impl ItemRequest {
    /// So many of a tier.
    pub const fn of(tier: TierId, quantity: u32) -> Self {
        Self {
            tier,
            quantity,
            occurrence: None,
            seats: Vec::new(),
            wish: None,
            chosen_minor: None,
        }
    }
}

/// What the seats must be that are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeatWish {
    /// The only section that will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<PartId>,
    /// How many of them are wheelchair spaces.
    pub wheelchair: u16,
    /// How many of them are companions' seats at those spaces.
    pub companions: u16,
    /// How many of them are seats that are reached without a step.
    pub step_free: u16,
    /// Whether the party sits apart rather than not at all.
    pub may_split: bool,
    /// Whether seats with something in the view will not do.
    pub full_view: bool,
}

/// A seat that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldSeat {
    /// Its id in the seat map.
    pub id: SeatId,
    /// Section, row and seat, as people say them.
    pub label: String,
}

/// The seats of an item, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeldSeats(pub Vec<HeldSeat>);

impl FromCol for HeldSeats {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        AsJson::from_col(col).map(|AsJson(seats)| seats)
    }
}

record! {
    /// So many of a tier, at a price: a line of a hold or an order.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderItem {
        /// Its number within the order, from 1.
        pub line: u32,
        /// The tier.
        pub tier_id: TierId,
        /// What the tier was called.
        pub label: String,
        /// The date, if it is for one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub occurrence_id: Option<OccurrenceId>,
        /// How many.
        pub quantity: u32,
        /// The price of one in minor units, before codes and group rates and what comes on top.
        pub unit_price_minor: i64,
        /// What is paid for the line in minor units: all in.
        pub total_minor: i64,
        /// The seats, one for each unit, if it is for seats.
        #[schema(value_type = Vec<HeldSeat>)]
        pub seats: HeldSeats,
    }
}

impl OrderItem {
    /// What was asked for with it.
    pub fn request(&self) -> ItemRequest {
        ItemRequest {
            occurrence: self.occurrence_id,
            seats: self.seats.0.iter().map(|seat| seat.id).collect(),
            ..ItemRequest::of(self.tier_id, self.quantity)
        }
    }
}
