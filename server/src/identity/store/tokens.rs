//! Refresh tokens, and the keys that sign access tokens.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A key that signs access tokens, as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct TokenKeyRow {
        pub(in crate::identity) key_id: String,
        pub(in crate::identity) public_key: [u8; 32],
        pub(in crate::identity) sealed_secret: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) signs_until: Timestamp,
        pub(in crate::identity) trusted_until: Timestamp,
    }
}

/// The keys that are trusted, those that sign longest last.
pub(in crate::identity) async fn keys(
    c: &mut Conn,
    now: Timestamp,
) -> Result<Vec<TokenKeyRow>, DbError> {
    c.all(
        sql!(
            "SELECT key_id, public_key, sealed_secret, created_at, signs_until, trusted_until
             FROM token_keys WHERE trusted_until > $1 ORDER BY signs_until, key_id"
        ),
        vals![now],
    )
    .await
}

pub(in crate::identity) async fn insert_key(c: &mut Conn, k: &TokenKeyRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO token_keys (key_id, public_key, sealed_secret, created_at, signs_until, trusted_until)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            &k.key_id,
            k.public_key,
            &k.sealed_secret,
            k.created_at,
            k.signs_until,
            k.trusted_until
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_old_keys(
    c: &mut Conn,
    now: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM token_keys WHERE trusted_until <= $1"),
        vals![now],
    )
    .await
}

record! {
    /// A refresh token, with the session it belongs to.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct RefreshRow {
        pub(in crate::identity) session_id: SessionId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) used_at: Option<Timestamp>,
        pub(in crate::identity) client_hash: Option<[u8; 32]>,
    }
}

pub(in crate::identity) async fn insert_refresh(
    c: &mut Conn,
    token_hash: [u8; 32],
    session: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("INSERT INTO refresh_tokens (token_hash, session_id, created_at) VALUES ($1, $2, $3)"),
        vals![token_hash, session, now],
    )
    .await?;
    Ok(())
}

/// The refresh token, used or not.
pub(in crate::identity) async fn refresh(
    c: &mut Conn,
    token_hash: [u8; 32],
) -> Result<Option<RefreshRow>, DbError> {
    c.opt(
        sql!(
            "SELECT t.session_id, s.user_id, t.used_at, t.client_hash
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.token_hash = $1"
        ),
        vals![token_hash],
    )
    .await
}

/// Uses a refresh token up; says whether it was unused.
pub(in crate::identity) async fn use_refresh(
    c: &mut Conn,
    token_hash: [u8; 32],
    client_hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE refresh_tokens SET used_at = $3, client_hash = $2
                 WHERE token_hash = $1 AND used_at IS NULL"
            ),
            vals![token_hash, client_hash, now],
        )
        .await?;
    Ok(touched == 1)
}
