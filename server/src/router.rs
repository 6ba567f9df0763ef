//! All routes of the server, and their description.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{self, Edge};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, AuthorizationCode, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder,
    OAuth2, Scopes, SecurityScheme,
};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::{
    access, catalog, identity, inspect, payments, platform, sales, telemetry, tickets, webhooks,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Bilten",
        description = "Sells tickets and lets people in. Errors are application/problem+json (RFC 9457) \
                       with a stable `code`."
    ),
    modifiers(&Security),
    components(schemas(Problem))
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let Some(components) = &mut openapi.components else {
            return;
        };
        let schemes = [
            (
                "api_key",
                "An organisation's API key, as `bilten key create` prints it.",
            ),
            (
                "order_token",
                "The secret of one order, as buying answers it.",
            ),
            ("device_session", "The token of a paired device's session."),
            (
                "access_token",
                "The access token of somebody who is signed in with an app (JWT).",
            ),
        ];
        for (name, description) in schemes {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(description))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        let cookie = ApiKeyValue::with_description(
            "bilten_session",
            "The cookie of somebody who is signed in; over https its name begins with __Host-.",
        );
        let scopes = || {
            let scopes = identity::program_scopes();
            Scopes::from_iter(scopes.map(|scope| (scope.as_str(), identity::plain_words(scope))))
        };
        let flows = [
            Flow::AuthorizationCode(AuthorizationCode::with_refresh_url(
                "/oauth/authorize",
                "/oauth/token",
                scopes(),
                "/oauth/token",
            )),
            Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes())),
        ];
        let oauth = OAuth2::with_description(
            flows,
            "A program of a third party, for a person who agreed or as a service; the scopes are the permissions \
             that `x-permission` names.",
        );
        components.add_security_scheme("oauth2", SecurityScheme::OAuth2(oauth));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(telemetry::routes())
        .merge(platform::routes())
        .merge(identity::routes())
        .merge(catalog::routes())
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
pub fn openapi() -> OpenApi {
    api().into_openapi()
}

/// The description as text, the same one each time: extensions come in no order of their own.
///
/// # Errors
/// When it cannot be written as JSON, which is a fault.
pub fn openapi_text() -> Result<String, serde_json::Error> {
    let description = sorted(serde_json::to_value(openapi())?);
    serde_json::to_string_pretty(&description)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The whole server as one router.
pub fn router(app: App, edge: Edge) -> Router {
    let (api, description) = api().split_for_parts();
    let description = std::sync::Arc::new(description);
    let routes = api
        .route(
            "/api/v1/openapi.json",
            get(move || async move { axum::Json((*description).clone()) }),
        )
        .merge(crate::web::routes(&app))
        .layer(from_fn_with_state(app.clone(), crate::edge::done_once))
        .layer(from_fn_with_state(
            app.clone(),
            crate::platform::closed_for_maintenance,
        ))
        .layer(from_fn_with_state(app.clone(), inspect::keep_request))
        .layer(from_fn(crate::edge::log_decisions))
        .with_state(app.clone());
    let random = || std::sync::Arc::clone(&app.random);
    // Batches ask a router of the same routes, with the same layers around them.
    let inside = http::layers(routes.clone(), &app.config.http, random(), edge.clone());
    let routes = routes.layer(axum::Extension(crate::batch::Inside(inside)));
    crate::web::errors_as_pages(http::layers(routes, &app.config.http, random(), edge))
}
