//! Whether somebody proved only just who they are, where that depends on what they ask for.

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;

/// The person, if they themselves proved only just who they are.
///
/// # Errors
/// [`IdentityError::Impersonated`], [`IdentityError::Reauthenticate`], or
/// [`IdentityError::Denied`] for a program.
pub fn require_recent<'a>(
    app: &App,
    principal: &'a Principal,
) -> Result<&'a Person, IdentityError> {
    match principal {
        Principal::Program(_) => Err(IdentityError::Denied(Denied::PermissionMissing)),
        Principal::Person(person) if person.impersonation.is_some() => {
            Err(IdentityError::Impersonated)
        }
        Principal::Person(person) if !person.is_recent(app.now()) => {
            Err(IdentityError::Reauthenticate)
        }
        Principal::Person(person) => Ok(person),
    }
}
