//! Use cases of tickets: their keys, issuing, ending, showing and buying.

mod change;
mod changed;
mod export;
mod holders;
mod issue;
mod keys;
mod show;

pub use change::*;
pub use changed::*;
pub use export::*;
pub use issue::*;
pub use keys::*;
pub use show::*;

pub(super) use change::raise;
pub(super) use holders::{holder, holder_purpose, opened, sealed_holder};
pub(super) use keys::open;
pub(super) use show::sign;

use change::end_all;
use holders::fed;
use keys::issuer;

use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;

use super::model::*;
use super::transfers::TransferState;
use crate::catalog::CatalogError;
use crate::catalog::policy::PassOnRefusal;
use crate::events::Refused;
use crate::payments::PaymentError;
use crate::platform::VaultError;
use crate::sales::resale::ResaleError;
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
    /// There is no such transfer, or the caller may not see it.
    #[error("there is no such offer of a ticket")]
    TransferNotFound,
    /// The ticket is somebody else's by now.
    #[error("the ticket was passed on; whoever has it now can pass it on")]
    PassedOn,
    /// It is offered to somebody already.
    #[error("the ticket is offered to somebody already; take that back first")]
    OfferedAlready,
    /// It was offered too often.
    #[error("the ticket was offered too often; please ask the organiser to pass it on")]
    OfferedTooOften,
    /// The offer is over.
    #[error("the offer of this ticket is {0}")]
    TransferState(TransferState),
    /// The ticket does not change hands.
    #[error("{}", super::transfers::why_not(*.0))]
    Transfer(PassOnRefusal),
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// Selling it on was refused.
    #[error(transparent)]
    Resale(#[from] ResaleError),
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
