//! What is asked and answered about changes of orders.

use bilten_core::price::CodeRefusal;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::policy::{RefundReason, RefundRefusal};
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId, TierId};
use crate::events::PaidOrder;
use crate::sales::codes::{CodeShift, PromoCodeId};
use crate::sales::{HeldSeat, ItemRequest, OrderId, TicketRequest};

typed_id!(pub ChangeId, "chg", "Names a change of an order.");

/// The most steps of one change.
pub const MAX_STEPS: usize = 20;

text_enum! {
    /// Where a change stands.
    pub enum ChangeState {
        /// Nothing was done.
        Preview = "preview",
        /// It is done.
        Done = "done",
        /// It is done when its supplement is paid.
        Pending = "pending",
        /// Its supplement was not paid in time, or the order was changed before.
        Void = "void",
    }
}

text_enum! {
    /// Why units are in a line.
    pub enum LineReason {
        /// They stay as they are, and cost what they cost.
        Kept = "kept",
        /// They are for something else now.
        Changed = "changed",
        /// They come.
        Added = "added",
        /// They go, and are given back.
        Cancelled = "cancelled",
        /// They go to, or come from, another order.
        Moved = "moved",
    }
}

text_enum! {
    /// Why a ticket cannot be changed.
    pub enum TicketRefusal {
        /// It let somebody in.
        Used = "ticket_used",
        /// It is blocked, cancelled or revoked.
        NotValid = "ticket_not_valid",
        /// It belongs to somebody else by now.
        PassedOn = "ticket_passed_on",
    }
}

text_enum! {
    /// What a change does with a code of the order.
    pub enum CodeEvent {
        /// It takes something off what comes.
        Applied = "applied",
        /// It does not hold for what comes.
        NotApplied = "not_applied",
        /// What it took off goes back to it, with the units that go.
        Returned = "returned",
        /// What is left is not what it asks for: what it took off is taken from what goes back.
        Lost = "lost",
    }
}

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
}

impl From<ShopChangeRequest> for ChangeRequest {
    fn from(asked: ShopChangeRequest) -> Self {
        Self {
            version: asked.version,
            steps: asked.steps,
            beyond_policy: None,
        }
    }
}

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

/// A ticket by the order and the number that it was issued for: its id follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitTicket {
    /// Its number within its order now, from 0.
    pub number: u32,
    /// The order that it was issued for.
    pub first: OrderId,
    /// Its number there, from 0.
    pub first_number: u32,
}

/// What a ticket is for from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketNow {
    /// Which one.
    pub ticket: UnitTicket,
    /// Its tier.
    pub tier: TierId,
    /// Its date.
    pub occurrence: Option<OccurrenceId>,
    /// Its seat.
    pub seat: Option<HeldSeat>,
}

/// What happens to the tickets of an order that changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPlan {
    /// Issued anew: older codes die.
    pub reissued: Vec<TicketNow>,
    /// Ended.
    pub ended: Vec<UnitTicket>,
    /// Issued for the first time.
    pub added: Vec<TicketNow>,
}

/// An order that was changed, for those who react.
#[derive(Clone, Debug)]
pub struct ChangedOrder {
    /// Which order.
    pub order: OrderId,
    /// Of which event.
    pub event: EventId,
    /// Whether it is of a sandbox.
    pub sandbox: bool,
    /// What was done to it: `changed`, `split` or `merged`.
    pub change: &'static str,
    /// What happens to its tickets.
    pub tickets: TicketPlan,
    /// Who is named from now on on which of its tickets.
    pub holders: Vec<(UnitTicket, String)>,
    /// The new tickets, as those of an order that was paid: one for each line.
    pub added: Option<PaidOrder>,
    /// Tickets that go to another order, and what people call that.
    pub moved: Option<(OrderId, String, Vec<UnitTicket>)>,
    /// What goes back, in minor units.
    pub refund_minor: i64,
    /// In which currency.
    pub currency: Currency,
}

/// What is to be done to an order, decided for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Its units afterwards.
    pub(super) units: Vec<Unit>,
    /// What it takes (above zero) or gives back of which counter, sorted.
    pub(super) stock: Vec<(CounterKey, i64)>,
    /// The seats that it takes, sorted.
    pub(super) seats_in: Vec<(OccurrenceId, SeatId)>,
    /// The seats that it gives back, sorted.
    pub(super) seats_out: Vec<(OccurrenceId, SeatId)>,
    /// What happens to its tickets.
    pub(super) tickets: TicketPlan,
    /// How many numbers its tickets have had then.
    pub(super) numbers: u32,
    /// How many of the added tickets come with what was exchanged: nobody new is named on them.
    pub(super) unnamed: u32,
    /// What it comes to.
    pub(super) money: ChangeMoney,
    /// How what its codes are counted for changes, sorted.
    #[serde(default)]
    pub(super) codes: Vec<CodeShift>,
}

/// One of what an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unit {
    pub(super) tier: TierId,
    pub(super) label: String,
    pub(super) occurrence: Option<OccurrenceId>,
    pub(super) seat: Option<HeldSeat>,
    /// The price of one before codes and group rates and what comes on top.
    pub(super) unit_price_minor: i64,
    /// What was paid for it: all in.
    pub(super) paid_minor: i64,
    /// What of that is fees.
    pub(super) fees_minor: i64,
    pub(super) tickets: Vec<UnitTicket>,
    /// What codes took off it.
    #[serde(default)]
    pub(super) codes: Vec<UnitCode>,
    pub(super) reason: LineReason,
}

/// What a code took off a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnitCode {
    /// The code's id, as prices know it.
    pub(super) code: String,
    /// Whether the unit is one of those that the code made cheaper; its line shares what it took off.
    pub(super) is_counted: bool,
    pub(super) minor: i64,
}
