//! What holds, orders and payments ask of resale, inside their writes.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::model::*;
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog::seating::SeatId;
use crate::catalog::{self, CounterKey, EventDetail, EventId, OccurrenceId};
use crate::events;
use crate::sales::service as sales;
use crate::sales::store as orders;
use crate::sales::{HoldId, OrderId, OrderState};
use crate::tickets::TicketId;

/// Which listings a hold or an order is of that has no stock of its own, by its lines; none is asked for
/// otherwise.
pub(in crate::sales) async fn listings_of(
    c: &mut Conn,
    hold: Option<HoldId>,
    stock: &[(CounterKey, i64)],
) -> Result<Vec<ListingId>, DbError> {
    match hold {
        Some(hold) if stock.is_empty() => store::of_hold(c, hold).await,
        Some(_) | None => Ok(Vec::new()),
    }
}

/// Lets listings be held until another time; says whether this hold still has all of them.
pub(in crate::sales) async fn keep(
    c: &mut Conn,
    ids: &[ListingId],
    hold: HoldId,
    until: Timestamp,
) -> Result<bool, DbError> {
    let kept = store::keep(c, hold, until).await?;
    Ok(usize::try_from(kept).is_ok_and(|kept| kept == ids.len()))
}

/// Lets go of what these holds still have.
pub(in crate::sales) async fn let_go(c: &mut Conn, holds: &[String]) -> Result<(), DbError> {
    store::let_go(c, holds).await
}

/// Sells listings to an order that is paid in this write, all of them or none: their sellers' tickets die,
/// and their seats go to the order's holder. Gives the stock that goes with them, or nothing if they cannot
/// be sold any more.
///
/// To be called after everything else that a write takes: it waits for the feed of the event.
pub(in crate::sales) async fn sell(
    app: &App,
    c: &mut Conn,
    ids: &[ListingId],
    (buyer, hold): (OrderId, HoldId),
    now: Timestamp,
) -> Result<Option<Vec<(CounterKey, i64)>>, DbError> {
    let mut rows: Vec<(u32, ListingRow)> = Vec::new();
    for (line, id) in (1..).zip(ids) {
        let Some(row) = store::listing(c, *id).await? else {
            return Ok(None);
        };
        rows.push((line, row));
    }
    // Whoever pays a seller's order back in this moment is done before, or comes after. Orders and listings
    // are taken in one order each, so that nobody waits in a circle.
    let mut sellers: Vec<OrderId> = rows.iter().map(|(_, row)| row.order_id).collect();
    sellers.sort_unstable();
    sellers.dedup();
    for seller in &sellers {
        let paid = OrderState::Paid;
        if !orders::move_order(c, *seller, paid, paid, None).await? {
            return Ok(None);
        }
    }
    rows.sort_unstable_by_key(|(_, row)| row.id);
    let mut sold: Vec<ListingId> = Vec::new();
    for (line, row) in &rows {
        if !store::sell(c, row.id, hold, (buyer, *line), now).await? {
            store::list_again(c, &sold).await?;
            return Ok(None);
        }
        sold.push(row.id);
    }
    let handed = match handed_over(app, c, &rows, &sellers, hold).await? {
        Ok(handed) => handed,
        Err(failed) => {
            // Its ticket is nobody's to sell; the others still are.
            store::unsell(c, failed).await?;
            store::list_again(c, &sold).await?;
            return Ok(None);
        }
    };
    for (seller, left) in &handed.left {
        orders::set_order_stock(c, *seller, left).await?;
    }
    for (_, row) in &rows {
        let payout = ResalePayoutId::new(&*app.clock, &*app.random);
        store::insert_payout(c, payout, row, buyer, now).await?;
    }
    Ok(Some(handed.units.into_iter().collect()))
}

/// What goes from sellers to a buyer.
struct Handed {
    units: BTreeMap<CounterKey, i64>,
    /// What the sellers' orders have left.
    left: BTreeMap<OrderId, Vec<(CounterKey, i64)>>,
}

/// Takes units and seats from the sellers' orders and ends their tickets; inside, the listing whose ticket is
/// not its seller's to sell: then nothing is done.
async fn handed_over(
    app: &App,
    c: &mut Conn,
    rows: &[(u32, ListingRow)],
    sellers: &[OrderId],
    hold: HoldId,
) -> Result<Result<Handed, ListingId>, DbError> {
    let mut handed = Handed {
        units: BTreeMap::new(),
        left: BTreeMap::new(),
    };
    let mut holders: BTreeMap<OrderId, String> = BTreeMap::new();
    for seller in sellers {
        if let Some(order) = orders::order(c, *seller).await? {
            let items = orders::order_items(c, *seller).await?;
            let left = sales::stock_of_order(c, *seller, &items).await?;
            handed.left.insert(*seller, left);
            holders.insert(*seller, order.seat_holder());
        }
    }
    // What is held together is of one event.
    let event = match rows.first() {
        Some((_, first)) => catalog::offer_without_dates_in(c, first.event_id).await?,
        None => None,
    };
    for (_, row) in rows {
        let left = handed.left.get_mut(&row.order_id);
        let unit = match (&event, left) {
            (Some(event), Some(left)) => take_unit(event, row, left),
            (Some(_) | None, _) => None,
        };
        let Some(unit) = unit else {
            return Ok(Err(row.id));
        };
        for (key, count) in unit {
            *handed.units.entry(key).or_insert(0) += count;
        }
    }
    let to = hold.to_string();
    let mut failed = None;
    let mut seats: Vec<(OccurrenceId, SeatId, &str)> = Vec::new();
    for (_, row) in rows {
        let (Some(date), Some(seat)) = (row.occurrence_id, row.seat_id) else {
            continue;
        };
        let from = holders.get(&row.order_id).map_or("", String::as_str);
        if !store::hand_seat(c, date, seat, (from, to.as_str())).await? {
            failed = Some(row.id);
            break;
        }
        seats.push((date, seat, from));
    }
    if failed.is_none() {
        let tickets: Vec<_> = rows
            .iter()
            .map(|(_, row)| (row.ticket_id, row.transfer_id))
            .collect();
        if let Some(ticket) = events::end_resold(app, c, &tickets).await? {
            let of = rows.iter().find(|(_, row)| row.ticket_id == ticket);
            failed = of.or(rows.first()).map(|(_, row)| row.id);
        }
    }
    let Some(failed) = failed else {
        return Ok(Ok(handed));
    };
    for (date, seat, from) in seats {
        store::hand_seat(c, date, seat, (to.as_str(), from)).await?;
    }
    Ok(Err(failed))
}

/// Takes one unit of a listing's tier out of what its seller's order has; none if it has none.
fn take_unit(
    event: &EventDetail,
    row: &ListingRow,
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
