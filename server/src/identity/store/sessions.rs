//! Sessions.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A session with what its person may do apart from organisations.
    pub(in crate::identity) struct SessionRow {
        pub(in crate::identity) id: SessionId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) kind: SessionKind,
        pub(in crate::identity) is_mfa: bool,
        pub(in crate::identity) authenticated_at: Timestamp,
        pub(in crate::identity) seen_at: Timestamp,
        pub(in crate::identity) idle_ms: i64,
        pub(in crate::identity) expires_at: Timestamp,
        pub(in crate::identity) impersonation_id: Option<ImpersonationId>,
        pub(in crate::identity) impersonator: Option<UserId>,
        pub(in crate::identity) impersonation_until: Option<Timestamp>,
        pub(in crate::identity) has_mfa: bool,
        pub(in crate::identity) is_platform_admin: bool,
    }
}

record! {
    /// A new session.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct NewSession {
        pub(in crate::identity) id: SessionId,
        pub(in crate::identity) user_id: UserId,
        pub(in crate::identity) kind: SessionKind,
        pub(in crate::identity) methods: String,
        pub(in crate::identity) is_mfa: bool,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) idle_ms: i64,
        pub(in crate::identity) expires_at: Timestamp,
        pub(in crate::identity) sealed_origin: Vec<u8>,
        pub(in crate::identity) impersonation_id: Option<ImpersonationId>,
    }
}

/// Writes a session down.
pub(in crate::identity) async fn insert(
    c: &mut Conn,
    s: &NewSession,
    token_hash: [u8; 32],
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sessions (id, user_id, token_hash, kind, methods, is_mfa, authenticated_at,
                 created_at, seen_at, idle_ms, expires_at, sealed_origin, impersonation_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8, $9, $10, $11)"
        ),
        vals![
            s.id,
            s.user_id,
            token_hash,
            s.kind,
            &s.methods,
            s.is_mfa,
            s.created_at,
            s.idle_ms,
            s.expires_at,
            &s.sealed_origin,
            s.impersonation_id
        ],
    )
    .await?;
    Ok(())
}

/// The statement for a living session, by how it is found.
macro_rules! live_session {
    ($by:literal) => {
        sql!(concat!(
            "SELECT s.id, s.user_id, s.kind, s.is_mfa, s.authenticated_at, s.seen_at, s.idle_ms, s.expires_at,
                 s.impersonation_id, i.admin_id AS impersonator, i.expires_at AS impersonation_until,
                 (EXISTS (SELECT 1 FROM mfa_methods m WHERE m.user_id = s.user_id AND m.confirmed_at IS NOT NULL)
                  OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = s.user_id)) AS has_mfa,
                 EXISTS (SELECT 1 FROM platform_admins a WHERE a.user_id = s.user_id AND a.revoked_at IS NULL)
                     AS is_platform_admin
             FROM sessions s
             JOIN users u ON u.id = s.user_id
             LEFT JOIN impersonations i ON i.id = s.impersonation_id
             WHERE ",
            $by,
            " = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND u.state = 'active'
               AND (s.impersonation_id IS NULL OR (i.ended_at IS NULL AND i.expires_at > $2))"
        ))
    };
}

/// The session of a token, if it has not ended and its person may sign in; whether it was idle for
/// too long is for the caller to see.
pub(in crate::identity) async fn live_session(
    c: &mut Conn,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<SessionRow>, DbError> {
    c.opt(live_session!("s.token_hash"), vals![token_hash, now])
        .await
}

/// The session with this id, likewise.
pub(in crate::identity) async fn live_session_by_id(
    c: &mut Conn,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionRow>, DbError> {
    c.opt(live_session!("s.id"), vals![id, now]).await
}

/// Lets a session count as freshly authenticated; says whether it is alive.
pub(in crate::identity) async fn raise(
    c: &mut Conn,
    id: SessionId,
    user: UserId,
    methods: &str,
    is_mfa: bool,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sessions SET authenticated_at = $5, methods = $3, is_mfa = (is_mfa OR $4)
                 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $5"
            ),
            vals![id, user, methods, is_mfa, now],
        )
        .await?;
    Ok(touched == 1)
}

record! {
    /// A session as its person sees it.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct ListedSession {
        pub(in crate::identity) id: SessionId,
        pub(in crate::identity) kind: SessionKind,
        pub(in crate::identity) methods: String,
        pub(in crate::identity) is_mfa: bool,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) seen_at: Timestamp,
        pub(in crate::identity) idle_ms: i64,
        pub(in crate::identity) expires_at: Timestamp,
        pub(in crate::identity) sealed_origin: Vec<u8>,
        pub(in crate::identity) is_impersonated: bool,
    }
}

/// Somebody's sessions that have not ended, newest first.
pub(in crate::identity) async fn of_user(
    c: &mut Conn,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<ListedSession>, DbError> {
    c.all(
        sql!(
            "SELECT id, kind, methods, is_mfa, created_at, seen_at, idle_ms, expires_at, sealed_origin,
                 (impersonation_id IS NOT NULL) AS is_impersonated
             FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
             ORDER BY id DESC LIMIT 200"
        ),
        vals![user, now],
    )
    .await
}

/// Deletes sessions that ended before this, with their refresh tokens; says how many.
pub(in crate::identity) async fn delete_ended(
    c: &mut Conn,
    before: Timestamp,
    most: i64,
) -> Result<u64, DbError> {
    let ids: Vec<SessionId> = c
        .scalars(
            sql!(
                "SELECT id FROM sessions WHERE expires_at < $1
                 UNION SELECT id FROM sessions WHERE revoked_at < $1 LIMIT $2"
            ),
            vals![before, most],
        )
        .await?;
    c.exec(
        sql!("DELETE FROM refresh_tokens WHERE session_id IN (SELECT value FROM list($1))"),
        vals![Val::texts(&ids)],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM sessions WHERE id IN (SELECT value FROM list($1))"),
        vals![Val::texts(&ids)],
    )
    .await
}

/// Notes when sessions were last seen.
pub(in crate::identity) async fn sessions_seen(
    c: &mut Conn,
    seen: &[(SessionId, Timestamp)],
) -> Result<(), DbError> {
    for (id, at) in seen {
        c.exec(
            sql!("UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2"),
            vals![*id, *at],
        )
        .await?;
    }
    Ok(())
}

/// Ends a session; says whether it was alive.
pub(in crate::identity) async fn revoke(
    c: &mut Conn,
    id: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL"
            ),
            vals![id, user, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends all sessions of a person but one; says how many that were.
pub(in crate::identity) async fn revoke_all(
    c: &mut Conn,
    user: UserId,
    but: Option<SessionId>,
    now: Timestamp,
) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "UPDATE sessions SET revoked_at = $3
             WHERE user_id = $1 AND revoked_at IS NULL AND (CAST($2 AS TEXT) IS NULL OR id <> $2)"
        ),
        vals![user, but, now],
    )
    .await
}

/// By which methods somebody signed in.
pub(in crate::identity) async fn methods(
    c: &mut Conn,
    id: SessionId,
) -> Result<Option<String>, DbError> {
    c.scalar_opt(
        sql!("SELECT methods FROM sessions WHERE id = $1"),
        vals![id],
    )
    .await
}
