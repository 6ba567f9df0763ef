//! Forgetting somebody.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use crate::identity::model::*;

/// The organisations of which somebody is the only owner. The owners stay locked for the rest of
/// the write, so that two of them cannot leave side by side.
pub(in crate::identity) async fn owned_alone(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<String>, DbError> {
    let owners: Vec<(OrganisationId, UserId)> = c
        .all(
            sql!(
                "SELECT organisation_id, user_id FROM members
                 WHERE role = 'owner' AND removed_at IS NULL AND organisation_id IN (
                     SELECT organisation_id FROM members
                     WHERE user_id = $1 AND role = 'owner' AND removed_at IS NULL
                 ) ORDER BY id FOR UPDATE"
            ),
            vals![user],
        )
        .await?;
    let mut alone = Vec::new();
    for (organisation, owner) in &owners {
        let has_other = owners
            .iter()
            .any(|(other, of)| other == organisation && *of != user);
        if *owner == user && !has_other {
            alone.push(
                c.scalar(
                    sql!("SELECT slug FROM organisations WHERE id = $1"),
                    vals![*organisation],
                )
                .await?,
            );
        }
    }
    Ok(alone)
}

/// Leaves of an account that it was there, and nothing else; says whether it was not erased before.
pub(in crate::identity) async fn entomb(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE users SET state = 'erased', email_lookup = NULL, sealed_profile = $2, password_hash = NULL,
                     password_changed_at = NULL, email_verified_at = NULL, updated_at = $3
                 WHERE id = $1 AND state <> 'erased'"
            ),
            vals![user, Vec::<u8>::new(), now],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes everything by which somebody could sign in, and everything that says where they were; what
/// they granted to programs has lost its tokens, and is ended by the service, which tells of it.
pub(in crate::identity) async fn delete_all(
    c: &mut Conn,
    user: UserId,
    email_lookup: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    for statement in [
        sql!(
            "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)"
        ),
        sql!("DELETE FROM sessions WHERE user_id = $1"),
        sql!("DELETE FROM one_time_tokens WHERE user_id = $1"),
        sql!("DELETE FROM email_changes WHERE user_id = $1"),
        sql!("DELETE FROM data_exports WHERE user_id = $1"),
        sql!("DELETE FROM sign_in_attempts WHERE user_id = $1"),
        sql!("DELETE FROM flagged_accounts WHERE user_id = $1"),
        sql!("DELETE FROM known_devices WHERE user_id = $1"),
        sql!("DELETE FROM mfa_methods WHERE user_id = $1"),
        sql!("DELETE FROM recovery_codes WHERE user_id = $1"),
        sql!("DELETE FROM passkeys WHERE user_id = $1"),
        sql!("DELETE FROM identity_links WHERE user_id = $1"),
        sql!(
            "DELETE FROM staff_pins WHERE member_id IN (SELECT id FROM members WHERE user_id = $1)"
        ),
        sql!(
            "DELETE FROM member_events WHERE member_id IN (SELECT id FROM members WHERE user_id = $1)"
        ),
        sql!(
            "DELETE FROM oauth_codes WHERE grant_id IN (SELECT id FROM oauth_grants WHERE user_id = $1)"
        ),
        sql!(
            "DELETE FROM oauth_tokens WHERE grant_id IN (SELECT id FROM oauth_grants WHERE user_id = $1)"
        ),
    ] {
        c.exec(statement, vals![user]).await?;
    }
    for statement in [
        // These say who did what in an organisation, by an id that names nobody any more.
        sql!(
            "UPDATE members SET removed_at = $2, updated_at = $2 WHERE user_id = $1 AND removed_at IS NULL"
        ),
        sql!(
            "UPDATE staff_sessions SET ended_at = $2
             WHERE ended_at IS NULL AND member_id IN (SELECT id FROM members WHERE user_id = $1)"
        ),
        sql!(
            "UPDATE platform_admins SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL"
        ),
        sql!(
            "UPDATE impersonations SET ended_at = $2 WHERE (user_id = $1 OR admin_id = $1) AND ended_at IS NULL"
        ),
    ] {
        c.exec(statement, vals![user, now]).await?;
    }
    c.exec(
        sql!("DELETE FROM invitations WHERE email_lookup = $1"),
        vals![email_lookup],
    )
    .await?;
    Ok(())
}
