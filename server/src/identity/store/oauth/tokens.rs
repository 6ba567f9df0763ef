//! Codes and tokens of OAuth clients: each counts once, and that is decided by the statement.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, text_enum, vals};

use crate::identity::model::*;

text_enum! {
    /// What a token is for.
    pub(in crate::identity) enum TokenKind {
        /// To call the API.
        Access = "access",
        /// To fetch the next two tokens.
        Refresh = "refresh",
    }
}

record! {
    /// A code or token with all that decides what it is good for.
    pub(in crate::identity) struct LiveGrant {
        pub(in crate::identity) grant_id: OAuthGrantId,
        pub(in crate::identity) client_id: OAuthClientId,
        pub(in crate::identity) client_scopes: AsJson<Vec<Permission>>,
        pub(in crate::identity) user_id: Option<UserId>,
        pub(in crate::identity) organisation_id: OrganisationId,
        pub(in crate::identity) grant_scopes: AsJson<Vec<Permission>>,
        pub(in crate::identity) is_mfa: bool,
    }
}

record! {
    /// A token, alive or not, with whose it is.
    pub(in crate::identity) struct TokenRow {
        pub(in crate::identity) grant_id: OAuthGrantId,
        pub(in crate::identity) client_id: OAuthClientId,
        pub(in crate::identity) kind: TokenKind,
        pub(in crate::identity) scopes: Option<AsJson<Vec<Permission>>>,
        pub(in crate::identity) created_at: Timestamp,
        pub(in crate::identity) expires_at: Timestamp,
        pub(in crate::identity) used_at: Option<Timestamp>,
        pub(in crate::identity) revoked_at: Option<Timestamp>,
    }
}

impl TokenRow {
    /// Whether the token itself still counts.
    pub(in crate::identity) fn is_live(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.revoked_at.is_none() && self.expires_at > now
    }
}

pub(in crate::identity) async fn insert_code(
    c: &mut Conn,
    code_hash: [u8; 32],
    grant: OAuthGrantId,
    redirect_uri: &str,
    code_challenge: &str,
    created_at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO oauth_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![code_hash, grant, redirect_uri, code_challenge, created_at, expires_at],
    )
    .await?;
    Ok(())
}

/// Uses a code up, if it is this client's, for this address and this challenge; says of which
/// grant. Of many at once, one gets it.
pub(in crate::identity) async fn use_code(
    c: &mut Conn,
    code_hash: [u8; 32],
    client: OAuthClientId,
    redirect_uri: &str,
    code_challenge: &str,
    now: Timestamp,
) -> Result<Option<OAuthGrantId>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE oauth_codes SET used_at = $5
             WHERE code_hash = $1 AND redirect_uri = $3 AND code_challenge = $4 AND used_at IS NULL AND expires_at > $5
               AND grant_id IN (SELECT g.id FROM oauth_grants g WHERE g.client_id = $2 AND g.revoked_at IS NULL)
             RETURNING grant_id"
        ),
        vals![code_hash, client, redirect_uri, code_challenge, now],
    )
    .await
}

/// The grant of a code of this client that was used before.
pub(in crate::identity) async fn used_code(
    c: &mut Conn,
    code_hash: [u8; 32],
    client: OAuthClientId,
) -> Result<Option<OAuthGrantId>, DbError> {
    c.scalar_opt(
        sql!(
            "SELECT k.grant_id FROM oauth_codes k JOIN oauth_grants g ON g.id = k.grant_id
             WHERE k.code_hash = $1 AND g.client_id = $2 AND k.used_at IS NOT NULL"
        ),
        vals![code_hash, client],
    )
    .await
}

/// A token that is to be written down.
pub(in crate::identity) struct NewOAuthToken {
    pub(in crate::identity) token_hash: [u8; 32],
    pub(in crate::identity) kind: TokenKind,
    /// Less than the grant; nothing means all of it.
    pub(in crate::identity) scopes: Option<Vec<Permission>>,
    pub(in crate::identity) expires_at: Timestamp,
}

