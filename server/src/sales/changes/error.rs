//! Why changes of orders are refused.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::Stale;

use super::model::TicketRefusal;
use crate::catalog::CatalogError;
use crate::catalog::policy::{PassOnRefusal, RefundRefusal};
use crate::events::Refused;
use crate::sales::SalesError;

/// Why a change of an order was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// What it asks for cannot be had, or there is no such order.
    #[error(transparent)]
    Sales(#[from] SalesError),
    /// The order is not what `If-Match` says.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The order has another version by now.
    #[error("the order was changed in the meantime; please look again")]
    VersionConflict,
    /// It is a part of another order now.
    #[error("this order is a part of another order now")]
    Merged,
    /// A change of it waits for its payment.
    #[error("another change of this order waits for its payment; pay it or give it up first")]
    Waiting,
    /// Nothing would be left of it.
    #[error("nothing would be left of the order; it can be refunded as a whole")]
    LeavesNothing,
    /// A ticket cannot be changed.
    #[error("a ticket of these cannot be changed any more")]
    Ticket(TicketRefusal),
    /// Nothing would be given back for what is cancelled.
    #[error("the refund policy gives nothing back for this now")]
    NotRefundable(RefundRefusal),
    /// Buyers may not name other holders now.
    #[error("holders cannot be changed now")]
    NotTransferable(PassOnRefusal),
    /// It comes to something else than the caller has seen.
    #[error("what this change comes to is not what it was a moment ago; please look again")]
    MoneyChanged,
    /// What is to be exchanged has begun.
    #[error("it is too late to change this")]
    TooLate,
    /// The other order cannot become a part of this one.
    #[error("only another paid order of the same buyer and event can be merged")]
    NotMergeable,
}

impl ChangeError {
    /// One field is wrong.
    pub(super) fn field(field: &str, code: &'static str, detail: &str) -> Self {
        Self::Sales(SalesError::Invalid(vec![FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail: detail.to_owned(),
        }]))
    }
}

impl From<DbError> for ChangeError {
    fn from(error: DbError) -> Self {
        Self::Sales(error.into())
    }
}

impl From<CatalogError> for ChangeError {
    fn from(error: CatalogError) -> Self {
        Self::Sales(error.into())
    }
}

impl From<Refused> for ChangeError {
    fn from(refused: Refused) -> Self {
        Self::Sales(refused.into())
    }
}

impl IntoProblem for ChangeError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Sales(error) => error.into_problem(),
            Self::Stale(error) => error.into_problem(),
            Self::VersionConflict => Problem::conflict("sales.order_version_conflict", detail),
            Self::Merged => Problem::conflict("sales.order_merged", detail),
            Self::Waiting => Problem::conflict("sales.change_waiting", detail),
            Self::LeavesNothing => Problem::conflict("sales.change_leaves_nothing", detail),
            Self::Ticket(why) => Problem::conflict(format!("sales.{why}"), detail),
            Self::NotRefundable(why) => Problem::conflict(format!("sales.{why}"), detail),
            Self::NotTransferable(why) => Problem::conflict(format!("sales.{why}"), detail),
            Self::MoneyChanged => Problem::conflict("sales.change_money_changed", detail),
            Self::TooLate => Problem::conflict("sales.change_too_late", detail),
            Self::NotMergeable => Problem::conflict("sales.not_mergeable", detail),
        }
    }
}
