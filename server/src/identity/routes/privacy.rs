//! A person's own data: profile, address, consents, copies, erasure.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{RecentlyAuthenticated, SignedIn};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, ProfileChange, ProfileView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(profile, change_profile))
        .routes(routes!(ask_for_email))
        .routes(routes!(confirm_email))
        .routes(routes!(undo_email))
        .routes(routes!(consents, set_consent))
        .routes(routes!(exports, ask_for_export))
        .routes(routes!(download))
        .routes(routes!(erase))
}

/// Read one's own profile
#[utoipa::path(get, path = "/api/v1/me/profile", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = ProfileView), (status = "4XX", body = Problem)))]
async fn profile(State(app): State<App>, me: SignedIn) -> Result<Json<ProfileView>, Problem> {
    Ok(Json(service::profile_of(&app, &me.1).await?))
}

/// Change one's own profile: what is absent stays, `null` deletes
#[utoipa::path(patch, path = "/api/v1/me/profile", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = ProfileView), (status = "4XX", body = Problem)))]
async fn change_profile(
    State(app): State<App>,
    me: SignedIn,
    Json(change): Json<ProfileChange>,
) -> Result<Json<ProfileView>, Problem> {
    service::change_profile(&app, &me.1, change).await?;
    Ok(Json(service::profile_of(&app, &me.1).await?))
}

/// Another address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailInput {
    /// The new address.
    email: String,
}

/// The token of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkInput {
    /// What follows `token=` in the link.
    token: String,
}

/// Ask for another e-mail address; it counts once it is confirmed by the link that is sent to it
///
/// The answer is the same if the address belongs to another account: its owner is told.
#[utoipa::path(post, path = "/api/v1/me/email", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 202), (status = "4XX", body = Problem)))]
async fn ask_for_email(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Json(input): Json<EmailInput>,
) -> Result<StatusCode, Problem> {
    service::ask_for_email(&app, &person, &input.email).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Confirm one's new e-mail address
#[utoipa::path(post, path = "/api/v1/me/email/confirm", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn confirm_email(
    State(app): State<App>,
    me: SignedIn,
    Json(input): Json<LinkInput>,
) -> Result<StatusCode, Problem> {
    service::confirm_email(&app, &me.1, &input.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring the old e-mail address back, by the link that was sent to it
///
/// All sessions end, the password is gone, and so is by what one could sign in that was added since
/// the change was asked for.
#[utoipa::path(post, path = "/api/v1/auth/email/undo", tag = "sign-in",
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn undo_email(
    State(app): State<App>,
    Json(input): Json<LinkInput>,
) -> Result<StatusCode, Problem> {
    service::undo_email(&app, &input.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What somebody agrees to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consents {
    /// Where they stand with each kind.
    consents: Vec<ConsentState>,
    /// All they ever did, oldest first.
    history: Vec<Consent>,
}

/// That somebody agrees to something, or not any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentInput {
    /// To what.
    kind: ConsentKind,
    /// The version of the text that they were shown.
    #[serde(default)]
    version: String,
    /// Whether they agree.
    is_given: bool,
}

/// List what one agreed to
#[utoipa::path(get, path = "/api/v1/me/consents", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Consents), (status = "4XX", body = Problem)))]
async fn consents(State(app): State<App>, me: SignedIn) -> Result<Json<Consents>, Problem> {
    let (consents, history) = service::consents_of(&app, &me.1).await?;
    Ok(Json(Consents { consents, history }))
}

/// Agree to a text in the version that was shown, or take that back
#[utoipa::path(post, path = "/api/v1/me/consents", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Vec<ConsentState>), (status = "4XX", body = Problem)))]
async fn set_consent(
    State(app): State<App>,
    me: SignedIn,
    Json(input): Json<ConsentInput>,
) -> Result<Json<Vec<ConsentState>>, Problem> {
    let states = service::set_consent(
        &app,
        &me.1,
        input.kind,
        &input.version,
        input.is_given,
        "api",
    )
    .await?;
    Ok(Json(states))
}

/// List copies of one's data
#[utoipa::path(get, path = "/api/v1/me/exports", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Vec<Export>), (status = "4XX", body = Problem)))]
async fn exports(State(app): State<App>, me: SignedIn) -> Result<Json<Vec<Export>>, Problem> {
    Ok(Json(service::exports_of(&app, &me.1).await?))
}

/// Ask for a copy of one's data; mail says when it is ready
#[utoipa::path(post, path = "/api/v1/me/exports", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 202, body = Export), (status = "4XX", body = Problem)))]
async fn ask_for_export(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
) -> Result<(StatusCode, Json<Export>), Problem> {
    let export = service::ask_for_export(&app, &person).await?;
    Ok((StatusCode::ACCEPTED, Json(export)))
}

/// Download a copy of one's data, as a zip file
#[utoipa::path(get, path = "/api/v1/me/exports/{export}/archive", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))), params(("export" = ExportId, Path)),
    responses((status = 200, content_type = "application/zip"), (status = "4XX", body = Problem)))]
async fn download(
    State(app): State<App>,
    me: SignedIn,
    Path(export): Path<ExportId>,
) -> Result<impl IntoResponse, Problem> {
    let archive = service::exported(&app, &me.1, export).await?;
    let headers = [
        (CONTENT_TYPE, "application/zip"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"bilten-my-data.zip\"",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, archive))
}

/// That somebody means it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseInput {
    /// The word `erase`.
    word: String,
}

/// Erase one's account with everything personal in it, at once and for ever
///
/// Tickets stay valid, and orders are kept without a name. Who is the only owner of an organisation
/// is refused with `identity.only_owner`.
#[utoipa::path(post, path = "/api/v1/me/erase", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn erase(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    Json(input): Json<EraseInput>,
) -> Result<StatusCode, Problem> {
    service::erase(&app, &person, &input.word).await?;
    Ok(StatusCode::NO_CONTENT)
}
