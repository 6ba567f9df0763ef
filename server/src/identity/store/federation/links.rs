//! Whose account an identity elsewhere opens.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

/// Whose account somebody's identity is linked to.
pub(in crate::identity) async fn linked(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
) -> Result<Option<UserId>, DbError> {
    c.scalar_opt(
        sql!("SELECT user_id FROM identity_links WHERE connection_id = $1 AND subject = $2"),
        vals![connection, subject],
    )
    .await
}

/// Links an identity to an account; says whether it was linked to none before.
pub(in crate::identity) async fn link(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO identity_links (connection_id, subject, user_id, created_at, used_at)
                 VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING"
            ),
            vals![connection, subject, user, now],
        )
        .await?;
    Ok(touched == 1)
}

pub(in crate::identity) async fn link_used(
    c: &mut Conn,
    connection: ConnectionId,
    subject: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE identity_links SET used_at = $3 WHERE connection_id = $1 AND subject = $2"),
        vals![connection, subject, now],
    )
    .await?;
    Ok(())
}

record! {
    /// A link with its connection.
    pub(in crate::identity) struct LinkRow {
        pub(in crate::identity) connection_id: ConnectionId,
        pub(in crate::identity) slug: String,
        pub(in crate::identity) name: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) used_at: Option<Timestamp>,
    }
}

/// The accounts elsewhere by which somebody signs in.
pub(in crate::identity) async fn links_of(
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<LinkRow>, DbError> {
    c.all(
        sql!(
            "SELECT l.connection_id, s.slug, s.name, l.created_at, l.used_at
             FROM identity_links l JOIN sso_connections s ON s.id = l.connection_id
             WHERE l.user_id = $1 ORDER BY l.created_at, l.connection_id"
        ),
        vals![user],
    )
    .await
}

/// Ends somebody's links with a connection, unless they could not sign in any more; says how many.
pub(in crate::identity) async fn unlink(
    c: &mut Conn,
    user: UserId,
    connection: ConnectionId,
) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "DELETE FROM identity_links WHERE user_id = $1 AND connection_id = $2
               AND (EXISTS (SELECT 1 FROM users u WHERE u.id = $1 AND u.password_hash IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = $1)
                    OR EXISTS (SELECT 1 FROM identity_links l WHERE l.user_id = $1
                               AND l.connection_id <> $2))"
        ),
        vals![user, connection],
    )
    .await
}

/// Ends all links with a connection.
pub(in crate::identity) async fn unlink_all(
    c: &mut Conn,
    connection: ConnectionId,
) -> Result<u64, DbError> {
    c.exec(
        sql!("DELETE FROM identity_links WHERE connection_id = $1"),
        vals![connection],
    )
    .await
}
