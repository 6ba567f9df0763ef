//! Orders that look suspicious, over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{self, Organiser, permit};
use crate::sales::model::*;
use crate::sales::service;

/// The routes of reviews.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(to_review))
        .routes(routes!(review))
}

/// List an event's orders that wait for somebody to look at them, oldest first
#[utoipa::path(get, path = "/api/v1/events/{event}/orders/review", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "listEventOrdersToReview",
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<OrderToReview>), (status = "4XX", body = Problem)))]
async fn to_review(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OrderToReview>>, Problem> {
    let after = page.after::<OrderId>()?;
    let limit = page.limit_and_one();
    let orders = service::orders_to_review(&app, organiser.tenant(), event, after, limit).await?;
    let page = page.page(orders, |order| order.order.id);
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "orders to review",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Decide about an order that looks suspicious: let it be paid, or cancel it
///
/// Its buyer is told by mail that it can be paid, within a day. Deciding the same again changes nothing; what
/// does not wait for a decision is refused with `sales.not_under_review`.
#[utoipa::path(post, path = "/api/v1/orders/{order}/review", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderDetail), (status = "4XX", body = Problem)))]
async fn review(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path(order): Path<OrderId>,
    Json(request): Json<ReviewRequest>,
) -> Result<Json<OrderDetail>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    Ok(Json(
        service::review_order(&app, tenant, order, request.decision, actor).await?,
    ))
}
