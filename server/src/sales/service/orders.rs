//! The life of an order once it is placed, and who may see it.

use std::collections::BTreeSet;

use bilten_core::price::PriceSnapshot;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::telemetry::Cause;

use super::super::changes;
use super::super::codes;
use super::super::model::*;
use super::super::resale;
use super::super::store::{self, Take};
use super::buyers::{email_lookup, opened};
use super::holds::HoldWork;
use super::holds::Returned;
use super::people::attendees_in;
use super::place::holders;
use super::seats::seats_of;
use super::{ORDERS, SalesError, json_fault, limits, paid_event, stock_of_order};
use crate::app::App;
use crate::catalog::{self, CatalogError, CounterKey, EventId, OccurrenceId};
use crate::events::{self, DomainEvent};
use crate::identity::Tenant;
use crate::platform::Vault;
use crate::waiting_room;

/// What paying for an order led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidOutcome {
    /// It is paid now.
    Paid,
    /// It had been paid before.
    AlreadyPaid,
    /// It had ended and its tickets went to others: the money must go back.
    NoStockLeft,
    /// It had ended, and its means of payment have bought all that they may since: the money must go back.
    LimitMet,
}

/// Records inside a write that an order was paid; its tickets are issued with it.
///
/// An order that expired in the meantime is honoured if its stock, its seats and its codes are left, and what
/// it is paid by has not bought too much meanwhile.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::OfferChanged`] if the event was changed in this very moment,
/// or a fault of the database.
pub async fn mark_paid(app: &App, c: &mut Conn, id: OrderId) -> Result<PaidOutcome, SalesError> {
    let now = app.now();
    // Locked first: whoever pays or ends it in this moment is done before.
    let is_pending =
        store::move_order(c, id, OrderState::Pending, OrderState::Pending, None).await?;
    let row = store::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    match row.state {
        OrderState::Paid | OrderState::Refunded => return Ok(PaidOutcome::AlreadyPaid),
        OrderState::Pending | OrderState::Expired | OrderState::Cancelled => {}
    }
    if let Some(outcome) = changes::settle(app, c, id, is_pending).await? {
        return Ok(outcome);
    }
    let items = store::order_items(c, id).await?;
    let stock = stock_of_order(c, id, &items).await?;
    let (seats, holder) = (seats_of(&items), row.seat_holder());
    let dates: BTreeSet<OccurrenceId> =
        items.iter().filter_map(|item| item.occurrence_id).collect();
    let (version, takes_place) = catalog::takes_place_in(c, row.event_id, &dates)
        .await?
        .ok_or(SalesError::EventNotFound)?;
    let listings = resale::listings_of(c, row.hold_id, &stock).await?;
    // Before seats and stock, as whoever buys takes them; what is not honoured gives it back.
    if !is_pending && !limits::count_again_in(c, id).await? {
        return Ok(PaidOutcome::LimitMet);
    }
    let has_seats = takes_place
        && listings.is_empty()
        && (seats.is_empty() || store::seats::sell(c, row.event_id, &holder, &seats, now).await?);
    if let Some(hold) = row.hold_id.filter(|_| !listings.is_empty()) {
        let units = if takes_place {
            resale::sell(app, c, &listings, (id, hold), now).await?
        } else {
            None
        };
        let Some(units) = units else {
            // A ticket was used, changed or sold to somebody else, or the event was called off.
            if !is_pending {
                limits::give_back_in(c, id).await?;
            }
            let mut returned = Returned::default();
            end_pending(c, id, OrderState::Expired, &mut returned).await?;
            returned.give_back(c, Take::Held, now).await?;
            waiting_room::leave(c, &[id.to_string()], now).await?;
            return Ok(PaidOutcome::NoStockLeft);
        };
        store::set_order_stock(c, id, &units).await?;
    } else if is_pending {
        if !has_seats {
            // Its time was over, and somebody else was given its seats; or event or date was called off.
            let mut returned = Returned::default();
            end_pending(c, id, OrderState::Expired, &mut returned).await?;
            returned.give_back(c, Take::Held, now).await?;
            waiting_room::leave(c, &[id.to_string()], now).await?;
            return Ok(PaidOutcome::NoStockLeft);
        }
        store::sell_held(c, &stock).await?;
    } else {
        let is_had = has_seats && take_late(c, &stock).await?;
        if !is_had || !retake_codes(app, c, &row, now).await? {
            let mut returned = Returned::default();
            // What it has got of both goes back; what it has not got is nobody's of it.
            returned.add(
                row.event_id,
                &holder,
                &items,
                if is_had { stock } else { Vec::new() },
            );
            returned.give_back(c, Take::Sold, now).await?;
            limits::give_back_in(c, id).await?;
            return Ok(PaidOutcome::NoStockLeft);
        }
    }
    // Whoever calls it off in this moment waits for this order's stock, or has not seen its tickets: then
    // the caller tries again.
    let sales = store::event_sales(c, row.event_id).await?;
    if sales.is_some_and(|sales| sales.version != version) {
        return Err(SalesError::OfferChanged);
    }
    if !store::move_order(c, id, row.state, OrderState::Paid, Some(now)).await? {
        // Somebody else moved it in this very moment; refuse and let the caller try again.
        return Err(SalesError::State(row.state));
    }
    if row.has_codes {
        codes::confirm(c, &id.to_string()).await?;
    }
    waiting_room::leave(c, &[id.to_string()], now).await?;
    let order = Order {
        state: OrderState::Paid,
        paid_at: Some(now),
        ..opened(app, row)?
    };
    let holders = holders(&attendees_in(app, c, id).await?);
    let paid = paid_event(&order, &items, holders, Cause::current());
    events::publish(app, c, vec![paid]).await?;
    Ok(PaidOutcome::Paid)
}

