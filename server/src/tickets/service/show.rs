//! Buying tickets and showing them.

use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store;
use super::{TicketError, issuer, opened};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventId};
use crate::identity::Tenant;
use crate::payments::{self, PurchaseRequest, Purchased};
use crate::sales::{self, OrderId, OrderState, SalesError};

/// A ticket of one of the organisation's events.
///
/// # Errors
/// [`TicketError::NotFound`], or a fault of the database.
pub async fn ticket_of(app: &App, tenant: &Tenant, id: TicketId) -> Result<Ticket, TicketError> {
    let ticket = ticket(app, id).await?;
    match catalog::event_of(app, tenant, ticket.event_id).await {
        Ok(_) => Ok(ticket),
        Err(CatalogError::NotFound) => Err(TicketError::NotFound),
        Err(other) => Err(other.into()),
    }
}

/// A ticket.
///
/// # Errors
/// [`TicketError::NotFound`], or a fault of the database.
pub async fn ticket(app: &App, id: TicketId) -> Result<Ticket, TicketError> {
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::ticket(c, id).await }))
        .await?;
    Ok(opened(app, found.ok_or(TicketError::NotFound)?)?)
}

/// An order's tickets without their codes, but for those that were passed on: they are somebody else's.
///
/// # Errors
/// A fault of the database.
pub async fn of_order_in(app: &App, c: &mut Conn, order: OrderId) -> Result<Vec<Ticket>, DbError> {
    let rows = store::of_order(c, order).await?;
    rows.into_iter()
        .filter(|row| row.transfer_id.is_none())
        .map(|row| opened(app, row))
        .collect()
}

/// The tickets of an order with their codes, but for those that were passed on.
///
/// # Errors
/// [`TicketError::Vault`], or a fault of the database.
pub async fn of_order(app: &App, order: OrderId) -> Result<Vec<SignedTicket>, TicketError> {
    let work = app.clone();
    let tickets: Vec<Ticket> = app
        .db
        .read(move |c| Box::pin(async move { of_order_in(&work, c, order).await }))
        .await?;
    sign(app, tickets).await
}

/// How many tickets of an order were passed on.
///
/// # Errors
/// A fault of the database.
pub async fn passed_on(app: &App, order: OrderId) -> Result<usize, TicketError> {
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::of_order(c, order).await }))
        .await?;
    Ok(rows.iter().filter(|row| row.transfer_id.is_some()).count())
}

/// Adds the codes to tickets of one event.
pub(in crate::tickets) async fn sign(
    app: &App,
    tickets: Vec<Ticket>,
) -> Result<Vec<SignedTicket>, TicketError> {
    let mut signed = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        let issuer = issuer(app, ticket.event_id, &ticket.key_id).await?;
        let code = issuer
            .issue(ticket.payload())
            .map_err(|_| TicketError::State(ticket.state))?;
        signed.push(SignedTicket { ticket, code });
    }
    Ok(signed)
}

/// A purchase with the tickets it led to; none until it is paid.
#[derive(Clone, Debug)]
pub struct Bought {
    /// The order and its payment.
    pub purchased: Purchased,
    /// The tickets.
    pub tickets: Vec<SignedTicket>,
}

/// Buys tickets: the whole way from choice to codes in one request.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn buy(app: &App, request: PurchaseRequest, key: String) -> Result<Bought, TicketError> {
    let purchased = payments::purchase(app, request, key).await?;
    let tickets = match purchased.order.order.state {
        OrderState::Paid => match app.issued.take(purchased.order.order.id) {
            Some(tickets) => sign(app, tickets).await?,
            None => of_order(app, purchased.order.order.id).await?,
        },
        OrderState::Pending
        | OrderState::Cancelled
        | OrderState::Expired
        | OrderState::Refunded => Vec::new(),
    };
    Ok(Bought { purchased, tickets })
}

/// Pays for a pending order; gives its tickets if that succeeded.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn pay(
    app: &App,
    order: OrderId,
    request: payments::PaymentRequest,
    key: String,
) -> Result<Bought, TicketError> {
    let purchased = payments::pay(app, order, request, key).await?;
    let tickets = of_order(app, order).await?;
    Ok(Bought { purchased, tickets })
}

/// An order with its newest payment and its tickets, for whoever knows the order's token.
///
/// # Errors
/// [`SalesError::OrderNotFound`] if the token is not the order's; a fault of the database.
pub async fn bought(app: &App, order: OrderId, token: &str) -> Result<Bought, TicketError> {
    if !sales::is_order_token(app, order, token) {
        return Err(SalesError::OrderNotFound.into());
    }
    let detail = sales::order(app, order).await?;
    let payment = payments::latest(app, order)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let tickets = of_order(app, order).await?;
    Ok(Bought {
        purchased: Purchased {
            order: detail,
            payment,
            is_new: false,
        },
        tickets,
    })
}

/// How many tickets of an event are in each state.
///
/// # Errors
/// A fault of the database.
pub async fn counts(app: &App, event: EventId) -> Result<Vec<(TicketState, i64)>, TicketError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::counts(c, event).await }))
        .await?)
}

/// Makes an order of staff; gives its tickets.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn staff_order(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    request: payments::StaffOrderRequest,
    actor: String,
    key: &str,
) -> Result<Bought, TicketError> {
    let purchased = payments::staff_order(app, tenant, event, request, actor, key).await?;
    let tickets = of_order(app, purchased.order.order.id).await?;
    Ok(Bought { purchased, tickets })
}
