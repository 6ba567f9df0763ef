//! Money that goes back, in parts.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::payments::model::{PaymentId, Refund, RefundId};
use crate::sales::OrderId;

record! {
    /// A payment of which something can go back.
    pub(in crate::payments) struct RefundableRow {
        pub(in crate::payments) id: PaymentId,
        pub(in crate::payments) left_minor: i64,
    }
}

/// The payments of orders of which something can go back, newest first and locked.
pub(in crate::payments) async fn refundable(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<Vec<RefundableRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, amount_minor - refunded_minor AS left_minor FROM payments \
             WHERE order_id IN (SELECT value FROM list($1)) AND state = 'succeeded' \
             AND refunded_minor < amount_minor ORDER BY id DESC FOR UPDATE"
        ),
        vals![Val::texts(orders)],
    )
    .await
}

/// Lets a part of a payment go back, never more than was paid; says whether it did.
pub(in crate::payments) async fn give_back(
    c: &mut Conn,
    id: PaymentId,
    amount_minor: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE payments SET refunded_minor = refunded_minor + $2, updated_at = $3, \
                 state = CASE WHEN refunded_minor + $2 = amount_minor THEN 'refunded' ELSE state END \
                 WHERE id = $1 AND state = 'succeeded' AND refunded_minor + $2 <= amount_minor"
            ),
            vals![id, amount_minor, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Says of payments of nothing that they went back.
pub(in crate::payments) async fn refund_nothing(
    c: &mut Conn,
    order: OrderId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE payments SET state = 'refunded', updated_at = $2 \
             WHERE order_id = $1 AND state = 'succeeded' AND amount_minor = 0"
        ),
        vals![order, now],
    )
    .await?;
    Ok(())
}

pub(in crate::payments) async fn insert(c: &mut Conn, refunds: &[Refund]) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO refunds (id, order_id, payment_id, amount_minor, currency, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        refunds
            .iter()
            .map(|refund| {
                vals![
                    refund.id, refund.order_id, refund.payment_id, refund.amount_minor, refund.currency,
                    refund.state, refund.created_at
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

/// An order's refunds after one of them, oldest first.
pub(in crate::payments) async fn of_order(
    c: &mut Conn,
    order: OrderId,
    after: Option<RefundId>,
    limit: i64,
) -> Result<Vec<Refund>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, order_id, payment_id, amount_minor, currency, state, created_at FROM refunds \
             WHERE order_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        ),
        vals![order, after, limit],
    )
    .await
}

/// Deletes the refunds of these orders.
pub(in crate::payments) async fn delete(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM refunds WHERE order_id IN (SELECT value FROM list($1))"),
        vals![Val::texts(orders)],
    )
    .await?;
    Ok(())
}