/// Takes the stock of an order that had ended, all or none.
async fn take_late(c: &mut Conn, stock: &[(CounterKey, i64)]) -> Result<bool, DbError> {
    for (i, (key, quantity)) in stock.iter().enumerate() {
        if !store::take_late(c, key, *quantity).await? {
            store::give_back(c, Take::Sold, &stock[..i]).await?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the codes of an order anew that had given them back; says whether that went well.
async fn retake_codes(
    app: &App,
    c: &mut Conn,
    row: &store::OrderRow,
    now: Timestamp,
) -> Result<bool, SalesError> {
    if !row.has_codes {
        return Ok(true);
    }
    let Some(snapshot) = snapshot_in(c, row.id).await? else {
        return Ok(true);
    };
    let order = opened(app, row.clone())?;
    let buyer = (!order.email.is_empty()).then(|| email_lookup(app, &order.email));
    let holder = row.id.to_string();
    let taken = codes::reserve(c, &holder, &snapshot.quote.codes, buyer, now).await?;
    Ok(taken.is_ok())
}

/// All that an order's price came from; none of orders from before that was kept.
async fn snapshot_in(c: &mut Conn, id: OrderId) -> Result<Option<PriceSnapshot>, DbError> {
    match store::order_snapshot(c, id).await? {
        Some(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| json_fault(&error)),
        None => Ok(None),
    }
}

/// Ends a pending order; what goes back is added to `returned`.
pub(super) async fn end_pending(
    c: &mut Conn,
    id: OrderId,
    to: OrderState,
    returned: &mut Returned,
) -> Result<bool, DbError> {
    if !store::move_order(c, id, OrderState::Pending, to, None).await? {
        return Ok(false);
    }
    limits::give_back_in(c, id).await?;
    let Some(row) = store::order(c, id).await? else {
        return Ok(false);
    };
    let items = store::order_items(c, id).await?;
    let stock = stock_of_order(c, id, &items).await?;
    returned.add(row.event_id, &row.seat_holder(), &items, stock);
    if row.has_codes {
        returned.add_codes(id.to_string());
    }
    if !row.sandbox {
        c.after_commit(move || ORDERS.add(&[("state", to.as_str())], 1));
    }
    Ok(true)
}

/// Gives up an order that is not paid; its capacity is free at once.
///
/// # Errors
/// [`SalesError::State`] if it is past that; a fault of the database.
pub async fn cancel_pending(app: &App, id: OrderId) -> Result<(), SalesError> {
    let order = app
        .db
        .read(move |c| Box::pin(async move { store::order(c, id).await }))
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let work = HoldWork::cancel(id, app.now());
    app.holds.submit(order.event_id, work).await?;
    Ok(())
}

/// Undoes a paid order inside a write: stock is free again, tickets die.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::State`], [`SalesError::Merged`], [`SalesError::PaidOut`], or a
/// fault of the database.
pub async fn mark_refunded(app: &App, c: &mut Conn, id: OrderId) -> Result<(), SalesError> {
    let is_moved = store::move_order(c, id, OrderState::Paid, OrderState::Refunded, None).await?;
    // Read once it is locked: changes of it are done before, or not at all.
    let order = store::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    if !is_moved {
        return Err(SalesError::State(order.state));
    }
    if store::find::is_merged(c, id).await? {
        return Err(SalesError::Merged);
    }
    // Before what others offer of it, its seats and its stock, as whoever buys takes them.
    limits::give_back_in(c, id).await?;
    if !resale::on_order_refunded(c, id, app.now()).await? {
        return Err(SalesError::PaidOut);
    }
    let items = store::order_items(c, id).await?;
    let stock = stock_of_order(c, id, &items).await?;
    let mut returned = Returned::default();
    returned.add(order.event_id, &order.seat_holder(), &items, stock);
    returned.give_back(c, Take::Sold, app.now()).await?;
    if order.has_codes {
        changes::return_codes(c, id).await?;
    }
    events::publish(
        app,
        c,
        vec![DomainEvent::OrderRefunded {
            order: id,
            event: order.event_id,
            sandbox: order.sandbox,
        }],
    )
    .await?;
    Ok(())
}

async fn order_in(app: &App, c: &mut Conn, id: OrderId) -> Result<Order, SalesError> {
    let row = store::order(c, id).await?;
    Ok(opened(app, row.ok_or(SalesError::OrderNotFound)?)?)
}

/// An order with its items.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order(app: &App, id: OrderId) -> Result<OrderDetail, SalesError> {
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                Ok(OrderDetail {
                    order: order_in(&work, c, id).await?,
                    items: store::order_items(c, id).await?,
                })
            })
        })
        .await
}

