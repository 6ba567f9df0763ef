//! Sign-ins on their way to a provider and back.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A sign-in that goes to an identity provider.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct StateRow {
        pub(in crate::identity) state_hash: Vec<u8>,
        pub(in crate::identity) connection_id: ConnectionId,
        pub(in crate::identity) browser_hash: Vec<u8>,
        pub(in crate::identity) sealed_content: Vec<u8>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
    }
}

pub(in crate::identity) async fn insert_state(c: &mut Conn, row: &StateRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sso_states (state_hash, connection_id, browser_hash, sealed_content,
                 created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            &row.state_hash,
            row.connection_id,
            &row.browser_hash,
            &row.sealed_content,
            row.created_at,
            row.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Uses up a sign-in that comes back to the browser that it left; one that a form brought must have
/// been answered. Returns what it holds.
pub(in crate::identity) async fn take_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    browser_hash: [u8; 32],
    is_answered: bool,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE sso_states SET used_at = $5
             WHERE state_hash = $1 AND connection_id = $2 AND browser_hash = $3
               AND (answered_at IS NOT NULL) = $4 AND used_at IS NULL AND expires_at > $5
             RETURNING sealed_content"
        ),
        vals![state_hash, connection, browser_hash, is_answered, now],
    )
    .await
}

/// What a sign-in holds that was not answered yet, whatever the browser.
pub(in crate::identity) async fn open_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT sealed_content FROM sso_states
             WHERE state_hash = $1 AND connection_id = $2 AND answered_at IS NULL
               AND used_at IS NULL AND expires_at > $3"
        ),
        vals![state_hash, connection, now],
    )
    .await
}

/// Keeps the answer to a sign-in; says whether it waited for one.
pub(in crate::identity) async fn answer_state(
    c: &mut Conn,
    connection: ConnectionId,
    state_hash: [u8; 32],
    sealed_content: Vec<u8>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sso_states SET sealed_content = $3, answered_at = $4
                 WHERE state_hash = $1 AND connection_id = $2 AND answered_at IS NULL
                   AND used_at IS NULL AND expires_at > $4"
            ),
            vals![state_hash, connection, sealed_content, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Notes that an assertion was accepted; says whether that is the first time.
pub(in crate::identity) async fn see_assertion(
    c: &mut Conn,
    connection: ConnectionId,
    assertion_hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO saml_assertions_seen (connection_id, assertion_hash, expires_at)
                 VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
            ),
            vals![connection, assertion_hash, expires_at],
        )
        .await?;
    Ok(touched == 1)
}

/// Forgets sign-ins and assertions whose time was over before this.
pub(in crate::identity) async fn sweep(c: &mut Conn, before: Timestamp) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM sso_states WHERE expires_at < $1"),
        vals![before],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM saml_assertions_seen WHERE expires_at < $1"),
        vals![before],
    )
    .await?;
    Ok(())
}
