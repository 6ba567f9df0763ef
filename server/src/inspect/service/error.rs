//! Why a request is not shown.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use crate::identity::IdentityError;
use crate::platform::VaultError;

/// Why something about kept requests was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Fields that cannot be used.
    #[error("something in the request is wrong")]
    Invalid(Vec<FieldError>),
    /// There is no such request, or it was made by somebody else, or it is too old.
    #[error("there is no such request, or it is too old to be kept")]
    NotFound,
    /// The caller may not see any.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What was kept cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was kept cannot be read.
    #[error("a kept request cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl IntoProblem for InspectError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("inspect.not_found", detail),
            Self::Identity(error) => error.into_problem(),
            Self::Vault(error) => error.into_problem(),
            Self::Json(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}
