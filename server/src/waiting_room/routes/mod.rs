//! The waiting room over HTTP: what organisers do here, what visitors do in `shop.rs`, who they are in
//! `visit.rs`.

mod shop;
mod visit;

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{IfMatch, Json, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use visit::{Came, Visit, pass_cookie, place_cookie};

use super::model::*;
use super::service::{self, EnterRefusal, WaitingError};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};

/// The routes of the waiting room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read, set, delete))
        .routes(routes!(set_beacon))
        .routes(routes!(draw))
        .routes(routes!(open))
        .routes(routes!(resume))
        .routes(routes!(end))
        .merge(shop::routes())
}

fn revised(room: WaitingRoom) -> Revised<WaitingRoom> {
    Revised(room.revision, room)
}

/// Read the waiting room of an event
#[utoipa::path(get, path = "/api/v1/events/{event}/waiting-room", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<WaitingRoom>, Problem> {
    let room = service::room_of(&app, organiser.tenant(), event).await?;
    Ok(revised(room))
}

/// Make the waiting room of an event, or change it
///
/// The commitment of its draw is published at once. Limits and pace may be changed at any time, the
/// opening until the draw, the beacon never.
#[utoipa::path(put, path = "/api/v1/events/{event}/waiting-room", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the room in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<WaitingRoomInput>,
) -> Result<Revised<WaitingRoom>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let room = service::set_room(&app, tenant, event, actor, seen, input).await?;
    Ok(revised(room))
}

/// Take a waiting room away that nobody has joined
#[utoipa::path(delete, path = "/api/v1/events/{event}/waiting-room", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the room in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_room(&app, tenant, event, actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give the value of the beacon, which becomes part of the draw
///
/// Taken once, and only after the hash of all places was published: until then nobody may know it.
#[utoipa::path(put, path = "/api/v1/events/{event}/waiting-room/beacon", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_beacon(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
    Json(input): Json<BeaconInput>,
) -> Result<Revised<WaitingRoom>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let room = service::set_beacon(&app, tenant, event, actor, input).await?;
    Ok(revised(room))
}

/// Hold the draw now, whatever was planned
#[utoipa::path(post, path = "/api/v1/events/{event}/waiting-room/draw", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn draw(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Revised<WaitingRoom>, Problem> {
    move_room(&app, organiser, event, RoomMove::Draw).await
}

/// Let everybody buy at once: nobody waits any more
#[utoipa::path(post, path = "/api/v1/events/{event}/waiting-room/open", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn open(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Revised<WaitingRoom>, Problem> {
    move_room(&app, organiser, event, RoomMove::Open).await
}

/// Let people wait again after everybody was let in
#[utoipa::path(post, path = "/api/v1/events/{event}/waiting-room/resume", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn resume(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Revised<WaitingRoom>, Problem> {
    move_room(&app, organiser, event, RoomMove::Resume).await
}

/// End a waiting room for good
#[utoipa::path(post, path = "/api/v1/events/{event}/waiting-room/end", tag = "waiting-rooms", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = WaitingRoom, headers(("ETag" = String, description = "The revision of the room, for If-Match"))), (status = "4XX", body = Problem)))]
async fn end(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<Revised<WaitingRoom>, Problem> {
    move_room(&app, organiser, event, RoomMove::End).await
}

async fn move_room(
    app: &App,
    organiser: Organiser<permit::EventsPublish>,
    event: EventId,
    how: RoomMove,
) -> Result<Revised<WaitingRoom>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let room = service::move_room(app, tenant, event, actor, how).await?;
    Ok(revised(room))
}

impl IntoProblem for WaitingError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::NotFound => Problem::not_found("waiting_room.not_found", detail),
            Self::Stale(error) => error.into_problem(),
            Self::State(_) => Problem::conflict("waiting_room.state", detail),
            Self::Joined => Problem::conflict("waiting_room.joined", detail),
            Self::BeaconPromised => Problem::conflict("waiting_room.beacon_promised", detail),
            Self::NotDrawn => Problem::not_found("waiting_room.not_drawn", detail),
            Self::AccountNeeded => Problem::forbidden("waiting_room.account_needed", detail),
            Self::NoMorePlaces(_) => Problem::conflict("waiting_room.no_more_places", detail),
            Self::Drawing => Problem::conflict("waiting_room.drawing", detail).retry_after(1),
            Self::NotNeeded => Problem::conflict("waiting_room.not_needed", detail),
            Self::Over => Problem::gone("waiting_room.over", detail),
            Self::NoPlace => Problem::not_found("waiting_room.no_place", detail),
            Self::PlaceRefused(_) => Problem::forbidden("waiting_room.place_refused", detail),
            Self::NotCalled => Problem::conflict("waiting_room.not_called", detail),
            Self::SoldOut => Problem::conflict("waiting_room.sold_out", detail).retry_after(15),
            Self::Missed => Problem::gone("waiting_room.missed", detail),
            Self::Used => Problem::conflict("waiting_room.used", detail),
            Self::Db(error) => error.into_problem(),
        }
    }
}

/// How somebody is told that they may not come in, with where to wait.
pub(crate) fn entry_problem(event: EventId, refusal: EnterRefusal) -> Problem {
    let detail = format!("{refusal} (/wait/{event}/)");
    match refusal {
        EnterRefusal::Full => Problem::conflict("sales.waiting_room_full", detail).retry_after(5),
        EnterRefusal::NoPass | EnterRefusal::Pass(_) | EnterRefusal::Used => {
            Problem::conflict("sales.waiting_room", detail).field(
                "event",
                "waiting_room",
                format!("Please wait for your turn at /wait/{event}/"),
            )
        }
    }
}
