//! Second factors and passkeys: added and removed, and shown when somebody signs in or does
//! something dangerous.
//!
//! | file | holds |
//! |---|---|
//! | `manage.rs` | what somebody has, added and removed |
//! | `codes.rs` | codes by app, e-mail, SMS, and those for the day when all else is lost |
//! | `passkeys.rs`, `ceremony.rs` | passkeys, and the dances of WebAuthn that make and use them |
//! | `prove.rs` | shown: to end a sign-in, to sign in, to prove it once more in a session |
//! | `reset.rs` | all taken from somebody who lost them |
//! | `notices.rs` | what is told to the person |
//!
//! Invariants:
//! - a code, a time step, a ceremony and a ticket count once: the UPDATE that uses them decides;
//! - tries are counted before they are looked at, so that no number of requests at once gets more;
//! - whoever has a second factor never gets a session without it, except that codes by e-mail add
//!   nothing to a link by e-mail;
//! - the last one stays while an organisation of theirs asks for it.

mod ceremony;
mod codes;
mod manage;
mod notices;
mod passkeys;
mod prove;
mod reset;

use super::IdentityError;

pub(in crate::identity) use ceremony::passkey_purpose;
pub use ceremony::{Ceremony, PasskeyCredential, PasskeyRegistrationResponse};
pub(in crate::identity) use codes::factor_purpose;
pub use manage::*;
pub use passkeys::*;
pub use prove::*;
pub use reset::*;

/// What a write that may refuse gives: a refusal is committed with what was counted.
type Outcome<T> = Result<Result<T, IdentityError>, IdentityError>;

/// Sealed JSON of something that waits in `one_time_tokens`.
fn seal<T: serde::Serialize>(
    app: &crate::app::App,
    purpose: &str,
    content: &T,
) -> Result<Vec<u8>, IdentityError> {
    let text = serde_json::to_vec(content).map_err(|_| IdentityError::Fault(purpose.to_owned()))?;
    Ok(app.vault.seal(purpose, &text, &*app.random)?)
}

/// What was sealed by [`seal`].
fn open<T: serde::de::DeserializeOwned>(
    app: &crate::app::App,
    purpose: &str,
    sealed: &[u8],
) -> Result<T, IdentityError> {
    let text = app.vault.open(purpose, sealed)?;
    serde_json::from_slice(&text).map_err(|_| IdentityError::Fault(purpose.to_owned()))
}
