//! Tickets for files, with the orders they came from, a page of orders at a time.

use std::sync::Arc;

use bilten_kernel::db::{DbError, Val};

use super::super::model::*;
use super::super::store;
use super::{TicketError, opened};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId};
use crate::identity::Tenant;
use crate::sales::{self, EXPORT_PAGE, OrderId, SalesError};
use crate::sheet::{Column, number, text};

/// The columns of the file of tickets.
pub(crate) const TICKET_COLUMNS: &[Column] = &[
    text("ticket"),
    text("state"),
    text("tier"),
    text("holder"),
    text("reference"),
    text("order"),
    number("version"),
    text("created_at"),
    text("sandbox"),
];

/// An event whose tickets are to be downloaded, and how many there are.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn export_of(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<(Arc<EventDetail>, usize), TicketError> {
    let detail = catalog::detail_of(app, tenant, event)
        .await
        .map_err(SalesError::from)?;
    let counts = super::counts(app, event).await?;
    let count: i64 = counts.iter().map(|(_, count)| count).sum();
    Ok((detail, usize::try_from(count).unwrap_or(0)))
}

/// The next rows of the file of tickets: those of the orders after one of them, with the last one; none at
/// its end.
///
/// # Errors
/// A fault of the database.
pub async fn ticket_rows(
    app: &App,
    detail: &EventDetail,
    after: Option<OrderId>,
) -> Result<Option<(OrderId, Vec<Vec<String>>)>, TicketError> {
    let (work, event) = (app.clone(), detail.event.id);
    let (last, tickets) = app
        .db
        .read_long(move |c| {
            Box::pin(async move {
                let orders = sales::order_ids_in(c, event, after, EXPORT_PAGE).await?;
                let rows = store::of_orders(c, Val::texts(&orders)).await?;
                let tickets: Vec<Ticket> = rows
                    .into_iter()
                    .map(|row| opened(&work, row))
                    .collect::<Result<_, DbError>>()?;
                Ok::<_, DbError>((orders.last().copied(), tickets))
            })
        })
        .await?;
    let Some(last) = last else {
        return Ok(None);
    };
    let rows = tickets.into_iter().map(|ticket| {
        let tier = detail.tier(ticket.tier_id);
        vec![
            ticket.id.to_string(),
            ticket.state.to_string(),
            tier.map_or_else(|| ticket.tier_id.to_string(), |tier| tier.name.clone()),
            ticket.holder_name,
            ticket.order_reference,
            ticket.order_id.to_string(),
            ticket.version.to_string(),
            ticket.created_at.to_string(),
            ticket.sandbox.to_string(),
        ]
    });
    Ok(Some((last, rows.collect())))
}
