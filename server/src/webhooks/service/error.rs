//! Why something about webhooks is refused, or fails.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::Stale;

use crate::identity::IdentityError;
use crate::platform::VaultError;

/// Why something about webhooks was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Fields that cannot be used.
    #[error("something in the request is wrong")]
    Invalid(Vec<FieldError>),
    /// There is no such thing, or it belongs to somebody else.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Somebody else changed the same thing at the same time.
    #[error("this was changed by somebody else meanwhile: read it and try again")]
    ChangedMeanwhile,
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// There can be no more of them.
    #[error("an organisation has at most {0} endpoints; delete one first")]
    TooMany(i64),
    /// Nothing is sent to an endpoint that is off.
    #[error("this endpoint is off; switch it on first")]
    EndpointOff,
    /// People could not be told.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A stored secret cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A message cannot be written.
    #[error("a message cannot be written: {0}")]
    Message(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl IntoProblem for WebhookError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound(_) => Problem::not_found("webhooks.not_found", detail),
            Self::ChangedMeanwhile => Problem::conflict("webhooks.changed_meanwhile", detail),
            Self::Stale(error) => error.into_problem(),
            Self::TooMany(_) => Problem::conflict("webhooks.too_many", detail),
            Self::EndpointOff => Problem::conflict("webhooks.endpoint_off", detail),
            Self::Identity(error) => error.into_problem(),
            Self::Vault(error) => Problem::fault(&error),
            Self::Message(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}
