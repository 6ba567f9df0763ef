//! Requests that are done once.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

/// Claims a request that nobody has claimed; says whether it did.
pub(in crate::platform) async fn insert(
    c: &mut Conn,
    once: &Once,
    claimed_until: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let added = c
        .exec(
            sql!(
                "INSERT INTO idempotent_answers (id, request_hash, claimed_until, is_answered, sealed_answer, expires_at) \
                 VALUES ($1, $2, $3, FALSE, $4, $5) ON CONFLICT (id) DO NOTHING"
            ),
            vals![
                &once.id,
                once.request_hash.to_vec(),
                claimed_until,
                Vec::<u8>::new(),
                expires_at
            ],
        )
        .await?;
    Ok(added == 1)
}

pub(in crate::platform) async fn one(c: &mut Conn, id: &str) -> Result<Option<OnceRow>, DbError> {
    c.opt(
        sql!(
            "SELECT request_hash, claimed_until, is_answered, sealed_answer, expires_at \
             FROM idempotent_answers WHERE id = $1 FOR UPDATE"
        ),
        vals![id],
    )
    .await
}

pub(in crate::platform) async fn answer(
    c: &mut Conn,
    id: &str,
    sealed_answer: Vec<u8>,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE idempotent_answers SET is_answered = TRUE, sealed_answer = $2 WHERE id = $1"),
        vals![id, sealed_answer],
    )
    .await?;
    Ok(())
}

pub(in crate::platform) async fn delete(c: &mut Conn, id: &str) -> Result<(), DbError> {
    let statement = sql!("DELETE FROM idempotent_answers WHERE id = $1");
    c.exec(statement, vals![id]).await?;
    Ok(())
}

/// Forgets answers whose time is over.
pub(in crate::platform) async fn delete_over(c: &mut Conn, now: Timestamp) -> Result<u64, DbError> {
    let statement = sql!("DELETE FROM idempotent_answers WHERE expires_at <= $1");
    c.exec(statement, vals![now]).await
}
