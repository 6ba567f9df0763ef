//! Organisations and where people are members.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;

pub(in crate::identity) async fn insert_organisation(
    c: &mut Conn,
    o: &Organisation,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO organisations (id, slug, name, mode, requires_mfa, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)"
        ),
        vals![o.id, &o.slug, &o.name, o.mode, o.requires_mfa, o.created_at],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn organisation_by_slug(
    c: &mut Conn,
    slug: &str,
) -> Result<Option<Organisation>, DbError> {
    c.opt(
        sql!("SELECT id, slug, name, mode, requires_mfa, created_at FROM organisations WHERE slug = $1"),
        vals![slug],
    )
    .await
}

pub(in crate::identity) async fn organisation(
    c: &mut Conn,
    id: OrganisationId,
) -> Result<Option<Organisation>, DbError> {
    c.opt(
        sql!(
            "SELECT id, slug, name, mode, requires_mfa, created_at FROM organisations WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// Whether an organisation sells or only tries things out.
pub(in crate::identity) async fn mode(
    c: &mut Conn,
    id: OrganisationId,
) -> Result<OrganisationMode, DbError> {
    c.scalar(
        sql!("SELECT mode FROM organisations WHERE id = $1"),
        vals![id],
    )
    .await
}

record! {
    struct MembershipRow {
        id: MemberId,
        organisation_id: OrganisationId,
        slug: String,
        name: String,
        mode: OrganisationMode,
        requires_mfa: bool,
        role: Option<Role>,
    }
}

/// Where somebody is a member, with their roles.
pub(in crate::identity) async fn memberships(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<Membership>, DbError> {
    let rows: Vec<MembershipRow> = c
        .all(
            sql!(
                "SELECT m.id, m.organisation_id, o.slug, o.name, o.mode, o.requires_mfa, m.role
                 FROM members m JOIN organisations o ON o.id = m.organisation_id
                 WHERE m.user_id = $1 AND m.removed_at IS NULL ORDER BY m.id"
            ),
            vals![user],
        )
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let event_roles: Vec<(MemberId, EventId, Role)> = c
        .all(
            sql!(
                "SELECT e.member_id, e.event_id, e.role
                 FROM members m JOIN member_events e ON e.member_id = m.id
                 WHERE m.user_id = $1 AND m.removed_at IS NULL"
            ),
            vals![user],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Membership {
            event_roles: event_roles
                .iter()
                .filter(|(member, _, _)| *member == row.id)
                .map(|(_, event, role)| (*event, *role))
                .collect(),
            member: row.id,
            organisation: row.organisation_id,
            slug: row.slug,
            name: row.name,
            mode: row.mode,
            requires_mfa: row.requires_mfa,
            role: row.role,
        })
        .collect())
}

/// Makes somebody a member; says whether they were none before.
pub(in crate::identity) async fn insert_member(
    c: &mut Conn,
    id: MemberId,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO members (id, organisation_id, user_id, role, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $5)
                 ON CONFLICT (organisation_id, user_id) DO UPDATE
                 SET role = excluded.role, updated_at = excluded.updated_at, removed_at = NULL
                 WHERE members.removed_at IS NOT NULL"
            ),
            vals![id, organisation, user, role, now],
        )
        .await?;
    Ok(touched == 1)
}
