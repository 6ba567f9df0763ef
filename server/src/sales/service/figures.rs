//! Figures of sales, inside a read that is under way, so that those of one screen agree.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store::{self, figures};
use crate::catalog::EventId;

/// The stock of an event's tiers.
///
/// # Errors
/// A fault of the database.
pub async fn stock_in(c: &mut Conn, event: EventId) -> Result<Vec<Stock>, DbError> {
    store::stock(c, event).await
}

/// What an event's orders are worth, by state and currency.
///
/// # Errors
/// A fault of the database.
pub async fn totals_in(c: &mut Conn, event: EventId) -> Result<Vec<OrderTotal>, DbError> {
    figures::totals_by_currency(c, event).await
}

/// An event's orders that were paid since then, whatever became of them, by quarters of an hour.
///
/// # Errors
/// A fault of the database.
pub async fn paid_since_in(
    c: &mut Conn,
    event: EventId,
    since: Timestamp,
) -> Result<Vec<PaidQuarter>, DbError> {
    figures::paid_since(c, event, since).await
}

/// An event's newest orders, without their buyers.
///
/// # Errors
/// A fault of the database.
pub async fn newest_orders_in(
    c: &mut Conn,
    event: EventId,
    limit: i64,
) -> Result<Vec<OrderGlance>, DbError> {
    figures::newest_orders(c, event, limit).await
}

/// The stock of some events, all tiers of each together.
///
/// # Errors
/// A fault of the database.
pub async fn stock_of_in(c: &mut Conn, events: &[EventId]) -> Result<Vec<StockTotal>, DbError> {
    figures::stock_of(c, events).await
}

/// What was paid for some events and not paid back, by event and currency.
///
/// # Errors
/// A fault of the database.
pub async fn sales_of_in(c: &mut Conn, events: &[EventId]) -> Result<Vec<EventSales>, DbError> {
    figures::sales_of(c, events).await
}