pub(in crate::identity) async fn insert_token(
    c: &mut Conn,
    grant: OAuthGrantId,
    token: &NewOAuthToken,
    now: Timestamp,
) -> Result<(), DbError> {
    let scopes = match &token.scopes {
        Some(scopes) => Val::json(scopes)?,
        None => Val::Text(None),
    };
    c.exec(
        sql!(
            "INSERT INTO oauth_tokens (token_hash, grant_id, kind, scopes, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        vals![
            token.token_hash,
            grant,
            token.kind,
            scopes,
            now,
            token.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Uses a refresh token of this client up; says of which grant. Of many at once, one gets it.
pub(in crate::identity) async fn use_refresh_token(
    c: &mut Conn,
    token_hash: [u8; 32],
    client: OAuthClientId,
    now: Timestamp,
) -> Result<Option<OAuthGrantId>, DbError> {
    c.scalar_opt(
        sql!(
            "UPDATE oauth_tokens SET used_at = $3
             WHERE token_hash = $1 AND kind = 'refresh' AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $3
               AND grant_id IN (SELECT g.id FROM oauth_grants g WHERE g.client_id = $2 AND g.revoked_at IS NULL)
             RETURNING grant_id"
        ),
        vals![token_hash, client, now],
    )
    .await
}

/// A token, alive or not.
pub(in crate::identity) async fn token(
    c: &mut Conn,
    token_hash: [u8; 32],
) -> Result<Option<TokenRow>, DbError> {
    c.opt(
        sql!(
            "SELECT t.grant_id, g.client_id, t.kind, t.scopes, t.created_at, t.expires_at, t.used_at, t.revoked_at
             FROM oauth_tokens t JOIN oauth_grants g ON g.id = t.grant_id
             WHERE t.token_hash = $1"
        ),
        vals![token_hash],
    )
    .await
}

/// Ends one token.
pub(in crate::identity) async fn revoke_token(
    c: &mut Conn,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE oauth_tokens SET revoked_at = $2 WHERE token_hash = $1 AND revoked_at IS NULL"
            ),
            vals![token_hash, now],
        )
        .await?;
    Ok(touched == 1)
}

/// A grant that may be used: it, its client and its person are in order. Whether the person is
/// still a member is for the caller to see.
pub(in crate::identity) async fn live_grant(
    c: &mut Conn,
    id: OAuthGrantId,
    now: Timestamp,
) -> Result<Option<LiveGrant>, DbError> {
    c.opt(
        sql!(
            "SELECT g.id AS grant_id, g.client_id, k.scopes AS client_scopes, g.user_id, g.organisation_id,
                 g.scopes AS grant_scopes, g.is_mfa
             FROM oauth_grants g
             JOIN oauth_clients k ON k.id = g.client_id
             LEFT JOIN users u ON u.id = g.user_id
             WHERE g.id = $1 AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $2)
               AND k.revoked_at IS NULL AND k.is_enabled
               AND (k.is_shared OR k.organisation_id = g.organisation_id)
               AND (g.user_id IS NULL OR u.state = 'active')"
        ),
        vals![id, now],
    )
    .await
}

/// Forgets codes and tokens that ended before that time; at most so many of each.
pub(in crate::identity) async fn sweep(
    c: &mut Conn,
    before: Timestamp,
    most: i64,
) -> Result<u64, DbError> {
    let codes = c
        .exec(
            sql!(
                "DELETE FROM oauth_codes WHERE code_hash IN
                     (SELECT k.code_hash FROM oauth_codes k WHERE k.expires_at < $1 LIMIT $2)"
            ),
            vals![before, most],
        )
        .await?;
    let tokens = c
        .exec(
            sql!(
                "DELETE FROM oauth_tokens WHERE token_hash IN
                     (SELECT t.token_hash FROM oauth_tokens t WHERE t.expires_at < $1 LIMIT $2)"
            ),
            vals![before, most],
        )
        .await?;
    Ok(codes.max(tokens))
}
