//! From codes, refresh tokens and credentials to tokens, and from a token to its program.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::random;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::OAuthFailure;
use super::note::{Note, forget_callers, note};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::IdentityError;
use crate::identity::store::oauth::{self as store, LiveGrant, NewOAuthToken, TokenKind};
use crate::identity::store::organisations;
use crate::platform::token_hash;

/// Tokens, as RFC 6749, section 5.1, answers them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// To call the API with: `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// How long it lasts, in seconds.
    pub expires_in: u64,
    /// To fetch the next two with, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What the access token is good for.
    pub scope: String,
}

/// Gives tokens to a client that has proved who it is.
///
/// # Errors
/// [`OAuthFailure`] by what is wrong.
pub async fn oauth_token(
    app: &App,
    client: OAuthClient,
    parameters: &Parameters,
) -> Result<TokenAnswer, OAuthFailure> {
    let kind = parameters.need("grant_type", "The grant_type is missing.")?;
    let is_allowed = match kind {
        "authorization_code" | "refresh_token" => client.kind.asks_people(),
        "client_credentials" => client.kind == OAuthClientKind::Service,
        _ => {
            return Err(OAuthError::new(
                OAuthCode::UnsupportedGrantType,
                "The grant_type is one of authorization_code, refresh_token and client_credentials.",
            )
            .into());
        }
    };
    if !is_allowed {
        return Err(OAuthError::new(
            OAuthCode::UnauthorizedClient,
            "A client of this kind gets its tokens in another way.",
        )
        .into());
    }
    match kind {
        "authorization_code" => by_code(app, client.id, parameters).await,
        "refresh_token" => by_refresh_token(app, client.id, parameters).await,
        _ => by_credentials(app, client, parameters).await,
    }
}

/// What comes of a code or refresh token. A refusal for a replay is a value, so that the end of the
/// grant is kept; any other gives the write up, so that what was not used may come again.
type Decided = Result<TokenAnswer, OAuthError>;

async fn by_code(
    app: &App,
    client: OAuthClientId,
    parameters: &Parameters,
) -> Result<TokenAnswer, OAuthFailure> {
    let code = parameters.need("code", "The code is missing.")?;
    let uri = parameters
        .need("redirect_uri", "The redirect_uri is missing.")?
        .to_owned();
    let verifier = parameters.need("code_verifier", "The code_verifier of PKCE is missing.")?;
    let challenge = challenge_of(verifier).ok_or(OAuthError::grant())?;
    let (work, hash, now) = (app.clone(), token_hash(code), app.now());
    let decided: Decided = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if let Some(grant) = store::use_code(c, hash, client, &uri, &challenge, now).await?
                {
                    return Ok(Ok(issue(&work, c, grant, None).await?));
                }
                if let Some(grant) = store::used_code(c, hash, client).await? {
                    end_replayed(&work, c, grant, "oauth.code_replayed", now).await?;
                }
                Ok::<_, OAuthFailure>(Err(OAuthError::grant()))
            })
        })
        .await?;
    Ok(decided?)
}

async fn by_refresh_token(
    app: &App,
    client: OAuthClientId,
    parameters: &Parameters,
) -> Result<TokenAnswer, OAuthFailure> {
    let token = parameters.need("refresh_token", "The refresh_token is missing.")?;
    let scope = parameters.get("scope")?.map(str::to_owned);
    let (work, hash, now) = (app.clone(), token_hash(token), app.now());
    let decided: Decided = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if let Some(grant) = store::use_refresh_token(c, hash, client, now).await? {
                    return Ok(Ok(issue(&work, c, grant, scope.as_deref()).await?));
                }
                let known = store::token(c, hash).await?;
                let was_used = known.filter(|token| {
                    token.client_id == client
                        && token.kind == TokenKind::Refresh
                        && token.used_at.is_some()
                });
                if let Some(token) = was_used {
                    end_replayed(&work, c, token.grant_id, "oauth.refresh_replayed", now).await?;
                }
                Ok::<_, OAuthFailure>(Err(OAuthError::grant()))
            })
        })
        .await?;
    Ok(decided?)
}

async fn by_credentials(
    app: &App,
    client: OAuthClient,
    parameters: &Parameters,
) -> Result<TokenAnswer, OAuthFailure> {
    let scope = parameters.get("scope")?.map(str::to_owned);
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                match store::service_grant(c, client.id).await? {
                    Some(grant) => issue(&work, c, grant, scope.as_deref()).await,
                    None => Err(OAuthError::client().into()),
                }
            })
        })
        .await
}

