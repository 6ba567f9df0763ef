//! Orders page by page for files, and those of one address for their buyer.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::OrderRow;
use crate::catalog::{EventId, TierId};
use crate::sales::fraud::{FraudDecision, FraudReason};
use crate::sales::model::*;

record! {
    /// What was ordered, with its order.
    pub(in crate::sales) struct ItemRow {
        pub(in crate::sales) order_id: OrderId,
        pub(in crate::sales) tier_id: TierId,
        pub(in crate::sales) quantity: u32,
    }
}

record! {
    /// How an order came to be that staff made.
    pub(in crate::sales) struct OriginRow {
        pub(in crate::sales) order_id: OrderId,
        pub(in crate::sales) method: StaffPayment,
        pub(in crate::sales) reason: String,
    }
}

record! {
    /// Who made an order of the staff, and why.
    pub(in crate::sales) struct MadeRow {
        pub(in crate::sales) channel: StaffChannel,
        pub(in crate::sales) method: StaffPayment,
        pub(in crate::sales) reason: String,
        pub(in crate::sales) actor: String,
    }
}

record! {
    /// What was thought of an order, and decided.
    pub(in crate::sales) struct ScoreRow {
        pub(in crate::sales) score: i64,
        pub(in crate::sales) decision: FraudDecision,
        pub(in crate::sales) reasons: AsJson<Vec<FraudReason>>,
        pub(in crate::sales) policy_version: i64,
        pub(in crate::sales) outcome: Option<ReviewOutcome>,
        pub(in crate::sales) decided_by: Option<String>,
        pub(in crate::sales) decided_at: Option<Timestamp>,
    }
}

/// Who made an order of the staff, and why; nothing of what its buyer made.
pub(in crate::sales) async fn made(
    c: &mut Conn,
    order: OrderId,
) -> Result<Option<MadeRow>, DbError> {
    c.opt(
        sql!("SELECT channel, method, reason, actor FROM order_origins WHERE order_id = $1"),
        vals![order],
    )
    .await
}

/// What was thought of an order, if it was scored.
pub(in crate::sales) async fn score(
    c: &mut Conn,
    order: OrderId,
) -> Result<Option<ScoreRow>, DbError> {
    c.opt(
        sql!(
            "SELECT score, decision, reasons, policy_version, outcome, decided_by, decided_at FROM order_scores \
             WHERE order_id = $1"
        ),
        vals![order],
    )
    .await
}

/// How many orders an event has, as files have them: each once, as in `figures.rs`.
pub(in crate::sales) async fn count(c: &mut Conn, event: EventId) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM orders WHERE event_id = $1 AND merged_into IS NULL AND (state IN ('paid', 'refunded') \
             OR NOT EXISTS (SELECT 1 FROM order_changes ch WHERE ch.supplement_id = orders.id))"
        ),
        vals![event],
    )
    .await
}

/// An event's orders after one of them, oldest first, as files have them: each once, as in `figures.rs`.
pub(in crate::sales) async fn page(
    c: &mut Conn,
    event: EventId,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderRow>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders WHERE event_id = $1 AND id > $2 \
             AND merged_into IS NULL AND (state IN ('paid', 'refunded') \
             OR NOT EXISTS (SELECT 1 FROM order_changes ch WHERE ch.supplement_id = orders.id)) ORDER BY id LIMIT $3"
        ),
        vals![event, after, limit],
    )
    .await
}

/// The ids of an event's orders after one of them, oldest first.
pub(in crate::sales) async fn ids(
    c: &mut Conn,
    event: EventId,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderId>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.scalars(
        sql!("SELECT id FROM orders WHERE event_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
        vals![event, after, limit],
    )
    .await
}

/// What was ordered in these orders.
pub(in crate::sales) async fn items(c: &mut Conn, orders: Val) -> Result<Vec<ItemRow>, DbError> {
    c.all(
        sql!(
            "SELECT order_id, tier_id, quantity FROM order_items \
             WHERE order_id IN (SELECT value FROM list($1)) ORDER BY order_id, tier_id"
        ),
        vals![orders],
    )
    .await
}

/// How these orders came to be, as far as staff made them.
pub(in crate::sales) async fn origins(
    c: &mut Conn,
    orders: Val,
) -> Result<Vec<OriginRow>, DbError> {
    c.all(
        sql!(
            "SELECT order_id, method, reason FROM order_origins WHERE order_id IN (SELECT value FROM list($1))"
        ),
        vals![orders],
    )
    .await
}

/// Whether an order is a part of another one now.
pub(in crate::sales) async fn is_merged(c: &mut Conn, order: OrderId) -> Result<bool, DbError> {
    let found: Option<OrderId> = c
        .scalar_opt(
            sql!("SELECT id FROM orders WHERE id = $1 AND merged_into IS NOT NULL"),
            vals![order],
        )
        .await?;
    Ok(found.is_some())
}

/// The newest orders of an event that were made with an address, not given up and not merged into others: those
/// that were paid before those that were not, which anybody can make in another's name.
pub(in crate::sales) async fn of_address(
    c: &mut Conn,
    event: EventId,
    email_lookup: [u8; 32],
    limit: i64,
) -> Result<Vec<OrderRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders \
             WHERE email_lookup = $1 AND event_id = $2 AND state IN ('pending', 'paid', 'refunded') \
             AND merged_into IS NULL ORDER BY CASE WHEN state = 'pending' THEN 1 ELSE 0 END, id DESC LIMIT $3"
        ),
        vals![email_lookup, event, limit],
    )
    .await
}
