//! Requests that are done once.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::super::model::*;

/// Claims a request that nobody has claimed; says whether it did.
pub(in crate::platform) async fn insert(
    c: &mut Conn,
    once: &Once,
    claim: &str,
    claimed_until: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let added = c
        .exec(
            sql!(
                "INSERT INTO idempotent_answers (id, request_hash, claim, claimed_until, has_written, is_answered, \
                 sealed_answer, expires_at) \
                 VALUES ($1, $2, $3, $4, FALSE, FALSE, $5, $6) ON CONFLICT (id) DO NOTHING"
            ),
            vals![
                &once.id,
                once.request_hash.to_vec(),
                claim,
                claimed_until,
                Vec::<u8>::new(),
                expires_at
            ],
        )
        .await?;
    Ok(added == 1)
}

/// A request as it stands. It is not locked: whoever carries it out may hold the row for long.
pub(in crate::platform) async fn one(c: &mut Conn, id: &str) -> Result<Option<OnceRow>, DbError> {
    c.opt(
        sql!(
            "SELECT request_hash, claim, claimed_until, has_written, is_answered, sealed_answer, expires_at \
             FROM idempotent_answers WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// Takes a request away from whoever had this claim, if their time is over and nothing was written,
/// or if it is to be forgotten; says whether it did.
pub(in crate::platform) async fn take_over(
    c: &mut Conn,
    id: &str,
    claim: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let taken = c
        .exec(
            sql!(
                "DELETE FROM idempotent_answers WHERE id = $1 AND claim = $2 AND (expires_at <= $3 \
                 OR (claimed_until <= $3 AND NOT is_answered AND NOT has_written))"
            ),
            vals![id, claim, now],
        )
        .await?;
    Ok(taken == 1)
}

/// Notes that something is written for a request; says whether the claim still stands.
pub(in crate::platform) async fn note_write(
    c: &mut Conn,
    id: &str,
    claim: &str,
) -> Result<bool, DbError> {
    let noted = c
        .exec(
            sql!("UPDATE idempotent_answers SET has_written = TRUE WHERE id = $1 AND claim = $2"),
            vals![id, claim],
        )
        .await?;
    Ok(noted == 1)
}

pub(in crate::platform) async fn answer(
    c: &mut Conn,
    id: &str,
    claim: &str,
    sealed_answer: Vec<u8>,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE idempotent_answers SET is_answered = TRUE, sealed_answer = $3 WHERE id = $1 AND claim = $2"
        ),
        vals![id, claim, sealed_answer],
    )
    .await?;
    Ok(())
}

pub(in crate::platform) async fn delete(
    c: &mut Conn,
    id: &str,
    claim: &str,
) -> Result<(), DbError> {
    let statement = sql!("DELETE FROM idempotent_answers WHERE id = $1 AND claim = $2");
    c.exec(statement, vals![id, claim]).await?;
    Ok(())
}

/// Forgets a request for which nothing was written, and ends the claim of any other.
pub(in crate::platform) async fn fail(
    c: &mut Conn,
    id: &str,
    claim: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM idempotent_answers WHERE id = $1 AND claim = $2 AND NOT has_written"),
        vals![id, claim],
    )
    .await?;
    c.exec(
        sql!("UPDATE idempotent_answers SET claimed_until = $3 WHERE id = $1 AND claim = $2"),
        vals![id, claim, now],
    )
    .await?;
    Ok(())
}

/// Forgets answers whose time is over.
pub(in crate::platform) async fn delete_over(c: &mut Conn, now: Timestamp) -> Result<u64, DbError> {
    let statement = sql!("DELETE FROM idempotent_answers WHERE expires_at <= $1");
    c.exec(statement, vals![now]).await
}
