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

/// Replaces a password's hash by one of the same password, unless it was changed meanwhile.
pub(in crate::identity) async fn upgrade_password(
    c: &mut Conn,
    id: UserId,
    stored: &str,
    upgraded: &str,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"),
            vals![id, stored, upgraded],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives somebody who is active a new password; says whether they were.
pub(in crate::identity) async fn set_password(
    c: &mut Conn,
    id: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3
                 WHERE id = $1 AND state = 'active'"
            ),
            vals![id, password_hash, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Notes that the address is known to be theirs.
pub(in crate::identity) async fn set_verified(
    c: &mut Conn,
    id: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE users SET email_verified_at = $2, updated_at = $2
             WHERE id = $1 AND email_verified_at IS NULL"
        ),
        vals![id, now],
    )
    .await?;
    Ok(())
}

/// The keyed hash of somebody's address.
pub(in crate::identity) async fn lookup(
    c: &mut Conn,
    id: UserId,
) -> Result<Option<Vec<u8>>, DbError> {
    let found: Option<Option<Vec<u8>>> = c
        .scalar_opt(
            sql!("SELECT email_lookup FROM users WHERE id = $1"),
            vals![id],
        )
        .await?;
    Ok(found.flatten())
}
