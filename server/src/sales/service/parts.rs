//! What changes of orders need of holds, orders and those who come.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::telemetry::Cause;

use super::super::model::*;
use super::super::store::{OrderRow, SealedBuyer, Take};
use super::holds::Returned;
use super::{People, SalesError};
use crate::app::App;
use crate::catalog::CounterKey;
use crate::events::{DomainEvent, PaidOrder};
use crate::waiting_room;

/// What an order has taken of which counter.
pub(in crate::sales) async fn stock_taken(
    c: &mut Conn,
    id: OrderId,
    items: &[OrderItem],
) -> Result<Vec<(CounterKey, i64)>, DbError> {
    super::stock_of_order(c, id, items).await
}

/// An order with its buyer.
pub(in crate::sales) fn order_of_row(app: &App, row: OrderRow) -> Result<Order, DbError> {
    super::buyers::opened(app, row)
}

/// The buyer of an order as it is to store them.
pub(in crate::sales) fn sealed_buyer(app: &App, order: &Order) -> Result<SealedBuyer, DbError> {
    super::buyers::sealed(app, order)
}

/// Stores who comes with an order, and what was answered.
pub(in crate::sales) async fn put_people(
    app: &App,
    c: &mut Conn,
    order: OrderId,
    people: &People,
) -> Result<(), DbError> {
    super::people::insert_people(app, c, &[(order, people)]).await
}

/// Ends an order that was not paid, if it is pending, and gives back what it holds.
pub(in crate::sales) async fn end_unpaid(
    c: &mut Conn,
    id: OrderId,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut returned = Returned::default();
    if super::end_pending(c, id, OrderState::Expired, &mut returned).await? {
        returned.give_back(c, Take::Held, now).await?;
        waiting_room::leave(c, &[id.to_string()], now).await?;
    }
    Ok(())
}

/// What others hear of an order that was paid.
pub(in crate::sales) fn paid_order(
    order: &Order,
    items: &[OrderItem],
    holders: BTreeMap<u32, String>,
) -> Option<PaidOrder> {
    let event = super::paid_event(order, items, holders, Cause::current());
    if let DomainEvent::OrderPaid(paid) = event {
        Some(paid)
    } else {
        None
    }
}

/// That there is not enough of a counter.
pub(in crate::sales) fn short_of(cart: &super::Cart, key: &CounterKey, left: i64) -> SalesError {
    super::sold_out(cart, key, left)
}

/// Why nothing was got of a counter.
pub(in crate::sales) async fn why_none(
    c: &mut Conn,
    cart: &super::Cart,
    key: &CounterKey,
) -> Result<SalesError, DbError> {
    super::why_not(c, cart, key).await
}
