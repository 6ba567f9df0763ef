//! The seats of a date as buyers see them and as organisers keep them back, and what an edit of a seat map
//! would do, over HTTP.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::http::{Json, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::seating::{
    self, ColorScheme, Layout, ListedGroup, Occupancy, PartId, PriceCategory, SeatId, SeatSet,
    SectionSummary, TakenState,
};
use crate::catalog::texts::Language;
use crate::catalog::{
    self, Drawing, EventId, HouseError, MAX_SEAT_MAP_BYTES, MapView, OccurrenceId,
    SeatMapComparison, SeatMapDraft, SeatMapId, SeatMapRef,
};
use crate::identity::{Organiser, permit};
use crate::sales::service::{self, SalesError};

/// The routes of seats.
pub(super) fn routes() -> OpenApiRouter<App> {
    // Maps are larger than whatever else is sent.
    let large = OpenApiRouter::new()
        .routes(routes!(compare))
        .layer(DefaultBodyLimit::max(MAX_SEAT_MAP_BYTES));
    OpenApiRouter::new()
        .routes(routes!(seats))
        .routes(routes!(picture))
        .routes(routes!(block_seats))
        .routes(routes!(unblock_seats))
        .merge(large)
}

/// See what an edit of a seat map would do, and whether it could be saved now; nothing is written
///
/// It is compared with the newest version, given the seats that are sold or held on the dates that are not
/// over. Between this and saving somebody may take a seat: then saving is refused.
#[utoipa::path(post, path = "/api/v1/seat-maps/{map}/compare", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))), params(("map" = SeatMapId, Path)),
    responses((status = 200, body = SeatMapComparison), (status = "4XX", body = Problem)))]
async fn compare(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(map): Path<SeatMapId>,
    Json(draft): Json<SeatMapDraft>,
) -> Result<Json<SeatMapComparison>, Problem> {
    let compared = service::compare_seat_map(&app, organiser.tenant(), map, draft.map).await?;
    Ok(Json(compared))
}

/// A date's map, and what of it is taken.
struct SeatsOfDate {
    map: SeatMapRef,
    layout: Arc<Layout>,
    occupancy: Occupancy,
}

/// The seats of a date of a public event.
async fn seats_of(
    app: &App,
    event: &str,
    occurrence: OccurrenceId,
) -> Result<SeatsOfDate, Problem> {
    let offer = service::public_event(app, event).await?;
    let date = offer.occurrences.iter().find(|one| one.id == occurrence);
    let map = date.and_then(|date| date.seat_map).ok_or_else(|| {
        Problem::not_found(
            "sales.no_seats",
            "There is no such date, or it has no seats to choose from.",
        )
    })?;
    let layout = catalog::layout(app, map).await?;
    let occupancy = service::occupancy(app, occurrence, &layout).await?;
    Ok(SeatsOfDate {
        map,
        layout,
        occupancy,
    })
}

/// The seats of a date as buyers see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ShopSeats {
    /// The map and its version.
    seat_map: SeatMapRef,
    /// What the map is called.
    name: String,
    /// Its price categories, the first the best; tiers name the one that they sell.
    categories: Vec<PriceCategory>,
    /// Its sections, with what is free.
    sections: Vec<SectionSummary>,
    /// The rows and tables of the section that was asked for, with all their seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<ListedGroup>>,
}

/// Which seats are shown.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeatsQuery {
    /// A section whose rows are shown with all their seats.
    #[param(inline)]
    section: Option<PartId>,
}

/// See which seats of a date are free, by sections; of one section all seats
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/occurrences/{occurrence}/seats", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"), ("occurrence" = OccurrenceId, Path), SeatsQuery),
    responses((status = 200, body = ShopSeats), (status = "4XX", body = Problem)))]
async fn seats(
    State(app): State<App>,
    Path((event, occurrence)): Path<(String, OccurrenceId)>,
    Query(query): Query<SeatsQuery>,
) -> Result<Json<ShopSeats>, Problem> {
    let shown = seats_of(&app, &event, occurrence).await?;
    let (layout, occupancy) = (&shown.layout, &shown.occupancy);
    let map = layout.map();
    let rows = match query.section {
        None => None,
        Some(section) if map.sections.iter().any(|known| known.id == section) => {
            let nothing = SeatSet::empty(layout.places().len());
            Some(seating::list(layout, occupancy, &nothing, section))
        }
        Some(_) => return Err(HouseError::SectionNotFound.into()),
    };
    Ok(Json(ShopSeats {
        seat_map: shown.map,
        name: map.name.clone(),
        categories: map.categories.clone(),
        sections: seating::summary(layout, occupancy),
        rows,
    }))
}

