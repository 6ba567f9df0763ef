//! All SQL of payments; a file for what goes back.

pub(super) mod refunds;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use super::model::*;
use crate::sales::{NewOrder, OrderId};

/// A payment with what tells a repeated request from another one.
pub(super) struct NewPayment<'a> {
    pub(super) payment: &'a Payment,
    pub(super) idempotency_key: &'a str,
    pub(super) request_hash: [u8; 32],
}

/// The hash of a payment that was asked for with its order. What was asked was said with a name and an
/// address, which a hash of it could be tried against: only the order keeps that, and forgets it with
/// its buyer.
pub(super) fn hash_with_order(order: OrderId) -> [u8; 32] {
    NewOrder::hash_of(&order)
}

pub(super) async fn insert(c: &mut Conn, payments: Vec<NewPayment<'_>>) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO payments (id, order_id, provider, state, amount_minor, currency, idempotency_key, \
             request_hash, decline_code, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        payments
            .iter()
            .map(|NewPayment { payment: p, idempotency_key, request_hash }| {
                vals![
                    p.id, p.order_id, &p.provider, p.state, p.amount_minor, p.currency, *idempotency_key,
                    *request_hash, p.decline_code.as_deref(), p.created_at, p.updated_at
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

/// Deletes the payments of these orders.
pub(super) async fn delete(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM payments WHERE order_id IN (SELECT value FROM list($1))"),
        vals![Val::texts(orders)],
    )
    .await?;
    Ok(())
}

pub(super) async fn payment(c: &mut Conn, id: PaymentId) -> Result<Option<Payment>, DbError> {
    c.opt(
        sql!(
            "SELECT id, order_id, provider, state, amount_minor, currency, decline_code, created_at, updated_at \
             FROM payments WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// An order's payments, newest first.
pub(super) async fn of_order(c: &mut Conn, order: OrderId) -> Result<Vec<Payment>, DbError> {
    c.all(
        sql!(
            "SELECT id, order_id, provider, state, amount_minor, currency, decline_code, created_at, updated_at \
             FROM payments WHERE order_id = $1 ORDER BY id DESC"
        ),
        vals![order],
    )
    .await
}

/// The payment that an earlier request with this key made, and the hash of that request.
pub(super) async fn by_key(
    c: &mut Conn,
    order: OrderId,
    key: &str,
) -> Result<Option<(PaymentId, Vec<u8>)>, DbError> {
    c.opt(
        sql!("SELECT id, request_hash FROM payments WHERE order_id = $1 AND idempotency_key = $2"),
        vals![order, key],
    )
    .await
}

/// Notes what a provider says of a payment that was pending; says whether it was.
pub(super) async fn answered(
    c: &mut Conn,
    id: PaymentId,
    to: PaymentState,
    decline_code: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE payments SET state = $2, decline_code = $3, updated_at = $4 \
                 WHERE id = $1 AND state = 'pending'"
            ),
            vals![id, to, decline_code, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Moves a payment from one state to another; says whether it was in the first.
pub(super) async fn move_to(
    c: &mut Conn,
    id: PaymentId,
    from: PaymentState,
    to: PaymentState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE payments SET state = $3, updated_at = $4, \
                 refunded_minor = CASE WHEN $3 = 'refunded' THEN amount_minor ELSE refunded_minor END \
                 WHERE id = $1 AND state = $2"
            ),
            vals![id, from, to, now],
        )
        .await?;
    Ok(touched == 1)
}
