//! Seat maps over HTTP. What an edit would do is told by sales, which knows who has a seat.

use std::sync::LazyLock;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised, Sorted};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Drawing, MapView};
use super::{layout, svg_answer};
use crate::app::App;
use crate::catalog::model::texts::Language;
use crate::catalog::model::*;
use crate::catalog::seating::{ColorScheme, PartId, SeatMap};
use crate::identity::{Organiser, permit};

/// The routes of seat maps.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    // Maps are larger than whatever else is sent.
    let large = OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, save, delete))
        .layer(DefaultBodyLimit::max(MAX_SEAT_MAP_BYTES));
    OpenApiRouter::new()
        .routes(routes!(templates))
        .routes(routes!(format))
        .routes(routes!(versions))
        .routes(routes!(rows))
        .routes(routes!(picture))
        .merge(large)
}

/// List the templates that a seat map can be made from
#[utoipa::path(get, path = "/api/v1/seat-map-templates", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    responses((status = 200, body = Page<ListedTemplate>), (status = "4XX", body = Problem)))]
async fn templates(
    _organiser: Organiser<permit::EventsRead>,
) -> Result<Json<Page<ListedTemplate>>, Problem> {
    let items = service::seat_map_templates().await?;
    Ok(Json(Page { items, next: None }))
}

/// Read the JSON schema (draft 2020-12) of format 1 of seat maps
///
/// What a schema cannot say, such as that seats do not overlap, is said when a map is saved.
#[utoipa::path(get, path = "/api/v1/seat-map-formats/1", tag = "catalog", operation_id = "getSeatMapFormat",
    responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn format() -> Json<&'static Value> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(SeatMap::json_schema);
    Json(LazyLock::force(&SCHEMA))
}

/// Make a seat map, from a template or from what is on it
///
/// A map may be as large as 16 MB. All that is wrong with it is told by field, at most a hundred faults.
#[utoipa::path(post, path = "/api/v1/seat-maps", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    responses((status = 201, body = SeatMapSummary, headers(("ETag" = String, description = "The version of the map, for If-Match"))), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Json(input): Json<SeatMapInput>,
) -> Result<(StatusCode, Revised<SeatMapSummary>), Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let made = service::create_seat_map(&app, tenant, actor, input).await?;
    Ok((StatusCode::CREATED, Revised(made.version, made)))
}

/// Which seat maps are listed, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeatMapQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<SeatMapSort>)]
    sort: Option<String>,
    /// Only maps of halls of this venue.
    venue: Option<VenueId>,
}

/// List the organisation's seat maps, newest first unless they are sorted otherwise
///
/// Whoever may see single events only sees the maps of these.
#[utoipa::path(get, path = "/api/v1/seat-maps", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(SeatMapQuery),
    responses((status = 200, body = Page<SeatMapSummary>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Query(query): Query<SeatMapQuery>,
) -> Result<Json<Page<SeatMapSummary>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<SeatMapSort>::new(page, query.sort.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let found = service::seat_maps(&app, tenant, query.venue, sorted.by, after, limit).await?;
    Ok(Json(sorted.page(found, |map| sorted.by.place(map))))
}

/// Which version of a map is read.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Its version; the newest if absent.
    version: Option<i64>,
}

