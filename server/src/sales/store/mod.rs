//! All SQL of sales; what screens and reports count is in `figures.rs`, purchase limits are in
//! `limits.rs`, scores in `review.rs`, what staff writes in `desk.rs`, what is looked for in `find.rs`.

pub(super) mod desk;
pub(super) mod figures;
pub(super) mod find;
pub(super) mod limits;
pub(super) mod review;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::catalog::{EventId, TierId};

// Stock

/// Adds a tier's stock, or sets its capacity if that is not below what is sold and held.
pub(super) async fn put_stock(
    c: &mut Conn,
    event: EventId,
    tier: TierId,
    capacity: i64,
    event_version: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO tier_stock (tier_id, event_id, capacity, held, sold, event_version) \
                 VALUES ($1, $2, $3, 0, 0, $4) ON CONFLICT (tier_id) DO UPDATE \
                 SET capacity = excluded.capacity, event_version = excluded.event_version \
                 WHERE tier_stock.held + tier_stock.sold <= excluded.capacity"
            ),
            vals![tier, event, capacity, event_version],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn delete_stock(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM tier_stock WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    Ok(())
}

/// The orders of an event, locked.
pub(super) async fn lock_orders(c: &mut Conn, event: EventId) -> Result<Vec<OrderId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM orders WHERE event_id = $1 ORDER BY id FOR UPDATE"),
        vals![event],
    )
    .await
}

/// Deletes an event's holds and what it has sold, if it is of a sandbox: orders of others stay, and
/// keep their event from being deleted.
pub(super) async fn delete_sold(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM hold_items WHERE hold_id IN (SELECT id FROM holds WHERE event_id = $1)"),
        sql!("DELETE FROM holds WHERE event_id = $1"),
        sql!(
            "DELETE FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
        sql!("DELETE FROM orders WHERE event_id = $1 AND sandbox"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}

/// How many orders these events have.
pub(super) async fn count_orders(c: &mut Conn, events: Val) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM orders WHERE event_id IN (SELECT value FROM list($1))"),
        vals![events],
    )
    .await
}

/// Where the taken stock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Take {
    Held,
    Sold,
}

/// Takes stock if there is enough and the event has not changed.
pub(super) async fn take(
    c: &mut Conn,
    how: Take,
    tier: TierId,
    quantity: i64,
    event_version: i64,
) -> Result<bool, DbError> {
    let statement = match how {
        Take::Held => sql!(
            "UPDATE tier_stock SET held = held + $2 \
             WHERE tier_id = $1 AND held + sold + $2 <= capacity AND event_version = $3"
        ),
        Take::Sold => sql!(
            "UPDATE tier_stock SET sold = sold + $2 \
             WHERE tier_id = $1 AND held + sold + $2 <= capacity AND event_version = $3"
        ),
    };
    Ok(c.exec(statement, vals![tier, quantity, event_version])
        .await?
        == 1)
}

/// Gives stock back.
pub(super) async fn give_back(
    c: &mut Conn,
    how: Take,
    tier: TierId,
    quantity: i64,
) -> Result<(), DbError> {
    let statement = match how {
        Take::Held => sql!("UPDATE tier_stock SET held = held - $2 WHERE tier_id = $1"),
        Take::Sold => sql!("UPDATE tier_stock SET sold = sold - $2 WHERE tier_id = $1"),
    };
    c.exec(statement, vals![tier, quantity]).await?;
    Ok(())
}

/// Turns held stock into sold stock.
pub(super) async fn sell_held(c: &mut Conn, tier: TierId, quantity: i64) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE tier_stock SET held = held - $2, sold = sold + $2 WHERE tier_id = $1"),
        vals![tier, quantity],
    )
    .await?;
    Ok(())
}

/// Takes stock for an order that was paid after it had expired, at whatever version.
pub(super) async fn take_late(c: &mut Conn, tier: TierId, quantity: i64) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE tier_stock SET sold = sold + $2 WHERE tier_id = $1 AND held + sold + $2 <= capacity"),
            vals![tier, quantity],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn stock(c: &mut Conn, event: EventId) -> Result<Vec<Stock>, DbError> {
    c.all(
        sql!("SELECT tier_id, capacity, held, sold FROM tier_stock WHERE event_id = $1 ORDER BY tier_id"),
        vals![event],
    )
    .await
}

pub(super) async fn stock_and_version(
    c: &mut Conn,
    tier: TierId,
) -> Result<Option<(i64, i64)>, DbError> {
    c.opt(
        sql!("SELECT capacity - held - sold AS available, event_version FROM tier_stock WHERE tier_id = $1"),
        vals![tier],
    )
    .await
}

// Holds

