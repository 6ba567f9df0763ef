//! Connections of an organisation.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::routes::{Organiser, RecentlyAuthenticated};
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(test))
}

/// Connections to identity providers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connections {
    /// In the order in which they were made.
    pub(super) connections: Vec<ConnectionView>,
}

/// List an organisation's connections to identity providers
#[utoipa::path(get, path = "/api/v1/sso/connections", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage"))),
    responses((status = 200, body = Connections), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
) -> Result<Json<Connections>, Problem> {
    let connections = service::sso_connections(&app, Some(organiser.organisation())).await?;
    Ok(Json(Connections { connections }))
}

/// Connect an organisation with its identity provider
#[utoipa::path(post, path = "/api/v1/sso/connections", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage")), ("x-recently-authenticated" = json!(true))),
    request_body = ConnectionInput,
    responses((status = 201, body = ConnectionView), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
    _recent: RecentlyAuthenticated,
    Json(input): Json<ConnectionInput>,
) -> Result<(StatusCode, Json<ConnectionView>), Problem> {
    let organisation = Some(organiser.organisation());
    let by = organiser.actor();
    let made = service::save_sso_connection(&app, organisation, None, input, &by).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Read a connection
#[utoipa::path(get, path = "/api/v1/sso/connections/{connection}", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage"))), params(("connection" = ConnectionId, Path)),
    responses((status = 200, body = ConnectionView), (status = "4XX", body = Problem)))]
async fn show(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
    Path(connection): Path<ConnectionId>,
) -> Result<Json<ConnectionView>, Problem> {
    let organisation = Some(organiser.organisation());
    Ok(Json(
        service::sso_connection(&app, organisation, connection).await?,
    ))
}

/// Set a connection up anew; secrets that are left out stay
#[utoipa::path(put, path = "/api/v1/sso/connections/{connection}", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage")), ("x-recently-authenticated" = json!(true))),
    params(("connection" = ConnectionId, Path)),
    request_body = ConnectionInput,
    responses((status = 200, body = ConnectionView), (status = "4XX", body = Problem)))]
async fn change(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
    _recent: RecentlyAuthenticated,
    Path(connection): Path<ConnectionId>,
    Json(input): Json<ConnectionInput>,
) -> Result<Json<ConnectionView>, Problem> {
    let organisation = Some(organiser.organisation());
    let by = organiser.actor();
    let saved =
        service::save_sso_connection(&app, organisation, Some(connection), input, &by).await?;
    Ok(Json(saved))
}

/// Delete a connection: nobody signs in with it any more
#[utoipa::path(delete, path = "/api/v1/sso/connections/{connection}", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage")), ("x-recently-authenticated" = json!(true))),
    params(("connection" = ConnectionId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
    _recent: RecentlyAuthenticated,
    Path(connection): Path<ConnectionId>,
) -> Result<StatusCode, Problem> {
    let organisation = Some(organiser.organisation());
    service::delete_sso_connection(&app, organisation, connection, &organiser.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask a connection's provider whether it is there
#[utoipa::path(post, path = "/api/v1/sso/connections/{connection}/test", tag = "sso",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("sso.manage"))), params(("connection" = ConnectionId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn test(
    State(app): State<App>,
    organiser: Organiser<permit::SsoManage>,
    Path(connection): Path<ConnectionId>,
) -> Result<StatusCode, Problem> {
    service::test_sso_connection(&app, Some(organiser.organisation()), connection).await?;
    Ok(StatusCode::NO_CONTENT)
}
