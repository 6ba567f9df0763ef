//! What is left, over HTTP: once, and as it changes.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use futures_util::Stream;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api;
use crate::app::App;
use crate::sales::model::*;
use crate::sales::service::{self, Left};

/// The routes of what is left.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(left))
        .routes(routes!(stream))
}

/// See what is left of an event's tiers, in steps
///
/// Of all dates together; of a series with more than 2,000 stocks as it was at most two seconds ago.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/availability", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address")),
    responses((status = 200, body = EventLeft), (status = "4XX", body = Problem)))]
async fn left(
    State(app): State<App>,
    Path(event): Path<String>,
) -> Result<Json<EventLeft>, Problem> {
    Ok(Json(service::left(&app, &event).await?))
}

/// What the stream consists of.
struct AvailabilityEvent;

impl PartialSchema for AvailabilityEvent {
    fn schema() -> RefOr<Schema> {
        let left = Ref::from_schema_name(EventLeft::name());
        api::stream::event("availability", left)
    }
}

impl ToSchema for AvailabilityEvent {}

/// Watch what is left of an event's tiers, as server-sent events
///
/// Each event is called `availability` and its data is what `GET …/availability` answers. The first one comes
/// at once, then one whenever something changes, once a second at most.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/availability/stream", tag = "shop",
    operation_id = "watchShopEventAvailability",
    params(("event" = String, Path, description = "Its id or the last part of its page's address")),
    responses((status = 200, body = inline(AvailabilityEvent), content_type = "text/event-stream"), (status = "4XX", body = Problem)))]
async fn stream(
    State(app): State<App>,
    Path(event): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let left = service::listen_to_left(&app, &event).await?;
    Ok(Sse::new(futures_util::stream::unfold(left, next_left)).keep_alive(KeepAlive::default()))
}

async fn next_left(mut left: Left) -> Option<(Result<Event, Infallible>, Left)> {
    let told = left.next().await?;
    let event = Event::default().event("availability").data(told.json());
    Some((Ok(event), left))
}
