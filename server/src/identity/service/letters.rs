//! What people are told by mail about their account.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;

use super::IdentityError;
use super::mail::{self, MailTemplate};
use crate::app::App;
use crate::identity::model::*;

/// A letter to somebody about their account.
#[derive(Clone, Debug)]
pub(super) enum Letter {
    /// Follow this link to have an account.
    VerifyEmail { link: String, expires_at: Timestamp },
    /// Somebody tried to register with this address, which has an account.
    AccountExists { link: String },
    /// Follow this link to sign in.
    SignInLink { link: String, expires_at: Timestamp },
    /// Follow this link to choose a new password.
    ResetPassword { link: String, expires_at: Timestamp },
    /// Somebody can sign in to the account by another provider.
    IdentityLinked { provider: String },
    /// The password is a new one.
    PasswordChanged,
    /// Somebody signed in with a device that was not used before.
    NewDevice { origin: Origin },
    /// Somebody tries to sign in, or did, in a way that looks wrong.
    SuspiciousSignIn { origin: Origin, was_let_in: bool },
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
    let sessions = || mail::link(app, "/account/sessions");
    let template = match letter {
        Letter::VerifyEmail { link, expires_at } => MailTemplate::VerifyEmail { link, expires_at },
        Letter::AccountExists { link } => MailTemplate::AlreadyRegistered {
            sign_in: link,
            reset: mail::link(app, "/forgotten"),
        },
        Letter::SignInLink { link, expires_at } => MailTemplate::MagicLink { link, expires_at },
        Letter::ResetPassword { link, expires_at } => {
            MailTemplate::ResetPassword { link, expires_at }
        }
        Letter::IdentityLinked { provider } => MailTemplate::IdentityLinked {
            at: app.now(),
            provider,
            security: mail::link(app, "/account"),
        },
        Letter::PasswordChanged => MailTemplate::PasswordChanged {
            at: app.now(),
            reset: mail::link(app, "/forgotten"),
        },
        Letter::NewDevice { origin } => MailTemplate::NewDevice {
            at: app.now(),
            device: device_name(&origin.user_agent),
            address: origin.ip.to_string(),
            sessions: sessions(),
        },
        Letter::SuspiciousSignIn { origin, was_let_in } => MailTemplate::SuspiciousSignIn {
            at: app.now(),
            device: device_name(&origin.user_agent),
            address: origin.ip.to_string(),
            was_let_in,
            sessions: sessions(),
        },
        Letter::Invitation {
            organisation,
            role,
            link,
            expires_at,
        } => MailTemplate::Invitation {
            organisation,
            role,
            link,
            expires_at,
        },
        Letter::Impersonated { at, until, reason } => {
            MailTemplate::ImpersonationNotice { at, until, reason }
        }
    };
    mail::send_in(app, c, to, template).await
}

/// The address of one of our pages, with a token.
pub(super) fn link(app: &App, page: &str, token: &str) -> String {
    let url = app.config.http.public_url.trim_end_matches('/');
    format!("{url}{page}?token={token}")
}
