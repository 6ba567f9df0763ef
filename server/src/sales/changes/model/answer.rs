//! What is answered: an order before and after a change, and what that comes to.

use bilten_core::price::CodeRefusal;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ChangeId, ChangeState, CodeEvent, LineReason};
use crate::catalog::policy::{RefundReason, RefundRefusal};
use crate::catalog::{OccurrenceId, TierId};
use crate::sales::codes::PromoCodeId;
use crate::sales::{HeldSeat, OrderId};

/// One unit of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedUnit {
    /// Its number within the line, from 1.
    pub unit: u32,
    /// What is paid for it in minor units: all in.
    pub total_minor: i64,
    /// Its seat, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<HeldSeat>,
    /// The numbers of its tickets within the order, from 1; those to come have none yet.
    pub tickets: Vec<u32>,
}

/// A line of an order before or after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedLine {
    /// Its number within the order, from 1.
    pub line: u32,
    /// What becomes of it, or why it is there.
    pub reason: LineReason,
    /// The tier.
    pub tier_id: TierId,
    /// What the tier is called.
    pub label: String,
    /// The date, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence_id: Option<OccurrenceId>,
    /// How many.
    pub quantity: u32,
    /// What is paid for the line in minor units: all in.
    pub total_minor: i64,
    /// Each of its units.
    pub units: Vec<ChangedUnit>,
}

/// An order before or after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedSide {
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// Its lines.
    pub lines: Vec<ChangedLine>,
}

/// What a change comes to, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeMoney {
    /// What was paid for what is changed or cancelled.
    pub credit_minor: i64,
    /// What that costs which comes.
    pub cost_minor: i64,
    /// What is to be paid.
    pub due_minor: i64,
    /// What goes back.
    pub refund_minor: i64,
    /// What is kept of what was paid, by the refund policy.
    pub kept_minor: i64,
    /// What does not go back either, because a code does not hold any more for what is left: that costs so
    /// much more.
    #[serde(default)]
    pub lost_discount_minor: i64,
    /// Why money goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_reason: Option<RefundReason>,
    /// Why none goes back, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefundRefusal>,
}

/// What a change does with a code of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedCode {
    /// The code.
    pub code_id: PromoCodeId,
    /// Its text, as it is printed.
    pub code: String,
    /// What happens.
    pub event: CodeEvent,
    /// With how many units.
    pub units: u32,
    /// How much it takes off these, in minor units; of a lost one, how much is taken from what goes back.
    pub amount_minor: i64,
    /// Why it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<CodeRefusal>,
}

/// What has to be paid before a change is done: an order of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Supplement {
    /// The order that is to be paid.
    pub order_id: OrderId,
    /// Its secret, with which it is paid; only for whoever asked for the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What it costs, in minor units.
    pub total_minor: i64,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The other order of a split or a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OtherOrder {
    /// Its id; none in the preview of a split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The secret of the new order of a split; only for whoever asked for the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What it costs after the change, in minor units.
    pub total_minor: i64,
    /// Its lines after the change.
    pub lines: Vec<ChangedLine>,
}

/// A change of an order, or what it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderChange {
    /// Its id; none of a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ChangeId>,
    /// Where it stands.
    pub state: ChangeState,
    /// The order.
    pub order_id: OrderId,
    /// The version of the order: the next change starts from it.
    pub version: i64,
    /// The currency of the amounts (ISO 4217).
    pub currency: Currency,
    /// The order before it.
    pub before: ChangedSide,
    /// The order after it.
    pub after: ChangedSide,
    /// What it comes to.
    pub money: ChangeMoney,
    /// What it does with the codes of the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ChangedCode>,
    /// What is to be paid first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplement: Option<Supplement>,
    /// The other order of a split or merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherOrder>,
}
