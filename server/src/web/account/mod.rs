//! The pages of accounts: signing in, and what somebody can see and change of what is theirs.
//!
//! | file | holds |
//! |---|---|
//! | `holder.rs` | the extractor [`Holder`], which leads on to the sign-in |
//! | `oauth.rs` | the question whether a program may act for them |
//! | `organisations.rs` | organisations that somebody belongs to |
//!
//! Every form says the same whether there is an account or not. Forms that sign in, sign out or
//! change something are refused from other sites by `web/guard.rs`.

mod holder;
pub(super) mod oauth;
mod organisations;

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub(in crate::web) use holder::Holder;

/// A part of the account, as its navigation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Place {
    /// Name, address, password.
    Profile,
    /// Where somebody is signed in.
    Sessions,
    /// Accounts elsewhere by which they sign in.
    Links,
    /// Organisations they belong to.
    Organisations,
    /// Consents, a copy of all data, erasure.
    Privacy,
}

impl Place {
    /// All parts, in their order.
    pub(in crate::web) const ALL: [Self; 5] = [
        Self::Profile,
        Self::Sessions,
        Self::Links,
        Self::Organisations,
        Self::Privacy,
    ];

    /// Its address.
    pub(in crate::web) const fn path(self) -> &'static str {
        match self {
            Self::Profile => "/account",
            Self::Sessions => "/account/sessions",
            Self::Links => "/account/links",
            Self::Organisations => "/account/organisations",
            Self::Privacy => "/account/privacy",
        }
    }

    /// What it is called.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Profile => "Profile",
            Self::Sessions => "Where you are signed in",
            Self::Links => "Linked accounts",
            Self::Organisations => "Organisations",
            Self::Privacy => "Privacy",
        }
    }
}

/// The routes of accounts.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/account/organisations", get(organisations::show))
}
