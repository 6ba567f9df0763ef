//! What people do who wait, and what everybody may check.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::visit::{Came, Visit, pass_cookie, place_cookie};
use crate::app::App;
use crate::catalog::EventId;
use crate::waiting_room::model::*;
use crate::waiting_room::service;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(proof))
        .routes(routes!(roster))
        .routes(routes!(notice))
        .routes(routes!(join))
        .routes(routes!(place))
        .routes(routes!(pass))
}

/// See what proves that the draw of a waiting room is fair
///
/// Before the draw: the commitment. Once it is closed: the hash of all places. Then the seed, by which
/// anybody can work out the order again.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/waiting-room", tag = "shop",
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoomProof), (status = "4XX", body = Problem)))]
async fn proof(
    State(app): State<App>,
    Path(event): Path<EventId>,
) -> Result<Json<WaitingRoomProof>, Problem> {
    Ok(Json(service::proof(&app, event).await?))
}

/// List the places that took part in the draw, by their ids, once the seed is revealed
///
/// As one text, an id a line, they are at `/wait/{event}/roster.txt`.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/waiting-room/roster", tag = "shop",
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<RosterPlace>), (status = "4XX", body = Problem)))]
async fn roster(
    State(app): State<App>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RosterPlace>>, Problem> {
    let after = page.after::<PlaceId>()?;
    let places = service::roster(&app, event, after, page.limit_and_one()).await?;
    Ok(Json(page.page(places, |place| place.id)))
}

/// See what everybody may know of a waiting room: the same for all, so ask a cache
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/waiting-room/notice", tag = "shop",
    params(("event" = EventId, Path)),
    responses((status = 200, body = Notice), (status = "4XX", body = Problem)))]
async fn notice(State(app): State<App>, Path(event): Path<EventId>) -> Result<Response, Problem> {
    let room = service::shown_room(&app, event).await?;
    let kept = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, room.cache_control),
    ];
    Ok((kept, room.notice.clone()).into_response())
}

/// Get a place in a waiting room, or the one that one has (200)
#[utoipa::path(post, path = "/api/v1/shop/events/{event}/waiting-room/places", tag = "shop",
    params(("event" = EventId, Path),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place that one has; browsers send a cookie"),
        ("Bilten-Device" = Option<String>, Header, description = "The secret by which an app is known, as signing in answers it")),
    responses((status = 200, description = "The place that one has", body = WaitingPlace), (status = 201, body = WaitingPlace), (status = "4XX", body = Problem)))]
async fn join(
    State(app): State<App>,
    Path(event): Path<EventId>,
    came: Came,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    let (place, is_new) = service::join(&app, event, came.joiner(shown.place)).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let headers = [
        (header::SET_COOKIE, place_cookie(&app, event, &place.token)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((status, headers, Json(place)).into_response())
}

/// See how it stands for one's place
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/waiting-room/place", tag = "shop",
    params(("event" = EventId, Path),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place; browsers send a cookie")),
    responses((status = 200, body = WaitingStanding), (status = "4XX", body = Problem)))]
async fn place(
    State(app): State<App>,
    Path(event): Path<EventId>,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    let standing = service::standing(&app, event, shown.place.as_deref()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(standing)).into_response())
}

/// Claim the pass when it is one's turn; the one before is not good any more
#[utoipa::path(post, path = "/api/v1/shop/events/{event}/waiting-room/pass", tag = "shop",
    params(("event" = EventId, Path),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place; browsers send a cookie")),
    responses((status = 201, body = WaitingPass), (status = "4XX", body = Problem)))]
async fn pass(
    State(app): State<App>,
    Path(event): Path<EventId>,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    let pass = service::claim(&app, event, shown.place.as_deref()).await?;
    let headers = [
        (header::SET_COOKIE, pass_cookie(&app, event, &pass)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::CREATED, headers, Json(pass)).into_response())
}
