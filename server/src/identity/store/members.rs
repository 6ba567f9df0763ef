//! Members as others see and change them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use super::people::UserRow;
use crate::catalog::EventId;
use crate::identity::model::*;

record! {
    /// A member as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct MemberRow {
        pub(in crate::identity) id: MemberId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) role: Option<Role>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) sealed_profile: Vec<u8>,
        pub(in crate::identity) has_pin: bool,
    }
}

/// The statement that lists members in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT m.id, m.user_id, m.role, m.created_at, u.sealed_profile,
                 EXISTS (SELECT 1 FROM staff_pins p WHERE p.member_id = m.id) AS has_pin
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.organisation_id = $1 AND m.removed_at IS NULL AND ",
            $after_and_order,
            " LIMIT $3"
        ))
    };
}

/// Members in the order in which they joined, after one of them; perhaps only those with a role.
pub(in crate::identity) async fn members(
    c: &mut Conn,
    organisation: OrganisationId,
    filter: &MemberFilter,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<MemberRow>, DbError> {
    let after = after.map(|id| id.to_string());
    // `~` sorts after every id.
    let after = match filter.by {
        MemberSort::FirstJoined => after.unwrap_or_default(),
        MemberSort::LastJoined => after.unwrap_or_else(|| "~".to_owned()),
    };
    let mut values = vals![organisation, after, limit];
    if let Some(role) = filter.role {
        values.extend(vals![role]);
    }
    let statement = match (filter.by, filter.role) {
        (MemberSort::FirstJoined, None) => listed!("m.id > $2 ORDER BY m.id"),
        (MemberSort::LastJoined, None) => listed!("m.id < $2 ORDER BY m.id DESC"),
        (MemberSort::FirstJoined, Some(_)) => {
            listed!("m.role = $4 AND m.id > $2 ORDER BY m.id")
        }
        (MemberSort::LastJoined, Some(_)) => {
            listed!("m.role = $4 AND m.id < $2 ORDER BY m.id DESC")
        }
    };
    c.all(statement, values).await
}

/// The member with this address.
pub(in crate::identity) async fn member_by_email(
    c: &mut Conn,
    organisation: OrganisationId,
    email_lookup: [u8; 32],
) -> Result<Option<MemberRow>, DbError> {
    c.opt(
        sql!(
            "SELECT m.id, m.user_id, m.role, m.created_at, u.sealed_profile,
                 EXISTS (SELECT 1 FROM staff_pins p WHERE p.member_id = m.id) AS has_pin
             FROM users u JOIN members m ON m.user_id = u.id
             WHERE u.email_lookup = $2 AND m.organisation_id = $1 AND m.removed_at IS NULL"
        ),
        vals![organisation, email_lookup],
    )
    .await
}

pub(in crate::identity) async fn member(
    c: &mut Conn,
    organisation: OrganisationId,
    id: MemberId,
) -> Result<Option<MemberRow>, DbError> {
    c.opt(
        sql!(
            "SELECT m.id, m.user_id, m.role, m.created_at, u.sealed_profile,
                 EXISTS (SELECT 1 FROM staff_pins p WHERE p.member_id = m.id) AS has_pin
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.organisation_id = $1 AND m.id = $2 AND m.removed_at IS NULL"
        ),
        vals![organisation, id],
    )
    .await
}

/// The member that a person is.
pub(in crate::identity) async fn member_of(
    c: &mut Conn,
    organisation: OrganisationId,
    user: UserId,
) -> Result<Option<(MemberId, Option<Role>)>, DbError> {
    c.opt(
        sql!(
            "SELECT id, role FROM members
             WHERE organisation_id = $1 AND user_id = $2 AND removed_at IS NULL"
        ),
        vals![organisation, user],
    )
    .await
}

/// Those of an organisation's members with one of these roles whom mail can reach; at most so many.
pub(in crate::identity) async fn reachable(
    c: &mut Conn,
    organisation: OrganisationId,
    roles: &[Role],
    most: i64,
) -> Result<Vec<UserRow>, DbError> {
    c.all(
        sql!(
            "SELECT u.id, u.sealed_profile, u.password_hash, u.email_verified_at, u.state, u.created_at
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.organisation_id = $1 AND m.removed_at IS NULL
               AND m.role IN (SELECT value FROM list($2))
               AND u.state = 'active' AND u.email_verified_at IS NOT NULL
             ORDER BY u.id LIMIT $3"
        ),
        vals![organisation, Val::texts(roles), most],
    )
    .await
}

/// The roles that members have for single events.
pub(in crate::identity) async fn event_roles(
    c: &mut Conn,
    members: &[MemberId],
) -> Result<Vec<(MemberId, EventId, Role)>, DbError> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    c.all(
        sql!(
            "SELECT member_id, event_id, role FROM member_events
             WHERE member_id IN (SELECT value FROM list($1)) ORDER BY member_id, event_id"
        ),
        vals![Val::texts(members)],
    )
    .await
}

