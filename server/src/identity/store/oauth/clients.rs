//! OAuth clients.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    struct ClientRow {
        id: OAuthClientId,
        organisation_id: OrganisationId,
        name: String,
        kind: OAuthClientKind,
        redirect_uris: AsJson<Vec<String>>,
        scopes: AsJson<Vec<Permission>>,
        is_enabled: bool,
        is_shared: bool,
        created_by: String,
        created_at: Timestamp,
        updated_at: Timestamp,
        previous_secret_until: Option<Timestamp>,
    }
}

impl From<ClientRow> for OAuthClient {
    fn from(row: ClientRow) -> Self {
        Self {
            id: row.id,
            organisation_id: row.organisation_id,
            name: row.name,
            kind: row.kind,
            redirect_uris: row.redirect_uris.0,
            scopes: row.scopes.0,
            is_enabled: row.is_enabled,
            is_shared: row.is_shared,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            previous_secret_until: row.previous_secret_until,
        }
    }
}

pub(in crate::identity) async fn insert_client(
    c: &mut Conn,
    client: &OAuthClient,
    secret_hash: Option<[u8; 32]>,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO oauth_clients (id, organisation_id, name, kind, secret_hash, redirect_uris, scopes,
                 is_enabled, is_shared, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        vals![
            client.id,
            client.organisation_id,
            &client.name,
            client.kind,
            secret_hash,
            Val::json(&client.redirect_uris)?,
            Val::json(&client.scopes)?,
            client.is_enabled,
            client.is_shared,
            &client.created_by,
            client.created_at,
            client.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// A client that has not been ended.
pub(in crate::identity) async fn client(
    c: &mut Conn,
    id: OAuthClientId,
) -> Result<Option<OAuthClient>, DbError> {
    let row: Option<ClientRow> = c
        .opt(
            sql!(
                "SELECT id, organisation_id, name, kind, redirect_uris, scopes, is_enabled, is_shared, created_by,
                     created_at, updated_at, previous_secret_until
                 FROM oauth_clients WHERE id = $1 AND revoked_at IS NULL"
            ),
            vals![id],
        )
        .await?;
    Ok(row.map(OAuthClient::from))
}

/// A client with a secret, by that secret.
pub(in crate::identity) async fn client_by_secret(
    c: &mut Conn,
    id: OAuthClientId,
    secret_hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<OAuthClient>, DbError> {
    let row: Option<ClientRow> = c
        .opt(
            sql!(
                "SELECT id, organisation_id, name, kind, redirect_uris, scopes, is_enabled, is_shared, created_by,
                     created_at, updated_at, previous_secret_until
                 FROM oauth_clients
                 WHERE id = $1 AND revoked_at IS NULL
                   AND (secret_hash = $2 OR (previous_secret_hash = $2 AND previous_secret_until > $3))"
            ),
            vals![id, secret_hash, now],
        )
        .await?;
    Ok(row.map(OAuthClient::from))
}

/// An organisation's clients, newest first.
pub(in crate::identity) async fn clients_of(
    c: &mut Conn,
    organisation: OrganisationId,
    before: Option<OAuthClientId>,
    limit: i64,
) -> Result<Vec<OAuthClient>, DbError> {
    let rows: Vec<ClientRow> = c
        .all(
            sql!(
                "SELECT id, organisation_id, name, kind, redirect_uris, scopes, is_enabled, is_shared, created_by,
                     created_at, updated_at, previous_secret_until
                 FROM oauth_clients
                 WHERE organisation_id = $1 AND revoked_at IS NULL AND (CAST($2 AS TEXT) IS NULL OR id < $2)
                 ORDER BY id DESC LIMIT $3"
            ),
            vals![organisation, before, limit],
        )
        .await?;
    Ok(rows.into_iter().map(OAuthClient::from).collect())
}

/// Writes down what was changed; says whether the client is still there as it was seen.
pub(in crate::identity) async fn update_client(
    c: &mut Conn,
    client: &OAuthClient,
    seen: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE oauth_clients SET name = $3, redirect_uris = $4, scopes = $5, is_enabled = $6, is_shared = $7,
                     updated_at = $8
                 WHERE id = $1 AND updated_at = $2 AND revoked_at IS NULL"
            ),
            vals![
                client.id,
                seen,
                &client.name,
                Val::json(&client.redirect_uris)?,
                Val::json(&client.scopes)?,
                client.is_enabled,
                client.is_shared,
                client.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives a client a new secret; the one before counts until then.
pub(in crate::identity) async fn rotate_secret(
    c: &mut Conn,
    id: OAuthClientId,
    organisation: OrganisationId,
    secret_hash: [u8; 32],
    previous_until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE oauth_clients SET previous_secret_hash = secret_hash, previous_secret_until = $4,
                     secret_hash = $3, updated_at = $5
                 WHERE id = $1 AND organisation_id = $2 AND revoked_at IS NULL AND secret_hash IS NOT NULL"
            ),
            vals![id, organisation, secret_hash, previous_until, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends a client; says whether it was there.
pub(in crate::identity) async fn revoke_client(
    c: &mut Conn,
    id: OAuthClientId,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE oauth_clients SET revoked_at = $3, updated_at = $3
                 WHERE id = $1 AND organisation_id = $2 AND revoked_at IS NULL"
            ),
            vals![id, organisation, now],
        )
        .await?;
    Ok(touched == 1)
}
