//! Why something about the waitlist is refused.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use super::model::WaitlistEntryState;
use crate::catalog::CatalogError;
use crate::identity::IdentityError;
use crate::sales::SalesError;

/// Why something about the waitlist was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum WaitlistError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such entry, or the caller may not see it.
    #[error("there is no such entry of a waitlist")]
    NotFound,
    /// Nothing of the tier is sold now, so that nobody waits for it.
    #[error("this ticket is not on sale now, so there is nothing to wait for")]
    Closed,
    /// Tickets can be bought at once.
    #[error("there are tickets left, so there is no need to wait")]
    NotNeeded,
    /// Somebody asks for an address again and again; so many seconds must pass.
    #[error("this address was put on too many waitlists; please try again in {0} seconds")]
    TooOften(u32),
    /// The entry does not wait.
    #[error("the entry is {0}")]
    State(WaitlistEntryState),
    /// What is wanted cannot be held.
    #[error(transparent)]
    Sales(#[from] SalesError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for WaitlistError {
    fn from(error: CatalogError) -> Self {
        Self::Sales(error.into())
    }
}

impl From<IdentityError> for WaitlistError {
    fn from(error: IdentityError) -> Self {
        if let IdentityError::Db(error) = error {
            return Self::Db(error);
        }
        Self::Db(DbError::Fault {
            at: "sales::waitlist: mail",
            detail: error.to_string(),
        })
    }
}

impl IntoProblem for WaitlistError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("sales.waitlist_entry_not_found", detail),
            Self::Closed => Problem::conflict("sales.waitlist_closed", detail),
            Self::NotNeeded => Problem::conflict("sales.waitlist_not_needed", detail),
            Self::TooOften(seconds) => {
                Problem::too_many("sales.waitlist_too_often", detail).retry_after(seconds)
            }
            Self::State(_) => Problem::conflict("sales.waitlist_state", detail),
            Self::Sales(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
