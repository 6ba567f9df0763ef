//! What organisations say of themselves, over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{OrganisationProfile, ProfileInput, ShopOrganisation};
use super::service;
use crate::app::App;
use crate::identity::{self, Organiser, permit};

/// The routes of profiles.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read, save))
        .routes(routes!(shop))
}

/// See what the organisation says of itself, and how its pages look
#[utoipa::path(get, path = "/api/v1/organisation/profile", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.read"))),
    responses((status = 200, body = OrganisationProfile, headers(("ETag" = String, description = "The version of the profile, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
) -> Result<Revised<OrganisationProfile>, Problem> {
    let found = service::profile_of(&app, organiser.organisation()).await?;
    Ok(Revised(found.version, found))
}

/// Say what the organisation is, and how its pages look
///
/// Colours are refused if somebody could not read what is written in them (WCAG 2.2, AA).
#[utoipa::path(put, path = "/api/v1/organisation/profile", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.manage"))),
    params(("If-Match" = Option<String>, Header, description = "The ETag that the profile had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = OrganisationProfile, headers(("ETag" = String, description = "The version of the profile, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
    seen: IfMatch,
    Json(input): Json<ProfileInput>,
) -> Result<Revised<OrganisationProfile>, Problem> {
    let (organisation, actor) = (organiser.organisation(), organiser.actor());
    let saved = service::save_profile(&app, organisation, actor, seen, input).await?;
    Ok(Revised(saved.version, saved))
}

/// See an organisation: what it says of itself, and how its pages look
#[utoipa::path(get, path = "/api/v1/shop/organisations/{organisation}/profile", tag = "shop",
    params(("organisation" = String, Path, description = "Its id or short name")),
    responses((status = 200, body = ShopOrganisation), (status = "4XX", body = Problem)))]
async fn shop(
    State(app): State<App>,
    Path(organisation): Path<String>,
) -> Result<Json<ShopOrganisation>, Problem> {
    let organisation = identity::organisation_named(&app, &organisation).await?;
    let found = service::profile_of(&app, organisation.id).await?;
    Ok(Json(ShopOrganisation {
        id: organisation.id,
        slug: organisation.slug,
        name: organisation.name,
        profile: found.profile,
        brand: found.brand,
    }))
}
