//! Reading transfers, and what is held of people by them.

use std::collections::BTreeMap;

use bilten_kernel::db::{Conn, DbError};

use super::{authorise, event_in, lookup, shown, standing, ticket_in};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::tickets::service::{TicketError, advance, opened, sign};
use crate::tickets::transfers::model::*;
use crate::tickets::transfers::store;
use crate::tickets::{Ticket, TicketId, store as tickets};

/// A transfer with its ticket, for whoever knows its secret.
///
/// # Errors
/// [`TicketError::TransferNotFound`], or a fault of the vault or the database.
pub async fn offered(app: &App, id: TransferId, given: &str) -> Result<OfferedTicket, TicketError> {
    authorise(app, id, given)?;
    let (work, now) = (app.clone(), app.now());
    let (mut offered, ticket) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let app = work;
                let row = store::transfer(c, id).await?;
                let row = row.ok_or(TicketError::TransferNotFound)?;
                let ticket = ticket_in(&app, c, row.ticket_id).await?;
                let event = event_in(c, ticket.event_id).await?;
                let is_theirs = ticket.transfer_id == Some(id);
                let onward = match store::pending(c, ticket.id, now).await? {
                    Some(onward) if is_theirs => Some(shown(&app, &onward, now)?),
                    Some(_) | None => None,
                };
                let tiers = catalog::tiers_in(c, event.id).await?;
                let tier = tiers.iter().find(|tier| tier.id == ticket.tier_id);
                let offered = OfferedTicket {
                    id,
                    state: standing(&row, now),
                    event_id: event.id,
                    tier_name: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
                    event_name: event.name,
                    expires_at: row.expires_at,
                    ticket: None,
                    onward,
                };
                Ok::<_, TicketError>((offered, is_theirs.then_some(ticket)))
            })
        })
        .await?;
    if let Some(ticket) = ticket {
        offered.ticket = sign(app, vec![ticket]).await?.pop();
    }
    Ok(offered)
}

/// A ticket's transfers after one, oldest first: all of them for staff, those that its order's holder
/// offered for that holder.
///
/// # Errors
/// A fault of the database.
pub async fn transfers(
    app: &App,
    ticket: TicketId,
    by: Holding,
    after: Option<TransferId>,
    limit: i64,
) -> Result<Vec<Transfer>, TicketError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let order = tickets::ticket(c, ticket)
                    .await?
                    .ok_or(TicketError::NotFound)?
                    .order_id;
                if matches!(by, Holding::Order(own) if own != order) {
                    return Err(TicketError::NotFound);
                }
                let is_all = by == Holding::Staff;
                let rows = store::of_ticket(c, ticket, is_all, after, limit).await?;
                let shown: Result<Vec<_>, DbError> =
                    rows.iter().map(|row| shown(&work, row, now)).collect();
                Ok(shown?)
            })
        })
        .await
}

// What is held of people

/// What was offered to an address, oldest first, with the tickets that are still theirs.
///
/// # Errors
/// A fault of the database.
pub async fn of_receiver_in(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<Vec<(Transfer, Option<Ticket>)>, DbError> {
    let now = app.now();
    let mut found = Vec::new();
    for row in store::of_receiver(c, lookup(app, email_lookup)).await? {
        let ticket = tickets::ticket(c, row.ticket_id)
            .await?
            .filter(|ticket| ticket.transfer_id == Some(row.id))
            .map(|ticket| opened(app, ticket))
            .transpose()?;
        found.push((shown(app, &row, now)?, ticket));
    }
    Ok(found)
}

/// Forgets to whom tickets were offered: what waits for them ends, and what they have stays valid
/// without a name.
pub(crate) async fn on_person_erased(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<(), DbError> {
    let theirs = store::lock_of_receiver(c, lookup(app, email_lookup)).await?;
    let mut by_event: BTreeMap<EventId, Vec<TicketId>> = BTreeMap::new();
    for (id, ticket) in &theirs {
        store::settle(c, *id, TransferState::Cancelled, app.now()).await?;
        if let Some(row) = tickets::ticket(c, *ticket).await?
            && row.transfer_id == Some(*id)
        {
            by_event.entry(row.event_id).or_default().push(*ticket);
        }
    }
    store::forget_receiver(c, &theirs).await?;
    for (event, ids) in by_event {
        let last = advance(app, c, event, ids.len()).await?;
        tickets::erase_holder(c, &ids, last).await?;
    }
    Ok(())
}
