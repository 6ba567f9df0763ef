//! What people can do about their own data: see and change it, agree, get a copy, be forgotten.

mod consents;
mod email_change;
mod erase;
mod export;
mod profile;

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

pub use consents::*;
pub use email_change::*;
pub use erase::*;
pub use export::*;
pub use profile::*;

use super::IdentityError;
use crate::events::Refused;
use crate::identity::model::Person;
use crate::platform::VaultError;

/// Why something about somebody's own data was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// Fields that cannot be used.
    #[error("something in the request is wrong")]
    Invalid(Vec<FieldError>),
    /// An administrator acts as somebody else.
    #[error("This can be done by the person themselves only.")]
    Impersonated,
    /// The same thing was changed by another request in this very moment.
    #[error("This was changed somewhere else in this very moment. Please look again.")]
    ChangedMeanwhile,
    /// The link is unknown, was used, or has expired.
    #[error("This link is not known, was used already, or has expired.")]
    LinkUnknown,
    /// The address belongs to another account.
    #[error("This address belongs to another account by now.")]
    EmailTaken,
    /// Too many changes were asked for.
    #[error("That is enough for today. Please try again tomorrow.")]
    TooMany,
    /// The text that somebody agreed to is not the one that is in force.
    #[error("The text has changed. Please read it again.")]
    ConsentVersion,
    /// There is no account without it.
    #[error("There is no account without this. Erase your account to take it back.")]
    ConsentRequired,
    /// Organisations would be left without an owner.
    #[error("Nobody else owns {}. Make somebody else an owner first.", .0.join(", "))]
    OnlyOwner(Vec<String>),
    /// There is no such copy, or it is not ready.
    #[error("There is no such copy, or it is not kept any more.")]
    ExportNotFound,
    /// Something about identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A stored secret cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Refused> for PrivacyError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            // Says that about events only.
            Refused::CapacityBelowSold | Refused::SeatsTaken(_) => Self::ChangedMeanwhile,
        }
    }
}

impl IntoProblem for PrivacyError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::Impersonated => Problem::forbidden("identity.impersonated", detail),
            Self::ChangedMeanwhile => Problem::conflict("identity.changed_meanwhile", detail),
            Self::LinkUnknown => Problem::gone("identity.link_unknown", detail),
            Self::EmailTaken => Problem::conflict("identity.email_taken", detail),
            Self::TooMany => Problem::too_many("identity.too_many_changes", detail),
            Self::ConsentVersion => Problem::conflict("identity.consent_version", detail),
            Self::ConsentRequired => Problem::conflict("identity.consent_required", detail),
            Self::OnlyOwner(_) => Problem::conflict("identity.only_owner", detail),
            Self::ExportNotFound => Problem::not_found("identity.export_not_found", detail),
            Self::Identity(error) => error.into_problem(),
            Self::Vault(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}

fn invalid(field: &str, code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError {
        field: field.to_owned(),
        code: code.into(),
        detail: detail.into(),
    }
}

/// Refuses an administrator who acts as somebody else: what concerns only the person themselves.
fn themselves(person: &Person) -> Result<(), PrivacyError> {
    match person.impersonation {
        Some(_) => Err(PrivacyError::Impersonated),
        None => Ok(()),
    }
}
