//! Buying tickets, showing them, and ending them, over HTTP.

mod desk;
mod export;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{ClientIp, IdempotencyKey, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, Bought, TicketError};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{self, Organiser, permit};
use crate::payments::{Payment, PaymentRequest, PurchaseRequest};
use crate::qr::{self, QrFormat};
use crate::sales::{self, BuyerFrom, OrderDetail, OrderId};

/// The routes of tickets.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(buy))
        .routes(routes!(pay))
        .routes(routes!(bought))
        .routes(routes!(cancel))
        .routes(routes!(qr))
        .routes(routes!(read))
        .routes(routes!(revoke))
        .routes(routes!(reissue))
        .routes(routes!(rotate_key))
        .merge(super::resale::routes())
        .merge(desk::routes())
        .merge(export::routes())
        .merge(super::transfers::routes())
}

/// A ticket with its code, and where its buyer finds it as a picture.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BoughtTicket {
    /// The ticket.
    #[serde(flatten)]
    pub signed: SignedTicket,
    /// Its QR code as a picture: an address for browsers, with the order's secret in it.
    pub links: PictureLinks,
}

/// The addresses of a ticket's pictures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PictureLinks {
    /// As PNG.
    pub png: String,
    /// As SVG.
    pub svg: String,
}

/// The addresses of an order's pages for its buyer, with the order's secret in them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OrderLinks {
    /// The page with the tickets.
    pub page: String,
    /// The event as a calendar entry.
    pub calendar: String,
}

/// An order, its payment and its tickets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BoughtAnswer {
    /// The order with its items.
    pub order: OrderDetail,
    /// The secret with which the buyer sees the order later: `Authorization: Bearer …`.
    pub token: String,
    /// The newest payment.
    pub payment: Payment,
    /// The tickets; none until the order is paid.
    pub tickets: Vec<BoughtTicket>,
    /// Where the buyer sees it in a browser.
    pub links: OrderLinks,
}

impl BoughtAnswer {
    fn of(app: &App, bought: Bought) -> Self {
        let id = bought.purchased.order.order.id;
        let address = |page: &str| {
            let path = sales::order_path(app, id, page);
            format!("{}{path}", app.config.http.public_url)
        };
        let with_links = |signed: SignedTicket| {
            let picture =
                |format: &str| address(&format!("/tickets/{}.{format}", signed.ticket.id));
            BoughtTicket {
                links: PictureLinks {
                    png: picture("png"),
                    svg: picture("svg"),
                },
                signed,
            }
        };
        Self {
            token: sales::order_token(app, id),
            order: bought.purchased.order,
            payment: bought.purchased.payment,
            tickets: bought.tickets.into_iter().map(with_links).collect(),
            links: OrderLinks {
                page: address(""),
                calendar: address("/calendar.ics"),
            },
        }
    }
}

/// The buyer's secret of an order.
pub(super) struct OrderToken(pub(super) String);

impl FromRequestParts<App> for OrderToken {
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

/// Buy tickets: stock, order, payment and tickets in one request
///
/// Answers 201 with the tickets if the payment succeeded at once; otherwise the order is
/// `pending` and its payment says why: `declined` can be paid again, `pending` will be answered.
#[utoipa::path(post, path = "/api/v1/shop/orders", tag = "shop",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated request buy once")),
    responses((status = 201, body = BoughtAnswer), (status = "4XX", body = Problem)))]
async fn buy(
    State(app): State<App>,
    BuyerFrom(origin): BuyerFrom,
    ClientIp(ip): ClientIp,
    key: IdempotencyKey,
    Json(request): Json<PurchaseRequest>,
) -> Result<(StatusCode, Json<BoughtAnswer>), Problem> {
    let request = PurchaseRequest { origin, ..request };
    let codes = request.codes.clone();
    let work = service::buy(&app, request, key.as_str().to_owned());
    let bought = sales::trying_codes(&app, ip, &codes, work).await??;
    Ok((StatusCode::CREATED, Json(BoughtAnswer::of(&app, bought))))
}

/// Pay for an order that is still pending
///
/// Refused with `sales.purchase_limit`, which names the field `payment`, if that means of payment would have bought
/// more of the event than it may: the order waits on, and can be paid by another one.
#[utoipa::path(post, path = "/api/v1/shop/orders/{order}/payments", tag = "shop", security(("order_token" = [])),
    params(("order" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request pay once")),
    responses((status = 201, body = BoughtAnswer), (status = "4XX", body = Problem)))]
async fn pay(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    key: IdempotencyKey,
    Path(order): Path<OrderId>,
    Json(request): Json<PaymentRequest>,
) -> Result<(StatusCode, Json<BoughtAnswer>), Problem> {
    service::bought(&app, order, &token).await?;
    let bought = service::pay(&app, order, request, key.as_str().to_owned()).await?;
    Ok((StatusCode::CREATED, Json(BoughtAnswer::of(&app, bought))))
}

/// See an order and its tickets
#[utoipa::path(get, path = "/api/v1/shop/orders/{order}", tag = "shop", security(("order_token" = [])),
    params(("order" = OrderId, Path)), responses((status = 200, body = BoughtAnswer), (status = "4XX", body = Problem)))]
async fn bought(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path(order): Path<OrderId>,
) -> Result<Json<BoughtAnswer>, Problem> {
    let bought = service::bought(&app, order, &token).await?;
    Ok(Json(BoughtAnswer::of(&app, bought)))
}

