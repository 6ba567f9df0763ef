//! Selling tickets on: what [`sales::resale`] leaves to tickets, which come after sales. Whoever holds a
//! ticket, by its order or by the transfer that brought it to them, lists it and takes it back; a ticket
//! that is sold dies.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::routes::OrderToken;
use super::service::{self, TicketError, advance, opened, sealed_holder};
use super::store;
use super::transfers::{self, Holding, TransferId, TransferToken};
use crate::app::App;
use crate::catalog::EventState;
use crate::catalog::policy::TicketFacts;
use crate::events::{self, DomainEvent, Refused};
use crate::sales::resale::{
    self, ListingId, ListingRequest, ResaleListing, ResaleTerms, TicketToSell,
};
use crate::sales::{HeldSeat, OrderId};

/// The routes by which holders sell their tickets.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(of_order, list_of_order))
        .routes(routes!(withdraw_of_order))
        .routes(routes!(of_transfer, list_of_transfer))
        .routes(routes!(withdraw_of_transfer))
}

// Use cases

/// The transfer by which somebody holds a ticket.
const fn transfer_of(by: Holding) -> Option<TransferId> {
    match by {
        Holding::Transfer(transfer) => Some(transfer),
        Holding::Order(_) | Holding::Staff => None,
    }
}

/// A ticket of whoever sells it, with what decides about that.
async fn to_sell(
    app: &App,
    c: &mut Conn,
    by: Holding,
    id: TicketId,
) -> Result<TicketToSell, TicketError> {
    let ticket = transfers::held(app, c, by, id).await?;
    let event = transfers::event_in(c, ticket.event_id).await?;
    let facts = TicketFacts {
        doors_at: transfers::doors_at(c, &ticket).await?,
        country: event.details.country,
        passed_on: ticket.passed_on,
        is_used: events::was_let_in(c, id).await?,
        is_valid: ticket.state == TicketState::Valid && event.state == EventState::Published,
        paid_minor: 0,
    };
    let seat = match (ticket.seat_id, ticket.seat_label) {
        (Some(id), Some(label)) => Some(HeldSeat { id, label }),
        (Some(_) | None, _) => None,
    };
    Ok(TicketToSell {
        id,
        order: ticket.order_id,
        transfer: ticket.transfer_id,
        event: ticket.event_id,
        tier: ticket.tier_id,
        occurrence: ticket.occurrence_id,
        seat,
        facts,
    })
}

/// At what price whoever holds a ticket can list it.
///
/// # Errors
/// [`TicketError`] by why they cannot.
pub async fn terms(app: &App, by: Holding, ticket: TicketId) -> Result<ResaleTerms, TicketError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let ticket = to_sell(&work, c, by, ticket).await?;
                Ok(resale::terms_in(c, &ticket, now).await?)
            })
        })
        .await
}

/// Lists a ticket for whoever holds it. It stays theirs, and valid, until it is sold.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn list(
    app: &App,
    by: Holding,
    ticket: TicketId,
    price_minor: i64,
) -> Result<ResaleListing, TicketError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let wanted = to_sell(&app, c, by, ticket).await?;
                if transfers::is_pending(c, ticket, now).await? {
                    return Err(TicketError::OfferedAlready);
                }
                Ok(resale::list_in(&app, c, wanted, price_minor, now).await?)
            })
        })
        .await
}

/// Takes a listing of a ticket back that nobody is buying. Doing it again changes nothing.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn withdraw(
    app: &App,
    by: Holding,
    ticket: TicketId,
    listing: ListingId,
) -> Result<(), TicketError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                transfers::held(&work, c, by, ticket).await?;
                resale::withdraw_in(c, ticket, transfer_of(by), listing, now).await?;
                Ok(())
            })
        })
        .await
}

