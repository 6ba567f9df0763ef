//! The organiser's events over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
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
        .routes(routes!(publish))
        .routes(routes!(cancel))
        .routes(routes!(archive))
        .routes(routes!(add_tier))
        .routes(routes!(update_tier))
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

/// List the organisation's events, newest first
#[utoipa::path(get, path = "/api/v1/events", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(PageQuery),
    responses((status = 200, body = Page<Event>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Event>>, Problem> {
    let before = page.after::<EventId>()?;
    let events = service::events_of(&app, organiser.tenant(), before, page.limit_and_one()).await?;
    Ok(Json(page.page(events, |event| event.id)))
}

/// Read an event
#[utoipa::path(get, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    Ok(Json(
        service::detail_of(&app, organiser.tenant(), event).await?,
    ))
}

/// Change the texts of an event
#[utoipa::path(patch, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(patch): Json<EventPatch>,
) -> Result<Json<EventDetail>, Problem> {
    Ok(Json(
        service::update_event(&app, organiser.tenant(), event, organiser.actor(), patch).await?,
    ))
}

/// Delete a draft
#[utoipa::path(delete, path = "/api/v1/events/{event}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
) -> Result<StatusCode, Problem> {
    service::delete_draft(&app, organiser.tenant(), event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Publish an event: its page is public and its tickets are on sale
#[utoipa::path(post, path = "/api/v1/events/{event}/publish", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn publish(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    move_to(&app, organiser, event, EventState::Published).await
}

/// Cancel an event: its tickets let nobody in any more
#[utoipa::path(post, path = "/api/v1/events/{event}/cancel", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    move_to(&app, organiser, event, EventState::Cancelled).await
}

/// Archive an event that is over or cancelled
#[utoipa::path(post, path = "/api/v1/events/{event}/archive", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn archive(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Json<EventDetail>, Problem> {
    move_to(&app, organiser, event, EventState::Archived).await
}

async fn move_to(
    app: &App,
    organiser: Organiser<permit::EventsPublish>,
    event: EventId,
    to: EventState,
) -> Result<Json<EventDetail>, Problem> {
    Ok(Json(
        service::move_event(app, organiser.tenant(), event, organiser.actor(), to).await?,
    ))
}

/// Add a tier to an event
#[utoipa::path(post, path = "/api/v1/events/{event}/tiers", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 201, body = EventDetail), (status = "4XX", body = Problem)))]
async fn add_tier(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(input): Json<TierInput>,
) -> Result<(StatusCode, Json<EventDetail>), Problem> {
    let detail =
        service::add_tier(&app, organiser.tenant(), event, organiser.actor(), input).await?;
    Ok((StatusCode::CREATED, Json(detail)))
}

/// Change a tier
#[utoipa::path(patch, path = "/api/v1/events/{event}/tiers/{tier}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("tier" = TierId, Path)),
    responses((status = 200, body = EventDetail), (status = "4XX", body = Problem)))]
async fn update_tier(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, tier)): Path<(EventId, TierId)>,
    Json(patch): Json<TierPatch>,
) -> Result<Json<EventDetail>, Problem> {
    Ok(Json(
        service::update_tier(
            &app,
            organiser.tenant(),
            event,
            tier,
            organiser.actor(),
            patch,
        )
        .await?,
    ))
}

impl IntoProblem for CatalogError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("catalog.not_found", detail),
            Self::SlugTaken => Problem::conflict("catalog.slug_taken", detail),
            Self::VersionConflict { .. } => Problem::conflict("catalog.version_conflict", detail),
            Self::State { .. } => Problem::conflict("catalog.state", detail),
            Self::NotADraft => Problem::conflict("catalog.not_a_draft", detail),
            Self::NoTiers => Problem::conflict("catalog.no_tiers", detail),
            Self::TooManyTiers => Problem::conflict("catalog.too_many_tiers", detail),
            Self::CapacityBelowSold => Problem::conflict("catalog.capacity_below_sold", detail),
            Self::Db(error) => error.into_problem(),
        }
    }
}
