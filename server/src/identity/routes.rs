//! How requests say who they are.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use bilten_kernel::error::{IntoProblem, Problem};

use super::model::*;
use super::service::{self, IdentityError};
use crate::app::App;

/// A program that acts for an organisation with an API key: `Authorization: Bearer bilten_…`.
///
/// Taking this extractor is what makes a route the organiser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organiser {
    /// The key it came with.
    pub key: ApiKeyId,
    /// The organisation it acts for.
    pub organisation: OrganisationId,
}

impl Organiser {
    /// How the audit trail names who did something.
    pub fn actor(&self) -> String {
        self.key.to_string()
    }
}

/// The token of an `Authorization: Bearer …` header.
pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    parts
        .headers
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
        .map(str::trim)
}

impl FromRequestParts<App> for Organiser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(parts).ok_or_else(|| {
            Problem::unauthorized(
                "identity.key_required",
                "This needs an API key: Authorization: Bearer …",
            )
        })?;
        let found = service::authenticate(app, token).await?;
        let (key, organisation) = found.ok_or_else(|| {
            Problem::unauthorized(
                "identity.key_unknown",
                "This API key is not known, or was revoked.",
            )
        })?;
        Ok(Self { key, organisation })
    }
}

impl IntoProblem for IdentityError {
    fn into_problem(self) -> Problem {
        match self {
            Self::SlugTaken => Problem::conflict("identity.slug_taken", self.to_string()),
            Self::NotFound => Problem::not_found("identity.not_found", self.to_string()),
            Self::Name => Problem::unprocessable("identity.name", self.to_string()),
            Self::Db(error) => error.into_problem(),
        }
    }
}
