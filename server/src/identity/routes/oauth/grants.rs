//! What people granted to programs: their own, and what concerns an organisation.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::routes::{Organiser, SignedIn};
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(own))
        .routes(routes!(end_own))
        .routes(routes!(list))
        .routes(routes!(end))
}

/// List the programs that you let act for you, newest first
#[utoipa::path(get, path = "/api/v1/me/grants", tag = "programs", security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))), params(PageQuery),
    responses((status = 200, body = Page<OAuthGrant>), (status = "4XX", body = Problem)))]
async fn own(
    State(app): State<App>,
    me: SignedIn,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OAuthGrant>>, Problem> {
    let before = page.after::<OAuthGrantId>()?;
    let grants = service::grants_of_user(&app, me.1.user, before, page.limit_and_one()).await?;
    Ok(Json(page.page(grants, |grant| grant.id)))
}

/// End what you granted to a program: its tokens stop working
#[utoipa::path(delete, path = "/api/v1/me/grants/{grant}", tag = "programs", security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))), params(("grant" = OAuthGrantId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn end_own(
    State(app): State<App>,
    me: SignedIn,
    Path(grant): Path<OAuthGrantId>,
) -> Result<StatusCode, Problem> {
    service::end_grant_of_user(&app, me.1.user, me.0.actor(), grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what people granted to programs for the organisation, newest first
#[utoipa::path(get, path = "/api/v1/oauth/grants", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(PageQuery),
    responses((status = 200, body = Page<OAuthGrant>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OAuthGrant>>, Problem> {
    let before = page.after::<OAuthGrantId>()?;
    let limit = page.limit_and_one();
    let grants =
        service::grants_of_organisation(&app, organiser.organisation(), before, limit).await?;
    Ok(Json(page.page(grants, |grant| grant.id)))
}

/// End what somebody granted to a program for the organisation
#[utoipa::path(delete, path = "/api/v1/oauth/grants/{grant}", tag = "programs",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("keys.manage"))), params(("grant" = OAuthGrantId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn end(
    State(app): State<App>,
    organiser: Organiser<permit::KeysManage>,
    Path(grant): Path<OAuthGrantId>,
) -> Result<StatusCode, Problem> {
    let organisation = organiser.organisation();
    service::end_grant_of_organisation(&app, organisation, organiser.actor(), grant).await?;
    Ok(StatusCode::NO_CONTENT)
}
