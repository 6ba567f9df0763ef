//! Check-in lists and gates.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::model::*;
use crate::access::service;
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_list, lists))
        .routes(routes!(update_list, remove_list))
        .routes(routes!(create_gate, gates))
        .routes(routes!(update_gate, remove_gate))
}

/// Make a check-in list
#[utoipa::path(post, path = "/api/v1/events/{event}/lists", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path)),
    responses((status = 201, body = CheckInList, headers(("ETag" = String, description = "The revision of what was changed, for If-Match"))), (status = "4XX", body = Problem)))]
async fn create_list(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path(event): Path<EventId>,
    Json(input): Json<ListInput>,
) -> Result<(StatusCode, Revised<CheckInList>), Problem> {
    let list = service::create_list(&app, organiser.tenant(), event, input).await?;
    Ok((StatusCode::CREATED, Revised(list.revision, list)))
}

/// List an event's check-in lists, the oldest first
#[utoipa::path(get, path = "/api/v1/events/{event}/lists", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = Page<CheckInList>), (status = "4XX", body = Problem)))]
async fn lists(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInRead>,
    Path(event): Path<EventId>,
) -> Result<Json<Page<CheckInList>>, Problem> {
    let items = service::lists(&app, organiser.tenant(), event).await?;
    Ok(Json(Page { items, next: None }))
}

/// Change a check-in list; another policy judges anew what was scanned before
#[utoipa::path(patch, path = "/api/v1/events/{event}/lists/{list}", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path), ("list" = ListId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the list in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 200, body = CheckInList, headers(("ETag" = String, description = "The revision of what was changed, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update_list(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path((event, list)): Path<(EventId, ListId)>,
    seen: IfMatch,
    Json(patch): Json<ListPatch>,
) -> Result<Revised<CheckInList>, Problem> {
    let tenant = organiser.tenant();
    let list = service::update_list(&app, tenant, event, list, seen, patch).await?;
    Ok(Revised(list.revision, list))
}

/// Remove a check-in list; what was scanned by it stays
#[utoipa::path(delete, path = "/api/v1/events/{event}/lists/{list}", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path), ("list" = ListId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the list in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_list(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path((event, list)): Path<(EventId, ListId)>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    service::remove_list(&app, organiser.tenant(), event, list, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a gate
#[utoipa::path(post, path = "/api/v1/events/{event}/gates", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path)),
    responses((status = 201, body = Gate, headers(("ETag" = String, description = "The revision of what was changed, for If-Match"))), (status = "4XX", body = Problem)))]
async fn create_gate(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path(event): Path<EventId>,
    Json(input): Json<GateInput>,
) -> Result<(StatusCode, Revised<Gate>), Problem> {
    let gate = service::create_gate(&app, organiser.tenant(), event, input).await?;
    Ok((StatusCode::CREATED, Revised(gate.revision, gate)))
}

/// List an event's gates, the oldest first
#[utoipa::path(get, path = "/api/v1/events/{event}/gates", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = Page<Gate>), (status = "4XX", body = Problem)))]
async fn gates(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInRead>,
    Path(event): Path<EventId>,
) -> Result<Json<Page<Gate>>, Problem> {
    let items = service::gates(&app, organiser.tenant(), event).await?;
    Ok(Json(Page { items, next: None }))
}

/// Change a gate
#[utoipa::path(patch, path = "/api/v1/events/{event}/gates/{gate}", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path), ("gate" = GateId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the gate in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 200, body = Gate, headers(("ETag" = String, description = "The revision of what was changed, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update_gate(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path((event, gate)): Path<(EventId, GateId)>,
    seen: IfMatch,
    Json(patch): Json<GatePatch>,
) -> Result<Revised<Gate>, Problem> {
    let tenant = organiser.tenant();
    let gate = service::update_gate(&app, tenant, event, gate, seen, patch).await?;
    Ok(Revised(gate.revision, gate))
}

/// Remove a gate; what was scanned there stays
#[utoipa::path(delete, path = "/api/v1/events/{event}/gates/{gate}", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("check_in.manage"))),
    params(("event" = EventId, Path), ("gate" = GateId, Path),
        ("If-Match" = Option<String>, Header, description = "The revision of the gate in quotes, or its ETag: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_gate(
    State(app): State<App>,
    organiser: Organiser<permit::CheckInManage>,
    Path((event, gate)): Path<(EventId, GateId)>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    service::remove_gate(&app, organiser.tenant(), event, gate, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
