//! Passing tickets on, over HTTP.

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service;
use crate::app::App;
use crate::identity::{self, Organiser, permit};
use crate::qr::{self, QrFormat};
use crate::sales::OrderId;
use crate::tickets::routes::OrderToken;
use crate::tickets::{self, TicketError, TicketId};

/// The routes of transfers.
pub(in crate::tickets) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(of_order, offer))
        .routes(routes!(cancel))
        .routes(routes!(see))
        .routes(routes!(accept))
        .routes(routes!(decline))
        .routes(routes!(pass_on, keep))
        .routes(routes!(qr))
        .routes(routes!(of_ticket, offer_by_staff))
        .routes(routes!(cancel_by_staff))
}

/// To whom a ticket is offered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferRequest {
    /// Where the offer is sent.
    pub email: String,
}

/// Whose ticket it becomes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptTransferRequest {
    /// The name of its new holder.
    pub name: String,
}

/// The receiver's secret of a transfer.
pub(super) struct TransferToken(String);

impl FromRequestParts<App> for TransferToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        identity::bearer(parts)
            .map(|token| Self(token.to_owned()))
            .ok_or_else(|| {
                Problem::unauthorized(
                    "tickets.token_required",
                    "This needs the transfer's token: Authorization: Bearer …",
                )
            })
    }
}

/// Offer a ticket to somebody, who gets it by accepting it in a mail
///
/// A ticket is offered to one at a time. Until it is accepted it stays whose it is.
#[utoipa::path(post, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/transfers", tag = "shop",
    security(("order_token" = [])), params(("order" = OrderId, Path), ("ticket" = TicketId, Path)),
    responses((status = 201, body = Transfer), (status = "4XX", body = Problem)))]
async fn offer(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Json(request): Json<TransferRequest>,
) -> Result<(StatusCode, Json<Transfer>), Problem> {
    tickets::bought(&app, order, &token).await?;
    let offered = service::offer(&app, Holding::Order(order), ticket, &request.email).await?;
    Ok((StatusCode::CREATED, Json(offered)))
}

/// List to whom a ticket was offered by the holder of its order, oldest first
#[utoipa::path(get, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/transfers", tag = "shop",
    security(("order_token" = [])), params(("order" = OrderId, Path), ("ticket" = TicketId, Path), PageQuery),
    responses((status = 200, body = Page<Transfer>), (status = "4XX", body = Problem)))]
async fn of_order(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Transfer>>, Problem> {
    tickets::bought(&app, order, &token).await?;
    let (by, after) = (Holding::Order(order), page.after()?);
    let found = service::transfers(&app, ticket, by, after, page.limit_and_one()).await?;
    Ok(Json(page.page(found, |transfer| transfer.id)))
}

/// Take an offer of a ticket back
#[utoipa::path(delete, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/transfers/{transfer}", tag = "shop",
    operation_id = "cancelShopOrderTicketTransfer", security(("order_token" = [])),
    params(("order" = OrderId, Path), ("ticket" = TicketId, Path), ("transfer" = TransferId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket, transfer)): Path<(OrderId, TicketId, TransferId)>,
) -> Result<StatusCode, Problem> {
    tickets::bought(&app, order, &token).await?;
    service::cancel(&app, Holding::Order(order), ticket, transfer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See an offered ticket, with its code once it is the receiver's
#[utoipa::path(get, path = "/api/v1/shop/transfers/{transfer}", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path)),
    responses((status = 200, body = OfferedTicket), (status = "4XX", body = Problem)))]
async fn see(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
) -> Result<Json<OfferedTicket>, Problem> {
    Ok(Json(service::offered(&app, transfer, &token).await?))
}

/// Accept an offered ticket: it is the receiver's, and its older codes let nobody in
#[utoipa::path(post, path = "/api/v1/shop/transfers/{transfer}/accept", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path)),
    responses((status = 200, body = OfferedTicket), (status = "4XX", body = Problem)))]
async fn accept(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
    Json(request): Json<AcceptTransferRequest>,
) -> Result<Json<OfferedTicket>, Problem> {
    let accepted = service::accept(&app, transfer, &token, &request.name).await?;
    Ok(Json(accepted))
}

