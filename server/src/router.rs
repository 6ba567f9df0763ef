//! All routes of the server, and their description.

use std::sync::LazyLock;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use bilten_kernel::http::{self, Edge};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::{
    access, api, catalog, identity, inspect, payments, platform, sales, telemetry, tickets,
    waiting_room, webhooks,
};

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(api::description())
        .merge(api::routes())
        .merge(telemetry::routes())
        .merge(platform::routes())
        .merge(identity::routes())
        .merge(catalog::routes())
        .merge(waiting_room::routes())
        .merge(sales::routes())
        .merge(payments::routes())
        .merge(tickets::routes())
        .merge(access::routes())
        .merge(webhooks::routes())
        .merge(inspect::routes())
        .merge(crate::screens::routes())
        .merge(crate::batch::routes())
        .merge(crate::web::described())
}

/// The OpenAPI 3.1 description of the API, generated from the code.
pub fn openapi() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| api::document(&described().into_openapi()));
    &DOCUMENT
}

/// The description as text, the same one each time.
///
/// # Errors
/// When it cannot be written as JSON, which is a fault.
pub fn openapi_text() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(openapi())
}

/// The whole server as one router.
pub fn router(app: App, edge: Edge) -> Router {
    let (routes, _) = described().split_for_parts();
    let routes = routes
        .merge(api::undescribed(openapi()))
        .merge(crate::web::routes(&app))
        .layer(from_fn_with_state(app.clone(), crate::edge::done_once))
        .layer(from_fn_with_state(
            app.clone(),
            crate::platform::closed_for_maintenance,
        ))
        .layer(from_fn_with_state(app.clone(), api::announce))
        .layer(from_fn_with_state(app.clone(), inspect::keep_request))
        .layer(from_fn(crate::edge::log_decisions))
        .with_state(app.clone());
    let random = || std::sync::Arc::clone(&app.random);
    // Batches ask a router of the same routes, with the same layers around them.
    let inside = http::layers(routes.clone(), &app.config.http, random(), edge.clone());
    let routes = routes.layer(axum::Extension(crate::batch::Inside(inside)));
    crate::web::errors_as_pages(http::layers(routes, &app.config.http, random(), edge))
}
