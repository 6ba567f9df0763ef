//! The questions of an event over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service;
use crate::app::App;
use crate::catalog::model::EventId;
use crate::catalog::model::questions::AskedAt;
use crate::catalog::service::visible_event;
use crate::identity::{Organiser, permit};

/// The routes of questions.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read, save))
        .routes(routes!(shop))
}

/// See what an event asks of orders and tickets
#[utoipa::path(get, path = "/api/v1/events/{event}/questions", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "getEventQuestions",
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = FormView, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<FormView>, Problem> {
    let form = service::form_of(&app, organiser.tenant(), event).await?;
    Ok(Revised(form.version, form))
}

/// Say what an event asks of orders and tickets
///
/// All questions are said together, in their order. A question that was asked before and is not named
/// is retired: its answers stay, and it can be asked again by its id. The version is that of the
/// event.
#[utoipa::path(put, path = "/api/v1/events/{event}/questions", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "setEventQuestions",
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event or its questions had, or the event's version in quotes: 412 if it was changed since")),
    responses((status = 200, body = FormView, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<FormInput>,
) -> Result<Revised<FormView>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let form = service::save_form(&app, tenant, event, actor, seen, input).await?;
    Ok(Revised(form.version, form))
}

/// See what is asked of who buys tickets, in all languages
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/questions", tag = "shop",
    operation_id = "getShopEventQuestions",
    params(("event" = String, Path, description = "Its id or the last part of its page's address")),
    responses((status = 200, body = ShopForm), (status = "4XX", body = Problem)))]
async fn shop(
    State(app): State<App>,
    Path(event): Path<String>,
) -> Result<Json<ShopForm>, Problem> {
    let offer = visible_event(&app, &event).await?;
    let form = service::questions_of(&app, offer.event.id).await?;
    let questions = form
        .questions
        .iter()
        .filter(|question| question.at == AskedAt::Purchase)
        .cloned()
        .collect();
    Ok(Json(ShopForm { questions }))
}
