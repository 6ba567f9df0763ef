//! Roles that a provider's word gives.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;

/// Gives somebody a role for everything; an owner stays one. Returns the member.
pub(in crate::identity) async fn map_member(
    c: &mut Conn,
    id: MemberId,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
    now: Timestamp,
) -> Result<Option<MemberId>, DbError> {
    c.scalar_opt(
        sql!(
            "INSERT INTO members (id, organisation_id, user_id, role, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $5)
             ON CONFLICT (organisation_id, user_id) DO UPDATE
             SET role = excluded.role, updated_at = excluded.updated_at, removed_at = NULL
             WHERE members.removed_at IS NOT NULL OR COALESCE(members.role, '') <> 'owner'
             RETURNING id"
        ),
        vals![id, organisation, user, role, now],
    )
    .await
}

/// Gives a member these roles for single events and no others; events of other organisations are
/// left out.
pub(in crate::identity) async fn map_events(
    c: &mut Conn,
    organisation: OrganisationId,
    member: MemberId,
    roles: &[(EventId, Role)],
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM member_events WHERE member_id = $1"),
        vals![member],
    )
    .await?;
    for (event, role) in roles {
        c.exec(
            sql!(
                "INSERT INTO member_events (member_id, event_id, role)
                 SELECT $1, id, $3 FROM events WHERE id = $2 AND organisation_id = $4"
            ),
            vals![member, *event, *role, organisation],
        )
        .await?;
    }
    Ok(())
}

/// Which of these events are an organisation's.
pub(in crate::identity) async fn own_events(
    c: &mut Conn,
    organisation: OrganisationId,
    events: &[EventId],
) -> Result<Vec<EventId>, DbError> {
    c.scalars(
        sql!(
            "SELECT id FROM events WHERE organisation_id = $1 AND id IN (SELECT value FROM list($2))"
        ),
        vals![organisation, Val::texts(events)],
    )
    .await
}

/// Whether somebody administers the platform.
pub(in crate::identity) async fn is_platform_admin(
    c: &mut Conn,
    user: UserId,
) -> Result<bool, DbError> {
    c.scalar(
        sql!(
            "SELECT EXISTS (SELECT 1 FROM platform_admins WHERE user_id = $1 AND revoked_at IS NULL)"
        ),
        vals![user],
    )
    .await
}
