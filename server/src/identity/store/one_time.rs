//! Links and codes that count once.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A link or code that is to count once.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct NewOneTime {
        pub(in crate::identity) token_hash: [u8; 32],
        pub(in crate::identity) purpose: String,
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) subject_hash: Option<[u8; 32]>,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

record! {
    /// What a link or code stands for.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct OneTimeRow {
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

pub(in crate::identity) async fn insert(c: &mut Conn, t: &NewOneTime) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO one_time_tokens (token_hash, purpose, user_id, subject_hash, sealed_content,
                 attempts, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, 0, $6, $7)"
        ),
        vals![
            t.token_hash,
            &t.purpose,
            t.user_id,
            t.subject_hash,
            &t.sealed_content,
            t.created_at,
            t.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// What the token stands for, if it is alive.
pub(in crate::identity) async fn peek(
    c: &mut Conn,
    purpose: &str,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<OneTimeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT user_id, sealed_content, expires_at FROM one_time_tokens
             WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3"
        ),
        vals![token_hash, purpose, now],
    )
    .await
}

/// Uses the token up, if it is alive.
pub(in crate::identity) async fn take(
    c: &mut Conn,
    purpose: &str,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<OneTimeRow>, DbError> {
    c.opt(
        sql!(
            "UPDATE one_time_tokens SET used_at = $3
             WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
             RETURNING user_id, sealed_content, expires_at"
        ),
        vals![token_hash, purpose, now],
    )
    .await
}

/// Counts a try with the token, if it is alive and has tries left.
pub(in crate::identity) async fn attempt(
    c: &mut Conn,
    purpose: &str,
    token_hash: [u8; 32],
    most: i64,
    now: Timestamp,
) -> Result<Option<OneTimeRow>, DbError> {
    c.opt(
        sql!(
            "UPDATE one_time_tokens SET attempts = attempts + 1
             WHERE token_hash = $1 AND purpose = $2 AND attempts < $3 AND used_at IS NULL AND expires_at > $4
             RETURNING user_id, sealed_content, expires_at"
        ),
        vals![token_hash, purpose, most, now],
    )
    .await
}

/// The newest living token of whoever has this address.
pub(in crate::identity) async fn newest_of_subject(
    c: &mut Conn,
    purpose: &str,
    subject: [u8; 32],
    now: Timestamp,
) -> Result<Option<OneTimeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT user_id, sealed_content, expires_at FROM one_time_tokens
             WHERE subject_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
             ORDER BY created_at DESC, token_hash LIMIT 1"
        ),
        vals![subject, purpose, now],
    )
    .await
}

/// Ends all living tokens of whoever has this address.
pub(in crate::identity) async fn end_of_subject(
    c: &mut Conn,
    purpose: &str,
    subject: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE one_time_tokens SET used_at = $3 WHERE subject_hash = $1 AND purpose = $2 AND used_at IS NULL"
        ),
        vals![subject, purpose, now],
    )
    .await?;
    Ok(())
}

/// Ends all living tokens of somebody for these purposes.
pub(in crate::identity) async fn end_of_user(
    c: &mut Conn,
    user: UserId,
    purposes: &[&str],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE one_time_tokens SET used_at = $3
             WHERE user_id = $1 AND purpose IN (SELECT value FROM list($2)) AND used_at IS NULL"
        ),
        vals![user, Val::texts(purposes), now],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_expired(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM one_time_tokens WHERE expires_at < $1"),
        vals![before],
    )
    .await
}
