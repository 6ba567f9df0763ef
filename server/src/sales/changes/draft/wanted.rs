//! What becomes of units, and of the order.

use crate::catalog::seating::SeatId;
use crate::catalog::{OccurrenceId, TierId};
use crate::sales::OrderId;
use crate::sales::changes::model::*;

/// For what a unit goes.
#[derive(Clone, Debug)]
pub(in crate::sales::changes) struct Wanted {
    pub(super) tier: TierId,
    pub(super) occurrence: Option<OccurrenceId>,
    pub(super) seats: Vec<SeatId>,
    pub(super) chosen_minor: Option<i64>,
    /// It costs what the old one cost.
    pub(in crate::sales::changes) keeps_price: bool,
}

impl Wanted {
    /// Whether no seat is named.
    pub(in crate::sales::changes) const fn takes_any_seat(&self) -> bool {
        self.seats.is_empty()
    }

    /// Whether a unit is that.
    pub(in crate::sales::changes) fn is(&self, unit: &Unit) -> bool {
        let has_seat = |seat: &SeatId| unit.seat.as_ref().is_some_and(|own| own.id == *seat);
        self.tier == unit.tier
            && self
                .occurrence
                .is_none_or(|date| unit.occurrence == Some(date))
            && (self.seats.is_empty() || self.seats.iter().any(has_seat))
            && self
                .chosen_minor
                .is_none_or(|chosen| chosen == unit.unit_price_minor)
    }
}

/// What becomes of a unit.
#[derive(Clone, Debug)]
pub(in crate::sales::changes) enum Fate {
    Keep,
    Exchange(Wanted),
    Cancel,
    Move,
}

/// What is done to an order as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sales::changes) enum Whole {
    /// Its units change.
    Edit,
    /// Some of them go to a new order.
    Split,
    /// Those of another order come.
    Merge {
        order: OrderId,
        version: Option<i64>,
        token: Option<String>,
    },
}
