//! What holds, orders and payments ask of resale, inside their writes.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::model::*;
use super::store;
use crate::app::App;
use crate::catalog::{self, CounterKey, EventDetail, EventId, OccurrenceId};
use crate::events;
use crate::sales::service as sales;
use crate::sales::store as orders;
use crate::sales::{HoldId, OrderId, OrderState};
use crate::tickets::TicketId;

/// Which listing a hold or an order is of that has no stock of its own; none is asked for otherwise.
pub(in crate::sales) async fn listing_of(
    c: &mut Conn,
    hold: Option<HoldId>,
    stock: &[(CounterKey, i64)],
) -> Result<Option<ListingId>, DbError> {
    match hold {
        Some(hold) if stock.is_empty() => store::of_hold(c, hold).await,
        Some(_) | None => Ok(None),
    }
}

/// Lets a listing be held until another time; says whether this hold still has it.
pub(in crate::sales) async fn keep(
    c: &mut Conn,
    id: ListingId,
    hold: HoldId,
    until: Timestamp,
) -> Result<bool, DbError> {
    store::keep(c, id, hold, until).await
}

/// Lets go of what these holds still have.
pub(in crate::sales) async fn let_go(c: &mut Conn, holds: &[String]) -> Result<(), DbError> {
    store::let_go(c, holds).await
}

/// Sells a listing to an order that is paid in this write: the seller's ticket dies, and its seat goes to
/// the order's holder. Gives the stock that goes with it, or nothing if it cannot be sold any more.
///
/// To be called after everything else that a write takes: it waits for the feed of the event.
pub(in crate::sales) async fn sell(
    app: &App,
    c: &mut Conn,
    id: ListingId,
    (buyer, hold): (OrderId, HoldId),
    now: Timestamp,
) -> Result<Option<Vec<(CounterKey, i64)>>, DbError> {
    let Some(row) = store::listing(c, id).await? else {
        return Ok(None);
    };
    // Whoever pays the seller's order back in this moment is done before, or comes after.
    let (paid, seller) = (OrderState::Paid, row.order_id);
    if !orders::move_order(c, seller, paid, paid, None).await? {
        return Ok(None);
    }
    if !store::sell(c, id, hold, buyer, now).await? {
        return Ok(None);
    }
    let Some(order) = orders::order(c, seller).await? else {
        return Ok(None);
    };
    let items = orders::order_items(c, seller).await?;
    let mut left = sales::stock_of_order(c, seller, &items).await?;
    let unit = match catalog::kept_detail_in(app, c, row.event_id).await? {
        Some(event) => take_unit(&event, &row, &mut left),
        None => None,
    };
    let Some(unit) = unit else {
        store::unsell(c, id).await?;
        return Ok(None);
    };
    if let (Some(date), Some(seat)) = (row.occurrence_id, row.seat_id) {
        let (from, to) = (order.seat_holder(), hold.to_string());
        if !store::hand_seat(c, date, seat, (from.as_str(), to.as_str())).await? {
            store::unsell(c, id).await?;
            return Ok(None);
        }
        if !events::end_resold(app, c, row.ticket_id, row.transfer_id).await? {
            store::hand_seat(c, date, seat, (to.as_str(), from.as_str())).await?;
            store::unsell(c, id).await?;
            return Ok(None);
        }
    } else if !events::end_resold(app, c, row.ticket_id, row.transfer_id).await? {
        store::unsell(c, id).await?;
        return Ok(None);
    }
    orders::set_order_stock(c, seller, &left).await?;
    let payout = ResalePayoutId::new(&*app.clock, &*app.random);
    store::insert_payout(c, payout, &row, buyer, now).await?;
    Ok(Some(unit))
}

/// Takes one unit of a listing's tier out of what its seller's order has; none if it has none.
fn take_unit(
    event: &EventDetail,
    row: &store::ListingRow,
    stock: &mut Vec<(CounterKey, i64)>,
) -> Option<Vec<(CounterKey, i64)>> {
    let tier = event.tier(row.tier_id)?;
    let date = row.sold_by_date.parse::<OccurrenceId>().ok();
    let wanted = event.counters(tier, date);
    let mut unit = Vec::new();
    for (key, count) in stock.iter_mut() {
        // Of counters that the tier was not counted in when it was bought, the order has nothing.
        if wanted.contains(key) && *count > 0 {
            *count -= 1;
            unit.push((key.clone(), 1));
        }
    }
    stock.retain(|(_, count)| *count > 0);
    let own = row.tier_id.to_string();
    unit.iter().any(|(key, _)| key.of == own).then_some(unit)
}

/// Makes void what is owed for tickets of an order that is paid back as a whole; says whether nothing of
/// it was paid out before.
pub(in crate::sales) async fn on_order_refunded(
    c: &mut Conn,
    seller: OrderId,
    now: Timestamp,
) -> Result<bool, DbError> {
    store::void(c, seller, now).await
}

// What those ask who come after sales

/// Whether a ticket is for sale.
///
/// # Errors
/// A fault of the database.
pub(crate) async fn is_for_sale(c: &mut Conn, ticket: TicketId) -> Result<bool, DbError> {
    store::is_open(c, ticket).await
}

/// Ends what is for sale of tickets that change or end otherwise. To be called before the feed of their
/// event is waited for.
///
/// # Errors
/// A fault of the database.
pub(crate) async fn end_of_tickets(
    c: &mut Conn,
    tickets: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    store::end_of_tickets(c, tickets, now).await
}

/// Ends what is for sale of an event that takes place at another time.
///
/// # Errors
/// A fault of the database.
pub(crate) async fn end_of_event(
    c: &mut Conn,
    event: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    store::end_of_event(c, event, now).await
}

/// Ends what is for sale of tickets that have let somebody in, in the write that records it.
///
/// # Errors
/// A fault of the database.
pub(crate) async fn on_let_in(
    c: &mut Conn,
    tickets: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    store::end_of_used(c, tickets, now).await
}

/// Drops what was resold of an event that is deleted.
pub(in crate::sales) async fn on_event_deleted(
    c: &mut Conn,
    event: EventId,
) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
