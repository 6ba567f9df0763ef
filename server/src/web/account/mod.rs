//! The pages of accounts: signing in, and what somebody can see and change of what is theirs.
//!
//! | file | holds |
//! |---|---|
//! | `holder.rs` | the extractors [`Holder`] and [`Proven`], which lead on to the sign-in |
//! | `sign_in.rs` | signing in by password or mailed link, proving it once more, signing out |
//! | `register.rs` | making an account; "check your mail" |
//! | `password.rs` | passwords: forgotten, chosen anew, changed |
//! | `confirm.rs` | pages with one button, for links in mail; messages |
//! | `privacy.rs` | consents, a copy of all data, erasure |
//! | `profile.rs` | what somebody is called, and how they sign in; another e-mail address |
//! | `second_step.rs` | the second step of a sign-in; signing in with a passkey |
//! | `factors.rs`, `passkeys.rs` | by what somebody proves more than with a password |
//! | `sessions.rs` | where somebody is signed in |
//! | `providers.rs` | signing in by accounts elsewhere, and connecting them |
//! | `oauth.rs` | the question whether a program may act for them |
//! | `invitation.rs` | the page of an invitation |
//! | `organisations.rs` | organisations that somebody belongs to |
//! | `developer/` | keys, webhooks and requests of an organisation, for those who write its programs |
//!
//! To add a page of the account: a template that extends `account/_base.html`, its head by
//! [`Shell::account`](super::shell::Shell::account), a [`Place`] if it belongs into the navigation,
//! and a handler that takes [`Holder`], or [`Proven`] for what is dangerous. Whatever ends a sign-in
//! goes on by [`go_on`] or [`signed_in`].
//!
//! Invariants:
//! - every form answers the same whether there is an account or not;
//! - nobody is sent anywhere but to our own pages: `next` is read by `identity::safe_next` only;
//! - while somebody looks for a mail, `next` stays in the browser that asked for it, in a cookie; no
//!   mail leads anywhere that whoever asked for it chose;
//! - links in mail change nothing until a form is sent, and pages with a secret in their address are
//!   kept by no cache and named to nobody;
//! - forms that other sites send are refused, by `web/guard.rs`.

mod confirm;
mod developer;
mod factors;
mod holder;
mod invitation;
pub(super) mod oauth;
mod organisations;
mod passkeys;
mod password;
mod privacy;
mod profile;
mod providers;
mod register;
mod second_step;
mod sessions;
mod sign_in;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use bilten_kernel::error::Problem;

use super::problem::{Way, lead_on};
use crate::app::App;

pub(in crate::web) use holder::{Holder, Proven};

/// What a new password must be like.
const PASSWORD_RULE: &str =
    "At least 10 characters. Several words that do not belong together make a good one.";

/// A part of the account, as its navigation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Place {
    /// Name, address, password.
    Profile,
    /// Second factors and recovery codes.
    Factors,
    /// Passkeys.
    Passkeys,
    /// Where somebody is signed in.
    Sessions,
    /// Organisations they belong to.
    Organisations,
    /// Keys, webhooks and requests of their organisations.
    Developer,
    /// Consents, a copy of all data, erasure.
    Privacy,
}

impl Place {
    /// All parts, in their order.
    pub(in crate::web) const ALL: [Self; 7] = [
        Self::Profile,
        Self::Factors,
        Self::Passkeys,
        Self::Sessions,
        Self::Organisations,
        Self::Developer,
        Self::Privacy,
    ];

    /// Its address.
    pub(in crate::web) const fn path(self) -> &'static str {
        match self {
            Self::Profile => "/account",
            Self::Factors => "/account/factors",
            Self::Passkeys => "/account/passkeys",
            Self::Sessions => "/account/sessions",
            Self::Organisations => "/account/organisations",
            Self::Developer => "/account/developer",
            Self::Privacy => "/account/privacy",
        }
    }

    /// What it is called.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Profile => "Profile",
            Self::Factors => "Second step",
            Self::Passkeys => "Passkeys",
            Self::Sessions => "Sessions",
            Self::Organisations => "Organisations",
            Self::Developer => "Developers",
            Self::Privacy => "Privacy",
        }
    }
}

