//! What sellers are owed, as it is stored.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::ListingRow;
use crate::catalog::EventId;
use crate::sales::OrderId;
use crate::sales::resale::model::*;

pub(in crate::sales::resale) async fn insert_payout(
    c: &mut Conn,
    id: ResalePayoutId,
    row: &ListingRow,
    buyer: OrderId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO resale_payouts (id, listing_id, event_id, seller_order_id, seller_transfer_id, \
             buyer_order_id, state, currency, price_minor, fee_minor, amount_minor, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 'owed', $7, $8, $9, $10, $11)"
        ),
        vals![
            id, row.id, row.event_id, row.order_id, row.transfer_id, buyer, row.currency, row.price_minor,
            row.fee_minor, row.price_minor - row.fee_minor, now
        ],
    )
    .await?;
    Ok(())
}

/// Makes void what is owed for tickets of an order; says whether nothing of it was settled.
pub(in crate::sales::resale) async fn void(
    c: &mut Conn,
    seller: OrderId,
    now: Timestamp,
) -> Result<bool, DbError> {
    c.exec(
        sql!(
            "UPDATE resale_payouts SET state = 'void', settled_at = $2 \
             WHERE seller_order_id = $1 AND state = 'owed'"
        ),
        vals![seller, now],
    )
    .await?;
    let settled: i64 = c
        .scalar(
            sql!(
                "SELECT COUNT(*) FROM resale_payouts WHERE seller_order_id = $1 AND state = 'settled'"
            ),
            vals![seller],
        )
        .await?;
    Ok(settled == 0)
}

/// What sellers of an event are owed, or were, oldest first, after one.
pub(in crate::sales::resale) async fn payouts(
    c: &mut Conn,
    event: EventId,
    after: Option<ResalePayoutId>,
    limit: i64,
) -> Result<Vec<ResalePayout>, DbError> {
    c.all(
        sql!(
            "SELECT id, listing_id, event_id, seller_order_id, seller_transfer_id, buyer_order_id, state, currency, \
             price_minor, fee_minor, amount_minor, created_at, settled_at FROM resale_payouts \
             WHERE event_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        ),
        vals![
            event,
            after.map_or_else(String::new, |id| id.to_string()),
            limit
        ],
    )
    .await
}
