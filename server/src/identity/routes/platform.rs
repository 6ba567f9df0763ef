//! What administrators of the platform do; to everybody else there is nothing here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::visitor::CameFrom;
use super::{PlatformAdmin, RecentlyAuthenticated};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find_users))
        .routes(routes!(user))
        .routes(routes!(deactivate))
        .routes(routes!(reactivate))
        .routes(routes!(reset_second_factors))
        .routes(routes!(export_user))
        .routes(routes!(erase_user))
        .routes(routes!(flagged_accounts))
        .routes(routes!(unflag_account))
        .routes(routes!(organisations))
        .routes(routes!(organisation))
        .routes(routes!(admins, grant))
        .routes(routes!(revoke))
        .routes(routes!(impersonations, impersonate))
        .routes(routes!(end_impersonation))
}

/// Who is looked for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// Exactly this e-mail address.
    email: String,
}

/// Look for somebody by their exact e-mail address
#[utoipa::path(get, path = "/api/v1/platform/users", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(UsersQuery),
    responses((status = 200, body = Page<UserView>), (status = "4XX", body = Problem)))]
async fn find_users(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Page<UserView>>, Problem> {
    let found = match query.email.parse::<Email>() {
        Ok(email) => service::look_for_user(&app, &admin, &email).await?,
        // An address that can be nobody's is nobody's.
        Err(_) => None,
    };
    Ok(Json(Page {
        items: found.into_iter().collect(),
        next: None,
    }))
}

/// See somebody's account
#[utoipa::path(get, path = "/api/v1/platform/users/{user}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("user" = UserId, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = Problem)))]
async fn user(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(user): Path<UserId>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(service::look_at_user(&app, &admin, user).await?))
}

/// Lock somebody out and end all their sessions
#[utoipa::path(post, path = "/api/v1/platform/users/{user}/deactivate", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("user" = UserId, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = Problem)))]
async fn deactivate(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(user): Path<UserId>,
    Json(input): Json<Reason>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(
        service::deactivate_user(&app, &admin, user, &input.reason).await?,
    ))
}

/// Let somebody sign in again
#[utoipa::path(post, path = "/api/v1/platform/users/{user}/reactivate", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("user" = UserId, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = Problem)))]
async fn reactivate(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(user): Path<UserId>,
    Json(input): Json<Reason>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(
        service::reactivate_user(&app, &admin, user, &input.reason).await?,
    ))
}

/// Take all second factors, passkeys and recovery codes from somebody who lost them, and end all their sessions
///
/// They are told by mail, and set up new ones. Administrators of the platform are refused.
#[utoipa::path(post, path = "/api/v1/platform/users/{user}/second-factors/reset", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("user" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn reset_second_factors(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(user): Path<UserId>,
    Json(input): Json<Reason>,
) -> Result<StatusCode, Problem> {
    service::reset_second_factors(&app, &admin, user, &input.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a copy of all that is held about somebody, as a zip file, when they asked for it in another way
#[utoipa::path(post, path = "/api/v1/platform/users/{user}/export", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("user" = UserId, Path)),
    responses((status = 200, content_type = "application/zip"), (status = "4XX", body = Problem)))]
async fn export_user(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(user): Path<UserId>,
    Json(input): Json<Reason>,
) -> Result<impl IntoResponse, Problem> {
    let archive = service::export_user(&app, &admin, user, &input.reason).await?;
    let headers = [
        (CONTENT_TYPE, "application/zip"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"bilten-data.zip\"",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, archive))
}

/// Erase somebody's account at once and for ever, when they asked for it in another way
///
/// As by themselves: tickets stay valid, orders are kept without a name, the person is told by mail.
/// Administrators of the platform and only owners of organisations are refused.
#[utoipa::path(post, path = "/api/v1/platform/users/{user}/erase", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("user" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn erase_user(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(user): Path<UserId>,
    Json(input): Json<Reason>,
) -> Result<StatusCode, Problem> {
    service::erase_user(&app, &admin, user, &input.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List accounts with unusual sign-ins that nobody has looked into since, the latest first
#[utoipa::path(get, path = "/api/v1/platform/flagged-accounts", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(PageQuery),
    responses((status = 200, body = Page<FlaggedAccount>), (status = "4XX", body = Problem)))]
