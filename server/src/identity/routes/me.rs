//! What is a person's own: sessions, password, proving once more who they are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{RecentlyAuthenticated, SignedIn};
use super::sign_in::{SecondFactorAnswer, not_stored};
use super::visitor::CameFrom;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{self, Reauthentication, SessionView};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions))
        .routes(routes!(sign_out))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(reauthenticate))
        .routes(routes!(change_password))
}

/// A person's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sessions {
    /// The newest first.
    sessions: Vec<SessionView>,
}

/// Which sessions end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOutInput {
    /// Whether the session that asks goes on.
    #[serde(default)]
    keep_this: bool,
}

/// How many sessions ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignedOut {
    /// So many.
    ended: u64,
}

/// The password of whoever is signed in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordInput {
    /// The current password.
    password: Password,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPasswordInput {
    /// The current password, if there is one.
    #[serde(default)]
    current: Option<Password>,
    /// The new one.
    password: Password,
}

/// Whether a person has proved once more who they are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum ReauthenticationAnswer {
    /// They have.
    Done,
    /// They have to show a second factor too.
    SecondFactor(SecondFactorAnswer),
}

/// List one's sessions
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Sessions), (status = "4XX", body = Problem)))]
async fn sessions(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Sessions>, Problem> {
    let sessions = service::sessions_of(&app, &signed_in.1).await?;
    Ok(Json(Sessions { sessions }))
}

/// End one of one's sessions, perhaps the one that asks
#[utoipa::path(delete, path = "/api/v1/me/sessions/{session}", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))), params(("session" = SessionId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn sign_out(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    service::sign_out(&app, &signed_in.1, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of one's sessions
#[utoipa::path(post, path = "/api/v1/me/sessions/end", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = SignedOut), (status = "4XX", body = Problem)))]
async fn sign_out_everywhere(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(input): Json<SignOutInput>,
) -> Result<Json<SignedOut>, Problem> {
    let ended = service::sign_out_everywhere(&app, &signed_in.1, input.keep_this).await?;
    Ok(Json(SignedOut { ended }))
}

/// Prove by password that it is still oneself; who has a second factor is asked for that too
#[utoipa::path(post, path = "/api/v1/me/reauthenticate", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = ReauthenticationAnswer), (status = "4XX", body = Problem)))]
async fn reauthenticate(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(input): Json<PasswordInput>,
) -> Result<impl IntoResponse, Problem> {
    let answer = match service::reauthenticate(&app, &signed_in.1, input.password).await? {
        Reauthentication::Done => ReauthenticationAnswer::Done,
        Reauthentication::SecondFactor(factor) => {
            ReauthenticationAnswer::SecondFactor(factor.into())
        }
    };
    Ok(not_stored(answer))
}

/// Change one's password; the other sessions end
#[utoipa::path(post, path = "/api/v1/me/password", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn change_password(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    CameFrom(origin): CameFrom,
    Json(input): Json<NewPasswordInput>,
) -> Result<StatusCode, Problem> {
    service::change_password(&app, &person, input.current, input.password, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
