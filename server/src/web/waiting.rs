//! The waiting room: a page that is the same for all rooms and needs no database, and, for whoever has
//! no scripts, one that says once how it stands.
//!
//! Addresses below `/wait/{event}/` are relative in the static page, so that it names no event: any cache
//! may keep it for all.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;
use jiff::tz::TimeZone;

use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use crate::app::App;
use crate::catalog::{EventId, knows_tag};
use crate::waiting_room::{
    self, Came, StandingState, Visit, WaitingError, WaitingStanding, pass_cookie, place_cookie,
};

/// How long caches keep the static page, in seconds, and that an old one is better than none.
const PAGE_KEPT: &str = "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400";

/// A drawn roster never changes; no longer than an hour, since an event can have another room later.
const ROSTER_KEPT: &str = "public, max-age=3600, immutable";

/// What can be read.
pub(super) fn pages() -> Router<App> {
    Router::new()
        .route("/wait/{event}", get(to_page))
        .route("/wait/{event}/", get(page))
        .route("/wait/{event}/place", get(place))
        .route("/wait/{event}/notice.json", get(notice))
        .route("/wait/{event}/roster.txt", get(roster))
}

/// What forms send.
pub(super) fn forms() -> Router<App> {
    Router::new()
        .route("/wait/{event}/join", post(join))
        .route("/wait/{event}/enter", post(enter))
}

/// A page of an event's waiting room.
pub(super) fn path(event: EventId, page: &str) -> String {
    format!("/wait/{event}/{page}")
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct WaitingPage {
    shell: Shell,
}

#[derive(Template)]
#[template(path = "waiting_place.html")]
struct PlacePage {
    shell: Shell,
    heading: &'static str,
    text: String,
    can_join: bool,
    can_enter: bool,
    is_over: bool,
    slug: Option<String>,
    until: Option<Moment>,
    opens: Option<Moment>,
    /// Where one waits for what comes back.
    waitlist: Option<String>,
}

/// `GET /wait/{event}`: its addresses are relative, so it ends in a slash.
async fn to_page(Path(event): Path<EventId>) -> Response {
    shell::see_other(&path(event, ""))
}

/// `GET /wait/{event}/`: the same for every event, whether there is one or not.
async fn page(Path(_): Path<EventId>) -> Result<Response, Problem> {
    let page = WaitingPage {
        shell: Shell::personal("Waiting room"),
    };
    let mut response = shell::page(StatusCode::OK, &page, Privacy::Form)?;
    let kept = HeaderValue::from_static(PAGE_KEPT);
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}

/// `GET /wait/{event}/notice.json`
async fn notice(State(app): State<App>, Path(event): Path<EventId>) -> Result<Response, Problem> {
    let room = waiting_room::shown_room(&app, event).await?;
    let kept = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, room.cache_control),
    ];
    Ok((kept, room.notice.clone()).into_response())
}

/// `GET /wait/{event}/roster.txt`
async fn roster(
    State(app): State<App>,
    Path(event): Path<EventId>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let room = waiting_room::shown_room(&app, event).await?;
    let tag = waiting_room::roster_tag(&room)?;
    let kept = [
        (header::ETAG, format!("W/\"{tag}\"")),
        (header::CACHE_CONTROL, ROSTER_KEPT.to_owned()),
    ];
    if knows_tag(&request, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let text = waiting_room::roster_text(&app, &room).await?;
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((plain, kept, text).into_response())
}

/// `POST /wait/{event}/join`
async fn join(
    State(app): State<App>,
    Path(event): Path<EventId>,
    came: Came,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    match waiting_room::join(&app, event, came.joiner(shown.place)).await {
        Ok((place, _)) => {
            let mut response = shell::see_other(&path(event, "place"));
            let cookie = place_cookie(&app, event, &place.token);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        // The page says how it stands.
        Err(WaitingError::NotNeeded | WaitingError::Over | WaitingError::Drawing) => {
            Ok(shell::see_other(&path(event, "place")))
        }
        Err(WaitingError::AccountNeeded) => {
            let next = path(event, "");
            Ok(shell::see_other(&format!("/sign-in?next={next}")))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /wait/{event}/enter`
async fn enter(
    State(app): State<App>,
    Path(event): Path<EventId>,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    let slug = waiting_room::shown_room(&app, event).await?.slug.clone();
    let to_event = format!("/e/{slug}");
    match waiting_room::claim(&app, event, shown.place.as_deref()).await {
        Ok(pass) => {
            let mut response = shell::see_other(&to_event);
            let cookie = pass_cookie(&app, event, &pass);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(WaitingError::NotNeeded) => Ok(shell::see_other(&to_event)),
        Err(WaitingError::Db(error)) => Err(error.into()),
        // The page says how it stands.
        Err(_) => Ok(shell::see_other(&path(event, "place"))),
    }
}

/// `GET /wait/{event}/place`
async fn place(
    State(app): State<App>,
    Path(event): Path<EventId>,
    visit: Visit,
) -> Result<Response, Problem> {
    let shown = visit.shown(&app, event);
    let room = waiting_room::shown_room(&app, event).await?;
    let page = match waiting_room::standing(&app, event, shown.place.as_deref()).await {
        Ok(standing) => PlacePage::of(&standing, room.slug.clone()),
        Err(WaitingError::NoPlace | WaitingError::PlaceRefused(_)) => PlacePage {
            heading: "You have no place yet",
            text: "You can get one here.".to_owned(),
            can_join: true,
            ..PlacePage::empty()
        },
        Err(other) => return Err(other.into()),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}

impl PlacePage {
    fn empty() -> Self {
        Self {
            shell: Shell::personal("Your place"),
            heading: "",
            text: String::new(),
            can_join: false,
            can_enter: false,
            is_over: false,
            slug: None,
            until: None,
            opens: None,
            waitlist: None,
        }
    }

    fn of(standing: &WaitingStanding, slug: String) -> Self {
        let state = standing.state;
        let moment = |at| text::date_and_time(at, &TimeZone::UTC);
        let heading = match state {
            StandingState::Gathering => "You are in the draw",
            StandingState::Drawing => "The draw is being held",
            StandingState::Waiting => "You are in line",
            StandingState::Called => "It is your turn",
            StandingState::SoldOut => "Sold out",
            StandingState::Missed => "Your turn is over",
            StandingState::Entered | StandingState::Left => "You had your turn",
            StandingState::Open => "You can buy at once",
            StandingState::Ended => "The waiting room has ended",
        };
        let leads_on = matches!(
            state,
            StandingState::Open | StandingState::Ended | StandingState::Entered
        );
        Self {
            heading,
            text: standing.text.clone(),
            can_join: state == StandingState::Missed,
            can_enter: state == StandingState::Called,
            is_over: matches!(state, StandingState::Ended | StandingState::Left),
            slug: leads_on.then_some(slug),
            until: standing.until.map(moment),
            opens: standing.opens_at.map(moment),
            waitlist: standing.waitlist.clone(),
            ..Self::empty()
        }
    }
}
