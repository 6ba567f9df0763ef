//! Tickets of orders that are changed.

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::sales::OrderId;
use crate::tickets::model::{TicketId, TicketState};
use crate::tickets::transfers::TransferId;

record! {
    /// What says whether a ticket can be changed.
    pub(in crate::tickets) struct StandingRow {
        pub(in crate::tickets) order_id: OrderId,
        pub(in crate::tickets) state: TicketState,
        pub(in crate::tickets) version: u16,
        pub(in crate::tickets) transfer_id: Option<TransferId>,
    }
}

pub(in crate::tickets) async fn standing(
    c: &mut Conn,
    ids: &[TicketId],
) -> Result<Vec<StandingRow>, DbError> {
    c.all(
        sql!(
            "SELECT order_id, state, version, transfer_id FROM tickets WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await
}

/// Issues tickets anew for something else: by their new versions older codes die. A row is its id, tier,
/// the tier's number, from when and until when it is valid, the key, date, seat and label, and its position.
pub(in crate::tickets) async fn reissue(
    c: &mut Conn,
    tickets: Vec<Vec<Val>>,
) -> Result<u64, DbError> {
    c.update_many(
        sql!(
            "UPDATE tickets SET version = version + 1, revoked_below = version + 1, tier_id = $2, \
             tier_number = $3, valid_from = $4, valid_until = $5, key_id = $6, occurrence_id = $7, \
             seat_id = $8, seat_label = $9, feed_position = $10 WHERE id = $1 AND state = 'valid'"
        ),
        tickets,
    )
    .await
}

/// Names other holders.
pub(in crate::tickets) async fn name_holders(
    c: &mut Conn,
    holders: Vec<(TicketId, Vec<u8>)>,
) -> Result<(), DbError> {
    c.update_many(
        sql!("UPDATE tickets SET sealed_holder = $2 WHERE id = $1"),
        holders
            .into_iter()
            .map(|(id, sealed)| vals![id, sealed])
            .collect(),
    )
    .await?;
    Ok(())
}

/// Lets tickets be those of another order. A row is its id, the order, what people call that, and its
/// position.
pub(in crate::tickets) async fn move_to_order(
    c: &mut Conn,
    tickets: Vec<Vec<Val>>,
) -> Result<(), DbError> {
    c.update_many(
        sql!(
            "UPDATE tickets SET order_id = $2, order_reference = $3, feed_position = $4 WHERE id = $1"
        ),
        tickets,
    )
    .await?;
    Ok(())
}
