//! Identity over HTTP.

mod extract;
mod factors;
mod federation;
mod keys;
mod me;
mod members;
mod noted;
mod oauth;
mod organisations;
mod platform;
mod privacy;
mod same_site;
mod sign_in;
mod visitor;

use utoipa_axum::router::OpenApiRouter;

pub use extract::{Authenticated, Organiser, PlatformAdmin, RecentlyAuthenticated, SignedIn};
pub(crate) use extract::{bearer, caller, cookie};
pub(crate) use noted::Noted;
pub(crate) use same_site::is_same_site;
pub(crate) use visitor::set_cookie;
pub use visitor::{
    KeptNext, PageVisitor, next_cookie, safe_next, sign_in_cookies, sign_out_cookie,
};

use crate::app::App;

/// The routes of identity.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(oauth::routes())
        .merge(sign_in::routes())
        .merge(factors::routes())
        .merge(me::routes())
        .merge(organisations::routes())
        .merge(members::routes())
        .merge(keys::routes())
        .merge(platform::routes())
        .merge(privacy::routes())
        .merge(federation::routes())
}
