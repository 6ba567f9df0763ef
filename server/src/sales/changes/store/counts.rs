//! By what orders are counted for purchase limits.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::sales::OrderId;
use crate::sales::store::limits::CountedRow;

/// Counts an order by so many tickets of one key more or fewer, down to none.
pub(in crate::sales::changes) async fn shift_count(
    c: &mut Conn,
    order: OrderId,
    row: &CountedRow,
    tickets: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_counts SET tickets = CASE WHEN tickets + $4 > 0 THEN tickets + $4 ELSE 0 END \
             WHERE order_id = $1 AND kind = $2 AND key_hash = $3 AND counted"
        ),
        vals![order, row.kind, row.key_hash.as_slice(), tickets],
    )
    .await?;
    Ok(())
}

/// Lets an order be counted by so many tickets of these keys, besides what it is counted by already.
pub(in crate::sales::changes) async fn add_counts(
    c: &mut Conn,
    order: OrderId,
    rows: &[(&CountedRow, i64)],
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO order_counts (order_id, event_id, kind, key_hash, tickets, counted) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (order_id, kind, key_hash) \
             DO UPDATE SET tickets = order_counts.tickets + excluded.tickets"
        ),
        rows.iter()
            .map(|(row, tickets)| {
                vals![
                    order,
                    row.event_id,
                    row.kind,
                    row.key_hash.as_slice(),
                    *tickets,
                    true
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

/// Forgets by what an order is counted.
pub(in crate::sales::changes) async fn drop_counts(
    c: &mut Conn,
    order: OrderId,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_counts WHERE order_id = $1"),
        vals![order],
    )
    .await?;
    Ok(())
}
