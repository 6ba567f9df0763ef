//! A person's own accounts elsewhere.

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
use crate::identity::routes::visitor::CameFrom;
use crate::identity::routes::{RecentlyAuthenticated, SignedIn};
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(unlink))
}

/// Accounts elsewhere by which somebody signs in.
#[derive(Debug, Serialize, ToSchema)]
struct Identities {
    /// The oldest first.
    identities: Vec<LinkedIdentity>,
}

/// List the accounts elsewhere by which one signs in
///
/// To link another, let the browser go to `/sso/{slug}/start?link=1&next=…`.
#[utoipa::path(get, path = "/api/v1/me/identities", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Identities), (status = "4XX", body = Problem)))]
async fn list(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Identities>, Problem> {
    let SignedIn(_, person) = signed_in;
    let identities = service::identities_of(&app, person.user).await?;
    Ok(Json(Identities { identities }))
}

/// Do not sign in by that account elsewhere any more
#[utoipa::path(delete, path = "/api/v1/me/identities/{connection}", tag = "me",
    security(("access_token" = []), ("session" = [])),
    extensions(("x-permission" = json!("recently_authenticated"))),
    params(("connection" = ConnectionId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn unlink(
    State(app): State<App>,
    RecentlyAuthenticated(person): RecentlyAuthenticated,
    CameFrom(origin): CameFrom,
    Path(connection): Path<ConnectionId>,
) -> Result<StatusCode, Problem> {
    service::unlink_identity(&app, person.user, connection, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
