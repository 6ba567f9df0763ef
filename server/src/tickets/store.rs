//! All SQL of tickets; a file for orders that are changed.

pub(super) mod changes;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use super::transfers::TransferId;
use crate::catalog::seating::SeatId;
use crate::catalog::{EventId, OccurrenceId, TierId};
use crate::sales::OrderId;

// Feed positions

pub(super) async fn insert_feed(c: &mut Conn, event: EventId, epoch: i64) -> Result<(), DbError> {
    c.exec(
        sql!("INSERT INTO feeds (event_id, epoch, position) VALUES ($1, $2, 0) ON CONFLICT (event_id) DO NOTHING"),
        vals![event, epoch],
    )
    .await?;
    Ok(())
}

/// Takes `count` positions of the feed and gives the last one.
pub(super) async fn advance(c: &mut Conn, event: EventId, count: i64) -> Result<i64, DbError> {
    c.scalar(
        sql!("UPDATE feeds SET position = position + $2 WHERE event_id = $1 RETURNING position"),
        vals![event, count],
    )
    .await
}

pub(super) async fn feed(c: &mut Conn, event: EventId) -> Result<Option<(i64, i64)>, DbError> {
    c.opt(
        sql!("SELECT epoch, position FROM feeds WHERE event_id = $1"),
        vals![event],
    )
    .await
}

// Keys

pub(super) async fn insert_key(
    c: &mut Conn,
    event: EventId,
    key: &EventKeyRow,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO event_keys (event_id, key_id, public_key, sealed_secret, valid_from, valid_until, \
             revoked_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)"
        ),
        vals![event, &key.key_id, &key.public_key, &key.sealed_secret, key.valid_from, key.valid_until, now],
    )
    .await?;
    Ok(())
}

/// An event's keys, newest first.
pub(super) async fn keys(c: &mut Conn, event: EventId) -> Result<Vec<EventKeyRow>, DbError> {
    c.all(
        sql!(
            "SELECT key_id, public_key, sealed_secret, valid_from, valid_until, revoked_at FROM event_keys \
             WHERE event_id = $1 ORDER BY created_at DESC, key_id"
        ),
        vals![event],
    )
    .await
}

/// Locks an event's feed: whoever issues or scans in this moment is done before.
pub(super) async fn lock_feed(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    let _position: Option<i64> = c
        .scalar_opt(
            sql!("SELECT position FROM feeds WHERE event_id = $1 FOR UPDATE"),
            vals![event],
        )
        .await?;
    Ok(())
}

/// Deletes the keys and the feed of an event, and its tickets if it is of a sandbox.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    c.exec(
        sql!(
            "DELETE FROM ticket_transfers WHERE ticket_id IN \
             (SELECT id FROM tickets WHERE event_id = $1 AND sandbox)"
        ),
        vals![event],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM tickets WHERE event_id = $1 AND sandbox"),
        vals![event],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM event_keys WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    c.exec(sql!("DELETE FROM feeds WHERE event_id = $1"), vals![event])
        .await?;
    Ok(())
}

// Tickets

record! {
    /// A ticket as it is stored.
    pub(super) struct TicketRow {
        pub(super) id: TicketId,
        pub(super) event_id: EventId,
        pub(super) order_id: OrderId,
        pub(super) tier_id: TierId,
        pub(super) tier_number: u16,
        pub(super) version: u16,
        pub(super) state: TicketState,
        pub(super) key_id: String,
        pub(super) valid_from: u32,
        pub(super) valid_until: u32,
        pub(super) sealed_holder: Vec<u8>,
        pub(super) order_reference: String,
        pub(super) revoked_below: u16,
        pub(super) transfer_id: Option<TransferId>,
        pub(super) passed_on: u32,
        pub(super) sandbox: bool,
        pub(super) occurrence_id: Option<OccurrenceId>,
        pub(super) seat_id: Option<SeatId>,
        pub(super) seat_label: Option<String>,
        pub(super) created_at: Timestamp,
    }
}

record! {
    /// What the feed holds of a ticket, as it is stored.
    pub(super) struct FedRow {
        pub(super) id: TicketId,
        pub(super) tier_number: u16,
        pub(super) version: u16,
        pub(super) state: TicketState,
        pub(super) valid_from: u32,
        pub(super) valid_until: u32,
        pub(super) sealed_holder: Vec<u8>,
        pub(super) order_reference: String,
        pub(super) revoked_below: u16,
        pub(super) feed_position: i64,
    }
}