/// Decline an offered ticket: it stays whose it is
#[utoipa::path(post, path = "/api/v1/shop/transfers/{transfer}/decline", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path)),
    responses((status = 200, body = OfferedTicket), (status = "4XX", body = Problem)))]
async fn decline(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
) -> Result<Json<OfferedTicket>, Problem> {
    Ok(Json(service::decline(&app, transfer, &token).await?))
}

/// Offer a ticket to somebody else that one got by a transfer
#[utoipa::path(post, path = "/api/v1/shop/transfers/{transfer}/onward", tag = "shop",
    operation_id = "passOnShopTransfer", security(("transfer_token" = [])),
    params(("transfer" = TransferId, Path)),
    responses((status = 201, body = Transfer), (status = "4XX", body = Problem)))]
async fn pass_on(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
    Json(request): Json<TransferRequest>,
) -> Result<(StatusCode, Json<Transfer>), Problem> {
    let offered = service::offer_onward(&app, transfer, &token, &request.email).await?;
    Ok((StatusCode::CREATED, Json(offered)))
}

/// Take the offer back by which one wanted to pass a ticket on
#[utoipa::path(delete, path = "/api/v1/shop/transfers/{transfer}/onward", tag = "shop",
    operation_id = "keepShopTransfer", security(("transfer_token" = [])),
    params(("transfer" = TransferId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn keep(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
) -> Result<StatusCode, Problem> {
    service::cancel_onward(&app, transfer, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The QR code of a ticket that one got by a transfer, as a picture
#[utoipa::path(get, path = "/api/v1/shop/transfers/{transfer}/qr/{format}", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path), ("format" = QrFormat, Path)),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))), (status = "4XX", body = Problem)))]
async fn qr(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path((transfer, format)): Path<(TransferId, QrFormat)>,
) -> Result<impl IntoResponse, Problem> {
    let offered = service::offered(&app, transfer, &token).await?;
    let ticket = offered.ticket.ok_or(TicketError::NotFound)?;
    let picture = qr::draw_aside(format, move || ticket.picture(format)).await?;
    let content_type = match format {
        QrFormat::Png => "image/png",
        QrFormat::Svg => "image/svg+xml",
    };
    Ok((
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")],
        picture,
    ))
}

/// Offer a ticket to somebody for whoever holds it
#[utoipa::path(post, path = "/api/v1/tickets/{ticket}/transfers", tag = "tickets",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))), params(("ticket" = TicketId, Path)),
    responses((status = 201, body = Transfer), (status = "4XX", body = Problem)))]
async fn offer_by_staff(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(ticket): Path<TicketId>,
    Json(request): Json<TransferRequest>,
) -> Result<(StatusCode, Json<Transfer>), Problem> {
    let offered = service::offer_by_staff(&app, organiser.tenant(), ticket, &request.email).await?;
    Ok((StatusCode::CREATED, Json(offered)))
}

/// List a ticket's transfers, oldest first
#[utoipa::path(get, path = "/api/v1/tickets/{ticket}/transfers", tag = "tickets",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.read"))), params(("ticket" = TicketId, Path), PageQuery),
    responses((status = 200, body = Page<Transfer>), (status = "4XX", body = Problem)))]
async fn of_ticket(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsRead>,
    Path(ticket): Path<TicketId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Transfer>>, Problem> {
    tickets::ticket_of(&app, organiser.tenant(), ticket).await?;
    let (by, after) = (Holding::Staff, page.after()?);
    let found = service::transfers(&app, ticket, by, after, page.limit_and_one()).await?;
    let page = page.page(found, |transfer| transfer.id);
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        ticket,
        "transfers",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Take an offer of a ticket back
#[utoipa::path(delete, path = "/api/v1/tickets/{ticket}/transfers/{transfer}", tag = "tickets",
    operation_id = "cancelTicketTransfer", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))),
    params(("ticket" = TicketId, Path), ("transfer" = TransferId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn cancel_by_staff(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path((ticket, transfer)): Path<(TicketId, TransferId)>,
) -> Result<StatusCode, Problem> {
    service::cancel_by_staff(&app, organiser.tenant(), ticket, transfer).await?;
    Ok(StatusCode::NO_CONTENT)
}
