//! Issuing the tickets of paid orders, and the feed that tells gates of them.

use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store;
use super::{fed, sealed_holder};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId};
use crate::events::PaidOrder;
use crate::sales;

/// Issues the tickets of orders that were paid in this write.
pub(crate) async fn on_orders_paid(
    app: &App,
    c: &mut Conn,
    orders: &[PaidOrder],
) -> Result<(), DbError> {
    // A batch is of one event nearly always; the feed's row is taken once for each.
    let mut by_event: std::collections::BTreeMap<EventId, Vec<&PaidOrder>> =
        std::collections::BTreeMap::new();
    for order in orders {
        by_event.entry(order.event).or_default().push(order);
    }
    for (event, orders) in by_event {
        let lines = orders.iter().flat_map(|order| &order.lines);
        let dates = lines.filter_map(|line| line.occurrence_id).collect();
        let detail = catalog::offer_with_dates_in(app, c, event, &dates).await?;
        let detail = detail.ok_or(DbError::NoRow {
            at: "tickets::on_orders_paid",
        })?;
        let keys = store::keys(c, event).await?;
        let key = keys.iter().find(|key| key.revoked_at.is_none());
        let key = key.ok_or(DbError::NoRow {
            at: "tickets::on_orders_paid: key",
        })?;
        let tickets = orders
            .iter()
            .flat_map(|order| of_paid(order, &detail, &key.key_id))
            .map(|ticket| {
                let holder = sealed_holder(app, &ticket)?;
                Ok((ticket, holder))
            })
            .collect::<Result<Vec<_>, DbError>>()?;
        let last = advance(app, c, event, tickets.len()).await?;
        store::insert(c, &tickets, last).await?;
        let app = app.clone();
        let tickets = tickets.into_iter().map(|(ticket, _)| ticket).collect();
        c.after_commit(move || app.issued.put(tickets));
    }
    Ok(())
}

/// The tickets of a paid order: one for each unit that lets somebody in.
pub(super) fn of_paid(order: &PaidOrder, detail: &EventDetail, key_id: &str) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for (due, index) in sales::tickets_due(detail, &order.lines)
        .into_iter()
        .zip(0u32..)
    {
        let Some(tier) = detail.tier(due.tier) else {
            continue;
        };
        let (valid_from, valid_until) = detail.validity_on(tier, due.occurrence);
        let holder = order.holders.get(&index).unwrap_or(&order.name);
        tickets.push(Ticket {
            id: TicketId::of_order(order.order, index),
            event_id: order.event,
            order_id: order.order,
            tier_id: due.tier,
            tier_number: tier.number,
            version: 1,
            state: TicketState::Valid,
            key_id: key_id.to_owned(),
            valid_from,
            valid_until,
            holder_name: holder.clone(),
            order_reference: order.reference.clone(),
            revoked_below: 0,
            transfer_id: None,
            passed_on: 0,
            sandbox: detail.event.sandbox,
            occurrence_id: due.occurrence,
            seat_id: due.seat.as_ref().map(|seat| seat.id),
            seat_label: due.seat.map(|seat| seat.label),
            created_at: order.paid_at,
        });
    }
    tickets
}

/// Takes `count` feed positions, gives the last one, and wakes waiting devices after the commit.
///
/// To be called last in a write: the feed's row is what all writers of an event meet at.
///
/// # Errors
/// A fault of the database.
pub async fn advance(
    app: &App,
    c: &mut Conn,
    event: EventId,
    count: usize,
) -> Result<i64, DbError> {
    let position = store::advance(c, event, i64::try_from(count).unwrap_or(i64::MAX)).await?;
    let app = app.clone();
    c.after_commit(move || {
        app.hints.tell(event, position);
        if count > 0 {
            app.db.tell_nodes(event.to_string(), position);
        }
    });
    Ok(position)
}

/// The feed's epoch and its last position.
///
/// # Errors
/// A fault of the database.
pub async fn feed_in(c: &mut Conn, event: EventId) -> Result<Option<(i64, i64)>, DbError> {
    store::feed(c, event).await
}

/// An event's tickets after a feed position, in the feed's order.
///
/// # Errors
/// A fault of the database.
pub async fn fed_after(
    app: &App,
    c: &mut Conn,
    event: EventId,
    position: i64,
    limit: i64,
) -> Result<Vec<FedTicket>, DbError> {
    let rows = store::after(c, event, position, limit).await?;
    rows.into_iter().map(|row| fed(app, row)).collect()
}
