//! Screens over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, Reader};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};

/// The routes of screens.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(dashboard))
        .routes(routes!(event_dashboard))
}

/// See an organisation at a glance: events that are not over, their sales, what wants attention
///
/// Each part is there if you hold the permission that it names, and absent if you do not; all of it is
/// of one moment. No buyer or holder is named.
#[utoipa::path(get, path = "/api/v1/dashboard", tag = "dashboards", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    responses((status = 200, body = Dashboard), (status = "4XX", body = Problem)))]
async fn dashboard(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
) -> Result<Json<Dashboard>, Problem> {
    let reader = Reader::new(organiser.principal(), organiser.tenant());
    Ok(Json(service::dashboard(&app, reader).await?))
}

/// See an event at a glance: its dates and tiers, stock, sales and door
///
/// Each part is there if you hold the permission that it names, and absent if you do not; all of it is
/// of one moment. No buyer or holder is named.
#[utoipa::path(get, path = "/api/v1/events/{event}/dashboard", tag = "dashboards",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = EventDashboard), (status = "4XX", body = Problem)))]
async fn event_dashboard(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<EventDashboard>, Problem> {
    let reader = Reader::new(organiser.principal(), organiser.tenant());
    Ok(Json(service::event_dashboard(&app, reader, event).await?))
}
