//! API keys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised, Sorted};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Organiser, RecentlyAuthenticated};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, rename, revoke))
        .routes(routes!(rotate))
}

/// How API keys are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeysQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<ApiKeySort>)]
    sort: Option<String>,
}

/// List API keys, the newest first unless they are sorted otherwise; ended ones too
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))),
    params(KeysQuery),
    responses((status = 200, body = Page<ApiKey>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Query(query): Query<KeysQuery>,
) -> Result<Json<Page<ApiKey>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<ApiKeySort>::new(page, query.sort.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let organisation = organiser.organisation();
    let keys = service::api_keys(&app, organisation, sorted.by, after, limit).await?;
    Ok(Json(sorted.page(keys, |key| sorted.by.place(key))))
}

/// Make an API key that may do no more than its maker; its text is shown this once
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage")), ("x-recently-authenticated" = json!(true))),
    responses((status = 201, body = NewKey), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    _recent: RecentlyAuthenticated,
    Json(input): Json<ApiKeyInput>,
) -> Result<impl IntoResponse, Problem> {
    let made =
        service::make_api_key(&app, organiser.principal(), organiser.organisation(), input).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(made),
    ))
}

/// See an API key
#[utoipa::path(get, path = "/api/v1/keys/{key}", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))),
    params(("key" = ApiKeyId, Path)),
    responses((status = 200, body = ApiKey, headers(("ETag" = String, description = "The revision of the key, for If-Match"))), (status = "4XX", body = Problem)))]
async fn show(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(key): Path<ApiKeyId>,
) -> Result<Revised<ApiKey>, Problem> {
    let found = service::api_key(&app, organiser.organisation(), key).await?;
    Ok(Revised(found.revision, found))
}

/// Another name for an API key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyPatch {
    /// What it is for, in 1 to 100 characters.
    name: String,
}

/// Give an API key another name
#[utoipa::path(patch, path = "/api/v1/keys/{key}", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))),
    params(("key" = ApiKeyId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the key had, or its revision in quotes: 412 if it was changed since")),
    responses((status = 200, body = ApiKey, headers(("ETag" = String, description = "The revision of the key, for If-Match"))), (status = "4XX", body = Problem)))]
async fn rename(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(key): Path<ApiKeyId>,
    seen: IfMatch,
    Json(patch): Json<ApiKeyPatch>,
) -> Result<Revised<ApiKey>, Problem> {
    let (principal, organisation) = (organiser.principal(), organiser.organisation());
    let renamed =
        service::rename_api_key(&app, principal, organisation, key, seen, patch.name).await?;
    Ok(Revised(renamed.revision, renamed))
}

/// How a key is replaced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyRotation {
    /// How long the old key goes on, in hours, 0 to 720.
    #[serde(default)]
    #[schema(maximum = 720)]
    overlap_hours: u32,
}

/// Replace an API key by one that may do the same; the old one goes on for a while
#[utoipa::path(post, path = "/api/v1/keys/{key}/rotate", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage")), ("x-recently-authenticated" = json!(true))),
    params(("key" = ApiKeyId, Path)),
    responses((status = 201, body = NewKey), (status = "4XX", body = Problem)))]
async fn rotate(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    _recent: RecentlyAuthenticated,
    Path(key): Path<ApiKeyId>,
    Json(rotation): Json<KeyRotation>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let made = service::rotate_api_key(
        &app,
        organiser.principal(),
        organisation,
        key,
        rotation.overlap_hours,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(made),
    ))
}

/// End an API key at once
#[utoipa::path(delete, path = "/api/v1/keys/{key}", tag = "keys",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))),
    params(("key" = ApiKeyId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn revoke(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(key): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    service::end_api_key(&app, organiser.principal(), organiser.organisation(), key).await?;
    Ok(StatusCode::NO_CONTENT)
}
