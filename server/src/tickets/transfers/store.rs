//! All SQL of transfers.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::model::*;
use crate::catalog::EventId;
use crate::tickets::TicketId;

record! {
    /// A transfer as it is stored.
    pub(super) struct TransferRow {
        pub(super) id: TransferId,
        pub(super) ticket_id: TicketId,
        pub(super) event_id: EventId,
        pub(super) ticket_version: u16,
        pub(super) from_transfer_id: Option<TransferId>,
        pub(super) state: TransferState,
        pub(super) sealed_receiver: Vec<u8>,
        pub(super) expires_at: Timestamp,
        pub(super) created_at: Timestamp,
        pub(super) settled_at: Option<Timestamp>,
    }
}

/// Inserts a pending transfer; says whether the ticket had none.
pub(super) async fn insert(
    c: &mut Conn,
    row: &TransferRow,
    email_lookup: [u8; 32],
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO ticket_transfers (id, ticket_id, event_id, ticket_version, from_transfer_id, state, \
                 sealed_receiver, email_lookup, expires_at, created_at, settled_at) \
                 VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, NULL) ON CONFLICT DO NOTHING"
            ),
            vals![
                row.id, row.ticket_id, row.event_id, row.ticket_version, row.from_transfer_id,
                &row.sealed_receiver, email_lookup, row.expires_at, row.created_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

pub(super) async fn transfer(c: &mut Conn, id: TransferId) -> Result<Option<TransferRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, ticket_id, event_id, ticket_version, from_transfer_id, state, sealed_receiver, expires_at, \
             created_at, settled_at FROM ticket_transfers WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// The offer of a ticket that waits for an answer.
pub(super) async fn pending(
    c: &mut Conn,
    ticket: TicketId,
    now: Timestamp,
) -> Result<Option<TransferRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, ticket_id, event_id, ticket_version, from_transfer_id, state, sealed_receiver, expires_at, \
             created_at, settled_at FROM ticket_transfers \
             WHERE ticket_id = $1 AND state = 'pending' AND expires_at > $2"
        ),
        vals![ticket, now],
    )
    .await
}

/// A ticket's transfers after one, oldest first; all of them, or those that its order's holder offered.
pub(super) async fn of_ticket(
    c: &mut Conn,
    ticket: TicketId,
    is_all: bool,
    after: Option<TransferId>,
    limit: i64,
) -> Result<Vec<TransferRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, event_id, ticket_version, from_transfer_id, state, sealed_receiver, expires_at, \
             created_at, settled_at FROM ticket_transfers \
             WHERE ticket_id = $1 AND ($2 OR from_transfer_id IS NULL) AND id > $3 ORDER BY id LIMIT $4"
        ),
        vals![
            ticket,
            is_all,
            after.map_or_else(String::new, |id| id.to_string()),
            limit
        ],
    )
    .await
}

/// How often a ticket was offered.
pub(super) async fn count(c: &mut Conn, ticket: TicketId) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM ticket_transfers WHERE ticket_id = $1"),
        vals![ticket],
    )
    .await
}

/// Settles a transfer that waits and is not over; says whether it did.
pub(super) async fn settle(
    c: &mut Conn,
    id: TransferId,
    to: TransferState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE ticket_transfers SET state = $2, settled_at = $3 \
                 WHERE id = $1 AND state = 'pending' AND expires_at > $3"
            ),
            vals![id, to, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends what waits for these tickets.
pub(super) async fn end_pending(
    c: &mut Conn,
    tickets: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE ticket_transfers SET state = 'cancelled', settled_at = $2 \
             WHERE state = 'pending' AND ticket_id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(tickets), now],
    )
    .await?;
    Ok(())
}

/// Ends what nobody answered in time of one ticket.
pub(super) async fn expire_of(
    c: &mut Conn,
    ticket: TicketId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE ticket_transfers SET state = 'expired', settled_at = $2 \
             WHERE ticket_id = $1 AND state = 'pending' AND expires_at <= $2"
        ),
        vals![ticket, now],
    )
    .await?;
    Ok(())
}

/// Ends what nobody answered in time.
pub(super) async fn expire(c: &mut Conn, now: Timestamp) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "UPDATE ticket_transfers SET state = 'expired', settled_at = $1 \
             WHERE state = 'pending' AND expires_at <= $1"
        ),
        vals![now],
    )
    .await
}

/// The transfers to an address, locked so that it can be taken out.
pub(super) async fn lock_of_receiver(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Vec<(TransferId, TicketId)>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id FROM ticket_transfers WHERE email_lookup = $1 ORDER BY id FOR UPDATE"
        ),
        vals![email_lookup],
    )
    .await
}

/// The transfers to an address, oldest first.
pub(super) async fn of_receiver(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Vec<TransferRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, ticket_id, event_id, ticket_version, from_transfer_id, state, sealed_receiver, expires_at, \
             created_at, settled_at FROM ticket_transfers WHERE email_lookup = $1 ORDER BY id"
        ),
        vals![email_lookup],
    )
    .await
}

/// Takes the receiver's address out of transfers.
pub(super) async fn forget_receiver(
    c: &mut Conn,
    transfers: &[(TransferId, TicketId)],
) -> Result<(), DbError> {
    c.update_many(
        sql!("UPDATE ticket_transfers SET sealed_receiver = $2, email_lookup = $2 WHERE id = $1"),
        transfers
            .iter()
            .map(|(id, _)| vals![id, Vec::<u8>::new()])
            .collect(),
    )
    .await?;
    Ok(())
}
