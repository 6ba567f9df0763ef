//! By what orders are counted for purchase limits.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::sales::OrderId;
use crate::sales::limits::LimitKind;

/// Counts an order by so many tickets more or fewer, down to none.
pub(in crate::sales::changes) async fn shift_counts(
    c: &mut Conn,
    order: OrderId,
    tickets: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE order_counts SET tickets = CASE WHEN tickets + $2 > 0 THEN tickets + $2 ELSE 0 END \
             WHERE order_id = $1 AND counted"
        ),
        vals![order, tickets],
    )
    .await?;
    Ok(())
}

/// Counts an order by so many more of one kind.
pub(in crate::sales::changes) async fn shift_count(
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

/// Lets an order be counted by what another one is, with so many tickets.
pub(in crate::sales::changes) async fn copy_counts(
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

/// Lets a new order be counted by what another one is, with so many of its tickets, or all that it has.
pub(in crate::sales::changes) async fn split_counts(
    c: &mut Conn,
    from: OrderId,
    to: OrderId,
    tickets: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO order_counts (order_id, event_id, kind, key_hash, tickets, counted) \
             SELECT $2, event_id, kind, key_hash, CASE WHEN tickets < $3 THEN tickets ELSE $3 END, TRUE \
             FROM order_counts WHERE order_id = $1 AND counted"
        ),
        vals![from, to, tickets],
    )
    .await?;
    Ok(())
}

/// Lets what an order is counted by in one kind be another one's.
pub(in crate::sales::changes) async fn move_count(
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
pub(in crate::sales::changes) async fn drop_count(
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
