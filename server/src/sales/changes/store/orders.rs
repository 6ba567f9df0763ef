//! Orders as changes find and write them: what only changes know of them, their lines, those that come of
//! one another, and their seats.

use bilten_core::price::PromoCode;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId, TierId};
use crate::sales::changes::model::*;
use crate::sales::changes::units::StoredLine;
use crate::sales::store::SealedBuyer;
use crate::sales::{HeldSeats, HoldId, Order, OrderId, OrderItem, OrderState};

record! {
    /// What only changes know of an order.
    #[derive(Clone, Debug)]
    pub(in crate::sales::changes) struct ChangingRow {
        pub(in crate::sales::changes) version: i64,
        pub(in crate::sales::changes) state: OrderState,
        pub(in crate::sales::changes) event_id: EventId,
        pub(in crate::sales::changes) email_lookup: Vec<u8>,
        pub(in crate::sales::changes) hold_id: Option<HoldId>,
        pub(in crate::sales::changes) total_minor: i64,
        pub(in crate::sales::changes) paid_with: Option<OrderId>,
        pub(in crate::sales::changes) merged_into: Option<OrderId>,
        pub(in crate::sales::changes) ticket_numbers: i64,
        pub(in crate::sales::changes) snapshot: Option<String>,
        pub(in crate::sales::changes) has_codes: bool,
        pub(in crate::sales::changes) codes: Option<AsJson<Vec<PromoCode>>>,
        pub(in crate::sales::changes) created_at: Timestamp,
        bought_at: Option<Timestamp>,
    }
}

impl ChangingRow {
    /// In whose name its seats are taken.
    pub(in crate::sales::changes) fn seat_holder(&self, id: OrderId) -> String {
        self.hold_id
            .map_or_else(|| id.to_string(), |hold| hold.to_string())
    }

    /// When what it is for was bought.
    pub(in crate::sales::changes) fn bought_at(&self) -> Timestamp {
        self.bought_at.unwrap_or(self.created_at)
    }

    /// The first of the orders that share what was paid.
    pub(in crate::sales::changes) fn money_of(&self, id: OrderId) -> OrderId {
        self.paid_with.unwrap_or(id)
    }
}

record! {
    struct LineRow {
        line: u32,
        tier_id: TierId,
        label: String,
        occurrence_id: Option<OccurrenceId>,
        quantity: u32,
        unit_price_minor: i64,
        total_minor: i64,
        seats: HeldSeats,
        fees_minor: Option<i64>,
        tickets: Option<AsJson<Option<Vec<Vec<UnitTicket>>>>>,
        codes: Option<AsJson<Option<Vec<Vec<UnitCode>>>>>,
    }
}

pub(in crate::sales::changes) async fn changing(
    c: &mut Conn,
    id: OrderId,
) -> Result<Option<ChangingRow>, DbError> {
    c.opt(
        sql!(
            "SELECT version, state, event_id, email_lookup, hold_id, total_minor, paid_with, merged_into, \
             ticket_numbers, snapshot, has_codes, codes, created_at, bought_at FROM orders WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(in crate::sales::changes) async fn lines(
    c: &mut Conn,
    id: OrderId,
) -> Result<Vec<StoredLine>, DbError> {
    let rows: Vec<LineRow> = c
        .all(
            sql!(
                "SELECT line, tier_id, label, occurrence_id, quantity, unit_price_minor, total_minor, seats, \
                 fees_minor, tickets, codes FROM order_items WHERE order_id = $1 ORDER BY line"
            ),
            vals![id],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredLine {
            item: OrderItem {
                line: row.line,
                tier_id: row.tier_id,
                label: row.label,
                occurrence_id: row.occurrence_id,
                quantity: row.quantity,
                unit_price_minor: row.unit_price_minor,
                total_minor: row.total_minor,
                seats: row.seats,
            },
            fees_minor: row.fees_minor,
            tickets: row.tickets.and_then(|AsJson(tickets)| tickets),
            codes: row.codes.and_then(|AsJson(codes)| codes),
        })
        .collect())
}

/// Locks a paid order that still has this version, and raises it; says whether it had it.
pub(in crate::sales::changes) async fn raise(
    c: &mut Conn,
    id: OrderId,
    version: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE orders SET version = version + 1 \
                 WHERE id = $1 AND version = $2 AND state = 'paid' AND merged_into IS NULL"
            ),
            vals![id, version],
        )
        .await?;
    Ok(touched == 1)
}

/// Writes what an order costs and has taken, and its lines.
pub(in crate::sales::changes) async fn put_order(
    c: &mut Conn,
    id: OrderId,
    lines: &[StoredLine],
    kept_minor: i64,
    stock: &[(CounterKey, i64)],
    numbers: u32,
) -> Result<(), DbError> {
    let total: i64 = lines.iter().map(|line| line.item.total_minor).sum();
    c.exec(
        sql!(
            "UPDATE orders SET total_minor = $2, kept_minor = kept_minor + $3, stock = $4, ticket_numbers = $5 \
             WHERE id = $1"
        ),
        vals![id, total, kept_minor, Val::json(&stock)?, numbers],
    )
    .await?;
    delete_lines(c, id).await?;
    put_lines(c, id, lines).await
}

pub(in crate::sales::changes) async fn delete_lines(
    c: &mut Conn,
    id: OrderId,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_items WHERE order_id = $1"),
        vals![id],
    )
    .await?;
    Ok(())
}