/// The listings of a ticket of an order after one, oldest first: those by the order's holder, or by whoever
/// got it by a transfer.
///
/// # Errors
/// [`TicketError::NotFound`] if there is no such ticket; a fault of the database.
pub async fn listings(
    app: &App,
    (order, ticket): (OrderId, TicketId),
    transfer: Option<TransferId>,
    after: Option<ListingId>,
    limit: i64,
) -> Result<Vec<ResaleListing>, TicketError> {
    // Of another order there is no such ticket.
    if service::ticket(app, ticket).await?.order_id != order {
        return Err(TicketError::NotFound);
    }
    Ok(resale::listings_of_ticket(app, ticket, transfer, after, limit).await?)
}

/// Ends tickets of those who sold them, all of one event, if all are still theirs and have let nobody in;
/// gives the first that is not so, and then ends none.
pub(crate) async fn on_resold(
    app: &App,
    c: &mut Conn,
    sold: &[(TicketId, Option<TransferId>)],
) -> Result<Option<TicketId>, DbError> {
    let Some((first, _)) = sold.first() else {
        return Ok(None);
    };
    let Some(row) = store::ticket(c, *first).await? else {
        return Ok(Some(*first));
    };
    let ids: Vec<TicketId> = sold.iter().map(|(id, _)| *id).collect();
    // Before the feed's row, as whoever accepts an offer takes them in this order, too.
    transfers::end_pending(c, &ids, app.now()).await?;
    // Whoever scans one in this moment is done before, or meets a dead code; and until the write ends nobody
    // changes one that was looked at.
    store::lock_feed(c, row.event_id).await?;
    let mut ending = Vec::new();
    for (id, holder) in sold {
        let Some(row) = store::ticket(c, *id).await? else {
            return Ok(Some(*id));
        };
        let ticket = opened(app, row)?;
        let is_theirs = ticket.state == TicketState::Valid && ticket.transfer_id == *holder;
        if !is_theirs || events::was_let_in(c, *id).await? {
            return Ok(Some(*id));
        }
        ending.push(ticket);
    }
    let mut is_any_ended = false;
    for ticket in ending {
        let id = ticket.id;
        if end_one(app, c, ticket).await? {
            is_any_ended = true;
        } else if is_any_ended {
            return Err(DbError::Closed(
                "a ticket was changed beside the lock of its feed",
            ));
        } else {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Ends a ticket that was sold, under the lock of the feed; says whether it was as it is thought of.
async fn end_one(app: &App, c: &mut Conn, mut ticket: Ticket) -> Result<bool, DbError> {
    let from = (ticket.version, ticket.state);
    ticket.state = TicketState::Revoked;
    ticket.revoked_below = ticket.version.saturating_add(1);
    let changed = DomainEvent::TicketChanged {
        event: ticket.event_id,
        ticket: ticket.id,
        change: "resold".to_owned(),
    };
    match events::publish(app, c, vec![changed]).await {
        Ok(()) => {}
        Err(Refused::Db(error)) => return Err(error),
        Err(Refused::CapacityBelowSold | Refused::SeatsTaken(_)) => {
            return Err(DbError::Closed("a resale was refused by a reaction"));
        }
    }
    let position = advance(app, c, ticket.event_id, 1).await?;
    let sealed = sealed_holder(app, &ticket)?;
    if !store::change(c, &ticket, sealed, from, position).await? {
        return Ok(false);
    }
    let (kept, order) = (app.clone(), ticket.order_id);
    c.after_commit(move || kept.issued.forget(order));
    Ok(true)
}

// Routes

/// Offer a ticket for sale: to those who wait, then to everybody
///
/// It stays yours, and valid, until somebody has paid for it; then its code lets nobody in. The price is
/// what the buyer pays, all included: at most what policy and law of the place allow, which a refusal
/// with `sales.resale_above_cap` names.
#[utoipa::path(post, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/resale-listings", tag = "shop",
    security(("order_token" = [])), params(("order" = OrderId, Path), ("ticket" = TicketId, Path)),
    responses((status = 201, body = ResaleListing), (status = "4XX", body = Problem)))]
async fn list_of_order(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Json(request): Json<ListingRequest>,
) -> Result<(StatusCode, Json<ResaleListing>), Problem> {
    service::bought(&app, order, &token).await?;
    let listed = list(&app, Holding::Order(order), ticket, request.price_minor).await?;
    Ok((StatusCode::CREATED, Json(listed)))
}

/// List how often a ticket was offered for sale by the holder of its order, oldest first
#[utoipa::path(get, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/resale-listings", tag = "shop",
    security(("order_token" = [])), params(("order" = OrderId, Path), ("ticket" = TicketId, Path), PageQuery),
    responses((status = 200, body = Page<ResaleListing>), (status = "4XX", body = Problem)))]
