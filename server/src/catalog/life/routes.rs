//! What is done to an event as a whole, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::{copy, service};
use crate::app::App;
use crate::catalog::model::state::Action;
use crate::catalog::model::{EventDetail, EventId};
use crate::catalog::routes::revised;
use crate::identity::{Organiser, permit};

/// The routes of what is done to events as a whole.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(publish))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(postpone))
        .routes(routes!(reschedule))
        .routes(routes!(cancel))
        .routes(routes!(archive))
        .routes(routes!(duplicate))
        .routes(routes!(versions))
        .routes(routes!(version))
}

/// Publish an event: its page is public and its tickets are on sale
///
/// A published one stays as it is; one that is paused is resumed, and one that is postponed rescheduled.
#[utoipa::path(post, path = "/api/v1/events/{event}/publish", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn publish(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Publish, Vec::new()).await
}

/// Pause the sale of an event
///
/// Its page stays, and its tickets stay valid. A paused one stays as it is.
#[utoipa::path(post, path = "/api/v1/events/{event}/pause", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn pause(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Pause, Vec::new()).await
}

/// Go on selling an event that is paused
///
/// One that sells stays as it is.
#[utoipa::path(post, path = "/api/v1/events/{event}/resume", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn resume(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Resume, Vec::new()).await
}

/// Postpone an event: it takes place at a time that is not known yet
///
/// Nothing is sold until it is rescheduled. A postponed one stays as it is.
#[utoipa::path(post, path = "/api/v1/events/{event}/postpone", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn postpone(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Postpone, Vec::new()).await
}

/// Say when an event takes place from now on
///
/// All new dates must end in the future. Tickets are issued anew with their new validity; what is paused stays paused.
#[utoipa::path(post, path = "/api/v1/events/{event}/reschedule", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn reschedule(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<RescheduleInput>,
) -> Result<Revised<EventDetail>, Problem> {
    act(
        &app,
        &organiser,
        event,
        seen,
        Action::Reschedule,
        input.dates,
    )
    .await
}

/// Cancel an event: its tickets let nobody in any more
///
/// A cancelled one stays as it is.
#[utoipa::path(post, path = "/api/v1/events/{event}/cancel", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Cancel, Vec::new()).await
}

/// Archive an event that is over or cancelled
///
/// An archived one stays as it is. One that is postponed is rescheduled or cancelled first.
#[utoipa::path(post, path = "/api/v1/events/{event}/archive", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn archive(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<Revised<EventDetail>, Problem> {
    act(&app, &organiser, event, seen, Action::Archive, Vec::new()).await
}

async fn act(
    app: &App,
    organiser: &Organiser<permit::EventsPublish>,
    event: EventId,
    seen: IfMatch,
    action: Action,
    dates: Vec<MovedDate>,
) -> Result<Revised<EventDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let detail = service::act(app, tenant, event, actor, seen, action, dates).await?;
    Ok(revised(detail))
}

/// Copy an event: a new draft with its texts, tiers, questions and policies, at another time
#[utoipa::path(post, path = "/api/v1/events/{event}/duplicate", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "duplicateEvent",
    extensions(("x-permission" = json!("events.create"))),
    params(("event" = EventId, Path)),
    responses((status = 201, body = EventDetail, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn duplicate(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(event): Path<EventId>,
    Json(input): Json<DuplicateInput>,
) -> Result<(StatusCode, Revised<EventDetail>), Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let detail = copy::duplicate(&app, tenant, event, actor, input).await?;
    Ok((StatusCode::CREATED, revised(detail)))
}

/// List what was done to an event, the newest first
#[utoipa::path(get, path = "/api/v1/events/{event}/versions", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<EventVersion>), (status = "4XX", body = Problem)))]
async fn versions(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<EventVersion>>, Problem> {
    let before = page.after::<i64>()?.unwrap_or(i64::MAX);
    let limit = page.limit_and_one();
    let found = service::versions_of(&app, organiser.tenant(), event, before, limit).await?;
    Ok(Json(page.page(found, |one| one.version)))
}

/// See an event as it was after a change
#[utoipa::path(get, path = "/api/v1/events/{event}/versions/{version}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path), ("version" = i64, Path, description = "The version that the change led to")),
    responses((status = 200, body = EventSnapshot), (status = "4XX", body = Problem)))]
async fn version(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path((event, version)): Path<(EventId, i64)>,
) -> Result<Json<EventSnapshot>, Problem> {
    let found = service::version_of(&app, organiser.tenant(), event, version).await?;
    Ok(Json(found))
}