pub(in crate::sales::changes) async fn put_lines(
    c: &mut Conn,
    id: OrderId,
    lines: &[StoredLine],
) -> Result<(), DbError> {
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let item = &line.item;
        rows.push(vals![
            id,
            item.line,
            item.tier_id,
            item.occurrence_id,
            item.quantity,
            item.unit_price_minor,
            item.total_minor,
            &item.label,
            Val::json(&item.seats)?,
            line.fees_minor,
            Val::json(&line.tickets)?,
            Val::json(&line.codes)?
        ]);
    }
    c.insert_many(
        sql!(
            "INSERT INTO order_items (order_id, line, tier_id, occurrence_id, quantity, unit_price_minor, \
             total_minor, label, seats, fees_minor, tickets, codes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// An order that comes of another one.
pub(in crate::sales::changes) struct NewPart<'a> {
    pub(in crate::sales::changes) order: &'a Order,
    pub(in crate::sales::changes) buyer: SealedBuyer,
    pub(in crate::sales::changes) key: String,
    pub(in crate::sales::changes) request_hash: [u8; 32],
    pub(in crate::sales::changes) stock: &'a [(CounterKey, i64)],
    /// With which it shares what was paid.
    pub(in crate::sales::changes) paid_with: OrderId,
    /// How many numbers its tickets have had.
    pub(in crate::sales::changes) numbers: u32,
    /// Whether codes are counted for it.
    pub(in crate::sales::changes) has_codes: bool,
    /// The rules of its codes as it was bought.
    pub(in crate::sales::changes) codes: Option<&'a [PromoCode]>,
    /// When what it is for was bought.
    pub(in crate::sales::changes) bought_at: Timestamp,
}

pub(in crate::sales::changes) async fn insert_part(
    c: &mut Conn,
    part: NewPart<'_>,
) -> Result<(), DbError> {
    let o = part.order;
    let codes = part.codes.map(|codes| Val::json(&codes)).transpose()?;
    c.exec(
        sql!(
            "INSERT INTO orders (id, event_id, reference, state, sealed_buyer, email_lookup, currency, total_minor, \
             idempotency_key, request_hash, expires_at, created_at, paid_at, sandbox, stock, has_codes, paid_with, \
             ticket_numbers, codes, bought_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $18, $16, $17, $19, $20)"
        ),
        vals![
            o.id, o.event_id, &o.reference, o.state, part.buyer.sealed, part.buyer.email_lookup, o.currency,
            o.total_minor, part.key, part.request_hash, o.expires_at, o.created_at, o.paid_at, o.sandbox,
            Val::json(&part.stock)?, part.paid_with, part.numbers, part.has_codes, codes, part.bought_at
        ],
    )
    .await?;
    Ok(())
}

/// Makes an order a part of another one: nothing is left of it. Says whether it was as it is thought of.
pub(in crate::sales::changes) async fn merge_into(
    c: &mut Conn,
    id: OrderId,
    from: OrderState,
    into: OrderId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE orders SET state = 'paid', total_minor = 0, kept_minor = 0, stock = '[]', \
                 paid_at = COALESCE(paid_at, $4), merged_into = $3, version = version + 1 \
                 WHERE id = $1 AND state = $2 AND merged_into IS NULL"
            ),
            vals![id, from, into, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets an order have codes as well that another one had, and the time at which that was bought.
pub(in crate::sales::changes) async fn join_codes(
    c: &mut Conn,
    id: OrderId,
    has_codes: bool,
    codes: &[PromoCode],
    bought_at: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE orders SET has_codes = $2, codes = $3, bought_at = $4 WHERE id = $1"),
        vals![id, has_codes, Val::json(&codes)?, bought_at],
    )
    .await?;
    Ok(())
}

/// Whether another one of these orders is paid for and has codes.
pub(in crate::sales::changes) async fn others_have_codes(
    c: &mut Conn,
    orders: &[OrderId],
    but: OrderId,
) -> Result<bool, DbError> {
    let found: Option<OrderId> = c
        .scalar_opt(
            sql!(
                "SELECT id FROM orders WHERE id IN (SELECT value FROM list($1)) AND id <> $2 \
                 AND state = 'paid' AND merged_into IS NULL AND has_codes ORDER BY id LIMIT 1"
            ),
            vals![Val::texts(orders), but],
        )
        .await?;
    Ok(found.is_some())
}

/// Lets what was paid for some orders be shared with others.
pub(in crate::sales::changes) async fn share_money(
    c: &mut Conn,
    from: OrderId,
    with: OrderId,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE orders SET paid_with = $2 WHERE id = $1 OR paid_with = $1"),
        vals![from, with],
    )
    .await?;
    Ok(())
}

/// All orders that share what was paid with this first one of them.
pub(in crate::sales::changes) async fn paid_together(
    c: &mut Conn,
    first: OrderId,
) -> Result<Vec<OrderId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM orders WHERE id = $1 OR paid_with = $1 ORDER BY id"),
        vals![first],
    )
    .await
}

/// What was kept of orders that were merged.
pub(in crate::sales::changes) async fn kept(c: &mut Conn, id: OrderId) -> Result<i64, DbError> {
    Ok(c.scalar_opt(
        sql!("SELECT kept_minor FROM orders WHERE id = $1"),
        vals![id],
    )
    .await?
    .unwrap_or(0))
}

// Seats

/// Lets seats that one holder has be another's, each if it is so.
pub(in crate::sales::changes) async fn rename_seats(
    c: &mut Conn,
    seats: &[(OccurrenceId, SeatId)],
    from: &str,
    to: &str,
) -> Result<(), DbError> {
    c.update_many(
        sql!("UPDATE taken_seats SET holder = $4 WHERE occurrence_id = $1 AND seat_id = $2 AND holder = $3"),
        seats
            .iter()
            .map(|(date, seat)| vals![*date, *seat, from, to])
            .collect(),
    )
    .await?;
    Ok(())
}
