//! Refusals in the words of RFC 6749, 7009 and 9207: programs that know OAuth read nothing else.

use axum::http::StatusCode;
use bilten_kernel::text_enum;

text_enum! {
    /// Why a request of OAuth was refused, as the standard names it.
    pub enum OAuthCode {
        /// A parameter is missing, wrong or given twice.
        InvalidRequest = "invalid_request",
        /// The client did not prove who it is.
        InvalidClient = "invalid_client",
        /// The code or refresh token is unknown, used, expired, revoked or another client's.
        InvalidGrant = "invalid_grant",
        /// The client may not do it in this way.
        UnauthorizedClient = "unauthorized_client",
        /// There is no such way to tokens here.
        UnsupportedGrantType = "unsupported_grant_type",
        /// The authorisation endpoint gives codes only.
        UnsupportedResponseType = "unsupported_response_type",
        /// The scope is unknown or more than what may be had.
        InvalidScope = "invalid_scope",
        /// The person said no.
        AccessDenied = "access_denied",
    }
}

/// Why a request of OAuth was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct OAuthError {
    /// In the word of the standard.
    pub code: OAuthCode,
    /// In a sentence for whoever writes the program; plain ASCII, as RFC 6749 wants it.
    pub description: &'static str,
}

impl OAuthError {
    /// A refusal.
    pub const fn new(code: OAuthCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// A parameter is missing, wrong or given twice.
    pub const fn request(description: &'static str) -> Self {
        Self::new(OAuthCode::InvalidRequest, description)
    }

    /// The client did not prove who it is.
    pub const fn client() -> Self {
        Self::new(
            OAuthCode::InvalidClient,
            "This client is unknown or switched off, or its secret is wrong.",
        )
    }

    /// The code or refresh token does not count; why is not for whoever holds it.
    pub const fn grant() -> Self {
        Self::new(
            OAuthCode::InvalidGrant,
            "This code or token is unknown, expired, used or revoked, or belongs to another client.",
        )
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        match self.code {
            OAuthCode::InvalidClient => StatusCode::UNAUTHORIZED,
            OAuthCode::InvalidRequest
            | OAuthCode::InvalidGrant
            | OAuthCode::UnauthorizedClient
            | OAuthCode::UnsupportedGrantType
            | OAuthCode::UnsupportedResponseType
            | OAuthCode::InvalidScope
            | OAuthCode::AccessDenied => StatusCode::BAD_REQUEST,
        }
    }
}
