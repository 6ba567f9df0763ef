//! Second factors and recovery codes.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A second factor as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct FactorRow {
        pub(in crate::identity) id: FactorId,
        pub(in crate::identity) kind: FactorKind,
        pub(in crate::identity) sealed_secret: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
    }
}

/// Makes everything else that changes this person's factors wait until the write ends.
pub(in crate::identity) async fn lock_user(c: &mut Conn, user: UserId) -> Result<(), DbError> {
    c.scalar_opt::<String>(
        sql!("SELECT id FROM users WHERE id = $1 FOR UPDATE"),
        vals![user],
    )
    .await?;
    Ok(())
}

/// Writes down a factor that waits for its first code, in place of others of its kind that wait.
pub(in crate::identity) async fn insert(
    c: &mut Conn,
    user: UserId,
    row: &FactorRow,
) -> Result<(), DbError> {
    // Whoever confirms one holds the person before the factor; the other way round is a deadlock.
    lock_user(c, user).await?;
    c.exec(
        sql!("DELETE FROM mfa_methods WHERE user_id = $1 AND kind = $2 AND confirmed_at IS NULL"),
        vals![user, row.kind],
    )
    .await?;
    c.exec(
        sql!(
            "INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at)
             VALUES ($1, $2, $3, $4, 0, $5)"
        ),
        vals![row.id, user, row.kind, &row.sealed_secret, row.created_at],
    )
    .await?;
    Ok(())
}

/// The factors that somebody can use.
pub(in crate::identity) async fn confirmed(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<FactorRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, kind, sealed_secret, created_at FROM mfa_methods
             WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY id"
        ),
        vals![user],
    )
    .await
}

/// The factor of a kind that somebody can use.
pub(in crate::identity) async fn confirmed_of_kind(
    c: &mut Conn,
    user: UserId,
    kind: FactorKind,
) -> Result<Option<FactorRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, kind, sealed_secret, created_at FROM mfa_methods
             WHERE user_id = $1 AND kind = $2 AND confirmed_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        ),
        vals![user, kind],
    )
    .await
}

/// A factor that waits for its first code.
pub(in crate::identity) async fn unconfirmed(
    c: &mut Conn,
    user: UserId,
    id: FactorId,
) -> Result<Option<FactorRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, kind, sealed_secret, created_at FROM mfa_methods
             WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL"
        ),
        vals![id, user],
    )
    .await
}

/// Forgets factors that nobody confirmed: their numbers may be somebody else's.
pub(in crate::identity) async fn delete_unconfirmed(
    c: &mut Conn,
    before: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM mfa_methods WHERE confirmed_at IS NULL AND created_at < $1"),
        vals![before],
    )
    .await
}

/// Lets a factor count, in place of others of its kind; says whether it was there and waited.
pub(in crate::identity) async fn confirm(
    c: &mut Conn,
    user: UserId,
    id: FactorId,
    kind: FactorKind,
    now: Timestamp,
) -> Result<bool, DbError> {
    c.exec(
        sql!("DELETE FROM mfa_methods WHERE user_id = $1 AND kind = $2 AND id <> $3"),
        vals![user, kind, id],
    )
    .await?;
    let confirmed = c
        .exec(
            sql!(
                "UPDATE mfa_methods SET confirmed_at = $3
                 WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL"
            ),
            vals![id, user, now],
        )
        .await?;
    Ok(confirmed == 1)
}

/// Takes a time step of an authenticator app; says whether it is later than all taken before.
pub(in crate::identity) async fn take_step(
    c: &mut Conn,
    id: FactorId,
    step: i64,
) -> Result<bool, DbError> {
    let taken = c
        .exec(
            sql!("UPDATE mfa_methods SET last_step = $2 WHERE id = $1 AND last_step < $2"),
            vals![id, step],
        )
        .await?;
    Ok(taken == 1)
}

/// Deletes a factor; gives its kind if it counted.
pub(in crate::identity) async fn delete(
    c: &mut Conn,
    user: UserId,
    id: FactorId,
) -> Result<Option<FactorKind>, DbError> {
    c.scalar_opt(
        sql!(
            "DELETE FROM mfa_methods WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL
             RETURNING kind"
        ),
        vals![id, user],
    )
    .await
}

/// Takes everything from somebody that they can show besides a password: factors, passkeys, recovery
/// codes.
pub(in crate::identity) async fn delete_all(c: &mut Conn, user: UserId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM mfa_methods WHERE user_id = $1"),
        sql!("DELETE FROM passkeys WHERE user_id = $1"),
        sql!("DELETE FROM recovery_codes WHERE user_id = $1"),
    ] {
        c.exec(statement, vals![user]).await?;
    }
    Ok(())
}

/// Whether somebody has a second factor or a passkey.
pub(in crate::identity) async fn has_any(c: &mut Conn, user: UserId) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT (EXISTS (SELECT 1 FROM mfa_methods m WHERE m.user_id = $1 AND m.confirmed_at IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = $1))"
        ),
        vals![user],
    )
    .await
}

/// Whether an organisation of theirs, or being an administrator of the platform, asks for one.
pub(in crate::identity) async fn is_required(c: &mut Conn, user: UserId) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT (EXISTS (SELECT 1 FROM members m JOIN organisations o ON o.id = m.organisation_id
                     WHERE m.user_id = $1 AND m.removed_at IS NULL AND o.requires_mfa)
                 OR EXISTS (SELECT 1 FROM platform_admins a WHERE a.user_id = $1 AND a.revoked_at IS NULL))"
        ),
        vals![user],
    )
    .await
}

/// Replaces somebody's recovery codes by these.
pub(in crate::identity) async fn replace_recovery_codes(
    c: &mut Conn,
    user: UserId,
    hashes: &[[u8; 32]],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM recovery_codes WHERE user_id = $1"),
        vals![user],
    )
    .await?;
    let rows = hashes.iter().map(|hash| vals![user, *hash, now]).collect();
    c.insert_many(
        sql!("INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)"),
        rows,
    )
    .await?;
    Ok(())
}

/// Uses a recovery code up; says whether it was there and unused.
pub(in crate::identity) async fn use_recovery_code(
    c: &mut Conn,
    user: UserId,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let used = c
        .exec(
            sql!(
                "UPDATE recovery_codes SET used_at = $3
                 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL"
            ),
            vals![user, hash, now],
        )
        .await?;
    Ok(used == 1)
}

/// How many recovery codes are left.
pub(in crate::identity) async fn recovery_codes_left(
    c: &mut Conn,
    user: UserId,
) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL"),
        vals![user],
    )
    .await
}

/// Forgets a code that was sent before.
pub(in crate::identity) async fn forget_code(c: &mut Conn, key: [u8; 32]) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM one_time_tokens WHERE token_hash = $1"),
        vals![key],
    )
    .await?;
    Ok(())
}
