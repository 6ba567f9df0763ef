//! Use cases of tickets: their keys, issuing, ending, showing and buying.

mod change;
mod changed;
mod holders;
mod issue;
mod keys;
mod show;

pub use change::*;
pub use changed::*;
pub use issue::*;
pub use keys::*;
pub use show::*;

pub(super) use holders::{holder, holder_purpose, opened};
pub(super) use keys::open;

use change::end_all;
use holders::{fed, sealed_holder};
use keys::issuer;
use show::sign;

use bilten_kernel::db::DbError;

use super::model::*;
use crate::catalog::CatalogError;
use crate::events::Refused;
use crate::payments::PaymentError;
use crate::platform::VaultError;
use crate::sales::{CanBeUnknownCode, SalesError};

/// Why something about tickets was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// There is no such ticket, or the caller may not see it.
    #[error("there is no such ticket")]
    NotFound,
    /// The ticket's state does not allow it.
    #[error("the ticket is {0}")]
    State(TicketState),
    /// The ticket was changed by somebody else in this very moment.
    #[error("the ticket was changed in the meantime")]
    Conflict,
    /// The new holder's name cannot be used.
    #[error("a holder's name has 1 to 200 characters and no control characters")]
    Holder,
    /// The ticket was reissued 65,534 times.
    #[error("the ticket cannot be reissued any more")]
    Versions,
    /// The event has no key in force.
    #[error("the event has no key to sign with")]
    NoKey,
    /// Buying was refused.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// A key cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl CanBeUnknownCode for TicketError {
    fn is_unknown_code(&self) -> bool {
        if let Self::Payment(PaymentError::Sales(error)) = self {
            error.is_unknown_code()
        } else {
            false
        }
    }
}

impl From<SalesError> for TicketError {
    fn from(error: SalesError) -> Self {
        Self::Payment(error.into())
    }
}

impl From<CatalogError> for TicketError {
    fn from(error: CatalogError) -> Self {
        Self::Payment(SalesError::from(error).into())
    }
}

impl From<Refused> for TicketError {
    fn from(refused: Refused) -> Self {
        Self::Payment(SalesError::from(refused).into())
    }
}
