//! People with an account.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};

use super::{Email, UserId};

text_enum! {
    /// Whether somebody can sign in.
    pub enum UserState {
        /// They can.
        Active = "active",
        /// An administrator locked them out.
        Deactivated = "deactivated",
        /// They asked to be forgotten: nothing personal is left.
        Erased = "erased",
    }
}

/// What is personal about somebody: stored sealed only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Where mail reaches them.
    pub email: Email,
    /// What they are called.
    pub name: String,
    /// The language they read, such as `en`.
    #[serde(default)]
    pub locale: Option<String>,
    /// Their telephone number, in the form of E.164.
    #[serde(default)]
    pub phone: Option<String>,
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What is personal; nothing once erased.
    pub profile: Option<Profile>,
    /// The Argon2id hash of their password, if they have one.
    pub password_hash: Option<String>,
    /// When they showed that the address is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// Whether they can sign in.
    pub state: UserState,
    /// When the account was made.
    pub created_at: Timestamp,
}
