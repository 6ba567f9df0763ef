//! How many tickets one person has of an event, and may have.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::limits::{CountingKey, LimitKind, PurchaseLimits};
use crate::sales::model::*;

record! {
    /// The limits of an event as they are stored.
    struct LimitsRow {
        version: i64,
        per_email: Option<u32>,
        per_account: Option<u32>,
        per_payment: Option<u32>,
        per_network: Option<u32>,
    }
}

record! {
    /// What an order was counted by.
    pub(in crate::sales) struct CountedRow {
        pub(in crate::sales) event_id: EventId,
        pub(in crate::sales) kind: LimitKind,
        pub(in crate::sales) key_hash: Vec<u8>,
        pub(in crate::sales) tickets: i64,
    }
}

/// What was set for an event, if anything was.
pub(in crate::sales) async fn limits(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<PurchaseLimits>, DbError> {
    let kept = event_limits(c, event).await?;
    Ok(kept.map(|kept| kept.limits))
}

/// The same with its version.
pub(in crate::sales) async fn event_limits(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<EventPurchaseLimits>, DbError> {
    let row: Option<LimitsRow> = c
        .opt(
            sql!(
                "SELECT version, per_email, per_account, per_payment, per_network FROM purchase_limits \
                 WHERE event_id = $1"
            ),
            vals![event],
        )
        .await?;
    Ok(row.map(|row| EventPurchaseLimits {
        version: row.version,
        limits: PurchaseLimits {
            per_email: row.per_email,
            per_account: row.per_account,
            per_payment: row.per_payment,
            per_network: row.per_network,
        },
    }))
}

/// Sets the limits of an event, if they still have the version before this one; says whether they had.
pub(in crate::sales) async fn put_limits(
    c: &mut Conn,
    event: EventId,
    kept: &EventPurchaseLimits,
    now: Timestamp,
) -> Result<bool, DbError> {
    let limits = &kept.limits;
    let touched = c
        .exec(
            sql!(
                "INSERT INTO purchase_limits (event_id, per_email, per_account, per_payment, per_network, updated_at, \
                 version) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (event_id) DO UPDATE \
                 SET per_email = excluded.per_email, per_account = excluded.per_account, \
                 per_payment = excluded.per_payment, per_network = excluded.per_network, \
                 updated_at = excluded.updated_at, version = excluded.version \
                 WHERE purchase_limits.version = excluded.version - 1"
            ),
            vals![
                event, limits.per_email, limits.per_account, limits.per_payment, limits.per_network, now,
                kept.version
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Makes the rows of keys that were never counted, in the order given, so that whoever counts several
/// buyers in one write meets others in one order.
pub(in crate::sales) async fn touch(
    c: &mut Conn,
    event: EventId,
    keys: &[CountingKey],
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO purchase_counts (event_id, kind, key_hash, tickets) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (event_id, kind, key_hash) DO UPDATE SET tickets = purchase_counts.tickets"
        ),
        keys.iter()
            .map(|key| vals![event, key.kind, key.hash, 0i64])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Counts tickets by one key if that stays within the limit; says whether it did.
pub(in crate::sales) async fn count(
    c: &mut Conn,
    event: EventId,
    kind: LimitKind,
    key_hash: &[u8],
    tickets: i64,
    most: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO purchase_counts (event_id, kind, key_hash, tickets) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (event_id, kind, key_hash) DO UPDATE SET tickets = purchase_counts.tickets + $4 \
                 WHERE purchase_counts.tickets + $4 <= $5"
            ),
            vals![event, kind, key_hash, tickets, most],
        )
        .await?;
    Ok(touched == 1)
}

/// How many were counted by a key.
pub(in crate::sales) async fn counted(
    c: &mut Conn,
    event: EventId,
    kind: LimitKind,
    key_hash: &[u8],
) -> Result<i64, DbError> {
    let tickets = c
        .scalar_opt(
            sql!(
                "SELECT tickets FROM purchase_counts WHERE event_id = $1 AND kind = $2 AND key_hash = $3"
            ),
            vals![event, kind, key_hash],
        )
        .await?;
    Ok(tickets.unwrap_or(0))
}

/// Takes tickets of a key off again.
pub(in crate::sales) async fn uncount(
    c: &mut Conn,
    event: EventId,
    kind: LimitKind,
    key_hash: &[u8],
    tickets: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE purchase_counts SET tickets = tickets - $4 \
             WHERE event_id = $1 AND kind = $2 AND key_hash = $3 AND tickets >= $4"
        ),
        vals![event, kind, key_hash, tickets],
    )
    .await?;
    Ok(())
}

/// Keeps by what orders were counted.
pub(in crate::sales) async fn insert_order_counts(
    c: &mut Conn,
    event: EventId,
    orders: &[(OrderId, Vec<CountingKey>, i64)],
) -> Result<(), DbError> {
    let rows = orders.iter().flat_map(|(order, keys, tickets)| {
        keys.iter()
            .map(move |key| vals![*order, event, key.kind, key.hash, *tickets, true])
    });
    c.insert_many(
        sql!(
            "INSERT INTO order_counts (order_id, event_id, kind, key_hash, tickets, counted) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        rows.collect(),
    )
    .await?;
    Ok(())
}

/// By what an order is counted now, or was before it was given back.
pub(in crate::sales) async fn order_counts(
    c: &mut Conn,
    order: OrderId,
    counted: bool,
) -> Result<Vec<CountedRow>, DbError> {
    c.all(
        sql!(
            "SELECT event_id, kind, key_hash, tickets FROM order_counts \
             WHERE order_id = $1 AND counted = $2"
        ),
        vals![order, counted],
    )
    .await
}

/// By what these orders are counted now.
pub(in crate::sales) async fn counts_of(
    c: &mut Conn,
    orders: Val,
) -> Result<Vec<CountedRow>, DbError> {
    c.all(
        sql!(
            "SELECT event_id, kind, key_hash, tickets FROM order_counts \
             WHERE counted AND order_id IN (SELECT value FROM list($1))"
        ),
        vals![orders],
    )
    .await
}

/// Says whether an order is counted.
pub(in crate::sales) async fn set_counted(
    c: &mut Conn,
    order: OrderId,
    counted: bool,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE order_counts SET counted = $2 WHERE order_id = $1"),
        vals![order, counted],
    )
    .await?;
    Ok(())
}

/// Forgets by which keys of one kind an order is counted, or was.
pub(in crate::sales) async fn drop_kind(
    c: &mut Conn,
    order: OrderId,
    kind: LimitKind,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_counts WHERE order_id = $1 AND kind = $2"),
        vals![order, kind],
    )
    .await?;
    Ok(())
}

/// Forgets all that this file and its neighbours keep of an event that is deleted.
pub(in crate::sales) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!(
            "DELETE FROM order_notes WHERE order_id IN (SELECT id FROM orders WHERE event_id = $1)"
        ),
        sql!("DELETE FROM order_tags WHERE event_id = $1"),
        sql!("DELETE FROM order_origins WHERE event_id = $1"),
        sql!("DELETE FROM order_scores WHERE event_id = $1"),
        sql!("DELETE FROM order_counts WHERE event_id = $1"),
        sql!("DELETE FROM purchase_counts WHERE event_id = $1"),
        sql!("DELETE FROM purchase_limits WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}