pub(super) async fn insert_hold(
    c: &mut Conn,
    hold: &Hold,
    key: Option<&str>,
    request_hash: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO holds (id, event_id, state, idempotency_key, request_hash, expires_at, created_at) \
             VALUES ($1, $2, 'active', $3, $4, $5, $6)"
        ),
        vals![hold.id, hold.event_id, key, request_hash, hold.expires_at, now],
    )
    .await?;
    c.insert_many(
        sql!("INSERT INTO hold_items (hold_id, tier_id, quantity) VALUES ($1, $2, $3)"),
        hold.items
            .iter()
            .map(|item| vals![hold.id, item.tier, item.quantity])
            .collect(),
    )
    .await?;
    Ok(())
}

record! {
    /// A hold as it is stored.
    pub(super) struct HoldRow {
        pub(super) id: HoldId,
        pub(super) event_id: EventId,
        pub(super) state: String,
        pub(super) request_hash: Option<Vec<u8>>,
        pub(super) expires_at: Timestamp,
    }
}

pub(super) async fn hold_by_key(
    c: &mut Conn,
    event: EventId,
    key: &str,
) -> Result<Option<HoldRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, state, request_hash, expires_at FROM holds \
             WHERE event_id = $1 AND idempotency_key = $2"
        ),
        vals![event, key],
    )
    .await
}

pub(super) async fn hold(c: &mut Conn, id: HoldId) -> Result<Option<HoldRow>, DbError> {
    c.opt(
        sql!("SELECT id, event_id, state, request_hash, expires_at FROM holds WHERE id = $1"),
        vals![id],
    )
    .await
}

pub(super) async fn hold_items(c: &mut Conn, id: HoldId) -> Result<Vec<(TierId, u32)>, DbError> {
    c.all(
        sql!("SELECT tier_id, quantity FROM hold_items WHERE hold_id = $1 ORDER BY tier_id"),
        vals![id],
    )
    .await
}

/// Lets an active hold that is not over go on until `until`, but no longer than `most_ms` from when it
/// was made; says whether it was one.
pub(super) async fn extend_hold(
    c: &mut Conn,
    id: HoldId,
    until: Timestamp,
    most_ms: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE holds SET expires_at = LEAST($2, created_at + $3) \
                 WHERE id = $1 AND state = 'active' AND expires_at > $4"
            ),
            vals![id, until, most_ms, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends an active hold in another state; says whether it was active and, if asked, not over.
pub(super) async fn end_hold(
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

pub(super) async fn due_holds(
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

// Orders

record! {
    /// An order as it is stored.
    #[derive(Clone)]
    pub(super) struct OrderRow {
        pub(super) id: OrderId,
        pub(super) event_id: EventId,
        pub(super) reference: String,
        pub(super) state: OrderState,
        pub(super) sealed_buyer: Vec<u8>,
        pub(super) sandbox: bool,
        pub(super) currency: bilten_kernel::money::Currency,
        pub(super) total_minor: i64,
        pub(super) expires_at: Option<Timestamp>,
        pub(super) created_at: Timestamp,
        pub(super) paid_at: Option<Timestamp>,
        pub(super) idempotency_key: String,
        pub(super) request_hash: Vec<u8>,
    }
}

record! {
    /// An order with who is to be forgotten on it.
    pub(super) struct BuyerRow {
        pub(super) id: OrderId,
        pub(super) event_id: EventId,
        pub(super) sealed_buyer: Vec<u8>,
    }
}

/// A buyer as an order stores them.
pub(super) struct SealedBuyer {
    pub(super) sealed: Vec<u8>,
    pub(super) email_lookup: [u8; 32],
}

pub(super) async fn insert_orders(
    c: &mut Conn,
    orders: &[(&NewOrder, Order, SealedBuyer)],
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO orders (id, event_id, reference, state, sealed_buyer, email_lookup, currency, total_minor, \
             idempotency_key, request_hash, expires_at, created_at, paid_at, sandbox) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        ),
        orders
            .iter()
            .map(|(new, o, buyer)| {
                vals![
                    o.id, o.event_id, &o.reference, o.state, &buyer.sealed, buyer.email_lookup, o.currency,
                    o.total_minor, &new.idempotency_key, new.request_hash, o.expires_at, o.created_at, o.paid_at,
                    o.sandbox
                ]
            })
            .collect(),
    )
    .await?;
    c.insert_many(
        sql!("INSERT INTO order_items (order_id, tier_id, quantity, unit_price_minor) VALUES ($1, $2, $3, $4)"),
        orders
            .iter()
            .flat_map(|(new, o, _)| {
                new.items.iter().map(|item| vals![o.id, item.tier_id, item.quantity, item.unit_price_minor])
            })
            .collect(),
    )
    .await?;
    Ok(())
}

/// The orders that earlier requests with these keys made.
pub(super) async fn orders_by_keys(
    c: &mut Conn,
    event: EventId,
    keys: Val,
) -> Result<Vec<OrderRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash FROM orders \
             WHERE event_id = $1 AND idempotency_key IN (SELECT value FROM list($2))"
        ),
        vals![event, keys],
    )
    .await
}