/// Give up an order that is not paid
#[utoipa::path(delete, path = "/api/v1/shop/orders/{order}", tag = "shop", security(("order_token" = [])),
    params(("order" = OrderId, Path)), responses((status = 204), (status = "4XX", body = Problem)))]
async fn cancel(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path(order): Path<OrderId>,
) -> Result<StatusCode, Problem> {
    service::bought(&app, order, &token).await?;
    sales::cancel_pending(&app, order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A ticket's QR code as a picture
#[utoipa::path(get, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/qr/{format}", tag = "shop",
    security(("order_token" = [])),
    params(("order" = OrderId, Path), ("ticket" = TicketId, Path), ("format" = QrFormat, Path)),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))), (status = "4XX", body = Problem)))]
async fn qr(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket, format)): Path<(OrderId, TicketId, QrFormat)>,
) -> Result<impl IntoResponse, Problem> {
    let bought = service::bought(&app, order, &token).await?;
    let ticket = bought
        .tickets
        .iter()
        .find(|t| t.ticket.id == ticket)
        .ok_or(TicketError::NotFound)?;
    let drawn = ticket.clone();
    let picture = qr::draw_aside(format, move || drawn.picture(format)).await?;
    let content_type = match format {
        QrFormat::Png => "image/png",
        QrFormat::Svg => "image/svg+xml",
    };
    Ok((
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")],
        picture,
    ))
}

/// Read a ticket
#[utoipa::path(get, path = "/api/v1/tickets/{ticket}", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.read"))),
    params(("ticket" = TicketId, Path)), responses((status = 200, body = Ticket), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsRead>,
    Path(ticket): Path<TicketId>,
) -> Result<Json<Ticket>, Problem> {
    let found = service::ticket_of(&app, organiser.tenant(), ticket).await?;
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        ticket,
        "ticket",
        1,
    )
    .await?;
    Ok(Json(found))
}

/// Declare a ticket dead
#[utoipa::path(post, path = "/api/v1/tickets/{ticket}/revoke", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))),
    params(("ticket" = TicketId, Path)), responses((status = 200, body = Ticket), (status = "4XX", body = Problem)))]
async fn revoke(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(ticket): Path<TicketId>,
) -> Result<Json<Ticket>, Problem> {
    Ok(Json(
        service::revoke(&app, organiser.tenant(), ticket).await?,
    ))
}

/// Whom a ticket is issued to anew.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReissueRequest {
    /// The version that the caller knows; another one means that somebody was faster.
    pub version: u16,
    /// The new holder's name; without it, the old one keeps it.
    pub holder_name: Option<String>,
}

/// Issue a ticket anew with a raised version; older codes let nobody in
#[utoipa::path(post, path = "/api/v1/tickets/{ticket}/reissue", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("tickets.write"))),
    params(("ticket" = TicketId, Path)), responses((status = 200, body = SignedTicket), (status = "4XX", body = Problem)))]
async fn reissue(
    State(app): State<App>,
    organiser: Organiser<permit::TicketsWrite>,
    Path(ticket): Path<TicketId>,
    Json(request): Json<ReissueRequest>,
) -> Result<Json<SignedTicket>, Problem> {
    let holder = request
        .holder_name
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty());
    Ok(Json(
        service::reissue(&app, organiser.tenant(), ticket, request.version, holder).await?,
    ))
}

/// The id of a key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct KeyAnswer {
    /// 8 hexadecimal digits, as codes carry it.
    pub key_id: String,
}

/// Give an event a new key for tickets from now on
#[utoipa::path(post, path = "/api/v1/events/{event}/keys", tag = "tickets", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.publish"))),
    params(("event" = EventId, Path)), responses((status = 201, body = KeyAnswer), (status = "4XX", body = Problem)))]
async fn rotate_key(
    State(app): State<App>,
    organiser: Organiser<permit::EventsPublish>,
    Path(event): Path<EventId>,
) -> Result<(StatusCode, Json<KeyAnswer>), Problem> {
    let key_id = service::rotate_key(&app, organiser.tenant(), event).await?;
    Ok((StatusCode::CREATED, Json(KeyAnswer { key_id })))
}

impl IntoProblem for TicketError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound => Problem::not_found("tickets.not_found", detail),
            Self::State(_) => Problem::conflict("tickets.state", detail),
            Self::Conflict => Problem::conflict("tickets.version_conflict", detail),
            Self::Holder => Problem::unprocessable("tickets.holder", detail),
            Self::Versions => Problem::conflict("tickets.versions", detail),
            Self::NoKey | Self::Vault(_) => Problem::fault(&detail),
            Self::TransferNotFound => Problem::not_found("tickets.transfer_not_found", detail),
            Self::PassedOn => Problem::conflict("tickets.passed_on", detail),
            Self::OfferedAlready => Problem::conflict("tickets.offered_already", detail),
            Self::OfferedTooOften => Problem::conflict("tickets.offered_too_often", detail),
            Self::TransferState(_) => Problem::conflict("tickets.transfer_state", detail),
            Self::Transfer(refusal) => Problem::conflict(format!("tickets.{refusal}"), detail),
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::Resale(error) => error.into_problem(),
            Self::Payment(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}
