//! Attempts to sign in, and from which browsers and apps they came.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// An attempt to sign in.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct Attempt {
        pub(in crate::identity) id: AttemptId,
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) method: String,
        pub(in crate::identity) outcome: AttemptOutcome,
        pub(in crate::identity) is_suspicious: bool,
        pub(in crate::identity) sealed_origin: Vec<u8>,
        pub(in crate::identity) at: Timestamp,
    }
}

pub(in crate::identity) async fn insert(c: &mut Conn, a: &Attempt) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sign_in_attempts (id, user_id, method, outcome, is_suspicious, sealed_origin, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        vals![
            a.id,
            a.user_id,
            &a.method,
            a.outcome,
            a.is_suspicious,
            &a.sealed_origin,
            a.at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn delete_old(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM sign_in_attempts WHERE at < $1"),
        vals![before],
    )
    .await
}

/// Whether somebody signed in with this device before.
pub(in crate::identity) async fn is_known_device(
    c: &mut Conn,
    user: UserId,
    device: [u8; 32],
) -> Result<bool, DbError> {
    let found: Option<i64> = c
        .scalar_opt(
            sql!("SELECT seen_at FROM known_devices WHERE user_id = $1 AND device_hash = $2"),
            vals![user, device],
        )
        .await?;
    Ok(found.is_some())
}

/// Whether somebody signed in with any device before.
pub(in crate::identity) async fn has_known_devices(
    c: &mut Conn,
    user: UserId,
) -> Result<bool, DbError> {
    let found: Option<i64> = c
        .scalar_opt(
            sql!("SELECT seen_at FROM known_devices WHERE user_id = $1 LIMIT 1"),
            vals![user],
        )
        .await?;
    Ok(found.is_some())
}

/// Notes that somebody signed in with this device.
pub(in crate::identity) async fn device_seen(
    c: &mut Conn,
    user: UserId,
    device: [u8; 32],
    sealed_origin: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO known_devices (user_id, device_hash, sealed_origin, first_seen_at, seen_at)
             VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (user_id, device_hash) DO UPDATE
             SET sealed_origin = excluded.sealed_origin, seen_at = excluded.seen_at"
        ),
        vals![user, device, sealed_origin, now],
    )
    .await?;
    Ok(())
}

/// Forgets with which devices somebody signed in.
pub(in crate::identity) async fn forget_devices(
    c: &mut Conn,
    user: UserId,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM known_devices WHERE user_id = $1"),
        vals![user],
    )
    .await
}

/// Forgets devices that were not used for long.
pub(in crate::identity) async fn delete_old_devices(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM known_devices WHERE seen_at < $1"),
        vals![before],
    )
    .await
}
