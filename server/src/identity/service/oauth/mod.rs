//! OAuth 2.0 for programs of third parties: authorisation code with PKCE, client credentials,
//! refresh with rotation, revocation and introspection.
//!
//! | file | holds |
//! |---|---|
//! | `clients.rs` | clients of an organisation and their secrets |
//! | `authorise.rs` | what a program asks of a person, and what they answer |
//! | `caller.rs` | which client calls, by Basic or by the form |
//! | `tokens.rs` | from codes, refresh tokens and credentials to tokens |
//! | `introspect.rs` | what a token is good for, and its end |
//! | `grants.rs` | what people granted, listed and ended; the sweep |
//! | `note.rs` | what happened, for others and for the audit log |
//!
//! Follows RFC 6749 as narrowed by RFC 9700 and OAuth 2.1, with RFC 7009, 7636, 7662, 8252, 8414
//! and 9207.
//!
//! Why no crate: of those for Rust that are kept up, `oxide-auth` 0.6 comes nearest. Its registrar,
//! authoriser and issuer are asked one after the other, each by a call of its own, so that "used
//! once" could not be decided by one statement; it knows no end of a grant when a code or a refresh
//! token comes twice, no revocation and no introspection, and takes PKCE's `plain` unless told
//! otherwise. Around it we would write all that is below, and its traits besides. The tests talk to
//! this server by the crate `oauth2`, the client that programs in Rust use.
//!
//! Invariants:
//! - a code and a refresh token count once, decided by the UPDATE; coming twice ends their grant;
//! - a token is never good for more than the client, the grant, and the person as they are now;
//! - a browser is sent only to an address that its client registered.

mod authorise;
mod caller;
mod clients;
mod grants;
mod introspect;
mod note;
mod tokens;

use bilten_kernel::db::DbError;

pub use authorise::*;
pub use caller::*;
pub use clients::*;
pub use grants::*;
pub use introspect::*;
pub(in crate::identity) use tokens::program_of_token;
pub use tokens::{TokenAnswer, oauth_token};

use super::IdentityError;
use crate::identity::model::OAuthError;

/// Why a request of OAuth was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum OAuthFailure {
    /// It was refused, in the words of the standard.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// Something failed on our side.
    #[error(transparent)]
    Fault(#[from] IdentityError),
}

impl From<DbError> for OAuthFailure {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}