/// Ends a grant of which a code or a token came twice: somebody else has it too.
async fn end_replayed(
    app: &App,
    c: &mut Conn,
    grant: OAuthGrantId,
    action: &'static str,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(ended) = store::revoke_grant(c, grant, now).await? else {
        return Ok(());
    };
    let replayed = Note {
        action,
        actor: ended.client_id.to_string(),
        organisation: ended.organisation_id,
        client: ended.client_id,
        grant: Some(ended.id),
        detail: json!({"user": ended.user_id}),
    };
    forget_callers(app, c);
    note(app, c, replayed).await
}

/// The membership on which a grant stands; nothing if it has ended, or if a second factor is wanted
/// that was not shown.
async fn membership(
    c: &mut Conn,
    grant: &LiveGrant,
) -> Result<Option<Option<Membership>>, DbError> {
    let Some(user) = grant.user_id else {
        return Ok(Some(None));
    };
    let found = organisations::memberships(c, user)
        .await?
        .into_iter()
        .find(|m| m.organisation == grant.organisation_id && (grant.is_mfa || !m.requires_mfa));
    Ok(found.map(Some))
}

/// What a grant is good for now: what was granted, as far as the client still may. A service has
/// what its client has.
fn granted(grant: &LiveGrant) -> Vec<Permission> {
    let client = &grant.client_scopes.0;
    if grant.user_id.is_none() {
        return client.clone();
    }
    let scopes = &grant.grant_scopes.0;
    scopes
        .iter()
        .copied()
        .filter(|scope| client.contains(scope))
        .collect()
}

/// Writes down new tokens for a grant that is in order.
async fn issue(
    app: &App,
    c: &mut Conn,
    grant: OAuthGrantId,
    scope: Option<&str>,
) -> Result<TokenAnswer, OAuthFailure> {
    let now = app.now();
    let Some(live) = store::live_grant(c, grant, now).await? else {
        return Err(OAuthError::grant().into());
    };
    let Some(member) = membership(c, &live).await? else {
        return Err(OAuthError::grant().into());
    };
    let mut scopes = granted(&live);
    if let Some(member) = &member {
        scopes.retain(|scope| member.scope(*scope).is_some());
    }
    if scopes.is_empty() {
        return Err(OAuthError::grant().into());
    }
    let wanted = scopes_within(scope, &scopes)?;
    let access_token = format!("{ACCESS_TOKEN_PREFIX}{}", random::token(&*app.random, 40));
    let access = NewOAuthToken {
        token_hash: token_hash(&access_token),
        kind: TokenKind::Access,
        scopes: scope.is_some().then(|| wanted.clone()),
        expires_at: now + Duration::from_secs(ACCESS_TOKEN_S),
    };
    store::insert_token(c, grant, &access, now).await?;
    let mut refresh_token = None;
    let mut lasts = None;
    if live.user_id.is_some() {
        let text = format!("{REFRESH_TOKEN_PREFIX}{}", random::token(&*app.random, 40));
        let until = now + Duration::from_secs(REFRESH_TOKEN_S);
        let refresh = NewOAuthToken {
            token_hash: token_hash(&text),
            kind: TokenKind::Refresh,
            scopes: None,
            expires_at: until,
        };
        store::insert_token(c, grant, &refresh, now).await?;
        (refresh_token, lasts) = (Some(text), Some(until));
    }
    if !store::use_grant(c, grant, lasts, now).await? {
        return Err(OAuthError::grant().into());
    }
    Ok(TokenAnswer {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_S,
        refresh_token,
        scope: scope_text(&wanted),
    })
}

/// The program of an access token, if all on which it stands is in order.
///
/// # Errors
/// A fault of the database.
pub(in crate::identity) async fn program_of_token(
    app: &App,
    hash: [u8; 32],
) -> Result<Option<Program>, IdentityError> {
    let now = app.now();
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let token = store::token(c, hash).await?;
                let Some(token) =
                    token.filter(|token| token.kind == TokenKind::Access && token.is_live(now))
                else {
                    return Ok(None);
                };
                let Some(grant) = store::live_grant(c, token.grant_id, now).await? else {
                    return Ok(None);
                };
                let member = membership(c, &grant).await?;
                Ok::<_, IdentityError>(member.map(|member| (token, grant, member)))
            })
        })
        .await?;
    Ok(found.map(|(token, grant, member)| {
        let mut scopes = granted(&grant);
        if let Some(narrowed) = &token.scopes {
            scopes.retain(|scope| narrowed.0.contains(scope));
        }
        Program {
            actor: match grant.user_id {
                Some(user) => format!("{} for {user}", grant.client_id),
                None => grant.client_id.to_string(),
            },
            organisation: grant.organisation_id,
            scopes: Some(scopes),
            event: None,
            on_behalf_of: member,
        }
    }))
}