/// Inserts tickets with their sealed holders at consecutive positions, the last of which is
/// `last_position`.
pub(super) async fn insert(
    c: &mut Conn,
    tickets: &[(Ticket, Vec<u8>)],
    last_position: i64,
) -> Result<(), DbError> {
    let first = last_position + 1 - i64::try_from(tickets.len()).unwrap_or(0);
    c.insert_many(
        sql!(
            "INSERT INTO tickets (id, event_id, order_id, tier_id, tier_number, version, state, key_id, \
             valid_from, valid_until, sealed_holder, order_reference, revoked_below, feed_position, created_at, sandbox, \
             occurrence_id, seat_id, seat_label) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        ),
        tickets
            .iter()
            .zip(first..)
            .map(|((t, holder), position)| {
                vals![
                    t.id, t.event_id, t.order_id, t.tier_id, t.tier_number, t.version, t.state, &t.key_id,
                    t.valid_from, t.valid_until, holder, &t.order_reference, t.revoked_below, position,
                    t.created_at, t.sandbox, t.occurrence_id, t.seat_id, t.seat_label.as_deref()
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(super) async fn ticket(c: &mut Conn, id: TicketId) -> Result<Option<TicketRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, order_id, tier_id, tier_number, version, state, key_id, valid_from, \
             valid_until, sealed_holder, order_reference, revoked_below, transfer_id, passed_on, sandbox, \
             occurrence_id, seat_id, seat_label, created_at FROM tickets WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(super) async fn of_order(c: &mut Conn, order: OrderId) -> Result<Vec<TicketRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, order_id, tier_id, tier_number, version, state, key_id, valid_from, \
             valid_until, sealed_holder, order_reference, revoked_below, transfer_id, passed_on, sandbox, \
             occurrence_id, seat_id, seat_label, created_at FROM tickets \
             WHERE order_id = $1 ORDER BY tier_number, id"
        ),
        vals![order],
    )
    .await
}

/// The tickets of these orders.
pub(super) async fn of_orders(c: &mut Conn, orders: Val) -> Result<Vec<TicketRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, order_id, tier_id, tier_number, version, state, key_id, valid_from, \
             valid_until, sealed_holder, order_reference, revoked_below, transfer_id, passed_on, sandbox, \
             occurrence_id, seat_id, seat_label, created_at FROM tickets \
             WHERE order_id IN (SELECT value FROM list($1)) ORDER BY order_id, tier_number, id"
        ),
        vals![orders],
    )
    .await
}

/// An event's tickets after a feed position, in the feed's order, with their positions.
pub(super) async fn after(
    c: &mut Conn,
    event: EventId,
    position: i64,
    limit: i64,
) -> Result<Vec<FedRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, tier_number, version, state, valid_from, valid_until, sealed_holder, order_reference, \
             revoked_below, feed_position FROM tickets \
             WHERE event_id = $1 AND feed_position > $2 ORDER BY feed_position LIMIT $3"
        ),
        vals![event, position, limit],
    )
    .await
}

pub(super) async fn ids_of_event(c: &mut Conn, event: EventId) -> Result<Vec<TicketId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM tickets WHERE event_id = $1 AND state IN ('valid', 'unpaid', 'blocked')"
        ),
        vals![event],
    )
    .await
}

/// Tickets for dates that are not ended yet.
pub(super) async fn ids_of_dates(
    c: &mut Conn,
    event: EventId,
    dates: &[OccurrenceId],
) -> Result<Vec<TicketId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM tickets WHERE event_id = $1 AND occurrence_id IN (SELECT value FROM list($2)) \
             AND state IN ('valid', 'unpaid', 'blocked') ORDER BY id"
        ),
        vals![event, Val::texts(dates)],
    )
    .await
}

