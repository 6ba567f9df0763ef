//! What is asked of an order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::ChangeMoney;
use crate::catalog::seating::SeatId;
use crate::catalog::{OccurrenceId, TierId};
use crate::sales::{ItemRequest, OrderId, TicketRequest};

/// Which units of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitPick {
    /// The number of their line, from 1.
    #[schema(minimum = 1)]
    pub line: u32,
    /// Their numbers within the line, from 1; without them, all of the line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<u32>,
}

/// One step of a change. The lines that steps name are those before the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeStep {
    /// Units are of another tier from now on.
    ChangeTier {
        /// Which.
        pick: UnitPick,
        /// The new tier.
        tier: TierId,
        /// The date, if it is to be another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<OccurrenceId>,
        /// The seats, of a tier that sells seats; without them, the best that are free.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seats: Vec<SeatId>,
        /// What is paid for one in minor units, where that is the buyer's to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chosen_minor: Option<i64>,
    },
    /// Units are for another date from now on.
    ChangeDate {
        /// Which.
        pick: UnitPick,
        /// The new date.
        occurrence: OccurrenceId,
        /// The seats, of a tier that sells seats; without them, the best that are free.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seats: Vec<SeatId>,
    },
    /// Units have other seats from now on, of the same tier and date: they cost what they cost.
    ChangeSeats {
        /// Which.
        pick: UnitPick,
        /// The new seats, one for each; without them, the best that are free.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seats: Vec<SeatId>,
    },
    /// Somebody else comes with a ticket.
    ChangeHolder {
        /// The ticket's number within the order, from 1.
        #[schema(minimum = 1)]
        ticket: u32,
        /// The holder's name.
        name: String,
        /// The holder's e-mail address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
    },
    /// Units are given back.
    Cancel {
        /// Which.
        pick: UnitPick,
    },
    /// More is bought.
    Add {
        /// What.
        items: Vec<ItemRequest>,
        /// Who comes with the new tickets and what they answer, in the order of the tickets.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tickets: Vec<TicketRequest>,
    },
    /// Units go to a new order of the same buyer. Nothing else happens in the same change.
    Split {
        /// Which.
        picks: Vec<UnitPick>,
    },
    /// Another order of the same buyer and event becomes a part of this one. Nothing else happens in the
    /// same change.
    Merge {
        /// Which order.
        order: OrderId,
        /// Its version, if it must not have changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<i64>,
        /// Its secret, if the buyer asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
}

/// What a change comes to as its caller has seen it, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenMoney {
    /// What is to be paid.
    pub due_minor: i64,
    /// What goes back.
    pub refund_minor: i64,
}

impl From<&ChangeMoney> for SeenMoney {
    fn from(money: &ChangeMoney) -> Self {
        Self {
            due_minor: money.due_minor,
            refund_minor: money.refund_minor,
        }
    }
}

/// A wish to change an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The version of the order that this starts from; needed unless `If-Match` says it. A preview needs
    /// none, and says which one there is.
    #[serde(default)]
    pub version: Option<i64>,
    /// What is to be done, 1 to 20 steps.
    #[schema(min_items = 1, max_items = 20)]
    pub steps: Vec<ChangeStep>,
    /// What the caller has seen that it comes to. If it comes to something else by now, nothing happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenMoney>,
    /// Why everything is given back whatever the refund policy says; without a reason, the policy holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_policy: Option<String>,
}

/// A wish of a buyer to change their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopChangeRequest {
    /// The version of the order that this starts from; needed unless `If-Match` says it. A preview needs
    /// none, and says which one there is.
    #[serde(default)]
    pub version: Option<i64>,
    /// What is to be done, 1 to 20 steps.
    #[schema(min_items = 1, max_items = 20)]
    pub steps: Vec<ChangeStep>,
    /// What the caller has seen that it comes to. If it comes to something else by now, nothing happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenMoney>,
}

impl From<ShopChangeRequest> for ChangeRequest {
    fn from(asked: ShopChangeRequest) -> Self {
        Self {
            version: asked.version,
            steps: asked.steps,
            seen: asked.seen,
            beyond_policy: None,
        }
    }
}
