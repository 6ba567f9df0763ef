//! Copies of people's data, and what identity itself holds of somebody.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;

pub(in crate::identity) async fn insert(
    c: &mut Conn,
    user: UserId,
    export: &Export,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO data_exports (id, user_id, state, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)"
        ),
        vals![
            export.id,
            user,
            export.state,
            export.created_at,
            export.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Somebody's copies that are still kept, newest first.
pub(in crate::identity) async fn of_user(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Export>, DbError> {
    c.all(
        sql!(
            "SELECT id, state, size_bytes, created_at, expires_at FROM data_exports
             WHERE user_id = $1 AND expires_at > $2 ORDER BY id DESC"
        ),
        vals![user, now],
    )
    .await
}

/// Keeps a finished copy; says whether it was wanted still.
pub(in crate::identity) async fn finish(
    c: &mut Conn,
    id: ExportId,
    archive: Vec<u8>,
    size: i64,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE data_exports SET state = 'ready', sealed_archive = $2, size_bytes = $3, expires_at = $4
                 WHERE id = $1 AND state = 'pending'"
            ),
            vals![id, archive, size, expires_at],
        )
        .await?;
    Ok(touched == 1)
}

/// A finished copy of somebody's data, sealed.
pub(in crate::identity) async fn archive(
    c: &mut Conn,
    user: UserId,
    id: ExportId,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT sealed_archive FROM data_exports
             WHERE id = $1 AND user_id = $2 AND state = 'ready' AND expires_at > $3"
        ),
        vals![id, user, now],
    )
    .await
}

/// Deletes copies that are not kept any more.
pub(in crate::identity) async fn delete_expired(
    c: &mut Conn,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM data_exports WHERE expires_at <= $1"),
        vals![now],
    )
    .await?;
    Ok(())
}

// What there is of somebody

record! {
    pub(in crate::identity) struct HeldSession {
        pub(in crate::identity) id: SessionId,
        pub(in crate::identity) kind: SessionKind,
        pub(in crate::identity) methods: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) seen_at: Timestamp,
        pub(in crate::identity) revoked_at: Option<Timestamp>,
        pub(in crate::identity) sealed_origin: Vec<u8>,
        pub(in crate::identity) impersonation_id: Option<ImpersonationId>,
    }
}

pub(in crate::identity) async fn sessions(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<HeldSession>, DbError> {
    c.all(
        sql!(
            "SELECT id, kind, methods, created_at, seen_at, revoked_at, sealed_origin, impersonation_id
             FROM sessions WHERE user_id = $1 ORDER BY id"
        ),
        vals![user],
    )
    .await
}

record! {
    pub(in crate::identity) struct HeldAttempt {
        pub(in crate::identity) method: String,
        pub(in crate::identity) outcome: String,
        pub(in crate::identity) is_suspicious: bool,
        pub(in crate::identity) sealed_origin: Vec<u8>,
        pub(in crate::identity) at: Timestamp,
    }
}

pub(in crate::identity) async fn attempts(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<HeldAttempt>, DbError> {
    c.all(
        sql!(
            "SELECT method, outcome, is_suspicious, sealed_origin, at FROM sign_in_attempts
             WHERE user_id = $1 ORDER BY id"
        ),
        vals![user],
    )
    .await
}

/// Known devices: where from, first and last seen.
pub(in crate::identity) async fn devices(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(Vec<u8>, Timestamp, Timestamp)>, DbError> {
    c.all(
        sql!(
            "SELECT sealed_origin, first_seen_at, seen_at FROM known_devices
             WHERE user_id = $1 ORDER BY first_seen_at"
        ),
        vals![user],
    )
    .await
}

/// Passkeys: name, made, used.
pub(in crate::identity) async fn passkeys(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(String, Timestamp, Option<Timestamp>)>, DbError> {
    c.all(
        sql!("SELECT name, created_at, used_at FROM passkeys WHERE user_id = $1 ORDER BY id"),
        vals![user],
    )
    .await
}

record! {
    /// A second factor as a copy tells of it.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct HeldFactor {
        pub(in crate::identity) id: FactorId,
        pub(in crate::identity) kind: FactorKind,
        pub(in crate::identity) sealed_secret: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) confirmed_at: Option<Timestamp>,
    }
}

/// Second factors.
pub(in crate::identity) async fn factors(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<HeldFactor>, DbError> {
    c.all(
        sql!(
            "SELECT id, kind, sealed_secret, created_at, confirmed_at FROM mfa_methods
             WHERE user_id = $1 ORDER BY id"
        ),
        vals![user],
    )
    .await
}

/// Recovery codes: made, used.
pub(in crate::identity) async fn recovery_codes(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(Timestamp, Option<Timestamp>)>, DbError> {
    c.all(
        sql!(
            "SELECT created_at, used_at FROM recovery_codes WHERE user_id = $1
             ORDER BY created_at, code_hash"
        ),
        vals![user],
    )
    .await
}

/// Accounts elsewhere: where, what the person is called there, linked, used.
pub(in crate::identity) async fn links(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(String, String, Timestamp, Option<Timestamp>)>, DbError> {
    c.all(
        sql!(
            "SELECT s.name, l.subject, l.created_at, l.used_at
             FROM identity_links l JOIN sso_connections s ON s.id = l.connection_id
             WHERE l.user_id = $1 ORDER BY l.created_at"
        ),
        vals![user],
    )
    .await
}

record! {
    pub(in crate::identity) struct HeldMembership {
        pub(in crate::identity) id: MemberId,
        pub(in crate::identity) organisation: String,
        pub(in crate::identity) role: Option<Role>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) removed_at: Option<Timestamp>,
    }
}

pub(in crate::identity) async fn memberships(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<HeldMembership>, DbError> {
    c.all(
        sql!(
            "SELECT m.id, o.name AS organisation, m.role, m.created_at, m.removed_at
             FROM members m JOIN organisations o ON o.id = m.organisation_id
             WHERE m.user_id = $1 ORDER BY m.id"
        ),
        vals![user],
    )
    .await
}

pub(in crate::identity) async fn event_roles(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(MemberId, EventId, Role)>, DbError> {
    c.all(
        sql!(
            "SELECT e.member_id, e.event_id, e.role FROM members m
             JOIN member_events e ON e.member_id = m.id WHERE m.user_id = $1 ORDER BY e.event_id"
        ),
        vals![user],
    )
    .await
}

/// Programs that may act for somebody: which, what they may do, granted, revoked.
pub(in crate::identity) async fn grants(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(String, String, Timestamp, Option<Timestamp>)>, DbError> {
    c.all(
        sql!(
            "SELECT k.name, g.scopes, g.created_at, g.revoked_at
             FROM oauth_grants g JOIN oauth_clients k ON k.id = g.client_id
             WHERE g.user_id = $1 ORDER BY g.created_at"
        ),
        vals![user],
    )
    .await
}

/// Times in which administrators acted as somebody: from, until, ended, why.
pub(in crate::identity) async fn impersonations(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<(Timestamp, Timestamp, Option<Timestamp>, String)>, DbError> {
    c.all(
        sql!(
            "SELECT started_at, expires_at, ended_at, reason FROM impersonations
             WHERE user_id = $1 ORDER BY id"
        ),
        vals![user],
    )
    .await
}
