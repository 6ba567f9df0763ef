//! API keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::http::Place;
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
    prefix: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO api_keys (id, organisation_id, name, token_hash, scopes, event_id, expires_at,
                 created_by, created_at, prefix)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
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
            now,
            prefix
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

/// Ends a key; gives its organisation if it was alive.
pub(in crate::identity) async fn revoke_api_key(
    c: &mut Conn,
    id: ApiKeyId,
    now: Timestamp,
) -> Result<Option<OrganisationId>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE api_keys SET revoked_at = $2, revision = revision + 1
             WHERE id = $1 AND revoked_at IS NULL RETURNING organisation_id"
        ),
        vals![id, now],
    )
    .await
}

record! {
    /// A key as people see it.
    pub(in crate::identity) struct ApiKeyRow {
        pub(in crate::identity) id: ApiKeyId,
        pub(in crate::identity) name: String,
        pub(in crate::identity) prefix: String,
        pub(in crate::identity) scopes: Option<AsJson<Vec<Permission>>>,
        pub(in crate::identity) event_id: Option<EventId>,
        pub(in crate::identity) created_by: String,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Option<Timestamp>,
        pub(in crate::identity) last_used_at: Option<Timestamp>,
        pub(in crate::identity) revoked_at: Option<Timestamp>,
        pub(in crate::identity) revision: i64,
    }
}

impl ApiKeyRow {
    /// As it is shown.
    pub(in crate::identity) fn opened(self) -> ApiKey {
        ApiKey {
            id: self.id,
            name: self.name,
            prefix: self.prefix,
            scopes: self.scopes.map(|scopes| scopes.0),
            event: self.event_id,
            created_by: self.created_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            revision: self.revision,
        }
    }
}

/// The statement that lists keys in an order, one for each.
macro_rules! listed {
    ($after_and_order:literal) => {
        sql!(concat!(
            "SELECT id, name, prefix, scopes, event_id, created_by, created_at, expires_at, last_used_at, revoked_at,
                 revision FROM api_keys WHERE organisation_id = $1 AND ",
            $after_and_order,
            " LIMIT $2"
        ))
    };
}

/// An organisation's keys in an order, after a place in it.
pub(in crate::identity) async fn list(
    c: &mut Conn,
    organisation: OrganisationId,
    by: ApiKeySort,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<ApiKeyRow>, DbError> {
    let mut values = vals![organisation, limit];
    match by {
        ApiKeySort::Newest => values.extend(Place::newest_first(after)),
        ApiKeySort::Oldest => values.extend(Place::oldest_first(after)),
        ApiKeySort::LongestUnused | ApiKeySort::LastUsed => values.extend(Place::by_number(after)),
    }
    let statement = match by {
        ApiKeySort::Newest => listed!("id < $3 ORDER BY id DESC"),
        ApiKeySort::Oldest => listed!("id > $3 ORDER BY id"),
        ApiKeySort::LongestUnused => listed!(
            "($3 OR (COALESCE(last_used_at, 0), id) > ($4, $5)) ORDER BY COALESCE(last_used_at, 0), id"
        ),
        ApiKeySort::LastUsed => listed!(
            "($3 OR (COALESCE(last_used_at, 0), id) < ($4, $5)) ORDER BY COALESCE(last_used_at, 0) DESC, id DESC"
        ),
    };
    c.all(statement, values).await
}

pub(in crate::identity) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    id: ApiKeyId,
) -> Result<Option<ApiKeyRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, name, prefix, scopes, event_id, created_by, created_at, expires_at, last_used_at, revoked_at,
                 revision FROM api_keys WHERE organisation_id = $1 AND id = $2"
        ),
        vals![organisation, id],
    )
    .await
}

/// How many keys of an organisation are alive.
pub(in crate::identity) async fn living(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM api_keys
             WHERE organisation_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
        ),
        vals![organisation, now],
    )
    .await
}

/// How many living keys of an organisation end until then and were not replaced.
pub(in crate::identity) async fn ending(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
    until: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM api_keys WHERE organisation_id = $1 AND revoked_at IS NULL
                 AND replaced_at IS NULL AND expires_at > $2 AND expires_at <= $3"
        ),
        vals![organisation, now, until],
    )
    .await
}

/// Gives a key another name, if it is at that revision, should one be given; says whether it was.
pub(in crate::identity) async fn rename(
    c: &mut Conn,
    organisation: OrganisationId,
    id: ApiKeyId,
    only: Option<i64>,
    name: &str,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE api_keys SET name = $3, revision = revision + 1
                 WHERE organisation_id = $1 AND id = $2 AND revision = COALESCE($4, revision)"
            ),
            vals![organisation, id, name, only],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets a living key that was not replaced before end at `until`; says whether it was one.
pub(in crate::identity) async fn replace(
    c: &mut Conn,
    organisation: OrganisationId,
    id: ApiKeyId,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE api_keys SET replaced_at = $4, expires_at = LEAST(COALESCE(expires_at, $3), $3),
                     revision = revision + 1
                 WHERE organisation_id = $1 AND id = $2 AND revoked_at IS NULL AND replaced_at IS NULL
                   AND (expires_at IS NULL OR expires_at > $4)"
            ),
            vals![organisation, id, until, now],
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
