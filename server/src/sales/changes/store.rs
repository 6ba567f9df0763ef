//! All SQL of changes of orders.

use bilten_core::price::PromoCode;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use super::units::StoredLine;
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventId, OccurrenceId, TierId};
use crate::sales::limits::LimitKind;
use crate::sales::store::SealedBuyer;
use crate::sales::{HeldSeats, HoldId, Order, OrderId, OrderItem, OrderState};

record! {
    /// What only changes know of an order.
    #[derive(Clone, Debug)]
    pub(super) struct ChangingRow {
        pub(super) version: i64,
        pub(super) state: OrderState,
        pub(super) event_id: EventId,
        pub(super) email_lookup: Vec<u8>,
        pub(super) hold_id: Option<HoldId>,
        pub(super) total_minor: i64,
        pub(super) paid_with: Option<OrderId>,
        pub(super) merged_into: Option<OrderId>,
        pub(super) ticket_numbers: i64,
        pub(super) snapshot: Option<String>,
        pub(super) has_codes: bool,
        pub(super) codes: Option<AsJson<Vec<PromoCode>>>,
        pub(super) created_at: Timestamp,
        bought_at: Option<Timestamp>,
    }
}

impl ChangingRow {
    /// In whose name its seats are taken.
    pub(super) fn seat_holder(&self, id: OrderId) -> String {
        self.hold_id
            .map_or_else(|| id.to_string(), |hold| hold.to_string())
    }

    /// When what it is for was bought.
    pub(super) fn bought_at(&self) -> Timestamp {
        self.bought_at.unwrap_or(self.created_at)
    }

    /// The first of the orders that share what was paid.
    pub(super) fn money_of(&self, id: OrderId) -> OrderId {
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

record! {
    /// A change as it is stored.
    pub(super) struct ChangeRow {
        pub(super) id: ChangeId,
        pub(super) order_id: OrderId,
        pub(super) request_hash: Vec<u8>,
        pub(super) state: ChangeState,
        pub(super) at_version: i64,
        pub(super) plan: AsJson<Option<Plan>>,
        pub(super) answer: AsJson<OrderChange>,
    }
}

pub(super) async fn changing(c: &mut Conn, id: OrderId) -> Result<Option<ChangingRow>, DbError> {
    c.opt(
        sql!(
            "SELECT version, state, event_id, email_lookup, hold_id, total_minor, paid_with, merged_into, \
             ticket_numbers, snapshot, has_codes, codes, created_at, bought_at FROM orders WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(super) async fn lines(c: &mut Conn, id: OrderId) -> Result<Vec<StoredLine>, DbError> {
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
pub(super) async fn raise(c: &mut Conn, id: OrderId, version: i64) -> Result<bool, DbError> {
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
pub(super) async fn put_order(
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

pub(super) async fn delete_lines(c: &mut Conn, id: OrderId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_items WHERE order_id = $1"),
        vals![id],
    )
    .await?;
    Ok(())
}

pub(super) async fn put_lines(
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
pub(super) struct NewPart<'a> {
    pub(super) order: &'a Order,
    pub(super) buyer: SealedBuyer,
    pub(super) key: String,
    pub(super) request_hash: [u8; 32],
    pub(super) stock: &'a [(CounterKey, i64)],
    /// With which it shares what was paid.
    pub(super) paid_with: OrderId,
    /// How many numbers its tickets have had.
    pub(super) numbers: u32,
    /// Whether codes are counted for it.
    pub(super) has_codes: bool,
    /// The rules of its codes as it was bought.
    pub(super) codes: Option<&'a [PromoCode]>,
    /// When what it is for was bought.
    pub(super) bought_at: Timestamp,
}

pub(super) async fn insert_part(c: &mut Conn, part: NewPart<'_>) -> Result<(), DbError> {
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
pub(super) async fn merge_into(
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
pub(super) async fn join_codes(
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
pub(super) async fn others_have_codes(
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
pub(super) async fn share_money(c: &mut Conn, from: OrderId, with: OrderId) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE orders SET paid_with = $2 WHERE id = $1 OR paid_with = $1"),
        vals![from, with],
    )
    .await?;
    Ok(())
}

/// All orders that share what was paid with this first one of them.
pub(super) async fn paid_together(c: &mut Conn, first: OrderId) -> Result<Vec<OrderId>, DbError> {
    c.scalars(
        sql!("SELECT id FROM orders WHERE id = $1 OR paid_with = $1 ORDER BY id"),
        vals![first],
    )
    .await
}

/// What was kept of orders that were merged.
pub(super) async fn kept(c: &mut Conn, id: OrderId) -> Result<i64, DbError> {
    Ok(c.scalar_opt(
        sql!("SELECT kept_minor FROM orders WHERE id = $1"),
        vals![id],
    )
    .await?
    .unwrap_or(0))
}

/// Whether a change of an order waits for its payment.
pub(super) async fn is_waiting(c: &mut Conn, id: OrderId, now: Timestamp) -> Result<bool, DbError> {
    let found: Option<OrderId> = c
        .scalar_opt(
            sql!(
                "SELECT s.id FROM order_changes ch JOIN orders s ON s.id = ch.supplement_id \
                 WHERE ch.order_id = $1 AND ch.state = 'pending' AND s.state = 'pending' AND s.expires_at > $2"
            ),
            vals![id, now],
        )
        .await?;
    Ok(found.is_some())
}

// Seats

/// Lets seats that one holder has be another's, each if it is so.
pub(super) async fn rename_seats(
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

// Purchase limits

/// Counts an order by so many units more or fewer.
pub(super) async fn shift_counts(c: &mut Conn, order: OrderId, units: i64) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_counts SET tickets = tickets + $2 \
             WHERE order_id = $1 AND counted AND tickets + $2 > 0"
        ),
        vals![order, units],
    )
    .await?;
    Ok(())
}

/// Counts an order by so many more of one kind.
pub(super) async fn shift_count(
    c: &mut Conn,
    order: OrderId,
    kind: LimitKind,
    units: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_counts SET tickets = tickets + $3 WHERE order_id = $1 AND kind = $2 AND counted"
        ),
        vals![order, kind, units],
    )
    .await?;
    Ok(())
}

/// Lets an order be counted by what another one is, with so many units.
pub(super) async fn copy_counts(
    c: &mut Conn,
    from: OrderId,
    to: OrderId,
    units: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO order_counts (order_id, event_id, kind, key_hash, tickets, counted) \
             SELECT $2, event_id, kind, key_hash, $3, TRUE FROM order_counts WHERE order_id = $1 AND counted"
        ),
        vals![from, to, units],
    )
    .await?;
    Ok(())
}

/// Lets what an order is counted by in one kind be another one's.
pub(super) async fn move_count(
    c: &mut Conn,
    from: OrderId,
    to: OrderId,
    kind: LimitKind,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE order_counts SET order_id = $2 WHERE order_id = $1 AND kind = $3"),
        vals![from, to, kind],
    )
    .await?;
    Ok(())
}

/// Forgets by what an order is counted in one kind.
pub(super) async fn drop_count(
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

/// Forgets by what an order is counted.
pub(super) async fn drop_counts(c: &mut Conn, order: OrderId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_counts WHERE order_id = $1"),
        vals![order],
    )
    .await?;
    Ok(())
}

// Changes

/// A change to be remembered.
pub(super) struct NewChange<'a> {
    pub(super) id: ChangeId,
    pub(super) order: OrderId,
    pub(super) key: &'a str,
    pub(super) request_hash: [u8; 32],
    pub(super) supplement: Option<OrderId>,
    pub(super) plan: Option<&'a Plan>,
    pub(super) answer: &'a OrderChange,
    pub(super) actor: &'a str,
    pub(super) sealed_reason: Vec<u8>,
    pub(super) now: Timestamp,
}

