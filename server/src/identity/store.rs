//! All SQL of identity.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::model::*;

pub(super) async fn insert_organisation(c: &mut Conn, o: &Organisation) -> Result<(), DbError> {
    c.exec(
        sql!("INSERT INTO organisations (id, slug, name, created_at) VALUES ($1, $2, $3, $4)"),
        vals![o.id, &o.slug, &o.name, o.created_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn organisation_by_slug(
    c: &mut Conn,
    slug: &str,
) -> Result<Option<Organisation>, DbError> {
    c.opt(
        sql!("SELECT id, slug, name, created_at FROM organisations WHERE slug = $1"),
        vals![slug],
    )
    .await
}

pub(super) async fn organisation(
    c: &mut Conn,
    id: OrganisationId,
) -> Result<Option<Organisation>, DbError> {
    c.opt(
        sql!("SELECT id, slug, name, created_at FROM organisations WHERE id = $1"),
        vals![id],
    )
    .await
}

pub(super) async fn insert_api_key(
    c: &mut Conn,
    id: ApiKeyId,
    organisation: OrganisationId,
    name: &str,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO api_keys (id, organisation_id, name, token_hash, created_at) VALUES ($1, $2, $3, $4, $5)"
        ),
        vals![id, organisation, name, token_hash, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn api_key(
    c: &mut Conn,
    token_hash: [u8; 32],
) -> Result<Option<(ApiKeyId, OrganisationId)>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id FROM api_keys WHERE token_hash = $1 AND revoked_at IS NULL"
        ),
        vals![token_hash],
    )
    .await
}

pub(super) async fn revoke_api_key(
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
