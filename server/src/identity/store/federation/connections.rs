//! Connections to identity providers.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A connection as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct ConnectionRow {
        pub(in crate::identity) id: ConnectionId,
        pub(in crate::identity) organisation_id: Option<OrganisationId>,
        pub(in crate::identity) slug: String,
        pub(in crate::identity) kind: ConnectionKind,
        pub(in crate::identity) name: String,
        pub(in crate::identity) sealed_config: Vec<u8>,
        pub(in crate::identity) role_mapping: String,
        pub(in crate::identity) is_enabled: bool,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) updated_at: Timestamp,
    }
}

/// Writes a connection down; a second one with the same short name violates a unique index.
pub(in crate::identity) async fn insert(c: &mut Conn, row: &ConnectionRow) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO sso_connections (id, organisation_id, slug, kind, name, sealed_config,
                 role_mapping, is_enabled, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        vals![
            row.id,
            row.organisation_id,
            &row.slug,
            row.kind,
            &row.name,
            &row.sealed_config,
            &row.role_mapping,
            row.is_enabled,
            row.created_at,
            row.updated_at
        ],
    )
    .await?;
    Ok(())
}

/// Changes a connection of an organisation, or of the platform; says whether there is one.
pub(in crate::identity) async fn update(
    c: &mut Conn,
    row: &ConnectionRow,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE sso_connections SET slug = $3, kind = $4, name = $5, sealed_config = $6,
                     role_mapping = $7, is_enabled = $8, updated_at = $9
                 WHERE id = $1 AND COALESCE(organisation_id, '') = COALESCE(CAST($2 AS TEXT), '')"
            ),
            vals![
                row.id,
                row.organisation_id,
                &row.slug,
                row.kind,
                &row.name,
                &row.sealed_config,
                &row.role_mapping,
                row.is_enabled,
                row.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes a connection with everything that hangs on it; says whether there was one.
pub(in crate::identity) async fn delete(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<bool, DbError> {
    // Locked, so that no sign-in writes down what hangs on it while it goes.
    let locked: Option<ConnectionId> = c
        .scalar_opt(
            sql!(
                "SELECT id FROM sso_connections
                 WHERE id = $2 AND COALESCE(organisation_id, '') = COALESCE(CAST($1 AS TEXT), '')
                 FOR UPDATE"
            ),
            vals![organisation, id],
        )
        .await?;
    if locked.is_none() {
        return Ok(false);
    }
    c.exec(
        sql!("DELETE FROM sso_states WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM saml_assertions_seen WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    c.exec(
        sql!("DELETE FROM identity_links WHERE connection_id = $1"),
        vals![id],
    )
    .await?;
    let touched = c
        .exec(sql!("DELETE FROM sso_connections WHERE id = $1"), vals![id])
        .await?;
    Ok(touched == 1)
}

/// The connections of an organisation, or of the platform.
pub(in crate::identity) async fn connections(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
) -> Result<Vec<ConnectionRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE COALESCE(organisation_id, '') = COALESCE(CAST($1 AS TEXT), '') ORDER BY id"
        ),
        vals![organisation],
    )
    .await
}

/// A connection of an organisation, or of the platform.
pub(in crate::identity) async fn connection(
    c: &mut Conn,
    organisation: Option<OrganisationId>,
    id: ConnectionId,
) -> Result<Option<ConnectionRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE id = $2 AND COALESCE(organisation_id, '') = COALESCE(CAST($1 AS TEXT), '')"
        ),
        vals![organisation, id],
    )
    .await
}

/// The connection with this short name.
pub(in crate::identity) async fn by_slug(
    c: &mut Conn,
    slug: &str,
) -> Result<Option<ConnectionRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections WHERE slug = $1"
        ),
        vals![slug],
    )
    .await
}

/// The connections that are offered: the platform's, and those of whoever has this domain.
pub(in crate::identity) async fn offered(
    c: &mut Conn,
    domain: &str,
) -> Result<Vec<ConnectionRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, organisation_id, slug, kind, name, sealed_config, role_mapping, is_enabled,
                 created_at, updated_at
             FROM sso_connections
             WHERE is_enabled AND (organisation_id IS NULL OR organisation_id IN
                 (SELECT organisation_id FROM sso_domains
                  WHERE domain = $1 AND confirmed_at IS NOT NULL))
             ORDER BY CASE WHEN organisation_id IS NULL THEN 1 ELSE 0 END, id"
        ),
        vals![domain],
    )
    .await
}