pub(super) async fn order(c: &mut Conn, id: OrderId) -> Result<Option<OrderRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash FROM orders WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// Whether an order is of a sandbox.
pub(super) async fn is_sandbox(c: &mut Conn, id: OrderId) -> Result<bool, DbError> {
    c.scalar(sql!("SELECT sandbox FROM orders WHERE id = $1"), vals![id])
        .await
}

pub(super) async fn order_items(c: &mut Conn, id: OrderId) -> Result<Vec<OrderItem>, DbError> {
    c.all(
        sql!("SELECT tier_id, quantity, unit_price_minor FROM order_items WHERE order_id = $1 ORDER BY tier_id"),
        vals![id],
    )
    .await
}

/// The statement that lists an event's orders in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash FROM orders \
             WHERE event_id = $1 AND ($2 OR id IN (SELECT value FROM list($3))) \
             AND ($4 = '' OR state = $4) \
             AND ($5 = '' OR id IN (SELECT order_id FROM order_tags WHERE event_id = $1 AND tag = $5)) AND ",
            $after_and_order,
            " LIMIT $6"
        ))
    };
}

/// An event's orders in an order, after a place in it: those that fit the filter.
pub(super) async fn orders_of_event(
    c: &mut Conn,
    event: EventId,
    filter: &OrderFilter,
    by: OrderSort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<OrderRow>, DbError> {
    let mut values = vals![
        event,
        filter.ids.is_none(),
        Val::texts(filter.ids.as_deref().unwrap_or_default()),
        filter.state.map_or("", OrderState::as_str),
        filter.tag.as_deref().unwrap_or_default(),
        limit
    ];
    let id = after.map(|place| place.id.as_str());
    // Ids sort by age and `~` after all of them.
    match by {
        OrderSort::Newest => values.extend(vals![id.unwrap_or("~")]),
        OrderSort::Oldest => values.extend(vals![id.unwrap_or_default()]),
        OrderSort::Cheapest | OrderSort::Dearest => values.extend(vals![
            after.is_none(),
            after.map_or(0, |place| place.number),
            id.unwrap_or_default()
        ]),
    }
    let statement = match by {
        OrderSort::Newest => listed!("id < $7 ORDER BY id DESC"),
        OrderSort::Oldest => listed!("id > $7 ORDER BY id"),
        OrderSort::Cheapest => {
            listed!("($7 OR (total_minor, id) > ($8, $9)) ORDER BY total_minor, id")
        }
        OrderSort::Dearest => {
            listed!("($7 OR (total_minor, id) < ($8, $9)) ORDER BY total_minor DESC, id DESC")
        }
    };
    c.all(statement, values).await
}

/// What was bought with an address; oldest first.
pub(super) async fn orders_of_buyer(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Vec<OrderRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash FROM orders WHERE email_lookup = $1 ORDER BY id"
        ),
        vals![email_lookup],
    )
    .await
}

/// What was bought with an address, locked so that its buyer can be taken out.
pub(super) async fn lock_orders_of_buyer(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Vec<BuyerRow>, DbError> {
    c.all(
        sql!("SELECT id, event_id, sealed_buyer FROM orders WHERE email_lookup = $1 ORDER BY id FOR UPDATE"),
        vals![email_lookup],
    )
    .await
}

/// Takes the buyer's name and address out of orders; amounts stay.
pub(super) async fn erase_buyer(c: &mut Conn, orders: &[ErasedOrder]) -> Result<(), DbError> {
    // The hash of the request was taken of name and address, too: somebody could try names.
    c.update_many(
        sql!("UPDATE orders SET sealed_buyer = $2, email_lookup = $2, request_hash = $2 WHERE id = $1"),
        orders
            .iter()
            .map(|order| vals![order.id, Vec::<u8>::new()])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Moves an order from one state to another; says whether it was in the first.
pub(super) async fn move_order(
    c: &mut Conn,
    id: OrderId,
    from: OrderState,
    to: OrderState,
    paid_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE orders SET state = $3, paid_at = COALESCE($4, paid_at) WHERE id = $1 AND state = $2"),
            vals![id, from, to, paid_at],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn due_orders(
    c: &mut Conn,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<OrderId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM orders WHERE state = 'pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2"),
        vals![now, limit],
    )
    .await
}

/// How many orders of an event are in each state, and what they are worth in minor units.
pub(super) async fn totals(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(OrderState, i64, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT state, COUNT(*) AS orders, CAST(COALESCE(SUM(total_minor), 0) AS BIGINT) AS total_minor \
             FROM orders WHERE event_id = $1 GROUP BY state"
        ),
        vals![event],
    )
    .await
}
