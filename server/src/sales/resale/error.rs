//! Why something about resale is refused.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::money::Money;

use super::model::{ListingState, why_not};
use crate::catalog::CatalogError;
use crate::catalog::policy::PassOnRefusal;
use crate::sales::SalesError;
use crate::sales::waitlist::WaitlistError;

/// Why something about resale was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ResaleError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such listing, or the caller may not see it.
    #[error("there is no such ticket for resale")]
    NotFound,
    /// The ticket is not sold on.
    #[error("{}", why_not(*.0))]
    Refused(PassOnRefusal),
    /// The price is higher than policy or law allow.
    #[error("the price is higher than it may be: at most {0}, fees included")]
    AboveCap(Money),
    /// The ticket came with others as one thing.
    #[error("this ticket was sold together with others, so it cannot be sold alone")]
    PartOfBundle,
    /// The ticket is for sale already.
    #[error("this ticket is for sale; take it back first")]
    Listed,
    /// It was listed too often.
    #[error("this ticket was offered for sale too often")]
    TooOften,
    /// It can be bought by nobody, or somebody else is buying it.
    #[error("somebody else is buying this ticket, or it is no longer for sale")]
    Gone,
    /// The listing's state does not allow it.
    #[error("the listing is {0}")]
    State(ListingState),
    /// Asking who waits failed.
    #[error(transparent)]
    Waitlist(WaitlistError),
    /// Selling was refused.
    #[error(transparent)]
    Sales(#[from] SalesError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for ResaleError {
    fn from(error: CatalogError) -> Self {
        Self::Sales(error.into())
    }
}

impl IntoProblem for ResaleError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("sales.resale_not_found", detail),
            Self::Refused(PassOnRefusal::Price) => {
                Problem::unprocessable("sales.resale_price", detail)
            }
            Self::Refused(refusal) => Problem::conflict(format!("sales.{refusal}"), detail),
            Self::AboveCap(most) => {
                let text = format!("Must be at most {}.", most.minor);
                Problem::unprocessable("sales.resale_above_cap", detail).field(
                    "price_minor",
                    "above_cap",
                    text,
                )
            }
            Self::PartOfBundle => Problem::conflict("sales.resale_part_of_bundle", detail),
            Self::Listed => Problem::conflict("sales.resale_listed", detail),
            Self::TooOften => Problem::conflict("sales.resale_listed_too_often", detail),
            Self::Gone => Problem::conflict("sales.resale_gone", detail),
            Self::State(_) => Problem::conflict("sales.resale_state", detail),
            Self::Waitlist(error) => error.into_problem(),
            Self::Sales(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
