//! Figures of sales: counted where the rows are, so that a screen needs few statements.
//!
//! They count what somebody would call an order, once: an order that was merged into another is in that
//! one, and a supplement is a part of the order that it changes. Both leave rows of their own. A supplement
//! that was paid is merged, so that only those that were not paid are looked for among the changes.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use crate::catalog::EventId;
use crate::sales::model::*;

/// The orders of an event by state and currency.
pub(in crate::sales) async fn totals_by_currency(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<OrderTotal>, DbError> {
    c.all(
        sql!(
            "SELECT state, currency, COUNT(*) AS orders, CAST(SUM(total_minor) AS BIGINT) AS total_minor \
             FROM orders WHERE event_id = $1 AND merged_into IS NULL AND (state IN ('paid', 'refunded') \
             OR NOT EXISTS (SELECT 1 FROM order_changes ch WHERE ch.supplement_id = orders.id)) \
             GROUP BY state, currency ORDER BY state, currency"
        ),
        vals![event],
    )
    .await
}

/// The orders of an event that were paid since then, whatever became of them, by quarters of an hour.
pub(in crate::sales) async fn paid_since(
    c: &mut Conn,
    event: EventId,
    since: Timestamp,
) -> Result<Vec<PaidQuarter>, DbError> {
    c.all(
        sql!(
            "SELECT paid_at / 900000 AS quarter, currency, COUNT(*) AS orders, \
             CAST(SUM(total_minor) AS BIGINT) AS total_minor FROM orders \
             WHERE event_id = $1 AND paid_at >= $2 AND merged_into IS NULL \
             GROUP BY paid_at / 900000, currency ORDER BY quarter, currency"
        ),
        vals![event, since],
    )
    .await
}

/// The newest orders of an event.
pub(in crate::sales) async fn newest_orders(
    c: &mut Conn,
    event: EventId,
    limit: i64,
) -> Result<Vec<OrderGlance>, DbError> {
    c.all(
        sql!(
            "SELECT id, reference, state, currency, total_minor, created_at, paid_at FROM orders \
             WHERE event_id = $1 AND merged_into IS NULL AND (state IN ('paid', 'refunded') \
             OR NOT EXISTS (SELECT 1 FROM order_changes ch WHERE ch.supplement_id = orders.id)) \
             ORDER BY id DESC LIMIT $2"
        ),
        vals![event, limit],
    )
    .await
}

/// The stock of some events.
pub(in crate::sales) async fn stock_of(
    c: &mut Conn,
    events: &[EventId],
) -> Result<Vec<StockTotal>, DbError> {
    c.all(
        sql!(
            "SELECT event_id, CAST(SUM(capacity) AS BIGINT) AS capacity, CAST(SUM(held) AS BIGINT) AS held, \
             CAST(SUM(sold) AS BIGINT) AS sold FROM stock \
             WHERE event_id IN (SELECT value FROM list($1)) AND substr(counter, 1, 4) = 'tir_' GROUP BY event_id"
        ),
        vals![Val::texts(events)],
    )
    .await
}

/// What was paid for some events and not paid back.
pub(in crate::sales) async fn sales_of(
    c: &mut Conn,
    events: &[EventId],
) -> Result<Vec<EventSales>, DbError> {
    c.all(
        sql!(
            "SELECT event_id, currency, COUNT(*) AS orders, CAST(SUM(total_minor) AS BIGINT) AS total_minor \
             FROM orders WHERE event_id IN (SELECT value FROM list($1)) AND state = 'paid' \
             AND merged_into IS NULL GROUP BY event_id, currency ORDER BY event_id, currency"
        ),
        vals![Val::texts(events)],
    )
    .await
}
