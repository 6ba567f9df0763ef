//! Changes of people's addresses.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A change that was asked for.
    pub(in crate::identity) struct NewChange {
        pub(in crate::identity) id: EmailChangeId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

record! {
    /// A change whose link was followed.
    pub(in crate::identity) struct ChangeRow {
        pub(in crate::identity) id: EmailChangeId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
    }
}

pub(in crate::identity) async fn insert(
    c: &mut Conn,
    change: &NewChange,
    confirm_hash: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO email_changes (id, user_id, sealed_content, confirm_hash, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            change.id,
            change.user_id,
            &change.sealed_content,
            confirm_hash,
            change.created_at,
            change.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// How many changes somebody asked for since a time.
pub(in crate::identity) async fn count_since(
    c: &mut Conn,
    user: UserId,
    since: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM email_changes WHERE user_id = $1 AND created_at > $2"),
        vals![user, since],
    )
    .await
}

/// The newest change that is waiting to be confirmed.
pub(in crate::identity) async fn pending(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, user_id, sealed_content, created_at FROM email_changes
             WHERE user_id = $1 AND confirmed_at IS NULL AND expires_at > $2
             ORDER BY id DESC LIMIT 1"
        ),
        vals![user, now],
    )
    .await
}

/// Ends the changes of somebody that are waiting; they still count.
pub(in crate::identity) async fn end_pending(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE email_changes SET expires_at = $2
             WHERE user_id = $1 AND confirmed_at IS NULL AND expires_at > $2"
        ),
        vals![user, now],
    )
    .await?;
    Ok(())
}

/// Confirms a change by its link, once; the old address may bring itself back from now on.
pub(in crate::identity) async fn confirm(
    c: &mut Conn,
    user: UserId,
    confirm_hash: [u8; 32],
    undo_hash: [u8; 32],
    undo_until: Timestamp,
    now: Timestamp,
) -> Result<Option<ChangeRow>, DbError> {
    c.opt(
        sql!(
            "UPDATE email_changes SET confirmed_at = $5, undo_hash = $3, undo_until = $4
             WHERE confirm_hash = $2 AND user_id = $1 AND confirmed_at IS NULL AND expires_at > $5
             RETURNING id, user_id, sealed_content, created_at"
        ),
        vals![user, confirm_hash, undo_hash, undo_until, now],
    )
    .await
}

/// Takes a change back by its link, once; later ones of the same person cannot be any more.
pub(in crate::identity) async fn undo(
    c: &mut Conn,
    undo_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<ChangeRow>, DbError> {
    let found: Option<ChangeRow> = c
        .opt(
            sql!(
                "UPDATE email_changes SET undo_until = $2
                 WHERE undo_hash = $1 AND undo_until > $2
                 RETURNING id, user_id, sealed_content, created_at"
            ),
            vals![undo_hash, now],
        )
        .await?;
    if let Some(change) = &found {
        c.exec(
            sql!(
                "UPDATE email_changes SET expires_at = LEAST(expires_at, $3),
                     undo_until = CASE WHEN undo_until > $3 THEN $3 ELSE undo_until END
                 WHERE user_id = $1 AND created_at >= $2"
            ),
            vals![change.user_id, change.created_at, now],
        )
        .await?;
    }
    Ok(found)
}

/// Deletes changes that can neither be confirmed nor taken back any more.
pub(in crate::identity) async fn delete_old(
    c: &mut Conn,
    before: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM email_changes WHERE created_at < $1"),
        vals![before],
    )
    .await?;
    Ok(())
}

/// Gives somebody another address and profile; says whether they still had the profile that was read.
pub(in crate::identity) async fn set_email(
    c: &mut Conn,
    user: UserId,
    email_lookup: [u8; 32],
    profile: (&[u8], &[u8]),
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE users SET email_lookup = $2, sealed_profile = $4, email_verified_at = $5, updated_at = $5
                 WHERE id = $1 AND sealed_profile = $3 AND state = 'active'"
            ),
            vals![user, email_lookup, profile.0.to_vec(), profile.1.to_vec(), now],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives somebody another profile with the same address; says whether they still had the one that was
/// read.
pub(in crate::identity) async fn set_profile(
    c: &mut Conn,
    user: UserId,
    profile: (&[u8], &[u8]),
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE users SET sealed_profile = $3, updated_at = $4
                 WHERE id = $1 AND sealed_profile = $2 AND state = 'active'"
            ),
            vals![user, profile.0.to_vec(), profile.1.to_vec(), now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes away by what somebody could sign in, as far as it was added since a time, and the password.
pub(in crate::identity) async fn remove_new_ways_in(
    c: &mut Conn,
    user: UserId,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE users SET password_hash = NULL, password_changed_at = $2 WHERE id = $1"),
        vals![user, now],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM passkeys WHERE user_id = $1 AND created_at >= $2"),
        vals![user, since],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM identity_links WHERE user_id = $1 AND created_at >= $2"),
        vals![user, since],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM mfa_methods WHERE user_id = $1 AND created_at >= $2"),
        vals![user, since],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM recovery_codes WHERE user_id = $1 AND created_at >= $2"),
        vals![user, since],
    )
    .await?;
    delete_links(c, user).await
}

/// Deletes the links and codes that were sent to somebody and not used.
pub(in crate::identity) async fn delete_links(c: &mut Conn, user: UserId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM one_time_tokens WHERE user_id = $1"),
        vals![user],
    )
    .await?;
    Ok(())
}
