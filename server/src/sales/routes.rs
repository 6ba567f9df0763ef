//! What is on sale, holds and orders over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{IdempotencyKey, Json, Page, PageQuery, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, SalesError};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId, EventState};
use crate::identity::{self, Organiser, permit};

/// The routes of sales.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(shop_event))
        .routes(routes!(create_hold))
        .routes(routes!(release_hold))
        .routes(routes!(orders))
        .routes(routes!(order))
        .routes(routes!(stock))
        .routes(routes!(event_stock))
}

/// An event as buyers see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ShopEvent {
    /// The event with its dates and tiers.
    #[serde(flatten)]
    pub detail: EventDetail,
    /// What is left of each tier.
    pub availability: Vec<Availability>,
}

/// What is left of a tier.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Availability {
    /// The tier.
    pub tier: crate::catalog::TierId,
    /// How many can still be bought.
    pub left: i64,
}

/// See what is on sale
#[utoipa::path(get, path = "/api/v1/shop/events/{event}", tag = "shop", params(("event" = EventId, Path)),
    responses((status = 200, body = ShopEvent), (status = "4XX", body = Problem)))]
async fn shop_event(
    State(app): State<App>,
    Path(event): Path<EventId>,
) -> Result<Json<ShopEvent>, Problem> {
    let offer = catalog::offer(&app, event).await?;
    if offer.event.state == EventState::Draft {
        return Err(SalesError::EventNotFound.into());
    }
    let stock = service::stock(&app, event).await?;
    let availability = stock
        .iter()
        .map(|stock| Availability {
            tier: stock.tier_id,
            left: stock.left(),
        })
        .collect();
    Ok(Json(ShopEvent {
        detail: (*offer).clone(),
        availability,
    }))
}

/// A wish to reserve.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// The event.
    pub event: EventId,
    /// What to reserve.
    pub items: Vec<ItemRequest>,
}

/// Reserve capacity for 15 minutes
#[utoipa::path(post, path = "/api/v1/shop/holds", tag = "shop",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated request reserve once")),
    responses((status = 201, body = Hold), (status = "4XX", body = Problem)))]
async fn create_hold(
    State(app): State<App>,
    key: IdempotencyKey,
    Json(request): Json<HoldRequest>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let hold = service::hold(
        &app,
        request.event,
        request.items,
        Some(key.as_str().to_owned()),
    )
    .await?;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// Give a hold up
#[utoipa::path(delete, path = "/api/v1/shop/holds/{hold}", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn release_hold(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<StatusCode, Problem> {
    service::release_hold(&app, hold).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List an event's orders, newest first
#[utoipa::path(get, path = "/api/v1/events/{event}/orders", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<Order>), (status = "4XX", body = Problem)))]
async fn orders(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Order>>, Problem> {
    let before = page.after::<OrderId>()?;
    let orders = service::orders_of_event(
        &app,
        organiser.tenant(),
        event,
        before,
        page.limit_and_one(),
    )
    .await?;
    let page = page.page(orders, |order| order.id);
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "orders",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Read an order
#[utoipa::path(get, path = "/api/v1/orders/{order}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderDetail), (status = "4XX", body = Problem)))]
async fn order(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderDetail>, Problem> {
    let detail = service::order_of(&app, organiser.tenant(), order).await?;
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order",
        1,
    )
    .await?;
    Ok(Json(detail))
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
    Ok(Json(EventStock::of(&detail, &stock)))
}

impl IntoProblem for SalesError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::EventNotFound => Problem::not_found("sales.event_not_found", detail),
            Self::OrderNotFound => Problem::not_found("sales.order_not_found", detail),
            Self::HoldGone => Problem::gone("sales.hold_gone", detail),
            Self::OffSale { tier, not_yet } => {
                let code = if not_yet {
                    "sales.not_yet_on_sale"
                } else {
                    "sales.off_sale"
                };
                Problem::conflict(code, detail).field(
                    "items",
                    "off_sale",
                    format!("{tier} is not on sale now."),
                )
            }
            Self::SoldOut { tier, left } => Problem::conflict("sales.sold_out", detail).field(
                "items",
                "sold_out",
                format!("{tier} has {} left.", left.max(0)),
            ),
            Self::OfferChanged => Problem::conflict("sales.offer_changed", detail),
            Self::KeyReused => Problem::unprocessable("sales.idempotency_key_reused", detail),
            Self::State(_) => Problem::conflict("sales.state", detail),
            Self::Db(error) => error.into_problem(),
        }
    }
}