async fn flagged_accounts(
    State(app): State<App>,
    _admin: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<FlaggedAccount>>, Problem> {
    let found = service::flagged_accounts(&app, page.after()?, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |flagged| {
        (flagged.last_at.ms(), flagged.user_id)
    })))
}

/// Take an account from the list of unusual sign-ins, having looked into it; doing so again changes nothing
#[utoipa::path(delete, path = "/api/v1/platform/flagged-accounts/{user}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("user" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn unflag_account(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    service::unflag_account(&app, &admin, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List all organisations, the newest first
#[utoipa::path(get, path = "/api/v1/platform/organisations", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(PageQuery),
    responses((status = 200, body = Page<OrganisationView>), (status = "4XX", body = Problem)))]
async fn organisations(
    State(app): State<App>,
    _admin: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OrganisationView>>, Problem> {
    let found = service::all_organisations(&app, page.after()?, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |organisation| organisation.id)))
}

/// See an organisation
#[utoipa::path(get, path = "/api/v1/platform/organisations/{organisation}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("organisation" = OrganisationId, Path)),
    responses((status = 200, body = OrganisationView), (status = "4XX", body = Problem)))]
async fn organisation(
    State(app): State<App>,
    _admin: PlatformAdmin,
    Path(organisation): Path<OrganisationId>,
) -> Result<Json<OrganisationView>, Problem> {
    Ok(Json(
        service::look_at_organisation(&app, organisation).await?,
    ))
}

/// List the platform's administrators
#[utoipa::path(get, path = "/api/v1/platform/admins", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(PageQuery),
    responses((status = 200, body = Page<Admin>), (status = "4XX", body = Problem)))]
async fn admins(
    State(app): State<App>,
    _admin: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Admin>>, Problem> {
    let found = service::admins(&app, page.after()?, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |admin| admin.user_id)))
}

/// Somebody who is to administer the platform.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAdmin {
    /// Who.
    user: UserId,
}

/// Make somebody an administrator of the platform; doing so again changes nothing
#[utoipa::path(post, path = "/api/v1/platform/admins", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn grant(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Json(input): Json<NewAdmin>,
) -> Result<StatusCode, Problem> {
    service::grant_admin(&app, input.user, &admin.user.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the administration from somebody; doing so again changes nothing
#[utoipa::path(delete, path = "/api/v1/platform/admins/{user}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    params(("user" = UserId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn revoke(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    service::revoke_admin(&app, user, &admin.user.to_string()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List who acted as whom, why and when, the newest first
#[utoipa::path(get, path = "/api/v1/platform/impersonations", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(PageQuery),
    responses((status = 200, body = Page<Impersonation>), (status = "4XX", body = Problem)))]
async fn impersonations(
    State(app): State<App>,
    _admin: PlatformAdmin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Impersonation>>, Problem> {
    let found = service::impersonations(&app, page.after()?, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |impersonation| impersonation.id)))
}

/// Act as somebody for a while, for a reason; they are told by mail
///
/// Never as another administrator. What asks for a recent sign-in stays shut, and the audit log
/// names both.
#[utoipa::path(post, path = "/api/v1/platform/impersonations", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin")), ("x-recently-authenticated" = json!(true))),
    responses((status = 201, body = NewImpersonation), (status = "4XX", body = Problem)))]
async fn impersonate(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    _recent: RecentlyAuthenticated,
    CameFrom(origin): CameFrom,
    Json(input): Json<ImpersonationInput>,
) -> Result<impl IntoResponse, Problem> {
    let begun = service::impersonate(&app, &admin, input, origin).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(begun),
    ))
}

/// End an impersonation at once; doing so again changes nothing
#[utoipa::path(delete, path = "/api/v1/platform/impersonations/{impersonation}", tag = "platform",
    security(("session" = [])),
    extensions(("x-permission" = json!("platform_admin"))),
    params(("impersonation" = ImpersonationId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn end_impersonation(
    State(app): State<App>,
    PlatformAdmin(admin): PlatformAdmin,
    Path(impersonation): Path<ImpersonationId>,
) -> Result<StatusCode, Problem> {
    service::end_impersonation(&app, &admin, impersonation).await?;
    Ok(StatusCode::NO_CONTENT)
}
