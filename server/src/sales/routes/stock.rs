//! The stock of events, and what is asked of those who buy, over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::{self, EventId, Tier};
use crate::identity::{Organiser, permit};
use crate::sales::model::{EventSaleRules, EventStock, SaleRulesInput, Stock};
use crate::sales::service;

/// The routes of stock and of rules of sale.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(stock))
        .routes(routes!(sale_rules, set_sale_rules))
        .routes(routes!(event_stock))
}

/// See what is asked of those who buy
#[utoipa::path(get, path = "/api/v1/events/{event}/sale-rules", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = EventSaleRules, headers(("ETag" = String, description = "The version of the rules, for If-Match"))), (status = "4XX", body = Problem)))]
async fn sale_rules(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<EventSaleRules>, Problem> {
    let kept = service::event_sale_rules(&app, organiser.tenant(), event).await?;
    Ok(Revised(kept.version, kept))
}

/// Set what is asked of those who buy
///
/// Whoever changes what somebody said before names the version that they have seen, by `version` or
/// `If-Match`.
#[utoipa::path(put, path = "/api/v1/events/{event}/sale-rules", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the rules had, or their version in quotes: 412 if they were changed since")),
    responses((status = 200, body = EventSaleRules, headers(("ETag" = String, description = "The version of the rules, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_sale_rules(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<SaleRulesInput>,
) -> Result<Revised<EventSaleRules>, Problem> {
    let kept = service::set_sale_rules(&app, organiser.tenant(), event, seen, input).await?;
    Ok(Revised(kept.version, kept))
}

/// See the stock of an event's tiers
#[utoipa::path(get, path = "/api/v1/events/{event}/stock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = Vec<Stock>), (status = "4XX", body = Problem)))]
async fn stock(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<Vec<Stock>>, Problem> {
    catalog::event_of(&app, organiser.tenant(), event).await?;
    Ok(Json(service::stock(&app, event).await?))
}

/// See the stock of an event, as a whole and by tiers
#[utoipa::path(get, path = "/api/v2/events/{event}/stock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventStock), (status = "4XX", body = Problem)))]
async fn event_stock(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<EventStock>, Problem> {
    let detail = catalog::detail_of(&app, organiser.tenant(), event).await?;
    let stock = service::stock(&app, event).await?;
    let left = service::stock_left(&app, &detail).await?;
    let (of_tier, in_all) = (|tier: &Tier| left.of(tier).free, left.in_all(&detail));
    Ok(Json(EventStock::of(&detail, &stock, of_tier, in_all)))
}