/// Read a seat map with all that is on it, as it is now or as it was
///
/// An answer of more than 1 MB has no `ETag`; `If-Match` takes the `version` in quotes as well.
#[utoipa::path(get, path = "/api/v1/seat-maps/{map}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(("map" = SeatMapId, Path), VersionQuery),
    responses((status = 200, body = SeatMapDetail, headers(("ETag" = String, description = "The version of the map, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(map): Path<SeatMapId>,
    Query(query): Query<VersionQuery>,
) -> Result<Revised<SeatMapDetail>, Problem> {
    let found = service::seat_map(&app, organiser.tenant(), map, query.version).await?;
    Ok(Revised(found.summary.version, found))
}

/// Save a new version of a seat map, which all dates that are not over use from now on
///
/// Seats that keep their id are the same seats. Whoever has one keeps it: an edit that would take away a
/// seat that is sold or held, call it otherwise or make it worse is refused as a whole, and `errors` names
/// the seats. Ask for a comparison to know that before. If nothing changes, the version stays.
#[utoipa::path(put, path = "/api/v1/seat-maps/{map}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("map" = SeatMapId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the map had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = SeatMapSummary, headers(("ETag" = String, description = "The version of the map, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(map): Path<SeatMapId>,
    seen: IfMatch,
    Json(edit): Json<SeatMapEdit>,
) -> Result<Revised<SeatMapSummary>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let saved = service::save_seat_map(&app, tenant, map, actor, seen, edit).await?;
    Ok(Revised(saved.version, saved))
}

/// Delete a seat map that no date uses, with all its versions
#[utoipa::path(delete, path = "/api/v1/seat-maps/{map}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("map" = SeatMapId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the map had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(map): Path<SeatMapId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_seat_map(&app, tenant, map, actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a seat map, newest first
#[utoipa::path(get, path = "/api/v1/seat-maps/{map}/versions", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(("map" = SeatMapId, Path), PageQuery),
    responses((status = 200, body = Page<SeatMapVersion>), (status = "4XX", body = Problem)))]
async fn versions(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(map): Path<SeatMapId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SeatMapVersion>>, Problem> {
    let (before, limit) = (page.after::<i64>()?, page.limit_and_one());
    let tenant = organiser.tenant();
    let found = service::seat_map_versions(&app, tenant, map, before, limit).await?;
    Ok(Json(page.page(found, |version| version.version)))
}

/// Which rows of a map are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RowQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// The version of the map; the newest if absent. A `cursor` goes on in the version that it began with.
    version: Option<i64>,
    /// Only rows and tables of this section.
    #[param(inline)]
    section: Option<PartId>,
}

/// List all seats of a map by rows and tables: what the picture shows, for those whom it does not help
#[utoipa::path(get, path = "/api/v1/seat-maps/{map}/seats", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))), params(("map" = SeatMapId, Path), RowQuery),
    responses((status = 200, body = Page<ListedRow>), (status = "4XX", body = Problem)))]
async fn rows(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(map): Path<SeatMapId>,
    Query(query): Query<RowQuery>,
) -> Result<Json<Page<ListedRow>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let after = page.after::<(i64, usize)>()?;
    let (version, skip) = after.map_or((query.version, 0), |(version, at)| (Some(version), at));
    let found = service::seat_map_at(&app, organiser.tenant(), map, version).await?;
    let of = found.reference();
    let rows = service::seat_rows(&app, of, query.section, skip, page.limit() + 1).await?;
    let rows: Vec<(usize, ListedRow)> = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| (skip.saturating_add(at), row))
        .collect();
    let page = page.page(rows, |(at, _)| (of.version, at.saturating_add(1)));
    Ok(Json(page.map(|(_, row)| row)))
}

/// How a map is drawn.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PictureQuery {
    /// The version of the map; the newest if absent.
    version: Option<i64>,
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

/// Draw a seat map as SVG, with nothing taken
#[utoipa::path(get, path = "/api/v1/seat-maps/{map}/svg", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("map" = SeatMapId, Path), PictureQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the picture that the caller has")),
    responses((status = 200, content_type = "image/svg+xml", body = String, headers(("ETag" = String, description = "Names this picture"))),
        (status = 304, description = "The caller has the picture"), (status = "4XX", body = Problem)))]
async fn picture(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(map): Path<SeatMapId>,
    Query(query): Query<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = service::seat_map_at(&app, organiser.tenant(), map, query.version).await?;
    let layout = layout(&app, found.reference()).await?;
    let how = Drawing {
        view: query.view.unwrap_or_default(),
        section: query.section,
        language: query.language,
        theme: query.theme,
    };
    let drawn = service::draw_seat_map(layout, None, how).await?;
    Ok(svg_answer(&headers, drawn, true))
}
