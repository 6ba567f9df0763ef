//! Tickets of orders that are changed: issued anew, ended, added, or moved to another order.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::vals;

use super::super::model::*;
use super::super::store;
use super::super::transfers;
use super::issue::{advance, of_paid};
use super::{holder_purpose, sealed_holder};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::sales::changes::{ChangedOrder, TicketRefusal, UnitTicket};
use crate::sales::{OrderId, resale};

/// The id of a ticket that sales know by its order and number.
pub fn of_unit(ticket: &UnitTicket) -> TicketId {
    TicketId::of_order(ticket.first, ticket.first_number)
}

/// Why tickets of an order cannot be changed; none if they can, as far as tickets know.
///
/// # Errors
/// A fault of the database.
pub async fn refusal_in(
    c: &mut Conn,
    order: OrderId,
    ids: &[TicketId],
) -> Result<Option<TicketRefusal>, DbError> {
    let rows = store::changes::standing(c, ids).await?;
    if rows.iter().any(|row| row.transfer_id.is_some()) {
        return Ok(Some(TicketRefusal::PassedOn));
    }
    // The last version is never reached, so that a revocation always has one above it.
    let stands = rows.iter().all(|row| {
        row.order_id == order && row.state == TicketState::Valid && row.version < u16::MAX - 1
    });
    Ok((!stands || rows.len() != ids.len()).then_some(TicketRefusal::NotValid))
}

/// Ends what is offered of tickets that are about to change. To be called before the feed is locked, as
/// whoever accepts an offer takes both in this order, too.
pub(crate) async fn on_order_changing(
    app: &App,
    c: &mut Conn,
    tickets: &[UnitTicket],
) -> Result<(), DbError> {
    let ids: Vec<TicketId> = tickets.iter().map(of_unit).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let now = app.now();
    resale::end_of_tickets(c, &ids, now).await?;
    transfers::end_pending(c, &ids, now).await
}

/// Locks an event's feed inside a write: whoever issues, passes on or scans in this moment is done before.
///
/// # Errors
/// A fault of the database.
pub async fn lock_feed_in(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::lock_feed(c, event).await
}

/// Lets the tickets of an order be what they are for from now on.
pub(crate) async fn on_order_changed(
    app: &App,
    c: &mut Conn,
    changed: &ChangedOrder,
) -> Result<(), DbError> {
    let plan = &changed.tickets;
    let moved = changed.moved.as_ref();
    let count = plan.reissued.len()
        + plan.ended.len()
        + plan.added.len()
        + moved.map_or(0, |(_, _, tickets)| tickets.len());
    if count == 0 {
        return Ok(());
    }
    let at = "tickets::on_order_changed";
    let event = changed.event;
    let reissued = plan.reissued.iter().map(|now| now.occurrence);
    let added = changed.added.iter().flat_map(|paid| &paid.lines);
    let dates = reissued.chain(added.map(|line| line.occurrence_id));
    let dates = dates.flatten().collect();
    let detail = catalog::offer_with_dates_in(app, c, event, &dates).await?;
    let detail = detail.ok_or(DbError::NoRow { at })?;
    let keys = store::keys(c, event).await?;
    let key = keys.iter().find(|key| key.revoked_at.is_none());
    let key = key.ok_or(DbError::NoRow { at })?;
    let last = advance(app, c, event, count).await?;
    let first = last + 1 - i64::try_from(count).unwrap_or(0);
    let mut positions = first..=last;
    let mut position = || positions.next().unwrap_or(last);

    let mut reissued = Vec::with_capacity(plan.reissued.len());
    for now in &plan.reissued {
        let tier = detail.tier(now.tier).ok_or(DbError::NoRow { at })?;
        let (from, until) = detail.validity_on(tier, now.occurrence);
        let label = now.seat.as_ref().map(|seat| seat.label.as_str());
        reissued.push(vals![
            of_unit(&now.ticket),
            now.tier,
            tier.number,
            from,
            until,
            &key.key_id,
            now.occurrence,
            now.seat.as_ref().map(|seat| seat.id),
            label,
            position()
        ]);
    }
    let wanted = u64::try_from(reissued.len()).unwrap_or(u64::MAX);
    if !reissued.is_empty() && store::changes::reissue(c, reissued).await? != wanted {
        return Err(DbError::NoRow { at });
    }
    let mut holders = Vec::with_capacity(changed.holders.len());
    for (ticket, name) in &changed.holders {
        let id = of_unit(ticket);
        let sealed = app
            .vault
            .seal_text(&holder_purpose(id), name, &*app.random)?;
        holders.push((id, sealed));
    }
    store::changes::name_holders(c, holders).await?;
    if let Some((order, reference, tickets)) = moved {
        let rows = tickets
            .iter()
            .map(|ticket| vals![of_unit(ticket), *order, reference, position()])
            .collect();
        store::changes::move_to_order(c, rows).await?;
    }
    if let Some(paid) = &changed.added {
        let mut tickets = Vec::with_capacity(plan.added.len());
        for (mut ticket, now) in of_paid(paid, &detail, &key.key_id)
            .into_iter()
            .zip(&plan.added)
        {
            ticket.id = of_unit(&now.ticket);
            let holder = sealed_holder(app, &ticket)?;
            tickets.push((ticket, holder));
            position();
        }
        let ended = i64::try_from(plan.ended.len()).unwrap_or(0);
        store::insert(c, &tickets, last - ended).await?;
    }
    let (kept, order) = (app.clone(), changed.order);
    c.after_commit(move || kept.issued.forget(order));
    let ended: Vec<TicketId> = plan.ended.iter().map(of_unit).collect();
    store::set_state(c, &ended, TicketState::Cancelled, last).await
}
