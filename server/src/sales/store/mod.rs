//! All SQL of sales: orders here; a file for stock, for seats, for holds, for who comes, and for what
//! screens and reports count; purchase limits are in `limits.rs`, scores in `review.rs`, what staff writes
//! in `desk.rs`, what is looked for in `find.rs`.

pub(super) mod desk;
pub(super) mod figures;
pub(super) mod find;
mod holds;
pub(super) mod limits;
pub(super) mod map_edits;
mod people;
pub(super) mod review;
pub(super) mod seats;
mod stock;

pub(super) use holds::*;
pub(super) use people::*;
pub(super) use stock::*;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::http::Place;
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::catalog::{CounterKey, EventId};

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
        sql!("DELETE FROM taken_seats WHERE event_id = $1"),
        sql!(
            "DELETE FROM attendees WHERE order_id IN (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
        sql!(
            "DELETE FROM answers WHERE order_id IN (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
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
        pub(super) hold_id: Option<HoldId>,
        pub(super) has_codes: bool,
    }
}

impl OrderRow {
    /// In whose name its seats are taken: the hold's it was, so that none is let go of in between.
    pub(super) fn seat_holder(&self) -> String {
        self.hold_id
            .map_or_else(|| self.id.to_string(), |hold| hold.to_string())
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

/// An order as it is written.
pub(super) struct OrderWrite<'a> {
    pub(super) new: &'a NewOrder,
    pub(super) order: Order,
    pub(super) buyer: SealedBuyer,
    pub(super) items: Vec<OrderItem>,
    pub(super) snapshot: Option<String>,
    pub(super) stock: Vec<(CounterKey, i64)>,
    pub(super) has_codes: bool,
    pub(super) hold: Option<HoldId>,
}

pub(super) async fn insert_orders(c: &mut Conn, orders: &[OrderWrite<'_>]) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO orders (id, event_id, reference, state, sealed_buyer, email_lookup, currency, total_minor, \
             idempotency_key, request_hash, expires_at, created_at, paid_at, sandbox, snapshot, hold_id, \
             stock, has_codes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        ),
        orders
            .iter()
            .map(|write| {
                let (new, o, buyer) = (write.new, &write.order, &write.buyer);
                Ok(vals![
                    o.id, o.event_id, &o.reference, o.state, &buyer.sealed, buyer.email_lookup, o.currency,
                    o.total_minor, &new.idempotency_key, new.request_hash, o.expires_at, o.created_at, o.paid_at,
                    o.sandbox, write.snapshot.as_deref(), write.hold, Val::json(&write.stock)?, write.has_codes
                ])
            })
            .collect::<Result<Vec<_>, DbError>>()?,
    )
    .await?;
    let mut rows = Vec::new();
    for write in orders {
        for item in &write.items {
            rows.push(item_row(write.order.id, item)?);
        }
    }
    c.insert_many(
        sql!(
            "INSERT INTO order_items (order_id, line, tier_id, occurrence_id, quantity, unit_price_minor, \
             total_minor, label, seats) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// A line of a hold or an order as it is written.
fn item_row(of: impl bilten_kernel::db::ToVal, item: &OrderItem) -> Result<Vec<Val>, DbError> {
    Ok(vals![
        of,
        item.line,
        item.tier_id,
        item.occurrence_id,
        item.quantity,
        item.unit_price_minor,
        item.total_minor,
        &item.label,
        Val::json(&item.seats)?
    ])
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
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders \
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
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(super) async fn order_items(c: &mut Conn, id: OrderId) -> Result<Vec<OrderItem>, DbError> {
    c.all(
        sql!(
            "SELECT line, tier_id, label, occurrence_id, quantity, unit_price_minor, total_minor, seats \
             FROM order_items WHERE order_id = $1 ORDER BY line"
        ),
        vals![id],
    )
    .await
}

/// What an order has taken of which counter; none of orders from before that was kept.
pub(super) async fn order_stock(
    c: &mut Conn,
    id: OrderId,
) -> Result<Option<Vec<(CounterKey, i64)>>, DbError> {
    type Taken = Vec<(CounterKey, i64)>;
    let found: Option<Option<AsJson<Taken>>> = c
        .scalar_opt(sql!("SELECT stock FROM orders WHERE id = $1"), vals![id])
        .await?;
    Ok(found.flatten().map(|AsJson(stock)| stock))
}

/// Writes down what an order has of which counter, after some of it went to another order.
pub(super) async fn set_order_stock(
    c: &mut Conn,
    id: OrderId,
    stock: &[(CounterKey, i64)],
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE orders SET stock = $2 WHERE id = $1"),
        vals![id, Val::json(&stock)?],
    )
    .await?;
    Ok(())
}

/// All that an order's price came from, as JSON; none of orders from before that was kept.
pub(super) async fn order_snapshot(c: &mut Conn, id: OrderId) -> Result<Option<String>, DbError> {
    let found: Option<Option<String>> = c
        .scalar_opt(sql!("SELECT snapshot FROM orders WHERE id = $1"), vals![id])
        .await?;
    Ok(found.flatten())
}

/// The statement that lists an event's orders in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT id, event_id, reference, state, sealed_buyer, sandbox, currency, total_minor, expires_at, created_at, \
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders \
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
    match by {
        OrderSort::Newest => values.extend(Place::newest_first(after)),
        OrderSort::Oldest => values.extend(Place::oldest_first(after)),
        OrderSort::Cheapest | OrderSort::Dearest => values.extend(Place::by_number(after)),
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
             paid_at, idempotency_key, request_hash, hold_id, has_codes FROM orders WHERE email_lookup = $1 ORDER BY id"
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

/// Locks those of these orders that are pending.
pub(super) async fn lock_pending_of(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<Vec<OrderId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM orders WHERE id IN (SELECT value FROM list($1)) AND state = 'pending' \
             ORDER BY id FOR NO KEY UPDATE"
        ),
        vals![Val::texts(orders)],
    )
    .await
}

/// Locks a pending order if its time is over; says whether it is.
pub(super) async fn lock_if_due(
    c: &mut Conn,
    id: OrderId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE orders SET state = state WHERE id = $1 AND state = 'pending' AND expires_at <= $2"),
            vals![id, now],
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
             FROM orders WHERE event_id = $1 AND merged_into IS NULL AND (state IN ('paid', 'refunded') \
             OR NOT EXISTS (SELECT 1 FROM order_changes ch WHERE ch.supplement_id = orders.id)) GROUP BY state"
        ),
        vals![event],
    )
    .await
}
