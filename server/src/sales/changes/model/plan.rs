//! What is to be done to an order and its tickets, unit by unit.

use bilten_kernel::money::Currency;
use serde::{Deserialize, Serialize};

use super::{ChangeMoney, LineReason};
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId, TierId};
use crate::events::PaidOrder;
use crate::sales::codes::CodeShift;
use crate::sales::{HeldSeat, OrderId};

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

impl TicketPlan {
    /// How many tickets the order has more afterwards, as purchase limits count them.
    pub(in crate::sales::changes) fn more(&self) -> i64 {
        let count = |tickets: usize| i64::try_from(tickets).unwrap_or(i64::MAX);
        count(self.added.len()) - count(self.ended.len())
    }
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
pub(in crate::sales::changes) struct Plan {
    /// Its units afterwards.
    pub(in crate::sales::changes) units: Vec<Unit>,
    /// What it takes (above zero) or gives back of which counter, sorted.
    pub(in crate::sales::changes) stock: Vec<(CounterKey, i64)>,
    /// The seats that it takes, sorted.
    pub(in crate::sales::changes) seats_in: Vec<(OccurrenceId, SeatId)>,
    /// The seats that it gives back, sorted.
    pub(in crate::sales::changes) seats_out: Vec<(OccurrenceId, SeatId)>,
    /// What happens to its tickets.
    pub(in crate::sales::changes) tickets: TicketPlan,
    /// How many numbers its tickets have had then.
    pub(in crate::sales::changes) numbers: u32,
    /// How many of the added tickets come with what was exchanged: nobody new is named on them.
    pub(in crate::sales::changes) unnamed: u32,
    /// What it comes to.
    pub(in crate::sales::changes) money: ChangeMoney,
    /// How what its codes are counted for changes, sorted.
    #[serde(default)]
    pub(in crate::sales::changes) codes: Vec<CodeShift>,
}

/// One of what an order is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sales::changes) struct Unit {
    pub(in crate::sales::changes) tier: TierId,
    pub(in crate::sales::changes) label: String,
    pub(in crate::sales::changes) occurrence: Option<OccurrenceId>,
    pub(in crate::sales::changes) seat: Option<HeldSeat>,
    /// The price of one before codes and group rates and what comes on top.
    pub(in crate::sales::changes) unit_price_minor: i64,
    /// What was paid for it: all in.
    pub(in crate::sales::changes) paid_minor: i64,
    /// What of that is fees.
    pub(in crate::sales::changes) fees_minor: i64,
    pub(in crate::sales::changes) tickets: Vec<UnitTicket>,
    /// What codes took off it.
    #[serde(default)]
    pub(in crate::sales::changes) codes: Vec<UnitCode>,
    pub(in crate::sales::changes) reason: LineReason,
}

/// What a code took off a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sales::changes) struct UnitCode {
    /// The code's id, as prices know it.
    pub(in crate::sales::changes) code: String,
    /// Whether the unit is one of those that the code made cheaper; its line shares what it took off.
    pub(in crate::sales::changes) is_counted: bool,
    pub(in crate::sales::changes) minor: i64,
}
