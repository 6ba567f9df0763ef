//! What tickets would cost, and holds of them, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{ClientIp, IdempotencyKey, Json, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::EventId;
use crate::sales::model::{Hold, HoldId, ItemRequest, PriceParts, Quote};
use crate::sales::service::{self, HoldWish, SalesError};
use crate::waiting_room::Visit;

/// The routes of quotes and holds.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(quote))
        .routes(routes!(create_hold))
        .routes(routes!(hold, release_hold))
        .routes(routes!(extend_hold))
        .routes(routes!(hold_price))
}

/// See what tickets would cost now, or why they cannot be had; reserves nothing
#[utoipa::path(post, path = "/api/v1/shop/quotes", tag = "shop",
    responses((status = 200, body = Quote), (status = "4XX", body = Problem)))]
async fn quote(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Json(request): Json<HoldRequest>,
) -> Result<Json<Quote>, Problem> {
    let work = service::quote(&app, request.event, &request.items, &request.codes);
    let quote = service::trying_codes(&app, ip, &request.codes, work).await??;
    Ok(Json(quote))
}

/// A wish to reserve.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// The event.
    pub event: EventId,
    /// What to reserve.
    pub items: Vec<ItemRequest>,
    /// Promo codes; they are reserved with the rest.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The buyer's e-mail address, if it is known: codes may be limited by buyer.
    #[serde(default)]
    pub email: Option<String>,
}

/// Reserve capacity, seats and codes for 15 minutes, at a price that stays
#[utoipa::path(post, path = "/api/v1/shop/holds", tag = "shop",
    params(("Idempotency-Key" = String, Header, description = "A new random text such as a UUID: makes a repeated request reserve once. Whoever sends the same key and the same wish gets the same hold"),
        ("Waiting-Pass" = Option<String>, Header, description = "The pass of whoever is called, where people wait for the event (`sales.waiting_room` without one)"),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place that the pass was given to")),
    responses((status = 201, body = Hold), (status = "4XX", body = Problem)))]
async fn create_hold(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    key: IdempotencyKey,
    visit: Visit,
    Json(request): Json<HoldRequest>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let shown = visit.shown(&app, request.event);
    let wish = HoldWish {
        items: request.items,
        codes: request.codes.clone(),
        email: request.email,
        idempotency_key: Some(key.as_str().to_owned()),
        shown,
        is_invited: false,
    };
    let work = service::hold_wish(&app, request.event, wish);
    let hold = service::trying_codes(&app, ip, &request.codes, work).await??;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// See how the price of a hold comes about
#[utoipa::path(get, path = "/api/v1/shop/holds/{hold}/price", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = PriceParts), (status = "4XX", body = Problem)))]
async fn hold_price(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<Json<PriceParts>, Problem> {
    let price = service::hold_price(&app, hold).await?;
    Ok(Json(price.ok_or(SalesError::HoldGone)?))
}

/// See a hold that is not over
#[utoipa::path(get, path = "/api/v1/shop/holds/{hold}", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = Hold), (status = "4XX", body = Problem)))]
async fn hold(State(app): State<App>, Path(hold): Path<HoldId>) -> Result<Json<Hold>, Problem> {
    Ok(Json(service::active_hold(&app, hold).await?))
}

/// Let a hold go on for another 15 minutes from now, up to 30 in all
#[utoipa::path(post, path = "/api/v1/shop/holds/{hold}/extend", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = Hold), (status = "4XX", body = Problem)))]
async fn extend_hold(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<Json<Hold>, Problem> {
    Ok(Json(service::extend_hold(&app, hold).await?))
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
