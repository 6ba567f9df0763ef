//! Clients of an organisation.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::routes::Organiser;
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update, end))
        .routes(routes!(rotate))
}

/// Make an OAuth client or a service credential; its secret is shown once
#[utoipa::path(post, path = "/api/v1/oauth/clients", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))),
    responses((status = 201, body = OAuthClientSecret), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Json(input): Json<OAuthClientInput>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let made = service::create_oauth_client(&app, organisation, organiser.actor(), input).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(made),
    ))
}

/// List the organisation's OAuth clients, newest first
#[utoipa::path(get, path = "/api/v1/oauth/clients", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(PageQuery),
    responses((status = 200, body = Page<OAuthClient>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OAuthClient>>, Problem> {
    let before = page.after::<OAuthClientId>()?;
    let limit = page.limit_and_one();
    let clients = service::oauth_clients(&app, organiser.organisation(), before, limit).await?;
    Ok(Json(page.page(clients, |client| client.id)))
}

/// Read an OAuth client
#[utoipa::path(get, path = "/api/v1/oauth/clients/{client}", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(("client" = OAuthClientId, Path)),
    responses((status = 200, body = OAuthClient), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(client): Path<OAuthClientId>,
) -> Result<Json<OAuthClient>, Problem> {
    Ok(Json(
        service::oauth_client(&app, organiser.organisation(), client).await?,
    ))
}

/// Change an OAuth client, or switch it off and on
#[utoipa::path(patch, path = "/api/v1/oauth/clients/{client}", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(("client" = OAuthClientId, Path)),
    responses((status = 200, body = OAuthClient), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(client): Path<OAuthClientId>,
    Json(patch): Json<OAuthClientPatch>,
) -> Result<Json<OAuthClient>, Problem> {
    let organisation = organiser.organisation();
    let actor = organiser.actor();
    Ok(Json(
        service::update_oauth_client(&app, organisation, client, actor, patch).await?,
    ))
}

/// End an OAuth client with all that was granted to it
#[utoipa::path(delete, path = "/api/v1/oauth/clients/{client}", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(("client" = OAuthClientId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn end(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(client): Path<OAuthClientId>,
) -> Result<StatusCode, Problem> {
    let organisation = organiser.organisation();
    service::end_oauth_client(&app, organisation, client, organiser.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give an OAuth client a new secret, shown once; the one before counts for a while
#[utoipa::path(post, path = "/api/v1/oauth/clients/{client}/secret", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(("client" = OAuthClientId, Path)),
    responses((status = 200, body = OAuthClientSecret), (status = "4XX", body = Problem)))]
async fn rotate(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(client): Path<OAuthClientId>,
    Json(rotation): Json<SecretRotation>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let actor = organiser.actor();
    let rotated = service::rotate_oauth_secret(&app, organisation, client, actor, rotation).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(rotated)))
}
