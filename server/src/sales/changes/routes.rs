//! Changes of orders over HTTP, for staff and for buyers.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IdempotencyKey, IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, Caller};
use crate::app::App;
use crate::identity::{self, Organiser, permit};
use crate::sales::OrderId;

/// The routes of changes of orders.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(preview_change))
        .routes(routes!(changes, make_change))
        .routes(routes!(preview_own_change))
        .routes(routes!(make_own_change))
}

/// The secret of an order.
pub(in crate::sales) struct OrderSecret(pub(in crate::sales) String);

impl FromRequestParts<App> for OrderSecret {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        identity::bearer(parts)
            .map(|token| Self(token.to_owned()))
            .ok_or_else(|| {
                Problem::unauthorized(
                    "sales.token_required",
                    "This needs the order's token: Authorization: Bearer …",
                )
            })
    }
}

fn staff(organiser: &Organiser<permit::OrdersRefund>) -> Caller {
    Caller::Staff {
        tenant: organiser.tenant().clone(),
        actor: organiser.actor(),
    }
}

/// See what a change of an order would be
///
/// What it costs, with the order's codes as far as they hold; what goes back by the refund policy, of the one
/// that held at purchase and the one of today the better one for the buyer; and what the order would be.
/// `codes` says what it does with each code of the order, and why. Nothing is taken. A change that cannot be
/// made is refused as making it would be.
#[utoipa::path(post, path = "/api/v1/orders/{order}/changes/preview", operation_id = "previewOrderChange", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.refund"))),
    params(("order" = OrderId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the order had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = OrderChange, headers(("ETag" = String, description = "The version of the order, for If-Match"))), (status = "4XX", body = Problem)))]
async fn preview_change(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRefund>,
    Path(order): Path<OrderId>,
    seen: IfMatch,
    Json(request): Json<ChangeRequest>,
) -> Result<Revised<OrderChange>, Problem> {
    let caller = staff(&organiser);
    let change = service::preview(&app, caller, order, request, seen).await?;
    Ok(Revised(change.version, change))
}

/// Change an order
///
/// All steps or none. What costs nothing more is done at once, and what is too much goes back; what costs
/// more is `pending`: its `supplement` is an order that is paid like any other, and the change is done when
/// it is. What is given back beyond the refund policy needs a reason.
#[utoipa::path(post, path = "/api/v1/orders/{order}/changes", operation_id = "changeOrder", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.refund"))),
    params(("order" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request change once"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the order had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = OrderChange, headers(("ETag" = String, description = "The version of the order, for If-Match"))), (status = "4XX", body = Problem)))]
async fn make_change(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRefund>,
    Path(order): Path<OrderId>,
    key: IdempotencyKey,
    seen: IfMatch,
    Json(request): Json<ChangeRequest>,
) -> Result<Revised<OrderChange>, Problem> {
    let (caller, key) = (staff(&organiser), key.as_str().to_owned());
    let change = service::change(&app, caller, order, request, seen, key).await?;
    Ok(Revised(change.version, change))
}

/// List the changes of an order, oldest first
///
/// As they were answered when they were made, with where they stand now.
#[utoipa::path(get, path = "/api/v1/orders/{order}/changes", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path), PageQuery), responses((status = 200, body = Page<OrderChange>), (status = "4XX", body = Problem)))]
async fn changes(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OrderChange>>, Problem> {
    let (after, limit) = (page.after::<ChangeId>()?, page.limit_and_one());
    let found = service::changes_of(&app, organiser.tenant(), order, after, limit).await?;
    Ok(Json(page.page(found, |change| change.id)))
}

/// See what a change of your order would be
///
/// As far as the policies of the event allow it; of those that held at purchase and today, the better one
/// for the buyer says what goes back. `codes` says what it does with each code of the order. Nothing is taken.
#[utoipa::path(post, path = "/api/v1/shop/orders/{order}/changes/preview", operation_id = "previewShopOrderChange", tag = "shop", security(("order_token" = [])),
    params(("order" = OrderId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the order had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = OrderChange, headers(("ETag" = String, description = "The version of the order, for If-Match"))), (status = "4XX", body = Problem)))]
async fn preview_own_change(
    State(app): State<App>,
    OrderSecret(token): OrderSecret,
    Path(order): Path<OrderId>,
    seen: IfMatch,
    Json(request): Json<ShopChangeRequest>,
) -> Result<Revised<OrderChange>, Problem> {
    let caller = Caller::Buyer { token };
    let change = service::preview(&app, caller, order, request.into(), seen).await?;
    Ok(Revised(change.version, change))
}

/// Change your order
///
/// As far as the policies of the event allow it. What costs more is `pending` until its `supplement` is
/// paid: `POST /api/v1/shop/orders/{order}/payments` with that order's own token, which `token` is.
#[utoipa::path(post, path = "/api/v1/shop/orders/{order}/changes", operation_id = "changeShopOrder", tag = "shop", security(("order_token" = [])),
    params(("order" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request change once"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the order had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = OrderChange, headers(("ETag" = String, description = "The version of the order, for If-Match"))), (status = "4XX", body = Problem)))]
async fn make_own_change(
    State(app): State<App>,
    OrderSecret(token): OrderSecret,
    Path(order): Path<OrderId>,
    key: IdempotencyKey,
    seen: IfMatch,
    Json(request): Json<ShopChangeRequest>,
) -> Result<Revised<OrderChange>, Problem> {
    let (caller, key) = (Caller::Buyer { token }, key.as_str().to_owned());
    let change = service::change(&app, caller, order, request.into(), seen, key).await?;
    Ok(Revised(change.version, change))
}
