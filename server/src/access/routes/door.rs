//! Checking in through the API, and what happened at the door.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IdempotencyKey, Json, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::model::*;
use crate::access::service::{self, CheckInAnswer, CheckInRequest};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(check_in))
        .routes(routes!(door_report))
}

/// Judge and record one presentation of a ticket, as a gate does
///
/// A refusal is an answer as well: 200 with `admit` false and the `reason`.
#[utoipa::path(post, path = "/api/v1/events/{event}/check-in", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.scan"))),
    params(("event" = EventId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request one scan")),
    responses((status = 200, body = CheckInAnswer), (status = "4XX", body = Problem)))]
async fn check_in(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInScan>,
    key: IdempotencyKey,
    Path(event): Path<EventId>,
    Json(request): Json<CheckInRequest>,
) -> Result<Json<CheckInAnswer>, Problem> {
    Ok(Json(
        service::check_in(&app, organiser.tenant(), event, key.as_str(), request).await?,
    ))
}

/// What happened at the door, as far as devices have reported
#[utoipa::path(get, path = "/api/v1/events/{event}/door-report", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = DoorReport), (status = "4XX", body = Problem)))]
async fn door_report(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInRead>,
    Path(event): Path<EventId>,
) -> Result<Json<DoorReport>, Problem> {
    Ok(Json(
        service::door_report(&app, organiser.tenant(), event).await?,
    ))
}
