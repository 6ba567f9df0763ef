//! Counters of tries.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

/// Counts a try unless tries are blocked just now; says how many there were, this one included.
pub(in crate::identity) async fn count(
    c: &mut Conn,
    key: [u8; 32],
    now: Timestamp,
    forget_before: Timestamp,
) -> Result<Option<i64>, DbError> {
    count_if(c, key, now, forget_before, false).await
}

/// Counts a try that failed, also while tries are blocked; says how many there were, this one included.
pub(in crate::identity) async fn count_failed(
    c: &mut Conn,
    key: [u8; 32],
    now: Timestamp,
    forget_before: Timestamp,
) -> Result<i64, DbError> {
    let count = count_if(c, key, now, forget_before, true).await?;
    // There is always one.
    Ok(count.unwrap_or_default())
}

async fn count_if(
    c: &mut Conn,
    key: [u8; 32],
    now: Timestamp,
    forget_before: Timestamp,
    also_while_blocked: bool,
) -> Result<Option<i64>, DbError> {
    c.scalar_opt(
        sql!(
            "INSERT INTO throttles (key_hash, failures, blocked_until, updated_at) VALUES ($1, 1, 0, $2)
             ON CONFLICT (key_hash) DO UPDATE
             SET failures = CASE WHEN throttles.updated_at < $3 THEN 1 ELSE throttles.failures + 1 END,
                 updated_at = $2
             WHERE throttles.blocked_until <= $2 OR $4
             RETURNING failures"
        ),
        vals![key, now, forget_before, also_while_blocked],
    )
    .await
}

pub(in crate::identity) async fn block(
    c: &mut Conn,
    key: [u8; 32],
    until: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE throttles SET blocked_until = $2 WHERE key_hash = $1"),
        vals![key, until],
    )
    .await?;
    Ok(())
}

/// Tries that were counted, and until when further ones are blocked.
pub(in crate::identity) async fn state(
    c: &mut Conn,
    key: [u8; 32],
) -> Result<Option<(i64, Timestamp)>, DbError> {
    c.opt(
        sql!("SELECT failures, blocked_until FROM throttles WHERE key_hash = $1"),
        vals![key],
    )
    .await
}

/// Forgets the tries.
pub(in crate::identity) async fn clear(c: &mut Conn, key: [u8; 32]) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM throttles WHERE key_hash = $1"),
        vals![key],
    )
    .await?;
    Ok(())
}

/// Takes one counted try back.
pub(in crate::identity) async fn take_back(c: &mut Conn, key: [u8; 32]) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE throttles SET failures = failures - 1 WHERE key_hash = $1 AND failures > 0"),
        vals![key],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_old(
    c: &mut Conn,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM throttles WHERE updated_at < $1 AND blocked_until < $2"),
        vals![before, now],
    )
    .await
}