async fn of_order(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResaleListing>>, Problem> {
    service::bought(&app, order, &token).await?;
    let (after, limit) = (page.after()?, page.limit_and_one());
    let found = listings(&app, (order, ticket), None, after, limit).await?;
    Ok(Json(page.page(found, |listing| listing.id)))
}

/// Take a ticket back that is for sale, as long as nobody is buying it
#[utoipa::path(delete, path = "/api/v1/shop/orders/{order}/tickets/{ticket}/resale-listings/{listing}", tag = "shop",
    operation_id = "withdrawShopOrderTicketResaleListing", security(("order_token" = [])),
    params(("order" = OrderId, Path), ("ticket" = TicketId, Path), ("listing" = ListingId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn withdraw_of_order(
    State(app): State<App>,
    OrderToken(token): OrderToken,
    Path((order, ticket, listing)): Path<(OrderId, TicketId, ListingId)>,
) -> Result<StatusCode, Problem> {
    service::bought(&app, order, &token).await?;
    withdraw(&app, Holding::Order(order), ticket, listing).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Offer a ticket for sale that one got by a transfer
///
/// As with a ticket of an own order; what is owed for it is owed to whoever got it by the transfer.
#[utoipa::path(post, path = "/api/v1/shop/transfers/{transfer}/resale-listings", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path)),
    responses((status = 201, body = ResaleListing), (status = "4XX", body = Problem)))]
async fn list_of_transfer(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
    Json(request): Json<ListingRequest>,
) -> Result<(StatusCode, Json<ResaleListing>), Problem> {
    let ticket = transfers::received(&app, transfer, &token).await?;
    let by = Holding::Transfer(transfer);
    let listed = list(&app, by, ticket, request.price_minor).await?;
    Ok((StatusCode::CREATED, Json(listed)))
}

/// List how often a ticket was offered for sale that one got by a transfer, oldest first
#[utoipa::path(get, path = "/api/v1/shop/transfers/{transfer}/resale-listings", tag = "shop",
    security(("transfer_token" = [])), params(("transfer" = TransferId, Path), PageQuery),
    responses((status = 200, body = Page<ResaleListing>), (status = "4XX", body = Problem)))]
async fn of_transfer(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path(transfer): Path<TransferId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ResaleListing>>, Problem> {
    let ticket = transfers::received(&app, transfer, &token).await?;
    let order = service::ticket(&app, ticket).await?.order_id;
    let (after, limit) = (page.after()?, page.limit_and_one());
    let found = listings(&app, (order, ticket), Some(transfer), after, limit).await?;
    Ok(Json(page.page(found, |listing| listing.id)))
}

/// Take a ticket back that one got by a transfer and that is for sale, as long as nobody is buying it
#[utoipa::path(delete, path = "/api/v1/shop/transfers/{transfer}/resale-listings/{listing}", tag = "shop",
    operation_id = "withdrawShopTransferResaleListing", security(("transfer_token" = [])),
    params(("transfer" = TransferId, Path), ("listing" = ListingId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn withdraw_of_transfer(
    State(app): State<App>,
    TransferToken(token): TransferToken,
    Path((transfer, listing)): Path<(TransferId, ListingId)>,
) -> Result<StatusCode, Problem> {
    let ticket = transfers::received(&app, transfer, &token).await?;
    withdraw(&app, Holding::Transfer(transfer), ticket, listing).await?;
    Ok(StatusCode::NO_CONTENT)
}
