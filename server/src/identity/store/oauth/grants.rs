//! What was granted to OAuth clients.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::identity::model::*;

record! {
    /// A new grant.
    #[derive(Clone, Debug)]
    pub(in crate::identity) struct NewGrant {
        pub(in crate::identity) id: OAuthGrantId,
        pub(in crate::identity) client_id: OAuthClientId,
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) organisation_id: OrganisationId,
        pub(in crate::identity) scopes: AsJson<Vec<Permission>>,
        pub(in crate::identity) is_mfa: bool,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Option<Timestamp>,
    }
}

record! {
    struct GrantRow {
        id: OAuthGrantId,
        client_id: OAuthClientId,
        client_name: String,
        user_id: Option<UserId>,
        organisation_id: OrganisationId,
        organisation_name: String,
        scopes: AsJson<Vec<Permission>>,
        created_at: Timestamp,
        last_used_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    }
}

impl From<GrantRow> for OAuthGrant {
    fn from(row: GrantRow) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            client_name: row.client_name,
            user_id: row.user_id,
            organisation_id: row.organisation_id,
            organisation_name: row.organisation_name,
            scopes: row.scopes.0,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        }
    }
}

pub(in crate::identity) async fn insert_grant(c: &mut Conn, g: &NewGrant) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO oauth_grants (id, client_id, user_id, organisation_id, scopes, is_mfa, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        vals![
            g.id,
            g.client_id,
            g.user_id,
            g.organisation_id,
            Val::json(&g.scopes.0)?,
            g.is_mfa,
            g.created_at,
            g.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// The grant by which a service credential acts.
pub(in crate::identity) async fn service_grant(
    c: &mut Conn,
    client: OAuthClientId,
) -> Result<Option<OAuthGrantId>, DbError> {
    c.scalar_opt(
        sql!("SELECT id FROM oauth_grants WHERE client_id = $1 AND user_id IS NULL AND revoked_at IS NULL"),
        vals![client],
    )
    .await
}

/// Notes that tokens were fetched for a grant, and until when it lasts now; whether it is alive.
pub(in crate::identity) async fn use_grant(
    c: &mut Conn,
    id: OAuthGrantId,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE oauth_grants SET last_used_at = $3, expires_at = $2 WHERE id = $1 AND revoked_at IS NULL"
            ),
            vals![id, expires_at, now],
        )
        .await?;
    Ok(touched == 1)
}

/// What somebody granted and has not ended, newest first.
pub(in crate::identity) async fn grants_of_user(
    c: &mut Conn,
    user: UserId,
    before: Option<OAuthGrantId>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<OAuthGrant>, DbError> {
    let rows: Vec<GrantRow> = c
        .all(
            sql!(
                "SELECT g.id, g.client_id, k.name AS client_name, g.user_id, g.organisation_id,
                     o.name AS organisation_name, g.scopes, g.created_at, g.last_used_at, g.expires_at
                 FROM oauth_grants g
                 JOIN oauth_clients k ON k.id = g.client_id
                 JOIN organisations o ON o.id = g.organisation_id
                 WHERE g.user_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $4 AND k.revoked_at IS NULL
                   AND (CAST($2 AS TEXT) IS NULL OR g.id < $2)
                 ORDER BY g.id DESC LIMIT $3"
            ),
            vals![user, before, limit, now],
        )
        .await?;
    Ok(rows.into_iter().map(OAuthGrant::from).collect())
}

/// What people granted for an organisation, newest first.
pub(in crate::identity) async fn grants_of_organisation(
    c: &mut Conn,
    organisation: OrganisationId,
    before: Option<OAuthGrantId>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<OAuthGrant>, DbError> {
    let rows: Vec<GrantRow> = c
        .all(
            sql!(
                "SELECT g.id, g.client_id, k.name AS client_name, g.user_id, g.organisation_id,
                     o.name AS organisation_name, g.scopes, g.created_at, g.last_used_at, g.expires_at
                 FROM oauth_grants g
                 JOIN oauth_clients k ON k.id = g.client_id
                 JOIN organisations o ON o.id = g.organisation_id
                 WHERE g.organisation_id = $1 AND g.user_id IS NOT NULL AND g.revoked_at IS NULL
                   AND g.expires_at > $4 AND k.revoked_at IS NULL
                   AND (CAST($2 AS TEXT) IS NULL OR g.id < $2)
                 ORDER BY g.id DESC LIMIT $3"
            ),
            vals![organisation, before, limit, now],
        )
        .await?;
    Ok(rows.into_iter().map(OAuthGrant::from).collect())
}

record! {
    /// A grant that has just been ended.
    pub(in crate::identity) struct EndedGrant {
        pub(in crate::identity) id: OAuthGrantId,
        pub(in crate::identity) client_id: OAuthClientId,
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) organisation_id: OrganisationId,
    }
}

/// Ends a grant, whoever asks; says what it was if it was alive.
pub(in crate::identity) async fn revoke_grant(
    c: &mut Conn,
    id: OAuthGrantId,
    now: Timestamp,
) -> Result<Option<EndedGrant>, DbError> {
    c.opt(
        sql!(
            "UPDATE oauth_grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
             RETURNING id, client_id, user_id, organisation_id"
        ),
        vals![id, now],
    )
    .await
}

/// Ends one of a person's grants.
pub(in crate::identity) async fn revoke_grant_of_user(
    c: &mut Conn,
    id: OAuthGrantId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<EndedGrant>, DbError> {
    c.opt(
        sql!(
            "UPDATE oauth_grants SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL
             RETURNING id, client_id, user_id, organisation_id"
        ),
        vals![id, user, now],
    )
    .await
}

/// Ends one of the grants that people gave for an organisation.
pub(in crate::identity) async fn revoke_grant_of_organisation(
    c: &mut Conn,
    id: OAuthGrantId,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<Option<EndedGrant>, DbError> {
    c.opt(
        sql!(
            "UPDATE oauth_grants SET revoked_at = $3
             WHERE id = $1 AND organisation_id = $2 AND user_id IS NOT NULL AND revoked_at IS NULL
             RETURNING id, client_id, user_id, organisation_id"
        ),
        vals![id, organisation, now],
    )
    .await
}

/// Ends all that somebody granted, perhaps only for one organisation.
pub(in crate::identity) async fn revoke_grants_of_user(
    c: &mut Conn,
    user: UserId,
    organisation: Option<OrganisationId>,
    now: Timestamp,
) -> Result<Vec<EndedGrant>, DbError> {
    c.all(
        sql!(
            "UPDATE oauth_grants SET revoked_at = $3
             WHERE user_id = $1 AND (CAST($2 AS TEXT) IS NULL OR organisation_id = $2) AND revoked_at IS NULL
             RETURNING id, client_id, user_id, organisation_id"
        ),
        vals![user, organisation, now],
    )
    .await
}