/// What a page says of what has just been done; addresses name it by a word, never by a text.
fn done(what: &str) -> Option<&'static str> {
    Some(match what {
        "signed-out" => "You are signed out.",
        "everywhere" => "You are signed out everywhere.",
        "session" => "That sign-in has ended.",
        "verified" => "Your address is confirmed. You can sign in now.",
        "reset" => {
            "Your password is changed and you are signed out everywhere. Sign in with the new one."
        }
        "password" => "Your password is changed. You are signed out everywhere else.",
        "profile" => "Saved.",
        "factor" => "It is asked for from now on when you sign in.",
        "factor-removed" => "It is removed.",
        "passkey" => "Your passkey is ready.",
        "passkey-removed" => "The passkey is removed. You can delete it from your device, too.",
        "email" => "Your new e-mail address counts now.",
        "invited" => "The invitation is on its way.",
        "joined" => "Welcome: you belong to this organisation now.",
        "member" => "Saved.",
        "removed" => "They do not belong to the organisation any more.",
        "left" => "You have left the organisation.",
        "taken-back" => "The invitation is taken back.",
        "pin" => "Your PIN counts from now on.",
        "pin-gone" => "You have no PIN any more.",
        "undone" => {
            "You have your old address back. Choose a new password now: the one until now counts no more."
        }
        "linked" => "It is connected: from now on you can sign in with it.",
        "unlinked" => "It is not connected any more.",
        "consent" => "Saved.",
        "export" => "A copy is being made. You get a mail when it is ready.",
        "erased" => "Your account is erased.",
        "key-ended" => "That key has ended: nothing can use it any more.",
        "hook-tested" => "A test event is on its way to that endpoint.",
        _ => return None,
    })
}

/// The page of a link that is not good, or not any more, with a way to a new one.
fn link_unknown(error: impl Into<Problem>, link: &str, text: &str) -> Result<Response, Problem> {
    let problem = error.into();
    if problem.status().is_server_error() {
        return Err(problem);
    }
    let way = Way {
        link: link.to_owned(),
        text: text.to_owned(),
    };
    Ok(lead_on(problem, way))
}

/// The routes of accounts.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::by_password))
        .route(
            "/sign-in/link",
            get(sign_in::show_link).post(sign_in::send_link),
        )
        .route("/sign-in/link/use", post(sign_in::by_link))
        .route(
            "/sign-in/again",
            get(sign_in::show_again).post(sign_in::again),
        )
        .route("/sign-in/again/passkey", post(second_step::again))
        .route("/sign-in/passkey", post(second_step::sign_in))
        .route(
            "/sign-in/organisation",
            get(providers::show_organisation).post(providers::find_organisation),
        )
        .route(
            "/sign-in/second-step",
            get(second_step::show).post(second_step::finish),
        )
        .route("/sign-in/second-step/code", post(second_step::send_code))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/register", get(register::show).post(register::register))
        .route("/verify", get(register::show_verify).post(register::verify))
        .route("/check-mail", get(register::check_mail))
        .route(
            "/forgotten",
            get(password::show_forgotten).post(password::forgotten),
        )
        .route("/reset", get(password::show_reset).post(password::reset))
        .route("/account", get(profile::show).post(profile::change))
        .route(
            "/account/email",
            get(profile::show_email).post(profile::change_email),
        )
        .route(
            "/account/email/confirm",
            get(profile::show_confirm).post(profile::confirm_email),
        )
        .route(
            "/account/email/undo",
            get(profile::show_undo).post(profile::undo_email),
        )
        .route(
            "/account/password",
            get(password::show).post(password::change),
        )
        .route("/account/identities", get(providers::show))
        .route("/account/identities/{connection}/end", post(providers::end))
        .route("/account/factors", get(factors::show))
        .route("/account/factors/totp", post(factors::add_app))
        .route("/account/factors/email", post(factors::add_email))
        .route("/account/factors/sms", post(factors::add_sms))
        .route(
            "/account/factors/{factor}",
            get(factors::show_new).post(factors::confirm),
        )
        .route("/account/factors/{factor}/remove", post(factors::remove))
        .route("/account/recovery-codes", post(factors::renew_codes))
        .route("/account/passkeys", get(passkeys::show).post(passkeys::add))
        .route("/account/passkeys/new", get(passkeys::show_new))
        .route("/account/passkeys/{passkey}", post(passkeys::rename))
        .route("/account/passkeys/{passkey}/remove", post(passkeys::remove))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end_all))
        .route("/account/sessions/{session}/end", post(sessions::end))
        .route(
            "/invitation",
            get(invitation::show).post(invitation::accept),
        )
        .route("/account/privacy", get(privacy::show))
        .route("/account/privacy/consents", post(privacy::consent))
        .route("/account/privacy/exports", post(privacy::export))
        .route("/account/privacy/exports/{export}", get(privacy::download))
        .route("/account/privacy/erase", post(privacy::erase))
        .merge(developer::routes())
        .route("/account/organisations", get(organisations::show))
        .route("/account/organisations/{slug}", get(organisations::open))
        .route(
            "/account/organisations/{slug}/pin",
            post(organisations::set_pin),
        )
        .route(
            "/account/organisations/{slug}/pin/end",
            post(organisations::clear_pin),
        )
        .route(
            "/account/organisations/{slug}/leave",
            post(organisations::leave),
        )
        .route(
            "/account/organisations/{slug}/invitations",
            post(organisations::invite),
        )
        .route(
            "/account/organisations/{slug}/invitations/{invitation}/end",
            post(organisations::take_back),
        )
        .route(
            "/account/organisations/{slug}/members/{member}",
            get(organisations::show_member).post(organisations::change_member),
        )
        .route(
            "/account/organisations/{slug}/members/{member}/end",
            post(organisations::remove_member),
        )
}
