//! PINs, and who holds which device.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;

record! {
    /// A member who may take a device over.
    pub(in crate::identity) struct StaffRow {
        pub(in crate::identity) id: MemberId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) role: Option<Role>,
        pub(in crate::identity) event_role: Option<Role>,
        pub(in crate::identity) sealed_profile: Vec<u8>,
        pub(in crate::identity) pin_hash: String,
    }
}

pub(in crate::identity) async fn set_pin(
    c: &mut Conn,
    organisation: OrganisationId,
    member: MemberId,
    pin_hash: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO staff_pins (member_id, organisation_id, pin_hash, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (member_id) DO UPDATE
             SET pin_hash = excluded.pin_hash, organisation_id = excluded.organisation_id,
                 created_at = excluded.created_at"
        ),
        vals![member, organisation, pin_hash, now],
    )
    .await?;
    Ok(())
}

/// Takes a member's PIN, and the devices that they hold; says whether they had one.
pub(in crate::identity) async fn clear_pin(
    c: &mut Conn,
    member: MemberId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM staff_pins WHERE member_id = $1"),
            vals![member],
        )
        .await?;
    c.exec(
        sql!("UPDATE staff_sessions SET ended_at = $2 WHERE member_id = $1 AND ended_at IS NULL"),
        vals![member, now],
    )
    .await?;
    Ok(touched == 1)
}

/// Members with a PIN who have one of these roles for everything or for the event.
pub(in crate::identity) async fn staff(
    c: &mut Conn,
    organisation: OrganisationId,
    event: EventId,
    roles: &[Role],
    limit: i64,
) -> Result<Vec<StaffRow>, DbError> {
    c.all(
        sql!(
            "SELECT m.id, m.user_id, m.role, e.role AS event_role, u.sealed_profile, p.pin_hash
             FROM staff_pins p
             JOIN members m ON m.id = p.member_id
             JOIN users u ON u.id = m.user_id
             LEFT JOIN member_events e ON e.member_id = m.id AND e.event_id = $2
             WHERE p.organisation_id = $1 AND m.removed_at IS NULL AND u.state = 'active'
               AND (m.role IN (SELECT value FROM list($3)) OR e.role IN (SELECT value FROM list($3)))
             ORDER BY m.id LIMIT $4"
        ),
        vals![organisation, event, Val::texts(roles), limit],
    )
    .await
}

/// One of them.
pub(in crate::identity) async fn staff_member(
    c: &mut Conn,
    organisation: OrganisationId,
    event: EventId,
    roles: &[Role],
    member: MemberId,
) -> Result<Option<StaffRow>, DbError> {
    c.opt(
        sql!(
            "SELECT m.id, m.user_id, m.role, e.role AS event_role, u.sealed_profile, p.pin_hash
             FROM staff_pins p
             JOIN members m ON m.id = p.member_id
             JOIN users u ON u.id = m.user_id
             LEFT JOIN member_events e ON e.member_id = m.id AND e.event_id = $2
             WHERE p.member_id = $4 AND p.organisation_id = $1 AND m.removed_at IS NULL AND u.state = 'active'
               AND (m.role IN (SELECT value FROM list($3)) OR e.role IN (SELECT value FROM list($3)))"
        ),
        vals![organisation, event, Val::texts(roles), member],
    )
    .await
}

/// Signs out whoever holds a device.
pub(in crate::identity) async fn end_device(
    c: &mut Conn,
    device: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE staff_sessions SET ended_at = $2 WHERE device_id = $1 AND ended_at IS NULL"),
        vals![device, now],
    )
    .await?;
    Ok(())
}

record! {
    /// A member who is to hold a device.
    pub(in crate::identity) struct NewStaffSession {
        pub(in crate::identity) id: StaffSessionId,
        pub(in crate::identity) device_id: String,
        pub(in crate::identity) event_id: EventId,
        pub(in crate::identity) member_id: MemberId,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

pub(in crate::identity) async fn begin(
    c: &mut Conn,
    s: &NewStaffSession,
    token_hash: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO staff_sessions (id, device_id, event_id, member_id, token_hash, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        vals![s.id, &s.device_id, s.event_id, s.member_id, token_hash, s.created_at, s.expires_at],
    )
    .await?;
    Ok(())
}

/// Those of these members who held a device at some time.
pub(in crate::identity) async fn held(
    c: &mut Conn,
    device: &str,
    members: &[MemberId],
) -> Result<Vec<MemberId>, DbError> {
    c.scalars(
        sql!(
            "SELECT DISTINCT member_id FROM staff_sessions
             WHERE device_id = $1 AND member_id IN (SELECT value FROM list($2))"
        ),
        vals![device, Val::texts(members)],
    )
    .await
}

pub(in crate::identity) async fn forget_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM staff_sessions WHERE event_id = $1"),
        vals![event],
    )
    .await?;
    Ok(())
}
