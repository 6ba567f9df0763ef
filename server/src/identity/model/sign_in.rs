//! Signing in: who asks, what they still have to show, and what they get.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};

use super::{SessionId, SessionKind, UserId};
pub use crate::platform::Origin;

/// Who asks to be signed in: nobody in particular yet.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// From where.
    pub origin: Origin,
    /// The secret by which this browser or app is known from earlier, if it has one.
    pub device: Option<String>,
    /// How the session's token is to travel.
    pub kind: SessionKind,
}

/// How somebody proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The methods, such as `password totp`, for the person's list of sessions.
    pub methods: String,
    /// Whether that is a second factor as well.
    pub is_mfa: bool,
}

impl Proof {
    /// One method, which is no second factor.
    pub fn single(method: &str) -> Self {
        Self {
            methods: method.to_owned(),
            is_mfa: false,
        }
    }
}

text_enum! {
    /// A second factor that somebody can show.
    pub enum FactorKind {
        /// A code of an authenticator app.
        Totp = "totp",
        /// A code sent by mail.
        Email = "email",
        /// A code sent by text message.
        Sms = "sms",
        /// One of the codes that were printed for emergencies.
        Recovery = "recovery",
        /// A passkey.
        Passkey = "passkey",
    }
}

/// How far a sign-in has come.
#[derive(Clone, Debug)]
pub enum SignInStep {
    /// The person is signed in.
    Done(Box<Begun>),
    /// They have to show a second factor.
    SecondFactor(SecondFactor),
}

/// A sign-in that is complete.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Who.
    pub user: UserId,
    /// Their session.
    pub session: NewToken,
    /// The secret by which this browser or app will be known, if it got a new one.
    pub device: Option<String>,
}

/// What is missing in a sign-in.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// Stands for what was shown already; to be sent with the second factor.
    pub ticket: String,
    /// What may be shown.
    pub methods: Vec<FactorKind>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What a ticket of a sign-in stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Who.
    pub user: UserId,
    /// What was shown already, such as `password`.
    pub methods: String,
    /// How the session's token is to travel.
    pub kind: SessionKind,
    /// The session in which somebody who is signed in proves it once more; without one, a new
    /// session begins.
    pub raises: Option<SessionId>,
}

/// What a complete second factor led to.
#[derive(Clone, Debug)]
pub enum Finished {
    /// A new session.
    Begun(Box<Begun>),
    /// The session that there was counts as freshly authenticated.
    Raised,
}

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id.
    pub session: SessionId,
    /// What is sent with requests: the cookie's value of a page session, the access token of an
    /// app. Shown once, stored nowhere.
    pub token: String,
    /// When the token ends.
    pub token_expires_at: Timestamp,
    /// With what an app gets its next access token.
    pub refresh: Option<String>,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
}

text_enum! {
    /// How an attempt to sign in ended.
    pub enum AttemptOutcome {
        /// Somebody is signed in.
        SignedIn = "signed_in",
        /// The first factor was right, another one is asked for.
        SecondFactor = "second_factor",
        /// It was wrong, or there is no such account.
        Failed = "failed",
        /// It was not looked at: too many before.
        Blocked = "blocked",
    }
}