pub(super) async fn insert_change(c: &mut Conn, new: NewChange<'_>) -> Result<(), DbError> {
    let settled_at = (new.answer.state == ChangeState::Done).then_some(new.now);
    c.exec(
        sql!(
            "INSERT INTO order_changes (id, order_id, idempotency_key, request_hash, state, at_version, \
             supplement_id, plan, answer, actor, sealed_reason, created_at, settled_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        vals![
            new.id, new.order, new.key, new.request_hash, new.answer.state, new.answer.version, new.supplement,
            Val::json(&new.plan)?, Val::json(new.answer)?, new.actor, new.sealed_reason, new.now, settled_at
        ],
    )
    .await?;
    Ok(())
}

/// The change that was asked for with a key. One whose supplement ended is void, though nobody wrote that
/// down.
pub(super) async fn change_by_key(
    c: &mut Conn,
    order: OrderId,
    key: &str,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT ch.id AS id, ch.order_id AS order_id, ch.request_hash AS request_hash, \
             CASE WHEN ch.state = 'pending' AND s.state <> 'pending' THEN 'void' ELSE ch.state END AS state, \
             ch.at_version AS at_version, ch.plan AS plan, ch.answer AS answer \
             FROM order_changes ch LEFT JOIN orders s ON s.id = ch.supplement_id \
             WHERE ch.order_id = $1 AND ch.idempotency_key = $2"
        ),
        vals![order, key],
    )
    .await
}

pub(super) async fn change_of_supplement(
    c: &mut Conn,
    supplement: OrderId,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, order_id, request_hash, state, at_version, plan, answer FROM order_changes \
             WHERE supplement_id = $1"
        ),
        vals![supplement],
    )
    .await
}

/// Says what became of a change that waited for its payment.
pub(super) async fn settle_change(
    c: &mut Conn,
    id: ChangeId,
    to: ChangeState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE order_changes SET state = $2, settled_at = $3 WHERE id = $1 AND state = 'pending'"
            ),
            vals![id, to, now],
        )
        .await?;
    Ok(touched == 1)
}

/// An order's changes after one of them, oldest first.
pub(super) async fn changes_of(
    c: &mut Conn,
    order: OrderId,
    after: Option<ChangeId>,
    limit: i64,
) -> Result<Vec<ChangeRow>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT ch.id AS id, ch.order_id AS order_id, ch.request_hash AS request_hash, \
             CASE WHEN ch.state = 'pending' AND s.state <> 'pending' THEN 'void' ELSE ch.state END AS state, \
             ch.at_version AS at_version, ch.plan AS plan, ch.answer AS answer \
             FROM order_changes ch LEFT JOIN orders s ON s.id = ch.supplement_id \
             WHERE ch.order_id = $1 AND ch.id > $2 ORDER BY ch.id LIMIT $3"
        ),
        vals![order, after, limit],
    )
    .await
}

/// Why changes of an order were made, sealed.
pub(super) async fn reasons(
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<(ChangeId, Vec<u8>)>, DbError> {
    c.all(
        sql!("SELECT id, sealed_reason FROM order_changes WHERE order_id = $1 ORDER BY id"),
        vals![order],
    )
    .await
}

/// Forgets why changes of these orders were made.
pub(super) async fn forget_reasons(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_changes SET sealed_reason = $2 WHERE order_id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(orders), Vec::<u8>::new()],
    )
    .await?;
    Ok(())
}

/// Drops the changes of an event's orders that are of a sandbox.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    c.exec(
        sql!(
            "DELETE FROM order_changes WHERE order_id IN \
             (SELECT id FROM orders WHERE event_id = $1 AND sandbox)"
        ),
        vals![event],
    )
    .await?;
    Ok(())
}
