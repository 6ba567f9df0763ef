//! API keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::model::*;
use crate::identity::service::NewApiKey;

record! {
    pub(in crate::identity) struct KeyRow {
        pub(in crate::identity) id: ApiKeyId,
        pub(in crate::identity) organisation_id: OrganisationId,
        pub(in crate::identity) scopes: Option<AsJson<Vec<Permission>>>,
        pub(in crate::identity) event_id: Option<EventId>,
    }
}

pub(in crate::identity) async fn insert_api_key(
    c: &mut Conn,
    id: ApiKeyId,
    new: &NewApiKey,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO api_keys (id, organisation_id, name, token_hash, scopes, event_id, expires_at,
                 created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        vals![
            id,
            new.organisation,
            &new.name,
            token_hash,
            new.scopes.as_ref().map(Val::json).transpose()?,
            new.event,
            new.expires_at,
            &new.created_by,
            now
        ],
    )
    .await?;
    Ok(())
}

/// The key with this token, if it is alive.
pub(in crate::identity) async fn live_key(
    c: &mut Conn,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<KeyRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, scopes, event_id FROM api_keys
             WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
        ),
        vals![token_hash, now],
    )
    .await
}

pub(in crate::identity) async fn revoke_api_key(
    c: &mut Conn,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

pub(in crate::identity) async fn keys_seen(
    c: &mut Conn,
    seen: &[(ApiKeyId, Timestamp)],
) -> Result<(), DbError> {
    for (id, at) in seen {
        c.exec(
            sql!(
                "UPDATE api_keys SET last_used_at = $2
                 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)"
            ),
            vals![*id, *at],
        )
        .await?;
    }
    Ok(())
}
