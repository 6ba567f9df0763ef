//! Connections for everybody, and domains of organisations: for the platform's administrators.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::connections::Connections;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::routes::{PlatformAdmin, RecentlyAuthenticated};
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(change, delete))
        .routes(routes!(confirm))
}

/// List the connections that everybody can sign in with
#[utoipa::path(get, path = "/api/v1/platform/sso/connections", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    responses((status = 200, body = Connections), (status = "4XX", body = Problem)))]
async fn list(State(app): State<App>, _admin: PlatformAdmin) -> Result<Json<Connections>, Problem> {
    let connections = service::sso_connections(&app, None).await?;
    Ok(Json(Connections { connections }))
}

/// Add a provider that everybody can sign in with
#[utoipa::path(post, path = "/api/v1/platform/sso/connections", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    request_body = ConnectionInput,
    responses((status = 201, body = ConnectionView), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    PlatformAdmin(person): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Json(input): Json<ConnectionInput>,
) -> Result<(StatusCode, Json<ConnectionView>), Problem> {
    let by = person.user.to_string();
    let made = service::save_sso_connection(&app, None, None, input, &by).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Set a provider up anew; secrets that are left out stay
#[utoipa::path(put, path = "/api/v1/platform/sso/connections/{connection}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("connection" = ConnectionId, Path)), request_body = ConnectionInput,
    responses((status = 200, body = ConnectionView), (status = "4XX", body = Problem)))]
async fn change(
    State(app): State<App>,
    PlatformAdmin(person): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(connection): Path<ConnectionId>,
    Json(input): Json<ConnectionInput>,
) -> Result<Json<ConnectionView>, Problem> {
    let by = person.user.to_string();
    let saved = service::save_sso_connection(&app, None, Some(connection), input, &by).await?;
    Ok(Json(saved))
}

/// Take a provider away
#[utoipa::path(delete, path = "/api/v1/platform/sso/connections/{connection}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("connection" = ConnectionId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    PlatformAdmin(person): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(connection): Path<ConnectionId>,
) -> Result<StatusCode, Problem> {
    let by = person.user.to_string();
    service::delete_sso_connection(&app, None, connection, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Confirm that a mail domain is an organisation's: its provider says who those people are
#[utoipa::path(post, path = "/api/v1/platform/organisations/{organisation}/sso-domains/{domain}",
    tag = "platform", security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("organisation" = OrganisationId, Path), ("domain" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn confirm(
    State(app): State<App>,
    PlatformAdmin(person): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path((organisation, domain)): Path<(OrganisationId, String)>,
) -> Result<StatusCode, Problem> {
    let by = person.user.to_string();
    service::confirm_sso_domain(&app, organisation, &domain, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}