/// How a date's map is drawn.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PictureQuery {
    /// What can be done in it: nothing if absent.
    #[param(inline)]
    view: Option<MapView>,
    /// Only this section, with each of its seats an element of its own.
    #[param(inline)]
    section: Option<PartId>,
    /// The language of its words, such as `sl`; English if absent, or if there are no words of it.
    #[param(inline)]
    language: Option<Language>,
    /// Light or dark; as whoever looks prefers it if absent.
    #[param(inline)]
    theme: Option<ColorScheme>,
}

/// Draw the seat map of a date as SVG, with what is taken
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/occurrences/{occurrence}/seat-map/svg", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"), ("occurrence" = OccurrenceId, Path), PictureQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the picture that the caller has")),
    responses((status = 200, content_type = "image/svg+xml", body = String, headers(("ETag" = String, description = "Names this picture"))),
        (status = 304, description = "The caller has the picture"), (status = "4XX", body = Problem)))]
async fn picture(
    State(app): State<App>,
    Path((event, occurrence)): Path<(String, OccurrenceId)>,
    Query(query): Query<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shown = seats_of(&app, &event, occurrence).await?;
    let how = Drawing {
        view: query.view.unwrap_or_default(),
        section: query.section,
        language: query.language,
        theme: query.theme,
    };
    let drawn = catalog::draw_seat_map(shown.layout, Some(shown.occupancy), how).await?;
    Ok(catalog::svg_answer(&headers, drawn, false))
}

/// A seat that cannot be had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TakenSeat {
    /// The seat, by its id in the seat map.
    pub seat: SeatId,
    /// How it is taken.
    pub state: TakenState,
}

/// The seats of a date that cannot be had; all others of its map that are sold at all can.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TakenSeats {
    /// The event.
    pub event_id: EventId,
    /// The date.
    pub occurrence_id: OccurrenceId,
    /// The seats.
    pub taken: Vec<TakenSeat>,
}

impl TakenSeats {
    async fn of(app: &App, event: EventId, date: OccurrenceId) -> Result<Self, SalesError> {
        let taken = service::taken_seats(app, date).await?;
        let taken = taken
            .into_iter()
            .map(|(seat, state)| TakenSeat { seat, state });
        Ok(Self {
            event_id: event,
            occurrence_id: date,
            taken: taken.collect(),
        })
    }
}

/// Seats of one date.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatsRequest {
    /// The date.
    pub occurrence: OccurrenceId,
    /// The seats, 1 to 5,000.
    #[schema(min_items = 1, max_items = 5_000)]
    pub seats: Vec<SeatId>,
}

impl SeatsRequest {
    fn check(&self) -> Result<(), Problem> {
        if (1..=5_000).contains(&self.seats.len()) {
            return Ok(());
        }
        Err(Problem::invalid(vec![FieldError {
            field: "seats".to_owned(),
            code: "out_of_range".into(),
            detail: "There must be 1 to 5,000 seats.".to_owned(),
        }]))
    }
}

/// Keep seats of a date back: nobody can buy them
///
/// All of them or none: if somebody has some of them, it is refused with `sales.seats_taken`, which names these.
#[utoipa::path(post, path = "/api/v1/events/{event}/seats/block", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = TakenSeats), (status = "4XX", body = Problem)))]
async fn block_seats(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(request): Json<SeatsRequest>,
) -> Result<Json<TakenSeats>, Problem> {
    request.check()?;
    let (tenant, date) = (organiser.tenant(), request.occurrence);
    service::keep_seats(&app, tenant, event, date, &request.seats, true).await?;
    Ok(Json(TakenSeats::of(&app, event, date).await?))
}

/// Let seats of a date be bought again that were kept back
#[utoipa::path(post, path = "/api/v1/events/{event}/seats/unblock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = TakenSeats), (status = "4XX", body = Problem)))]
async fn unblock_seats(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(request): Json<SeatsRequest>,
) -> Result<Json<TakenSeats>, Problem> {
    request.check()?;
    let (tenant, date) = (organiser.tenant(), request.occurrence);
    service::keep_seats(&app, tenant, event, date, &request.seats, false).await?;
    Ok(Json(TakenSeats::of(&app, event, date).await?))
}
