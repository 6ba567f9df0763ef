//! Refusals in words.

use axum::http::StatusCode;
use bilten_kernel::error::Problem;

use super::super::form::{Faults, Refusal};
use super::super::problem::sentence;
use super::choice::{Act, Choice};
use crate::catalog::policy::{PassOnRefusal, RefundReason, RefundRefusal};
use crate::sales::SalesError;
use crate::sales::changes::{ChangeError, TicketRefusal};
use crate::tickets::transfers;

/// Why nothing is given back.
pub(super) const fn no_refund(why: RefundRefusal) -> &'static str {
    match why {
        RefundRefusal::Disputed => "Its payment is disputed, so nothing is given back for now.",
        RefundRefusal::NothingLeft => "There is nothing left of it to give back.",
        RefundRefusal::Used => "A ticket has let somebody in, so nothing is given back.",
        RefundRefusal::PassedOn => "A ticket belongs to somebody else, so nothing is given back.",
        RefundRefusal::NotOffered => "The organiser gives no money back for this event.",
        RefundRefusal::TooLate => "It is too late: the organiser gives no money back any more.",
        RefundRefusal::AllKept => {
            "What the organiser keeps is as much as was paid, so nothing would be given back."
        }
    }
}

/// Why money goes back.
pub(super) const fn refund(why: RefundReason) -> &'static str {
    match why {
        RefundReason::EventCancelled => "The event does not take place.",
        RefundReason::EventMoved => "The event takes place at another time.",
        RefundReason::Withdrawal => "You give it back soon after you bought it.",
        RefundReason::Window => "That is the refund policy of this event.",
    }
}

/// Why nobody else can be named.
pub(super) fn no_other_name(why: PassOnRefusal) -> String {
    sentence(transfers::why_not(why))
}

const fn ticket(why: TicketRefusal) -> &'static str {
    match why {
        TicketRefusal::Used => "One of these tickets has let somebody in, so it stays as it is.",
        TicketRefusal::NotValid => "One of these tickets lets nobody in, so it cannot be changed.",
        TicketRefusal::PassedOn => {
            "One of these tickets belongs to somebody else by now, so it cannot be changed."
        }
    }
}

/// What is said of an order that was changed while somebody chose.
const CHANGED_MEANWHILE: &str =
    "Your order was changed in the meantime. This is how it stands now; please choose again.";

/// What is said of a price that is another one by now.
const MONEY_CHANGED: &str = "Prices or places have changed since you looked. This is what it comes to now; nothing has been done yet.";

/// What is said when something is there no more.
fn sold_out(left: i64) -> String {
    match left {
        ..=0 => "This is sold out. Please choose something else.".to_owned(),
        1 => "Only 1 is left. Please tick fewer tickets or choose something else.".to_owned(),
        left => {
            format!("Only {left} are left. Please tick fewer tickets or choose something else.")
        }
    }
}

fn conflict(field: &str, text: impl Into<String>) -> Refusal {
    let mut refusal = Refusal::with(Faults::one(field, text));
    refusal.status = StatusCode::CONFLICT;
    refusal
}

/// The field of the form that a service's field is about.
fn field_of(named: &str) -> String {
    let field = match named.rsplit('.').next() {
        Some("name") => "name",
        Some("email") => "email",
        Some("occurrence") => "date",
        Some("tier") => "tier",
        Some("ticket" | "pick" | "units" | "line") => "tickets",
        Some(_) | None => "",
    };
    field.to_owned()
}

/// What a change is refused for, beside the field that it is about.
///
/// # Errors
/// What is about something else than the choice.
pub(super) fn refused(choice: &Choice, error: ChangeError) -> Result<Refusal, Problem> {
    let field = choice.act.map_or("", Act::field);
    Ok(match error {
        ChangeError::Sales(SalesError::SoldOut { left, .. }) => conflict(field, sold_out(left)),
        ChangeError::Sales(SalesError::OffSale { .. }) => {
            conflict(field, "This is not on sale. Please choose something else.")
        }
        ChangeError::Sales(
            error @ (SalesError::SeatsTaken(_)
            | SalesError::Choice(_)
            | SalesError::NoSeats(_)
            | SalesError::Price(_)),
        ) => conflict(field, sentence(&error.to_string())),
        ChangeError::VersionConflict | ChangeError::Stale(_) => conflict("", CHANGED_MEANWHILE),
        ChangeError::LeavesNothing => conflict(
            "tickets",
            "Nothing would be left of your order. Please ask the organiser if you want to give all of it back.",
        ),
        ChangeError::Ticket(why) => conflict("tickets", ticket(why)),
        ChangeError::NotRefundable(why) => conflict("tickets", no_refund(why)),
        ChangeError::NotTransferable(why) => conflict("name", no_other_name(why)),
        ChangeError::TooLate => conflict(
            "tickets",
            "What one of these tickets is for has begun, so it cannot be exchanged any more.",
        ),
        ChangeError::MoneyChanged => conflict("", MONEY_CHANGED),
        error @ (ChangeError::Sales(_)
        | ChangeError::Merged
        | ChangeError::Waiting
        | ChangeError::NotMergeable) => {
            let mut refusal = Refusal::of(error, field_of)?;
            let mut told = Faults::default();
            // One name on several tickets is wrong once.
            for fault in refusal.take_faults().iter() {
                if told.of(&fault.field).is_none() {
                    told.add(fault.field.clone(), fault.text.clone());
                }
            }
            refusal.faults = told;
            refusal
        }
    })
}
