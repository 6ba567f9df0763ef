//! Venues over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised, Sorted};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service;
use crate::app::App;
use crate::catalog::model::country::Country;
use crate::catalog::model::venue::*;
use crate::identity::{Organiser, permit};

/// The routes of venues.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update, delete))
        .routes(routes!(address_format))
}

/// Make a venue
#[utoipa::path(post, path = "/api/v1/venues", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    responses((status = 201, body = VenueDetail, headers(("ETag" = String, description = "The version of the venue, for If-Match"))), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Json(input): Json<VenueInput>,
) -> Result<(StatusCode, Revised<VenueDetail>), Problem> {
    let made = service::create_venue(&app, organiser.tenant(), organiser.actor(), input).await?;
    Ok((StatusCode::CREATED, revised(made)))
}

/// How venues are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VenueQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<VenueSort>)]
    sort: Option<String>,
}

/// List the organisation's venues, newest first unless they are sorted otherwise
///
/// Whoever may see single events only sees the venues of these.
#[utoipa::path(get, path = "/api/v1/venues", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(VenueQuery),
    responses((status = 200, body = Page<VenueDetail>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Query(query): Query<VenueQuery>,
) -> Result<Json<Page<VenueDetail>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<VenueSort>::new(page, query.sort.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let found = service::venues(&app, organiser.tenant(), sorted.by, after, limit).await?;
    Ok(Json(sorted.page(found, |venue| sorted.by.place(venue))))
}

/// Read a venue
#[utoipa::path(get, path = "/api/v1/venues/{venue}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(("venue" = VenueId, Path)),
    responses((status = 200, body = VenueDetail, headers(("ETag" = String, description = "The version of the venue, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(venue): Path<VenueId>,
) -> Result<Revised<VenueDetail>, Problem> {
    let found = service::venue(&app, organiser.tenant(), venue).await?;
    Ok(revised(found))
}

fn revised(venue: VenueDetail) -> Revised<VenueDetail> {
    Revised(venue.version, venue)
}

/// Change a venue; events that name it go on to show the name and address that they show
#[utoipa::path(patch, path = "/api/v1/venues/{venue}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("venue" = VenueId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the venue had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = VenueDetail, headers(("ETag" = String, description = "The version of the venue, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(venue): Path<VenueId>,
    seen: IfMatch,
    Json(patch): Json<VenuePatch>,
) -> Result<Revised<VenueDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let changed = service::update_venue(&app, tenant, venue, actor, seen, patch).await?;
    Ok(revised(changed))
}

/// Delete a venue that no event and no seat map names
#[utoipa::path(delete, path = "/api/v1/venues/{venue}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("venue" = VenueId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the venue had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(venue): Path<VenueId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_venue(&app, tenant, venue, actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See how a country writes addresses: which fields a form has, in which order
#[utoipa::path(get, path = "/api/v1/address-formats/{country}", tag = "catalog",
    params(("country" = Country, Path, description = "The ISO 3166-1 code of the country, such as `SI`")),
    responses((status = 200, body = AddressForm), (status = "4XX", body = Problem)))]
async fn address_format(Path(country): Path<Country>) -> Json<AddressForm> {
    Json(format_of(country).form())
}