/// Changes a ticket that still has this version and state.
pub(super) async fn change(
    c: &mut Conn,
    t: &Ticket,
    sealed_holder: Vec<u8>,
    (from, from_state): (u16, TicketState),
    position: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE tickets SET version = $4, state = $5, key_id = $6, sealed_holder = $7, revoked_below = $8, \
                 transfer_id = $9, passed_on = $10, feed_position = $11 \
                 WHERE id = $1 AND version = $2 AND state = $3"
            ),
            vals![
                t.id, from, from_state, t.version, t.state, &t.key_id, sealed_holder, t.revoked_below,
                t.transfer_id, t.passed_on, position
            ],
        )
        .await?;
    Ok(touched == 1)
}

record! {
    /// What says how long a ticket of an event is valid.
    pub(super) struct RenewedRow {
        pub(super) id: TicketId,
        pub(super) tier_id: TierId,
        pub(super) occurrence_id: Option<OccurrenceId>,
        pub(super) valid_from: u32,
        pub(super) valid_until: u32,
    }
}

/// The tickets of an event that may let somebody in, and have a version left.
pub(super) async fn renewable(c: &mut Conn, event: EventId) -> Result<Vec<RenewedRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, tier_id, occurrence_id, valid_from, valid_until FROM tickets WHERE event_id = $1 \
             AND state IN ('valid', 'unpaid', 'blocked') AND version < 65534 ORDER BY id"
        ),
        vals![event],
    )
    .await
}

/// Gives tickets another validity and a new version, by which older codes die, at consecutive
/// positions, the last of which is `last_position`.
pub(super) async fn renew(
    c: &mut Conn,
    tickets: &[(TicketId, (u32, u32))],
    key_id: &str,
    last_position: i64,
) -> Result<(), DbError> {
    let first = last_position + 1 - i64::try_from(tickets.len()).unwrap_or(0);
    c.update_many(
        sql!(
            "UPDATE tickets SET version = version + 1, revoked_below = version + 1, valid_from = $2, \
             valid_until = $3, key_id = $4, feed_position = $5 WHERE id = $1"
        ),
        tickets
            .iter()
            .zip(first..)
            .map(|((id, (from, until)), position)| vals![*id, *from, *until, key_id, position])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Gives tickets a new state at consecutive positions, the last of which is `last_position`.
pub(super) async fn set_state(
    c: &mut Conn,
    ids: &[TicketId],
    state: TicketState,
    last_position: i64,
) -> Result<(), DbError> {
    let first = last_position + 1 - i64::try_from(ids.len()).unwrap_or(0);
    c.update_many(
        sql!("UPDATE tickets SET state = $2, feed_position = $3 WHERE id = $1"),
        ids.iter()
            .zip(first..)
            .map(|(id, position)| vals![id, state, position])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Forgets the holders of tickets at consecutive positions, the last of which is `last_position`.
pub(super) async fn erase_holder(
    c: &mut Conn,
    ids: &[TicketId],
    last_position: i64,
) -> Result<(), DbError> {
    let first = last_position + 1 - i64::try_from(ids.len()).unwrap_or(0);
    c.update_many(
        sql!("UPDATE tickets SET sealed_holder = $2, feed_position = $3 WHERE id = $1"),
        ids.iter()
            .zip(first..)
            .map(|(id, position)| vals![id, Vec::<u8>::new(), position])
            .collect(),
    )
    .await?;
    Ok(())
}

/// How many tickets of an event are in each state.
pub(super) async fn counts(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(TicketState, i64)>, DbError> {
    c.all(
        sql!("SELECT state, COUNT(*) AS tickets FROM tickets WHERE event_id = $1 GROUP BY state"),
        vals![event],
    )
    .await
}

// For the door

/// Of any event: were it part of the condition, SQLite would go through all tickets of that event.
pub(super) async fn versions(
    c: &mut Conn,
    ids: &[TicketId],
) -> Result<Vec<(TicketId, EventId, u16)>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, version FROM tickets \
             WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await
}

pub(super) async fn valid_by_tier(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(u16, i64)>, DbError> {
    c.all(
        sql!(
            "SELECT tier_number, COUNT(*) AS tickets FROM tickets \
             WHERE event_id = $1 AND state = 'valid' GROUP BY tier_number"
        ),
        vals![event],
    )
    .await
}

pub(super) async fn holders(
    c: &mut Conn,
    ids: &[TicketId],
) -> Result<Vec<(TicketId, Vec<u8>, String)>, DbError> {
    c.all(
        sql!(
            "SELECT id, sealed_holder, order_reference FROM tickets \
             WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await
}
