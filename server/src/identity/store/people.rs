//! People with an account.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A person as they are stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct UserRow {
        pub(in crate::identity) id: UserId,
        pub(in crate::identity) sealed_profile: Vec<u8>,
        pub(in crate::identity) password_hash: Option<String>,
        pub(in crate::identity) email_verified_at: Option<Timestamp>,
        pub(in crate::identity) state: UserState,
        pub(in crate::identity) created_at: Timestamp,
    }
}

/// Writes somebody down; a second one with the same address violates a unique index.
pub(in crate::identity) async fn insert(
    c: &mut Conn,
    user: &UserRow,
    email_lookup: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO users (id, email_lookup, sealed_profile, password_hash, password_changed_at,
                 email_verified_at, state, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $7, $5, $6, $7, $7)"
        ),
        vals![
            user.id,
            email_lookup,
            &user.sealed_profile,
            &user.password_hash,
            user.email_verified_at,
            user.state,
            user.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn by_id(
    c: &mut Conn,
    id: UserId,
) -> Result<Option<UserRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, sealed_profile, password_hash, email_verified_at, state, created_at
             FROM users WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

pub(in crate::identity) async fn by_email(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Option<UserRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, sealed_profile, password_hash, email_verified_at, state, created_at
             FROM users WHERE email_lookup = $1"
        ),
        vals![email_lookup],
    )
    .await
}
