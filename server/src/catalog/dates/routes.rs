//! Series and dates over HTTP.

use axum::extract::State;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::input::{
    DatesEdit, DatesEdited, SeriesInput, SeriesPatch, SeriesPreview, SeriesSaved, SeriesState,
};
use super::{cancel, edit, list, save};
use crate::app::App;
use crate::catalog::model::*;
use crate::identity::{Organiser, permit};

pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_series, save_series, update_series))
        .routes(routes!(preview_series))
        .routes(routes!(list_dates, edit_dates))
        .routes(routes!(cancel_date))
        .routes(routes!(shop_dates))
}

/// Read the rules of an event's dates
#[utoipa::path(get, path = "/api/v1/events/{event}/series", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = SeriesState, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read_series(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<SeriesState>, Problem> {
    let state = save::state(&app, organiser.tenant(), event).await?;
    Ok(Revised(state.version, state))
}

/// Set the rules of an event's dates (RFC 5545), of all or from some date on, up to 2,000; what is sold or over stays
#[utoipa::path(put, path = "/api/v1/events/{event}/series", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = SeriesSaved, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save_series(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<SeriesInput>,
) -> Result<Revised<SeriesSaved>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let saved = save::save(&app, tenant, event, actor, seen, input).await?;
    Ok(Revised(saved.version, saved))
}

/// Add dates to what the rules of an event give, or leave some out; what is sold or over stays
#[utoipa::path(patch, path = "/api/v1/events/{event}/series", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = SeriesSaved, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update_series(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<SeriesPatch>,
) -> Result<Revised<SeriesSaved>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let saved = save::save_exceptions(&app, tenant, event, actor, seen, input).await?;
    Ok(Revised(saved.version, saved))
}

/// See which dates a series would give, and what would become of those there are; changes nothing
#[utoipa::path(post, path = "/api/v1/events/{event}/series/preview", tag = "catalog", operation_id = "previewEventSeries",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = SeriesPreview), (status = "4XX", body = Problem)))]
async fn preview_series(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
    Json(input): Json<SeriesInput>,
) -> Result<Json<SeriesPreview>, Problem> {
    let preview = save::preview(&app, organiser.tenant(), event, input).await?;
    Ok(Json(preview))
}

/// Which dates are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DatesQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Only dates that start then or later.
    from: Option<Timestamp>,
    /// Only dates that start before then.
    until: Option<Timestamp>,
}

impl DatesQuery {
    fn page(&self) -> PageQuery {
        PageQuery {
            limit: self.limit,
            cursor: self.cursor.clone(),
        }
    }

    fn span(&self) -> (Timestamp, Timestamp) {
        let always = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
        (
            self.from.unwrap_or(always.0),
            self.until.unwrap_or(always.1),
        )
    }
}

/// List an event's dates, the earliest first
#[utoipa::path(get, path = "/api/v1/events/{event}/occurrences", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path), DatesQuery),
    responses((status = 200, body = Page<Occurrence>), (status = "4XX", body = Problem)))]
async fn list_dates(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
    Query(query): Query<DatesQuery>,
) -> Result<Json<Page<Occurrence>>, Problem> {
    let page = query.page();
    let after = page.after::<(Timestamp, OccurrenceId)>()?;
    let (tenant, limit) = (organiser.tenant(), page.limit_and_one());
    let dates = list::page(&app, tenant, event, query.span(), after, limit).await?;
    Ok(Json(page.page(dates, |date| (date.starts_at, date.id))))
}

/// Edit dates at once: one, one and all after it, all, or those that are named
#[utoipa::path(patch, path = "/api/v1/events/{event}/occurrences", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = DatesEdited, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn edit_dates(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<DatesEdit>,
) -> Result<Revised<DatesEdited>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let edited = edit::edit_dates(&app, tenant, event, actor, seen, input).await?;
    Ok(Revised(edited.version, edited))
}

/// Cancel one date: nothing is sold for it any more, and its tickets let nobody in
#[utoipa::path(post, path = "/api/v1/events/{event}/occurrences/{occurrence}/cancel", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path), ("occurrence" = OccurrenceId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = Occurrence, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn cancel_date(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path((event, occurrence)): Path<(EventId, OccurrenceId)>,
    seen: IfMatch,
) -> Result<Revised<Occurrence>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let (version, date) =
        cancel::cancel_date(&app, tenant, (event, occurrence), actor, seen).await?;
    Ok(Revised(version, date))
}

/// List the dates of an event that everybody sees, the earliest first
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/occurrences", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"), DatesQuery),
    responses((status = 200, body = Page<Occurrence>), (status = "4XX", body = Problem)))]
async fn shop_dates(
    State(app): State<App>,
    Path(event): Path<String>,
    Query(query): Query<DatesQuery>,
) -> Result<Json<Page<Occurrence>>, Problem> {
    let page = query.page();
    let after = page.after::<(Timestamp, OccurrenceId)>()?;
    let limit = page.limit() + 1;
    let dates = list::public_page(&app, &event, query.span(), after, limit).await?;
    Ok(Json(page.page(dates, |date| (date.starts_at, date.id))))
}
