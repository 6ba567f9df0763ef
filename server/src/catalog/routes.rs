//! The organiser's events over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised, Sorted, ids};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, CatalogError};
use crate::app::App;
use crate::identity::{Organiser, permit};

/// The routes of the catalogue.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, update, delete))
        .routes(routes!(add_tier))
        .routes(routes!(update_tier))
        .merge(super::offers::routes())
        .merge(super::dates::routes())
        .merge(super::life::routes())
        .merge(super::forms::routes())
        .merge(super::policies::routes())
        .merge(super::profiles::routes())
        .merge(super::venues::routes())
        .merge(super::seat_maps::routes())
}

/// Make a draft of an event
#[utoipa::path(post, path = "/api/v1/events", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    responses((status = 201, body = EventDetail), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Json(input): Json<EventInput>,
) -> Result<(StatusCode, Json<EventDetail>), Problem> {
    let event = service::create_event(&app, organiser.tenant(), organiser.actor(), input).await?;
    Ok((StatusCode::CREATED, Json(event)))
}

/// Which events are listed, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<EventSort>)]
    sort: Option<String>,
    /// Only events with these ids, at most 100, with commas between them.
    ids: Option<String>,
}

/// List the organisation's events, newest first unless they are sorted otherwise
#[utoipa::path(get, path = "/api/v1/events", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(EventQuery),
    responses((status = 200, body = Page<EventSummary>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<EventSummary>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<EventSort>::new(page, query.sort.as_deref())?;
    let only = ids::<EventId>(query.ids.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let events = service::events_of(&app, tenant, only, sorted.by, after, limit).await?;
    Ok(Json(sorted.page(events, |event| sorted.by.place(event))))
}

/// Read an event
#[utoipa::path(get, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<EventDetail>, Problem> {
    let detail = service::detail_of(&app, organiser.tenant(), event).await?;
    Ok(revised(detail.for_answer()))
}

pub(super) fn revised(detail: EventDetail) -> Revised<EventDetail> {
    Revised(detail.event.version, detail)
}

/// Change the texts of an event
#[utoipa::path(patch, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(patch): Json<EventPatch>,
) -> Result<Revised<EventDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let detail = service::update_event(&app, tenant, event, actor, seen, patch).await?;
    Ok(revised(detail))
}

/// Delete a draft
#[utoipa::path(delete, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    service::delete_draft(&app, organiser.tenant(), event, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Add a tier to an event
#[utoipa::path(post, path = "/api/v1/events/{event}/tiers", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 201, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn add_tier(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<TierInput>,
) -> Result<(StatusCode, Revised<EventDetail>), Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let detail = service::add_tier(&app, tenant, event, actor, seen, input).await?;
    Ok((StatusCode::CREATED, revised(detail)))
}

/// Change a tier
#[utoipa::path(patch, path = "/api/v1/events/{event}/tiers/{tier}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("tier" = TierId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update_tier(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, tier)): Path<(EventId, TierId)>,
    seen: IfMatch,
    Json(patch): Json<TierPatch>,
) -> Result<Revised<EventDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let detail = service::update_tier(&app, tenant, event, tier, actor, seen, patch).await?;
    Ok(revised(detail))
}

impl IntoProblem for CatalogError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("catalog.not_found", detail),
            Self::SlugTaken => Problem::conflict("catalog.slug_taken", detail),
            Self::Stale(error) => error.into_problem(),
            Self::VersionConflict { .. } => Problem::conflict("catalog.version_conflict", detail),
            Self::NoSuch(_) => Problem::not_found("catalog.not_found", detail),
            Self::State(refusal) => {
                Problem::conflict(format!("catalog.{}", refusal.code()), detail)
            }
            Self::NotADraft => Problem::conflict("catalog.not_a_draft", detail),
            Self::NoTiers => Problem::conflict("catalog.no_tiers", detail),
            Self::TooManyTiers => Problem::conflict("catalog.too_many_tiers", detail),
            Self::CapacityBelowSold => Problem::conflict("catalog.capacity_below_sold", detail),
            Self::Offer(why) => Problem::conflict(why.code(), detail),
            Self::House(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
