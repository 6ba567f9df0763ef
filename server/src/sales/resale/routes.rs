//! Buying what others sell, and what organisers see of it, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IdempotencyKey, Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::shop;
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};
use crate::sales::Hold;
use crate::waiting_room::Visit;

/// The routes of resale.
pub(in crate::sales) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(for_sale))
        .routes(routes!(hold))
        .routes(routes!(listings))
        .routes(routes!(payouts))
}

/// List the tickets of an event that their holders sell, the cheapest first
///
/// Those who wait for such tickets were asked before. Of the sellers nothing is said.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/resale-listings", tag = "shop",
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<ShopListing>), (status = "4XX", body = Problem)))]
async fn for_sale(
    State(app): State<App>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ShopListing>>, Problem> {
    let (after, limit) = (page.after()?, page.limit_and_one());
    let found = shop::for_sale(&app, event, after, limit).await?;
    Ok(Json(
        page.page(found, |listing| (listing.price_minor, listing.id)),
    ))
}

/// Hold a ticket for 15 minutes that its holder sells, to buy it as other tickets
///
/// One buyer at a time: while somebody holds it, others are refused with `sales.resale_gone`.
#[utoipa::path(post, path = "/api/v1/shop/events/{event}/resale-listings/{listing}/holds", tag = "shop",
    params(("event" = EventId, Path), ("listing" = ListingId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request reserve once"),
        ("Waiting-Pass" = Option<String>, Header, description = "The pass of whoever is called, where people wait for the event (`sales.waiting_room` without one)"),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place that the pass was given to")),
    responses((status = 201, body = Hold), (status = "4XX", body = Problem)))]
async fn hold(
    State(app): State<App>,
    key: IdempotencyKey,
    visit: Visit,
    Path((event, listing)): Path<(EventId, ListingId)>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let (key, shown) = (key.as_str().to_owned(), visit.shown(&app, event));
    let held = shop::hold(&app, event, listing, key, &shown).await?;
    Ok((StatusCode::CREATED, Json(held)))
}

/// List the tickets of an event that their holders sell or sold, oldest first
#[utoipa::path(get, path = "/api/v1/events/{event}/resale-listings", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<ResaleListing>), (status = "4XX", body = Problem)))]
async fn listings(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResaleListing>>, Problem> {
    let (tenant, after) = (organiser.tenant(), page.after()?);
    let found = shop::listings_of_event(&app, tenant, event, after, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |listing| listing.id)))
}

/// List what sellers of an event's tickets are owed, oldest first
///
/// The price of each ticket that was resold, less the organiser's fee. What of it was paid is `settled`;
/// what became needless since the seller's whole order was paid back is `void`.
#[utoipa::path(get, path = "/api/v1/events/{event}/resale-payouts", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<ResalePayout>), (status = "4XX", body = Problem)))]
async fn payouts(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResalePayout>>, Problem> {
    let (tenant, after) = (organiser.tenant(), page.after()?);
    let found = shop::payouts(&app, tenant, event, after, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |payout| payout.id)))
}
