//! Holds as they are stored.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::money::{Currency, Money};
use bilten_kernel::{record, sql, vals};

use super::item_row;
use crate::catalog::{CounterKey, EventId};
use crate::sales::model::*;

/// A hold that is made, with what its price came from.
pub(in crate::sales) struct NewHold {
    pub(in crate::sales) id: HoldId,
    pub(in crate::sales) event: EventId,
    pub(in crate::sales) key: Option<String>,
    pub(in crate::sales) request_hash: [u8; 32],
    pub(in crate::sales) items: Vec<OrderItem>,
    pub(in crate::sales) total: Money,
    pub(in crate::sales) snapshot: Option<String>,
    pub(in crate::sales) stock: Vec<(CounterKey, i64)>,
    pub(in crate::sales) has_codes: bool,
    pub(in crate::sales) expires_at: Timestamp,
}

/// Writes holds down, each with when it is made.
pub(in crate::sales) async fn insert_holds(
    c: &mut Conn,
    holds: &[(NewHold, Timestamp)],
) -> Result<(), DbError> {
    let mut rows = Vec::with_capacity(holds.len());
    let mut item_rows = Vec::with_capacity(holds.len());
    for (hold, now) in holds {
        rows.push(vals![
            hold.id,
            hold.event,
            hold.key.as_deref(),
            hold.request_hash,
            hold.expires_at,
            *now,
            hold.total.currency,
            hold.total.minor,
            hold.snapshot.as_deref(),
            Val::json(&hold.stock)?,
            hold.has_codes
        ]);
        for item in &hold.items {
            item_rows.push(item_row(hold.id, item)?);
        }
    }
    c.insert_many(
        sql!(
            "INSERT INTO holds (id, event_id, state, idempotency_key, request_hash, expires_at, created_at, \
             currency, total_minor, snapshot, stock, has_codes) \
             VALUES ($1, $2, 'active', $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        rows,
    )
    .await?;
    c.insert_many(
        sql!(
            "INSERT INTO hold_items (hold_id, line, tier_id, occurrence_id, quantity, unit_price_minor, \
             total_minor, label, seats) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        item_rows,
    )
    .await?;
    Ok(())
}

/// Those of these keys with which requests made holds.
pub(in crate::sales) async fn keys_with_holds(
    c: &mut Conn,
    event: EventId,
    keys: Val,
) -> Result<Vec<String>, DbError> {
    c.scalars(
        sql!(
            "SELECT idempotency_key FROM holds \
             WHERE event_id = $1 AND idempotency_key IN (SELECT value FROM list($2))"
        ),
        vals![event, keys],
    )
    .await
}

record! {
    /// A hold as it is stored.
    pub(in crate::sales) struct HoldRow {
        pub(in crate::sales) id: HoldId,
        pub(in crate::sales) event_id: EventId,
        pub(in crate::sales) state: String,
        pub(in crate::sales) request_hash: Option<Vec<u8>>,
        pub(in crate::sales) expires_at: Timestamp,
        pub(in crate::sales) currency: Currency,
        pub(in crate::sales) total_minor: i64,
        pub(in crate::sales) has_codes: bool,
    }
}

pub(in crate::sales) async fn hold_by_key(
    c: &mut Conn,
    event: EventId,
    key: &str,
) -> Result<Option<HoldRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, state, request_hash, expires_at, currency, total_minor, has_codes FROM holds \
             WHERE event_id = $1 AND idempotency_key = $2"
        ),
        vals![event, key],
    )
    .await
}

pub(in crate::sales) async fn hold(c: &mut Conn, id: HoldId) -> Result<Option<HoldRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, state, request_hash, expires_at, currency, total_minor, has_codes FROM holds WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// What a hold has taken of which counter; none of holds from before that was kept.
pub(in crate::sales) async fn hold_stock(
    c: &mut Conn,
    id: HoldId,
) -> Result<Option<Vec<(CounterKey, i64)>>, DbError> {
    type Taken = Vec<(CounterKey, i64)>;
    let found: Option<Option<AsJson<Taken>>> = c
        .scalar_opt(sql!("SELECT stock FROM holds WHERE id = $1"), vals![id])
        .await?;
    Ok(found.flatten().map(|AsJson(stock)| stock))
}

/// All that a hold's price came from, as JSON.
pub(in crate::sales) async fn hold_snapshot(
    c: &mut Conn,
    id: HoldId,
) -> Result<Option<String>, DbError> {
    let found: Option<Option<String>> = c
        .scalar_opt(sql!("SELECT snapshot FROM holds WHERE id = $1"), vals![id])
        .await?;
    Ok(found.flatten())
}

pub(in crate::sales) async fn hold_items(
    c: &mut Conn,
    id: HoldId,
) -> Result<Vec<OrderItem>, DbError> {
    c.all(
        sql!(
            "SELECT line, tier_id, label, occurrence_id, quantity, unit_price_minor, total_minor, seats \
             FROM hold_items WHERE hold_id = $1 ORDER BY line"
        ),
        vals![id],
    )
    .await
}

