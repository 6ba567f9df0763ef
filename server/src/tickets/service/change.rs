//! Ending tickets and issuing them anew.

use std::collections::BTreeMap;

use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store;
use super::super::transfers;
use super::{TicketError, advance, holder, opened, sealed_holder, sign, ticket_of};
use crate::app::App;
use crate::catalog::{EventDetail, EventId};
use crate::events::{self, DomainEvent};
use crate::identity::Tenant;
use crate::sales::{ErasedOrder, OrderId, resale};

pub(super) async fn end_all(
    app: &App,
    c: &mut Conn,
    event: EventId,
    ids: &[TicketId],
) -> Result<(), DbError> {
    if ids.is_empty() {
        return Ok(());
    }
    // Before the feed's row, as whoever accepts an offer takes them in this order, too.
    resale::end_of_tickets(c, ids, app.now()).await?;
    transfers::end_pending(c, ids, app.now()).await?;
    let last = advance(app, c, event, ids.len()).await?;
    store::set_state(c, ids, TicketState::Cancelled, last).await
}

/// Which tickets of an event are issued anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewed {
    /// All.
    All,
    /// Those that are valid at another time now.
    Moved,
}

/// Gives the tickets of an event that takes place at another time their new validity: each gets a new
/// version, and its older codes die.
pub(super) async fn renew(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    which: Renewed,
) -> Result<(), DbError> {
    let event = detail.event.id;
    let keys = store::keys(c, event).await?;
    let Some(key) = keys.iter().find(|key| key.revoked_at.is_none()) else {
        // Nothing can be issued, so nothing is issued anew; whoever replaces the key reissues.
        return Ok(());
    };
    let tickets: Vec<(TicketId, (u32, u32))> = store::renewable(c, event)
        .await?
        .into_iter()
        .filter_map(|row| {
            let tier = detail.tier(row.tier_id)?;
            let validity = detail.validity_on(tier, row.occurrence_id);
            let is_meant = which == Renewed::All || validity != (row.valid_from, row.valid_until);
            is_meant.then_some((row.id, validity))
        })
        .collect();
    if tickets.is_empty() {
        return Ok(());
    }
    // Whoever sells one, or is offered one, knows nothing of the new time yet.
    let ids: Vec<TicketId> = tickets.iter().map(|(id, _)| *id).collect();
    resale::end_of_tickets(c, &ids, app.now()).await?;
    transfers::end_pending(c, &ids, app.now()).await?;
    let last = advance(app, c, event, tickets.len()).await?;
    store::renew(c, &tickets, &key.key_id, last).await
}

/// Kills the tickets of an order that was paid back.
pub(crate) async fn on_order_refunded(
    app: &App,
    c: &mut Conn,
    event: EventId,
    order: OrderId,
) -> Result<(), DbError> {
    let tickets = store::of_order(c, order).await?;
    let ids: Vec<_> = tickets
        .iter()
        .filter(|t| t.state != TicketState::Revoked)
        .map(|t| t.id)
        .collect();
    end_all(app, c, event, &ids).await
}

/// Forgets the buyers of orders: their tickets stay valid without a name, unless another holder is
/// named on them. The gates are told, so that they forget as well.
pub(crate) async fn on_person_erased(
    app: &App,
    c: &mut Conn,
    orders: &[ErasedOrder],
) -> Result<(), DbError> {
    let mut by_event: BTreeMap<EventId, Vec<TicketId>> = BTreeMap::new();
    for order in orders {
        let ids = by_event.entry(order.event_id).or_default();
        for ticket in store::of_order(c, order.id).await? {
            // Whoever got it from them keeps it in their own name.
            if ticket.transfer_id.is_none()
                && holder(app, ticket.id, &ticket.sealed_holder)? == order.name
            {
                ids.push(ticket.id);
            }
        }
    }
    for (event, ids) in by_event {
        if !ids.is_empty() {
            let last = advance(app, c, event, ids.len()).await?;
            store::erase_holder(c, &ids, last).await?;
        }
    }
    Ok(())
}

