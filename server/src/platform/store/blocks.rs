//! Addresses that are shut out for a while.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

/// Says whether the address was not blocked yet.
pub(in crate::platform) async fn insert(c: &mut Conn, block: &BlockRow) -> Result<bool, DbError> {
    let added = c
        .exec(
            sql!(
                "INSERT INTO address_blocks (id, address, blocked_at, until_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (address) DO NOTHING"
            ),
            vals![block.id, &block.address, block.blocked_at, block.until_at],
        )
        .await?;
    Ok(added == 1)
}

/// All that are not over, the newest first, `limit` of them at most.
pub(in crate::platform) async fn current(
    c: &mut Conn,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<BlockRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, address, blocked_at, until_at FROM address_blocks WHERE until_at > $1 \
             ORDER BY id DESC LIMIT $2"
        ),
        vals![now, limit],
    )
    .await
}

/// Those before one that are not over, the newest first.
pub(in crate::platform) async fn page(
    c: &mut Conn,
    now: Timestamp,
    before: &str,
    limit: i64,
) -> Result<Vec<BlockRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, address, blocked_at, until_at FROM address_blocks \
             WHERE until_at > $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        ),
        vals![now, before, limit],
    )
    .await
}

/// Says whether there was one.
pub(in crate::platform) async fn delete(c: &mut Conn, id: BlockId) -> Result<bool, DbError> {
    let statement = sql!("DELETE FROM address_blocks WHERE id = $1");
    Ok(c.exec(statement, vals![id]).await? == 1)
}

/// Forgets those that are over.
pub(in crate::platform) async fn delete_over(c: &mut Conn, now: Timestamp) -> Result<u64, DbError> {
    let statement = sql!("DELETE FROM address_blocks WHERE until_at <= $1");
    c.exec(statement, vals![now]).await
}
