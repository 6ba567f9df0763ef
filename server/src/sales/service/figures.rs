//! Figures of sales, inside a read that is under way, so that those of one screen agree.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::super::model::*;
use super::super::store::{self, figures};
use crate::app::App;
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

/// How many tickets of some events are neither held nor sold, of all tiers of each together.
///
/// # Errors
/// A fault of the database.
pub async fn left_of(app: &App, events: Vec<EventId>) -> Result<BTreeMap<EventId, u64>, DbError> {
    if events.is_empty() {
        return Ok(BTreeMap::new());
    }
    let totals = app
        .db
        .read(move |c| Box::pin(async move { figures::stock_of(c, &events).await }))
        .await?;
    let left = totals.into_iter().map(|total| {
        let left = total.capacity - total.held - total.sold;
        (total.event_id, u64::try_from(left).unwrap_or(0))
    });
    Ok(left.collect())
}

/// What was paid for some events and not paid back, by event and currency.
///
/// # Errors
/// A fault of the database.
pub async fn sales_of_in(c: &mut Conn, events: &[EventId]) -> Result<Vec<EventSales>, DbError> {
    figures::sales_of(c, events).await
}
