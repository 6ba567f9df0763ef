//! Sign-in by other identity providers, over HTTP.

mod browser;
mod connections;
mod links;
mod platform;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(browser::routes())
        .merge(connections::routes())
        .merge(links::routes())
        .merge(platform::routes())
}
