//! Kept requests over HTTP.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, Viewer};
use crate::app::App;
use crate::identity::Authenticated;

/// The routes of the inspector.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
}

/// List requests of programs of the last 24 hours, the newest first
///
/// An API key or an OAuth client sees its own; a person who may manage keys sees those of the
/// organisation. Requests to the inspector itself are not kept, and of a program that asks very often
/// only some are, with all that were refused or failed. A request is shown within a second or so.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("authenticated"))),
    params(RequestQuery),
    responses((status = 200, body = Page<LoggedRequest>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Authenticated,
    Query(query): Query<RequestQuery>,
) -> Result<impl IntoResponse, Problem> {
    let viewer = Viewer::of(&caller.principal, caller.organisation.as_deref())?;
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let (before, limit) = (page.after()?, page.limit_and_one());
    let found = service::requests(&app, &viewer, &query, before, limit).await?;
    Ok((
        [(CACHE_CONTROL, "no-store")],
        Json(page.page(found, |request| request.id)),
    ))
}

/// Read a request with what was sent and what was answered, secrets and what is personal masked
///
/// By its id, or by the `X-Request-Id` that it was answered with: the newest, if several have that.
#[utoipa::path(get, path = "/api/v1/requests/{request}", tag = "requests",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("authenticated"))),
    params(("request" = String, Path, description = "Its id, or what `X-Request-Id` answered")),
    responses((status = 200, body = InspectedRequest), (status = "4XX", body = Problem)))]
async fn show(
    State(app): State<App>,
    caller: Authenticated,
    Path(request): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let viewer = Viewer::of(&caller.principal, caller.organisation.as_deref())?;
    let found = service::request(&app, &viewer, &request).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(found)))
}