/// An order with its items, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn detail_in(
    app: &App,
    c: &mut Conn,
    id: OrderId,
) -> Result<Option<OrderDetail>, SalesError> {
    let Some(row) = store::order(c, id).await? else {
        return Ok(None);
    };
    Ok(Some(OrderDetail {
        order: opened(app, row)?,
        items: store::order_items(c, id).await?,
    }))
}

/// The order that an earlier request with this key made, if there was one.
///
/// # Errors
/// [`SalesError::KeyReused`] if that was another request; a fault of the database.
pub async fn order_by_key(
    app: &App,
    event: EventId,
    key: &str,
    request_hash: [u8; 32],
) -> Result<Option<OrderDetail>, SalesError> {
    let (work, keys) = (app.clone(), Val::texts([key]));
    app.db
        .read(move |c| {
            Box::pin(async move {
                let Some(row) = store::orders_by_keys(c, event, keys)
                    .await?
                    .into_iter()
                    .next()
                else {
                    return Ok(None);
                };
                if row.request_hash != request_hash {
                    return Err(SalesError::KeyReused);
                }
                let items = store::order_items(c, row.id).await?;
                Ok(Some(OrderDetail {
                    order: opened(&work, row)?,
                    items,
                }))
            })
        })
        .await
}

/// Locks a pending order for the rest of the write, so that two payments cannot cross.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database; inside, the state it has if it is
/// not pending.
pub async fn lock_pending(
    app: &App,
    c: &mut Conn,
    id: OrderId,
) -> Result<Result<Order, OrderState>, SalesError> {
    let is_pending =
        store::move_order(c, id, OrderState::Pending, OrderState::Pending, None).await?;
    let order = order_in(app, c, id).await?;
    Ok(if is_pending {
        Ok(order)
    } else {
        Err(order.state)
    })
}

/// An order of one of the organisation's events.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_of(app: &App, tenant: &Tenant, id: OrderId) -> Result<OrderDetail, SalesError> {
    let detail = order(app, id).await?;
    match catalog::event_of(app, tenant, detail.order.event_id).await {
        Ok(_) => Ok(detail),
        Err(CatalogError::NotFound) => Err(SalesError::OrderNotFound),
        Err(other) => Err(other.into()),
    }
}

/// The price of an order of one of the organisation's events, explained; none of orders from before
/// that was kept.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_price(
    app: &App,
    tenant: &Tenant,
    id: OrderId,
) -> Result<Option<OrderPrice>, SalesError> {
    let order = order_of(app, tenant, id).await?.order;
    let snapshot = app
        .db
        .read(move |c| Box::pin(async move { snapshot_in(c, id).await }))
        .await?;
    Ok(snapshot.map(|snapshot| OrderPrice {
        order_id: id,
        currency: order.currency,
        total_minor: order.total_minor,
        priced_at: Timestamp::from_ms(snapshot.cart.at.ms()),
        is_confirmed: snapshot.holds() && snapshot.quote.total_minor == order.total_minor,
        price: snapshot.quote.into(),
    }))
}

/// An event's orders in an order, after a place in it: those that fit the filter.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn orders_of_event(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    filter: OrderFilter,
    by: OrderSort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Order>, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move {
                store::orders_of_event(c, event, &filter, by, after.as_ref(), limit).await
            })
        })
        .await?;
    let orders: Result<_, DbError> = rows.into_iter().map(|row| opened(app, row)).collect();
    Ok(orders?)
}

/// How many orders of an event are in each state, and what they are worth in minor units.
///
/// # Errors
/// A fault of the database.
pub async fn totals(app: &App, event: EventId) -> Result<Vec<(OrderState, i64, i64)>, SalesError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::totals(c, event).await }))
        .await?)
}

// The buyer's key to an order

/// The secret that lets a buyer see an order and its tickets; derived, so it is stored nowhere.
pub fn order_token(app: &App, id: OrderId) -> String {
    app.vault.mac("order token", &[id.as_bytes()])[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The path of a page of an order, which begins with `/` or is empty, with the order's secret.
pub fn order_path(app: &App, id: OrderId, page: &str) -> String {
    format!("/orders/{id}{page}?token={}", order_token(app, id))
}

/// Whether a text is the secret of this order.
pub fn is_order_token(app: &App, id: OrderId, token: &str) -> bool {
    Vault::equal(order_token(app, id).as_bytes(), token.as_bytes())
}
