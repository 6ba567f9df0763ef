//! What sales refuses, as problems.

use bilten_core::price::Refusal;
use bilten_kernel::error::{IntoProblem, Problem};

use crate::catalog::seating::{ChoiceFault, NoPick};
use crate::sales::limits::{LimitKind, LimitMet};
use crate::sales::service::SalesError;
use crate::waiting_room;

impl IntoProblem for SalesError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::EventNotFound => Problem::not_found("sales.event_not_found", detail),
            Self::OrderNotFound => Problem::not_found("sales.order_not_found", detail),
            Self::HoldGone => Problem::gone("sales.hold_gone", detail),
            Self::OffSale { tier, not_yet } => {
                let code = if not_yet {
                    "sales.not_yet_on_sale"
                } else {
                    "sales.off_sale"
                };
                Problem::conflict(code, detail).field(
                    "items",
                    "off_sale",
                    format!("{tier} is not on sale now."),
                )
            }
            Self::SoldOut { tier, left } => Problem::conflict("sales.sold_out", detail).field(
                "items",
                "sold_out",
                format!("{tier} has {} left.", left.max(0)),
            ),
            Self::SeatsTaken(seats) => with_seats(
                Problem::conflict("sales.seats_taken", detail),
                "taken",
                &seats,
            ),
            Self::Choice(fault) => choice(&fault, detail),
            Self::NoSeats(why) => no_seats(why, detail),
            Self::Price(refusal) => price(&refusal, detail),
            Self::CodeUnknown { place } => Problem::unprocessable("sales.code_unknown", detail)
                .field(
                    format!("codes[{place}]"),
                    "unknown",
                    "This code is not known.",
                ),
            Self::OfferChanged => Problem::conflict("sales.offer_changed", detail),
            Self::VersionConflict { .. } => Problem::conflict("sales.version_conflict", detail),
            Self::Stale(stale) => stale.into_problem(),
            Self::KeyReused => Problem::unprocessable("sales.idempotency_key_reused", detail),
            Self::WaitingRoom { event, refusal } => waiting_room::entry_problem(event, refusal),
            Self::State(_) => Problem::conflict("sales.state", detail),
            Self::PaidOut => Problem::conflict("sales.resale_paid_out", detail),
            Self::Merged => Problem::conflict("sales.order_merged", detail),
            Self::PurchaseLimit(met) => {
                let problem = Problem::conflict(LimitMet::CODE, detail.clone());
                if met.kind == LimitKind::Payment {
                    problem.field("payment", "limit_met", detail)
                } else {
                    problem
                }
            }
            Self::OrderRefused => Problem::conflict("sales.order_refused", detail),
            Self::UnderReview => Problem::conflict("sales.under_review", detail),
            Self::NotUnderReview => Problem::conflict("sales.not_under_review", detail),
            Self::NoteNotFound => Problem::not_found("sales.note_not_found", detail),
            Self::TooManyNotes => Problem::conflict("sales.too_many_notes", detail),
            Self::TooOften(seconds) => {
                Problem::too_many("sales.too_often", detail).retry_after(seconds)
            }
            Self::TooManyListen => {
                Problem::unavailable("sales.too_many_listen", detail).retry_after(5)
            }
            Self::Db(error) => error.into_problem(),
        }
    }
}

/// Adds the seats that a problem is about.
fn with_seats<T: std::fmt::Display>(problem: Problem, code: &'static str, seats: &[T]) -> Problem {
    seats.iter().take(100).fold(problem, |problem, seat| {
        problem.field("seats", code, seat.to_string())
    })
}

/// Why seats cannot be chosen together.
fn choice(fault: &ChoiceFault, detail: String) -> Problem {
    let problem = Problem::conflict(fault.code(), detail);
    match fault {
        ChoiceFault::Empty => problem,
        ChoiceFault::NotFree(seats) => with_seats(problem, "taken", seats),
        ChoiceFault::PartOfTable(tables) => with_seats(problem, "whole_table", tables),
        ChoiceFault::CompanionAlone(seats) => with_seats(problem, "companion_alone", seats),
        ChoiceFault::LeavesSingles(seats) => with_seats(problem, "left_single", seats),
    }
}

/// Why there are no seats as they are wished for.
fn no_seats(why: NoPick, detail: String) -> Problem {
    match why {
        NoPick::Wish | NoPick::UnknownSection | NoPick::UnknownCategory => {
            Problem::unprocessable(why.code(), detail)
        }
        NoPick::TooFew(_) | NoPick::NoAccess | NoPick::NotTogether | NoPick::LeavesSingles => {
            Problem::conflict(why.code(), detail)
        }
    }
}

/// Why what was chosen has no price: by what is there or by what was asked.
fn price(refusal: &Refusal, detail: String) -> Problem {
    let code = format!("sales.{}", refusal.code());
    match refusal.code() {
        "code_not_applicable" => {
            let problem = Problem::conflict(code, detail);
            if let Refusal::CodeNotApplicable { why, .. } = refusal {
                problem.field("codes", why.code(), why.to_string())
            } else {
                problem
            }
        }
        "not_on_sale" | "bad_rules" => Problem::conflict(code, detail),
        other => Problem::unprocessable(code, detail).field("items", other, refusal.to_string()),
    }
}
