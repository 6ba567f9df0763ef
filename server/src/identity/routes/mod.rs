//! Identity over HTTP.

mod extract;
mod oauth;
mod same_site;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use extract::bearer;
pub use extract::{Organiser, PlatformAdmin, RecentlyAuthenticated, SignedIn};
pub(crate) use same_site::is_same_site;

use crate::app::App;

/// The routes of identity.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(oauth::routes())
}