/// Lets an active hold that is not over go on until `until`, but no longer than `most_ms` from when it
/// was made, or as long as it would have gone on; says whether it was one.
pub(in crate::sales) async fn extend_hold(
    c: &mut Conn,
    id: HoldId,
    until: Timestamp,
    most_ms: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE holds SET expires_at = GREATEST(expires_at, LEAST($2, created_at + $3)) \
                 WHERE id = $1 AND state = 'active' AND expires_at > $4"
            ),
            vals![id, until, most_ms, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends an active hold in another state; says whether it was active and, if asked, not over.
pub(in crate::sales) async fn end_hold(
    c: &mut Conn,
    id: HoldId,
    state: &str,
    not_over_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE holds SET state = $2 WHERE id = $1 AND state = 'active' AND expires_at > $3"
            ),
            vals![id, state, not_over_at.map_or(i64::MIN, Timestamp::ms)],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets the key that a hold was made with be used anew.
pub(in crate::sales) async fn free_hold_key(c: &mut Conn, id: HoldId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE holds SET idempotency_key = NULL WHERE id = $1"),
        vals![id],
    )
    .await?;
    Ok(())
}

/// Says of a hold that an order took over in this write that it has ended otherwise: the order is not placed.
pub(in crate::sales) async fn not_ordered(c: &mut Conn, id: HoldId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE holds SET state = 'expired' WHERE id = $1 AND state = 'ordered'"),
        vals![id],
    )
    .await?;
    Ok(())
}

record! {
    /// What a hold had that has just ended; of holds from before that was kept no stock.
    pub(in crate::sales) struct EndedHold {
        pub(in crate::sales) event_id: EventId,
        pub(in crate::sales) has_codes: bool,
        pub(in crate::sales) stock: Option<AsJson<Vec<(CounterKey, i64)>>>,
    }
}

/// Gives up an active hold, if it is one.
pub(in crate::sales) async fn give_up_hold(
    c: &mut Conn,
    id: HoldId,
) -> Result<Option<EndedHold>, DbError> {
    c.opt(
        sql!(
            "UPDATE holds SET state = 'released' WHERE id = $1 AND state = 'active' \
             RETURNING event_id, has_codes, stock"
        ),
        vals![id],
    )
    .await
}

/// Ends an active hold that is over, if it is one.
pub(in crate::sales) async fn expire_hold(
    c: &mut Conn,
    id: HoldId,
    now: Timestamp,
) -> Result<Option<EndedHold>, DbError> {
    c.opt(
        sql!(
            "UPDATE holds SET state = 'expired' WHERE id = $1 AND state = 'active' AND expires_at <= $2 \
             RETURNING event_id, has_codes, stock"
        ),
        vals![id, now],
    )
    .await
}

pub(in crate::sales) async fn due_holds(
    c: &mut Conn,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<HoldId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM holds WHERE state = 'active' AND expires_at <= $1 ORDER BY expires_at LIMIT $2"),
        vals![now, limit],
    )
    .await
}

/// Lets the holds of an event run out now: the sweep ends them.
pub(in crate::sales) async fn run_out_holds(
    c: &mut Conn,
    event: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE holds SET expires_at = $2 \
             WHERE event_id = $1 AND state = 'active' AND expires_at > $2"
        ),
        vals![event, now],
    )
    .await?;
    Ok(())
}

/// Locks the holds of an event that are not over, before its stock, as an order does that takes one over.
pub(in crate::sales) async fn lock_holds(
    c: &mut Conn,
    event: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.scalars::<String>(
        sql!(
            "SELECT id FROM holds WHERE event_id = $1 AND state = 'active' AND expires_at > $2 \
             ORDER BY id FOR UPDATE"
        ),
        vals![event, now],
    )
    .await?;
    Ok(())
}

/// Locks these holds.
pub(in crate::sales) async fn lock_these_holds(c: &mut Conn, holds: Val) -> Result<(), DbError> {
    let _locked: Vec<HoldId> = c
        .scalars(
            sql!("SELECT id FROM holds WHERE id IN (SELECT value FROM list($1)) ORDER BY id FOR UPDATE"),
            vals![holds],
        )
        .await?;
    Ok(())
}

/// Lets the holds of an event run out now that have something of one of these dates: the sweep ends them.
pub(in crate::sales) async fn run_out_holds_of(
    c: &mut Conn,
    event: EventId,
    dates: Val,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE holds SET expires_at = $2 WHERE event_id = $1 AND state = 'active' AND expires_at > $2 \
             AND EXISTS (SELECT 1 FROM hold_items i WHERE i.hold_id = holds.id \
             AND i.occurrence_id IN (SELECT value FROM list($3)))"
        ),
        vals![event, now, dates],
    )
    .await?;
    Ok(())
}
