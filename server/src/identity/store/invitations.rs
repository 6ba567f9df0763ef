//! Invitations.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// An invitation as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct InvitationRow {
        pub(in crate::identity) id: InvitationId,
        pub(in crate::identity) organisation_id: OrganisationId,
        pub(in crate::identity) email_lookup: Vec<u8>,
        pub(in crate::identity) sealed_email: Vec<u8>,
        pub(in crate::identity) role: Option<Role>,
        pub(in crate::identity) event_roles: AsJson<Vec<EventRole>>,
        pub(in crate::identity) invited_by: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
        pub(in crate::identity) accepted_at: Option<Timestamp>,
        pub(in crate::identity) revoked_at: Option<Timestamp>,
    }
}

pub(in crate::identity) async fn insert(
    c: &mut Conn,
    row: &InvitationRow,
    token_hash: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO invitations (id, organisation_id, email_lookup, sealed_email, role, event_roles,
                 token_hash, invited_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        vals![
            row.id,
            row.organisation_id,
            &row.email_lookup,
            &row.sealed_email,
            row.role,
            Val::json(&row.event_roles.0)?,
            token_hash,
            &row.invited_by,
            row.created_at,
            row.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// An organisation's invitations, the newest first, before one of them.
pub(in crate::identity) async fn list(
    c: &mut Conn,
    organisation: OrganisationId,
    before: Option<InvitationId>,
    limit: i64,
) -> Result<Vec<InvitationRow>, DbError> {
    // `~` sorts after every id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, organisation_id, email_lookup, sealed_email, role, event_roles, invited_by,
                 created_at, expires_at, accepted_at, revoked_at
             FROM invitations WHERE organisation_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        ),
        vals![organisation, before, limit],
    )
    .await
}

pub(in crate::identity) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    id: InvitationId,
) -> Result<Option<InvitationRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, email_lookup, sealed_email, role, event_roles, invited_by,
                 created_at, expires_at, accepted_at, revoked_at
             FROM invitations WHERE organisation_id = $1 AND id = $2"
        ),
        vals![organisation, id],
    )
    .await
}

pub(in crate::identity) async fn by_token(
    c: &mut Conn,
    token_hash: [u8; 32],
) -> Result<Option<InvitationRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, email_lookup, sealed_email, role, event_roles, invited_by,
                 created_at, expires_at, accepted_at, revoked_at
             FROM invitations WHERE token_hash = $1"
        ),
        vals![token_hash],
    )
    .await
}

/// How many wait for an answer.
pub(in crate::identity) async fn waiting(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM invitations
             WHERE organisation_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2"
        ),
        vals![organisation, now],
    )
    .await
}

/// Uses an invitation up; says whether it could still be accepted.
pub(in crate::identity) async fn accept(
    c: &mut Conn,
    id: InvitationId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE invitations SET accepted_at = $2
                 WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2"
            ),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes an invitation back; says whether it was waiting.
pub(in crate::identity) async fn revoke(
    c: &mut Conn,
    organisation: OrganisationId,
    id: InvitationId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE invitations SET revoked_at = $3
                 WHERE organisation_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL"
            ),
            vals![organisation, id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes back what waits for somebody with this address: a newer invitation replaces it.
pub(in crate::identity) async fn revoke_for(
    c: &mut Conn,
    organisation: OrganisationId,
    email_lookup: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE invitations SET revoked_at = $3
             WHERE organisation_id = $1 AND email_lookup = $2 AND accepted_at IS NULL AND revoked_at IS NULL"
        ),
        vals![organisation, email_lookup, now],
    )
    .await?;
    Ok(())
}

/// Takes back what somebody sent who may not do so any more.
pub(in crate::identity) async fn revoke_by(
    c: &mut Conn,
    organisation: OrganisationId,
    invited_by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE invitations SET revoked_at = $3
             WHERE organisation_id = $1 AND invited_by = $2 AND accepted_at IS NULL AND revoked_at IS NULL"
        ),
        vals![organisation, invited_by, now],
    )
    .await?;
    Ok(())
}

/// Gives a waiting invitation a new token and a new time; says whether it was waiting.
pub(in crate::identity) async fn renew(
    c: &mut Conn,
    organisation: OrganisationId,
    id: InvitationId,
    token_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE invitations SET token_hash = $3, expires_at = $4
                 WHERE organisation_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL"
            ),
            vals![organisation, id, token_hash, expires_at],
        )
        .await?;
    Ok(touched == 1)
}
