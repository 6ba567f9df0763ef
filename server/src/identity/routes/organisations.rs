//! Organisations, as their members see and change them.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Organiser, SignedIn};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(found, own))
        .routes(routes!(show, update))
        .routes(routes!(leave))
}

/// Make an organisation and become its owner
#[utoipa::path(post, path = "/api/v1/organisations", tag = "organisations",
    security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 201, body = Organisation), (status = "4XX", body = Problem)))]
async fn found(
    State(app): State<App>,
    SignedIn(principal, person): SignedIn,
    Json(input): Json<OrganisationInput>,
) -> Result<(StatusCode, Json<Organisation>), Problem> {
    let made = service::found_organisation(&app, &principal, &person, input).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// List the organisations that one is a member of, with one's roles
#[utoipa::path(get, path = "/api/v1/organisations", tag = "organisations",
    security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    responses((status = 200, body = Page<OwnOrganisation>), (status = "4XX", body = Problem)))]
async fn own(SignedIn(_principal, person): SignedIn) -> Json<Page<OwnOrganisation>> {
    Json(Page {
        items: service::own_organisations_of(&person.memberships),
        next: None,
    })
}

/// See the organisation
#[utoipa::path(get, path = "/api/v1/organisation", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.read"))),
    responses((status = 200, body = Organisation), (status = "4XX", body = Problem)))]
async fn show(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
) -> Result<Json<Organisation>, Problem> {
    Ok(Json(
        service::organisation(&app, organiser.organisation()).await?,
    ))
}

/// Change the organisation
///
/// Whether members must show a second factor can be changed within 10 minutes of signing in, and
/// switched on by somebody who showed theirs.
#[utoipa::path(patch, path = "/api/v1/organisation", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.manage"))),
    responses((status = 200, body = Organisation), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
    Json(patch): Json<OrganisationPatch>,
) -> Result<Json<Organisation>, Problem> {
    let organisation = organiser.organisation();
    Ok(Json(
        service::update_organisation(&app, organiser.principal(), organisation, patch).await?,
    ))
}

/// Leave an organisation; its last owner cannot
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}/membership", tag = "organisations",
    security(("session" = [])),
    extensions(("x-permission" = json!("signed_in"))),
    params(("organisation" = String, Path, description = "Its id or short name")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn leave(
    State(app): State<App>,
    SignedIn(principal, person): SignedIn,
    Path(organisation): Path<String>,
) -> Result<StatusCode, Problem> {
    service::leave(&app, &principal, &person, &organisation).await?;
    Ok(StatusCode::NO_CONTENT)
}