/// Makes changes of roles in an organisation come one after the other: each sees what the one
/// before it left.
pub(in crate::identity) async fn one_at_a_time(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<bool, DbError> {
    let locked = c
        .exec(
            sql!("UPDATE organisations SET updated_at = updated_at WHERE id = $1"),
            vals![organisation],
        )
        .await?;
    Ok(locked == 1)
}

/// Changes the role for everything, unless that leaves the organisation without an owner who can
/// sign in; says whether it did.
pub(in crate::identity) async fn set_role(
    c: &mut Conn,
    organisation: OrganisationId,
    id: MemberId,
    role: Option<Role>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE members SET role = $3, updated_at = $4
                 WHERE id = $2 AND organisation_id = $1 AND removed_at IS NULL
                   AND (COALESCE(role, '') <> 'owner' OR COALESCE(CAST($3 AS TEXT), '') = 'owner'
                        OR EXISTS (SELECT 1 FROM members o JOIN users u ON u.id = o.user_id
                                   WHERE o.organisation_id = $1 AND o.role = 'owner' AND o.id <> $2
                                     AND o.removed_at IS NULL AND u.state = 'active'))"
            ),
            vals![organisation, id, role, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes a member out, unless that leaves the organisation without an owner who can sign in; says
/// whether it did.
pub(in crate::identity) async fn remove(
    c: &mut Conn,
    organisation: OrganisationId,
    id: MemberId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE members SET removed_at = $3, updated_at = $3
                 WHERE id = $2 AND organisation_id = $1 AND removed_at IS NULL
                   AND (COALESCE(role, '') <> 'owner'
                        OR EXISTS (SELECT 1 FROM members o JOIN users u ON u.id = o.user_id
                                   WHERE o.organisation_id = $1 AND o.role = 'owner' AND o.id <> $2
                                     AND o.removed_at IS NULL AND u.state = 'active'))"
            ),
            vals![organisation, id, now],
        )
        .await?;
    if touched == 1 {
        clear_event_roles(c, id).await?;
        super::staff::clear_pin(c, id, now).await?;
    }
    Ok(touched == 1)
}

pub(in crate::identity) async fn clear_event_roles(
    c: &mut Conn,
    member: MemberId,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM member_events WHERE member_id = $1"),
        vals![member],
    )
    .await?;
    Ok(())
}

/// Gives a member roles for single events; an event that is gone violates a foreign key.
pub(in crate::identity) async fn insert_event_roles(
    c: &mut Conn,
    member: MemberId,
    roles: &[EventRole],
) -> Result<(), DbError> {
    if roles.is_empty() {
        return Ok(());
    }
    let rows = roles
        .iter()
        .map(|given| vals![member, given.event, given.role])
        .collect();
    c.insert_many(
        sql!(
            "INSERT INTO member_events (member_id, event_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        ),
        rows,
    )
    .await?;
    Ok(())
}

/// Forgets what depends on an event that is deleted; keys that were bound to it end.
pub(in crate::identity) async fn forget_event(
    c: &mut Conn,
    event: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM member_events WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    super::staff::forget_event(c, event).await?;
    c.exec(
        sql!(
            "UPDATE api_keys SET event_id = NULL, revoked_at = COALESCE(revoked_at, $2), \
             revision = revision + 1 WHERE event_id = $1"
        ),
        vals![event, now],
    )
    .await?;
    Ok(())
}

pub(in crate::identity) async fn update_organisation(
    c: &mut Conn,
    organisation: OrganisationId,
    name: Option<&str>,
    requires_mfa: Option<bool>,
    now: Timestamp,
) -> Result<Option<Organisation>, DbError> {
    c.opt(
        sql!(
            "UPDATE organisations SET name = COALESCE(CAST($2 AS TEXT), name),
                 requires_mfa = COALESCE(CAST($3 AS BOOLEAN), requires_mfa), updated_at = $4
             WHERE id = $1 RETURNING id, slug, name, mode, requires_mfa, created_at"
        ),
        vals![organisation, name, requires_mfa, now],
    )
    .await
}
