//! What a token is good for, told to a program of the same organisation (RFC 7662), and its end
//! (RFC 7009).

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::OAuthFailure;
use super::note::{Note, forget_callers, note};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::model::*;
use crate::identity::service::{IdentityError, authenticate};
use crate::identity::store::oauth::{self as store, LiveGrant, TokenKind, TokenRow};
use crate::platform::token_hash;

/// What a token is good for. One that is not known, not alive, or of another organisation is not
/// active, and nothing else is said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Introspection {
    /// Whether it may be used.
    pub active: bool,
    /// What it may be used for, as OAuth writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The client that it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<OAuthClientId>,
    /// `Bearer`, or `refresh_token` for what fetches tokens only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was made, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Who acts: the id of a person, of an API key or of a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// For which organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// The role of the person there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Their roles for single events.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub event_roles: BTreeMap<EventId, Vec<Role>>,
    /// What may be done, for all events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// What may be done, for single events.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub event_permissions: BTreeMap<EventId, Vec<Permission>>,
}

fn seconds(at: Timestamp) -> i64 {
    at.ms().div_euclid(1_000)
}

/// A token of OAuth with its grant, if both are alive.
async fn oauth_row(app: &App, token: &str) -> Result<Option<(TokenRow, LiveGrant)>, IdentityError> {
    let (hash, now) = (token_hash(token), app.now());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let Some(row) = store::token(c, hash).await?.filter(|row| row.is_live(now)) else {
                    return Ok(None);
                };
                let grant = store::live_grant(c, row.grant_id, now).await?;
                Ok::<_, IdentityError>(grant.map(|grant| (row, grant)))
            })
        })
        .await
}

/// What a token is good for, as far as it concerns the client's organisation: tokens of OAuth, API
/// keys and the sessions of apps.
///
/// # Errors
/// `unauthorized_client` for a client that cannot prove who it is, or a fault of the database.
pub async fn introspect(
    app: &App,
    client: &OAuthClient,
    token: &str,
) -> Result<Introspection, OAuthFailure> {
    if !client.kind.has_secret() {
        return Err(OAuthError::new(
            OAuthCode::UnauthorizedClient,
            "Only a client with a secret may ask what a token is good for.",
        )
        .into());
    }
    let oauth = match token {
        _ if token.starts_with(REFRESH_TOKEN_PREFIX) || token.starts_with(ACCESS_TOKEN_PREFIX) => {
            oauth_row(app, token).await?
        }
        _ => None,
    };
    if token.starts_with(REFRESH_TOKEN_PREFIX) {
        return Ok(oauth
            .filter(|(_, grant)| grant.client_id == client.id)
            .map_or_else(Introspection::default, |(row, grant)| Introspection {
                active: true,
                client_id: Some(grant.client_id),
                token_type: Some("refresh_token"),
                exp: Some(seconds(row.expires_at)),
                iat: Some(seconds(row.created_at)),
                sub: grant.user_id.map(|user| user.to_string()),
                iss: Some(app.config.http.public_url.clone()),
                organisation: Some(grant.organisation_id),
                ..Introspection::default()
            }));
    }
    let Some(principal) = authenticate(app, token).await? else {
        return Ok(Introspection::default());
    };
    let organisation = client.organisation_id;
    let member = match &*principal {
        // The cookie of a page works with pages only.
        Principal::Person(person) if person.kind == SessionKind::Page => None,
        Principal::Person(person) => person
            .memberships
            .iter()
            .find(|m| m.organisation == organisation)
            .map(Some),
        Principal::Program(program) => {
            (program.organisation == organisation).then_some(program.on_behalf_of.as_ref())
        }
    };
    let Some(member) = member else {
        return Ok(Introspection::default());
    };
    let named = organisation.to_string();
    let mut answer = Introspection {
        active: true,
        token_type: Some("Bearer"),
        iss: Some(app.config.http.public_url.clone()),
        organisation: Some(organisation),
        role: member.and_then(|member| member.role),
        ..Introspection::default()
    };
    for (event, role) in member.into_iter().flat_map(|member| &member.event_roles) {
        answer.event_roles.entry(*event).or_default().push(*role);
    }
    for permission in Permission::ALL {
        let Ok(tenant) = principal.tenant(*permission, Some(&named)) else {
            continue;
        };
        match tenant.only() {
            None => answer.permissions.push(*permission),
            Some(events) => {
                for event in events {
                    answer
                        .event_permissions
                        .entry(*event)
                        .or_default()
                        .push(*permission);
                }
            }
        }
    }
    let mut scopes: Vec<Permission> = answer.permissions.clone();
    for permission in answer.event_permissions.values().flatten() {
        if !scopes.contains(permission) {
            scopes.push(*permission);
        }
    }
    answer.scope = Some(scope_text(&scopes));
    answer.sub = Some(match (&*principal, &oauth) {
        (Principal::Person(person), _) => person.user.to_string(),
        (Principal::Program(_), Some((_, grant))) => match grant.user_id {
            Some(user) => user.to_string(),
            None => grant.client_id.to_string(),
        },
        (Principal::Program(program), None) => program.actor.clone(),
    });
    if let Some((row, grant)) = &oauth {
        answer.client_id = Some(grant.client_id);
        answer.exp = Some(seconds(row.expires_at));
        answer.iat = Some(seconds(row.created_at));
    }
    Ok(answer)
}

/// Ends a token: an access token alone, a refresh token with its whole grant. One that is not known
/// counts as ended.
///
/// # Errors
/// `invalid_grant` for another client's token, or a fault of the database.
pub async fn revoke_oauth_token(
    app: &App,
    client: OAuthClientId,
    token: &str,
) -> Result<(), OAuthFailure> {
    let (work, hash, now) = (app.clone(), token_hash(token), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let Some(row) = store::token(c, hash).await? else {
                    return Ok(());
                };
                if row.client_id != client {
                    return Err(OAuthFailure::Refused(OAuthError::grant()));
                }
                match row.kind {
                    TokenKind::Access => {
                        if store::revoke_token(c, hash, now).await? {
                            forget_callers(&work, c);
                        }
                    }
                    TokenKind::Refresh => {
                        if let Some(ended) = store::revoke_grant(c, row.grant_id, now).await? {
                            let revoked = Note {
                                action: "oauth.grant_ended",
                                actor: client.to_string(),
                                organisation: ended.organisation_id,
                                client,
                                grant: Some(ended.id),
                                detail: json!({"user": ended.user_id}),
                            };
                            forget_callers(&work, c);
                            note(&work, c, revoked).await?;
                        }
                    }
                }
                Ok(())
            })
        })
        .await
}
