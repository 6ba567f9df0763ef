//! OpenID Connect as a relying party: authorisation code with PKCE and a nonce.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | the two steps: where to send a browser, and who came back |
//! | `http.rs` | requests to providers: no redirects, no private networks, little time, little room |
//! | `apple.rs` | the client secret that Apple wants: a token, made anew each time |
//!
//! What a provider says is believed after its ID token was verified: signature by a published key
//! and a public-key algorithm, issuer, audience, times and nonce.

mod apple;
mod client;
mod http;

pub use apple::{AppleKey, apple_client_secret};
pub use client::{Ask, Identity, OidcClient, Provider};

use crate::outgoing::Refusal;

/// Why a provider does not say who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// It cannot be reached, takes too long, or says that it is broken.
    #[error("the identity provider cannot be reached: {0}")]
    Down(String),
    /// It answers something that makes no sense.
    #[error("the identity provider's answer makes no sense: {0}")]
    Garbage(String),
    /// Its address may not be asked.
    #[error("the identity provider's address may not be asked: {0}")]
    Address(Refusal),
    /// It is set up wrong on our side.
    #[error("the connection is set up wrong: {0}")]
    Settings(&'static str),
    /// It does not take the code: used before, too old, or of somebody else.
    #[error("the identity provider refused the code: {0}")]
    CodeRefused(String),
    /// It does not know us, or not by this secret.
    #[error("the identity provider does not accept our client id and secret")]
    ClientRefused,
    /// Another provider issued the token.
    #[error("the token was issued by somebody else")]
    Issuer,
    /// The token is meant for another service.
    #[error("the token is meant for another service")]
    Audience,
    /// The token belongs to another sign-in.
    #[error("the token belongs to another sign-in")]
    Nonce,
    /// The token is not signed by a key of the provider, or by an algorithm that is not accepted.
    #[error("the token is not signed by the identity provider")]
    Signature,
    /// The token is not valid any more, or not yet.
    #[error("the token is not valid at this time; are the clocks right?")]
    Time,
    /// The person did not prove anew who they are, though that was asked for.
    #[error("the person was not asked to prove anew who they are")]
    NotRecent,
}

impl OidcError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Down(_) => "provider_down",
            Self::Garbage(_) => "provider_garbage",
            Self::Address(_) => "provider_address",
            Self::Settings(_) => "settings",
            Self::CodeRefused(_) => "code_refused",
            Self::ClientRefused => "client_refused",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Signature => "signature",
            Self::Time => "time",
            Self::NotRecent => "not_recent",
        }
    }
}
