//! Offers of tickets, and the rules that need no database.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{text_enum, typed_id};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::EventId;
use crate::catalog::policy::{PassOnRefusal, Policy};
use crate::tickets::{Ticket, TicketId};

typed_id!(pub TransferId, "trf", "Names a transfer of a ticket.");

/// How long an offer is open at most, in milliseconds.
pub const TRANSFER_MS: i64 = 7 * 86_400_000;
/// How often one ticket is offered at most, whatever came of it: each offer sends a mail to somebody.
pub const MAX_OFFERS: i64 = 20;

text_enum! {
    /// Where a transfer stands.
    ///
    /// ```text
    /// pending ──▶ accepted
    ///    ├──▶ declined
    ///    ├──▶ cancelled   (taken back, or the ticket ended)
    ///    └──▶ expired
    /// ```
    pub enum TransferState {
        /// It waits for an answer.
        Pending = "pending",
        /// The ticket is the receiver's.
        Accepted = "accepted",
        /// The receiver does not want it.
        Declined = "declined",
        /// It was taken back, or the ticket ended.
        Cancelled = "cancelled",
        /// Nobody answered in time.
        Expired = "expired",
    }
}

/// A transfer as whoever offers it sees it, and the organiser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// The event it is for.
    pub event_id: EventId,
    /// The version that is offered; accepted, the ticket has the next one.
    pub ticket_version: u16,
    /// Where it stands.
    pub state: TransferState,
    /// To whom; empty once they are forgotten.
    pub email: String,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was offered.
    pub created_at: Timestamp,
    /// When it was answered, taken back or ended.
    pub settled_at: Option<Timestamp>,
}

/// A transfer as its receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OfferedTicket {
    /// The transfer.
    pub id: TransferId,
    /// Where it stands.
    pub state: TransferState,
    /// The event.
    pub event_id: EventId,
    /// What the event is called.
    pub event_name: String,
    /// The kind of ticket.
    pub tier_name: String,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// The ticket with its code, as long as it is the receiver's.
    pub ticket: Option<crate::tickets::SignedTicket>,
    /// The offer by which the receiver passes it on, if there is one that waits.
    pub onward: Option<Transfer>,
}

/// By which right somebody offers a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// They know the secret of its order.
    Order(crate::sales::OrderId),
    /// They know the secret of the transfer that brought it to them.
    Transfer(TransferId),
    /// They look after the event's tickets.
    Staff,
}

impl Holding {
    /// Whether the ticket is theirs now.
    pub fn holds(self, ticket: &Ticket) -> bool {
        match self {
            Self::Order(order) => ticket.order_id == order && ticket.transfer_id.is_none(),
            Self::Transfer(transfer) => ticket.transfer_id == Some(transfer),
            Self::Staff => true,
        }
    }
}

/// Until when an offer that is made now is open: not into the time before doors in which tickets do
/// not change hands.
pub fn open_until(policy: &Policy, doors_at: Timestamp, now: Timestamp) -> Timestamp {
    let freeze_ms = i64::from(policy.transfer.freeze_minutes) * 60_000;
    let frozen = doors_at.ms().saturating_sub(freeze_ms);
    Timestamp::from_ms(frozen.min(now.ms().saturating_add(TRANSFER_MS)))
}

/// Why a ticket does not change hands, for people.
pub const fn why_not(refusal: PassOnRefusal) -> &'static str {
    match refusal {
        PassOnRefusal::NotValid => "this ticket lets nobody in, so it cannot be passed on",
        PassOnRefusal::Used => "this ticket has let somebody in, so it cannot be passed on",
        PassOnRefusal::NotAllowed => "tickets of this event cannot be passed on",
        PassOnRefusal::Frozen => "it is too close to the doors to pass this ticket on",
        PassOnRefusal::TooOften => "this ticket was passed on as often as it may be",
        PassOnRefusal::AboveCap => "the price is above what was paid",
        PassOnRefusal::Price => "this is not a price",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: BE-2
    #[test]
    fn an_offer_ends_before_tickets_are_frozen() {
        let (policy, hour) = (Policy::default(), 3_600_000);
        let until = |doors_at: i64| {
            open_until(&policy, Timestamp::from_ms(doors_at), Timestamp::from_ms(0)).ms()
        };
        assert_eq!(until(24 * hour), 23 * hour);
        assert_eq!(until(1_000 * hour), TRANSFER_MS);
        assert_eq!(until(hour), 0);
        assert_eq!(until(i64::MIN), i64::MIN);
    }
}
