//! Administrators of the platform, and what they look at.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::people::UserRow;
use crate::identity::model::*;

/// Makes somebody an administrator; says whether they were none.
pub(in crate::identity) async fn grant(
    c: &mut Conn,
    user: UserId,
    by: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO platform_admins (user_id, granted_by, granted_at) VALUES ($1, $2, $3)
                 ON CONFLICT (user_id) DO UPDATE
                 SET granted_by = excluded.granted_by, granted_at = excluded.granted_at, revoked_at = NULL
                 WHERE platform_admins.revoked_at IS NOT NULL"
            ),
            vals![user, by, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes it back; says whether they were one.
pub(in crate::identity) async fn revoke(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE platform_admins SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL"
            ),
            vals![user, now],
        )
        .await?;
    Ok(touched == 1)
}

pub(in crate::identity) async fn is_admin(c: &mut Conn, user: UserId) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT EXISTS (SELECT 1 FROM platform_admins WHERE user_id = $1 AND revoked_at IS NULL)"
        ),
        vals![user],
    )
    .await
}

/// The administrators, in the order of their ids.
pub(in crate::identity) async fn admins(
    c: &mut Conn,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Admin>, DbError> {
    let after = after.map_or_else(String::new, |id| id.to_string());
    c.all(
        sql!(
            "SELECT user_id, granted_by, granted_at FROM platform_admins
             WHERE revoked_at IS NULL AND user_id > $1 ORDER BY user_id LIMIT $2"
        ),
        vals![after, limit],
    )
    .await
}

/// Those of the administrators whom mail can reach; at most so many.
pub(in crate::identity) async fn reachable(
    c: &mut Conn,
    most: i64,
) -> Result<Vec<UserRow>, DbError> {
    c.all(
        sql!(
            "SELECT u.id, u.sealed_profile, u.password_hash, u.email_verified_at, u.state, u.created_at
             FROM platform_admins a JOIN users u ON u.id = a.user_id
             WHERE a.revoked_at IS NULL AND u.state = 'active' AND u.email_verified_at IS NOT NULL
             ORDER BY u.id LIMIT $1"
        ),
        vals![most],
    )
    .await
}

/// All organisations, the newest first, before one of them.
pub(in crate::identity) async fn organisations(
    c: &mut Conn,
    before: Option<OrganisationId>,
    limit: i64,
) -> Result<Vec<OrganisationView>, DbError> {
    // `~` sorts after every id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT o.id, o.slug, o.name, o.requires_mfa, o.created_at,
                 (SELECT COUNT(*) FROM members m WHERE m.organisation_id = o.id AND m.removed_at IS NULL) AS members,
                 (SELECT COUNT(*) FROM events e WHERE e.organisation_id = o.id) AS events
             FROM organisations o WHERE o.id < $1 ORDER BY o.id DESC LIMIT $2"
        ),
        vals![before, limit],
    )
    .await
}

pub(in crate::identity) async fn organisation(
    c: &mut Conn,
    id: OrganisationId,
) -> Result<Option<OrganisationView>, DbError> {
    c.opt(
        sql!(
            "SELECT o.id, o.slug, o.name, o.requires_mfa, o.created_at,
                 (SELECT COUNT(*) FROM members m WHERE m.organisation_id = o.id AND m.removed_at IS NULL) AS members,
                 (SELECT COUNT(*) FROM events e WHERE e.organisation_id = o.id) AS events
             FROM organisations o WHERE o.id = $1"
        ),
        vals![id],
    )
    .await
}

/// Lets somebody sign in, or not any more; says whether that changed anything. Who was erased
/// stays so.
pub(in crate::identity) async fn set_state(
    c: &mut Conn,
    user: UserId,
    from: UserState,
    to: UserState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE users SET state = $3, updated_at = $4 WHERE id = $1 AND state = $2"),
            vals![user, from, to, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Writes an impersonation down, if its person can sign in and is neither its administrator nor
/// another; says whether it did.
pub(in crate::identity) async fn begin_impersonation(
    c: &mut Conn,
    i: &Impersonation,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO impersonations (id, admin_id, user_id, reason, started_at, expires_at)
                 SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), u.id, CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS BIGINT)
                 FROM users u
                 WHERE u.id = $3 AND u.state = 'active' AND u.id <> $2
                   AND NOT EXISTS (SELECT 1 FROM platform_admins a WHERE a.user_id = u.id AND a.revoked_at IS NULL)"
            ),
            vals![i.id, i.admin_id, i.user_id, &i.reason, i.started_at, i.expires_at],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends an impersonation; gives its person if it was under way.
pub(in crate::identity) async fn end_impersonation(
    c: &mut Conn,
    id: ImpersonationId,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE impersonations SET ended_at = $2
             WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 RETURNING user_id"
        ),
        vals![id, now],
    )
    .await
}

/// Ends all impersonations by somebody who is no administrator any more.
pub(in crate::identity) async fn end_impersonations_by(
    c: &mut Conn,
    admin: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE impersonations SET ended_at = $2
             WHERE admin_id = $1 AND ended_at IS NULL AND expires_at > $2"
        ),
        vals![admin, now],
    )
    .await?;
    Ok(())
}

/// Impersonations, the newest first, before one of them.
pub(in crate::identity) async fn impersonations(
    c: &mut Conn,
    before: Option<ImpersonationId>,
    limit: i64,
) -> Result<Vec<Impersonation>, DbError> {
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, admin_id, user_id, reason, started_at, expires_at, ended_at
             FROM impersonations WHERE id < $1 ORDER BY id DESC LIMIT $2"
        ),
        vals![before, limit],
    )
    .await
}

/// Whether there is such an impersonation.
pub(in crate::identity) async fn has_impersonation(
    c: &mut Conn,
    id: ImpersonationId,
) -> Result<bool, DbError> {
    c.scalar(
        sql!("SELECT EXISTS (SELECT 1 FROM impersonations WHERE id = $1)"),
        vals![id],
    )
    .await
}