/// Declares a ticket dead.
///
/// # Errors
/// [`TicketError`] by what was refused; a ticket that is dead already stays so without an error.
pub async fn revoke(app: &App, tenant: &Tenant, id: TicketId) -> Result<Ticket, TicketError> {
    change(app, tenant, id, "revoked", |ticket| match ticket.state {
        TicketState::Revoked => Ok(false),
        TicketState::Valid
        | TicketState::Unpaid
        | TicketState::Blocked
        | TicketState::Cancelled => {
            ticket.state = TicketState::Revoked;
            ticket.revoked_below = ticket.version.saturating_add(1);
            Ok(true)
        }
    })
    .await
}

/// Issues a ticket anew with a raised version, for a new holder if one is named: older codes die.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn reissue(
    app: &App,
    tenant: &Tenant,
    id: TicketId,
    version: u16,
    holder: Option<String>,
) -> Result<SignedTicket, TicketError> {
    if holder
        .as_ref()
        .is_some_and(|name| name.chars().count() > 200 || name.chars().any(char::is_control))
    {
        return Err(TicketError::Holder);
    }
    let event = ticket_of(app, tenant, id).await?.event_id;
    let newest_key = app
        .db
        .read(move |c| Box::pin(async move { store::keys(c, event).await }))
        .await?
        .into_iter()
        .find(|key| key.revoked_at.is_none())
        .ok_or(TicketError::NoKey)?;
    let ticket = change(app, tenant, id, "reissued", move |ticket| {
        if ticket.version != version {
            return Err(TicketError::Conflict);
        }
        match ticket.state {
            TicketState::Valid => {}
            state @ (TicketState::Unpaid
            | TicketState::Blocked
            | TicketState::Cancelled
            | TicketState::Revoked) => {
                return Err(TicketError::State(state));
            }
        }
        raise(ticket, newest_key.key_id)?;
        if let Some(holder) = holder {
            ticket.holder_name = holder;
        }
        Ok(true)
    })
    .await?;
    let mut signed = sign(app, vec![ticket]).await?;
    signed.pop().ok_or(TicketError::NotFound)
}

/// Raises a ticket's version, so that all codes until now let nobody in.
pub(in crate::tickets) fn raise(ticket: &mut Ticket, key_id: String) -> Result<(), TicketError> {
    // The last version is never reached, so that a revocation always has one above it.
    ticket.version = ticket
        .version
        .checked_add(1)
        .filter(|v| *v < u16::MAX)
        .ok_or(TicketError::Versions)?;
    ticket.revoked_below = ticket.version;
    ticket.key_id = key_id;
    Ok(())
}

/// Loads a ticket, lets `edit` change it, saves it at a new feed position.
async fn change(
    app: &App,
    tenant: &Tenant,
    id: TicketId,
    name: &'static str,
    edit: impl FnOnce(&mut Ticket) -> Result<bool, TicketError> + Send + 'static,
) -> Result<Ticket, TicketError> {
    ticket_of(app, tenant, id).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let row = store::ticket(c, id).await?.ok_or(TicketError::NotFound)?;
                let mut ticket = opened(&app, row)?;
                let from = (ticket.version, ticket.state);
                if !edit(&mut ticket)? {
                    return Ok(ticket);
                }
                // What was offered is not there any more.
                resale::end_of_tickets(c, &[id], app.now()).await?;
                transfers::end_pending(c, &[id], app.now()).await?;
                let event = ticket.event_id;
                let changed = DomainEvent::TicketChanged {
                    event,
                    ticket: id,
                    change: name.to_owned(),
                };
                events::publish(&app, c, vec![changed]).await?;
                let position = advance(&app, c, event, 1).await?;
                let holder = sealed_holder(&app, &ticket)?;
                if !store::change(c, &ticket, holder, from, position).await? {
                    return Err(TicketError::Conflict);
                }
                let order = ticket.order_id;
                c.after_commit(move || app.issued.forget(order));
                Ok(ticket)
            })
        })
        .await
}
