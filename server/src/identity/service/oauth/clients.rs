//! Clients of an organisation and their secrets.

use std::time::Duration;

use bilten_kernel::db::AsJson;
use bilten_kernel::random;
use serde_json::json;

use super::note::{Note, note};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::IdentityError;
use crate::identity::store::oauth as store;
use crate::platform::token_hash;

const MISSING: IdentityError = IdentityError::NotFound("client");

fn new_secret(app: &App) -> String {
    format!("{CLIENT_SECRET_PREFIX}{}", random::token(&*app.random, 40))
}

/// The permissions once each, in the order in which people read them.
fn in_order(scopes: &[Permission]) -> Vec<Permission> {
    program_scopes()
        .filter(|scope| scopes.contains(scope))
        .collect()
}

/// Makes a client; its secret is returned once and stored nowhere.
///
/// # Errors
/// [`IdentityError::Invalid`], or a fault of the database.
pub async fn create_oauth_client(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    input: OAuthClientInput,
) -> Result<OAuthClientSecret, IdentityError> {
    let faults = client_faults(
        &input.name,
        input.kind,
        &input.redirect_uris,
        &input.scopes,
        input.is_shared,
    );
    if !faults.is_empty() {
        return Err(IdentityError::Invalid(faults));
    }
    let now = app.now();
    let client = OAuthClient {
        id: OAuthClientId::new(&*app.clock, &*app.random),
        organisation_id: organisation,
        name: input.name.trim().to_owned(),
        kind: input.kind,
        redirect_uris: input.redirect_uris,
        scopes: in_order(&input.scopes),
        is_enabled: true,
        is_shared: input.is_shared,
        created_by: actor.clone(),
        created_at: now,
        updated_at: now,
        previous_secret_until: None,
    };
    let secret = client.kind.has_secret().then(|| new_secret(app));
    let hash = secret.as_deref().map(token_hash);
    // A service acts by itself: what it may do is what its client may.
    let service = (!client.kind.asks_people()).then(|| store::NewGrant {
        id: OAuthGrantId::new(&*app.clock, &*app.random),
        client_id: client.id,
        user_id: None,
        organisation_id: organisation,
        scopes: AsJson(client.scopes.clone()),
        is_mfa: false,
        created_at: now,
        expires_at: None,
    });
    let (work, row) = (app.clone(), client.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::insert_client(c, &row, hash).await?;
                if let Some(grant) = &service {
                    store::insert_grant(c, grant).await?;
                }
                let made = Note {
                    action: "oauth.client_created",
                    actor,
                    organisation,
                    client: row.id,
                    grant: None,
                    detail: json!({"kind": row.kind, "scopes": row.scopes, "redirect_uris": row.redirect_uris,
                        "is_shared": row.is_shared}),
                };
                note(&work, c, made).await?;
                Ok::<_, IdentityError>(())
            })
        })
        .await?;
    Ok(OAuthClientSecret { client, secret })
}

/// An organisation's clients, newest first.
///
/// # Errors
/// A fault of the database.
pub async fn oauth_clients(
    app: &App,
    organisation: OrganisationId,
    before: Option<OAuthClientId>,
    limit: i64,
) -> Result<Vec<OAuthClient>, IdentityError> {
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::clients_of(c, organisation, before, limit).await })
        })
        .await?)
}

/// One of an organisation's clients.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn oauth_client(
    app: &App,
    organisation: OrganisationId,
    id: OAuthClientId,
) -> Result<OAuthClient, IdentityError> {
    app.db
        .read(move |c| Box::pin(async move { store::client(c, id).await }))
        .await?
        .filter(|client| client.organisation_id == organisation)
        .ok_or(MISSING)
}

/// Changes a client.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], or a fault of the database.
pub async fn update_oauth_client(
    app: &App,
    organisation: OrganisationId,
    id: OAuthClientId,
    actor: String,
    patch: OAuthClientPatch,
) -> Result<OAuthClient, IdentityError> {
    let seen = oauth_client(app, organisation, id).await?;
    let mut client = seen.clone();
    if let Some(name) = patch.name {
        client.name = name.trim().to_owned();
    }
    if let Some(uris) = patch.redirect_uris {
        client.redirect_uris = uris;
    }
    let scopes = patch.scopes.unwrap_or_else(|| seen.scopes.clone());
    client.is_enabled = patch.is_enabled.unwrap_or(seen.is_enabled);
    client.is_shared = patch.is_shared.unwrap_or(seen.is_shared);
    let faults = client_faults(
        &client.name,
        client.kind,
        &client.redirect_uris,
        &scopes,
        client.is_shared,
    );
    if !faults.is_empty() {
        return Err(IdentityError::Invalid(faults));
    }
    client.scopes = in_order(&scopes);
    // The time of a change is also its version, so it always moves.
    client.updated_at = app.now().max(seen.updated_at + Duration::from_millis(1));
    let (work, row) = (app.clone(), client.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::update_client(c, &row, seen.updated_at).await? {
                    return Err(IdentityError::ChangedMeanwhile);
                }
                let changed = Note {
                    action: "oauth.client_changed",
                    actor,
                    organisation,
                    client: row.id,
                    grant: None,
                    detail: json!({"scopes": row.scopes, "redirect_uris": row.redirect_uris,
                        "is_enabled": row.is_enabled, "is_shared": row.is_shared}),
                };
                note(&work, c, changed).await?;
                Ok(())
            })
        })
        .await?;
    app.principals.clear();
    Ok(client)
}

/// Gives a client a new secret, which is returned once; the one before counts for a while.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`] (also for a client without a secret), or
/// a fault of the database.
pub async fn rotate_oauth_secret(
    app: &App,
    organisation: OrganisationId,
    id: OAuthClientId,
    actor: String,
    rotation: SecretRotation,
) -> Result<OAuthClientSecret, IdentityError> {
    let seconds = rotation
        .seconds()
        .map_err(|fault| IdentityError::Invalid(vec![fault]))?;
    let now = app.now();
    let until = now + Duration::from_secs(u64::from(seconds));
    let secret = new_secret(app);
    let (work, hash) = (app.clone(), token_hash(&secret));
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::rotate_secret(c, id, organisation, hash, until, now).await? {
                    return Err(MISSING);
                }
                let rotated = Note {
                    action: "oauth.client_secret_rotated",
                    actor,
                    organisation,
                    client: id,
                    grant: None,
                    detail: json!({"previous_until": until}),
                };
                note(&work, c, rotated).await?;
                Ok(())
            })
        })
        .await?;
    Ok(OAuthClientSecret {
        client: oauth_client(app, organisation, id).await?,
        secret: Some(secret),
    })
}

/// Ends a client with all that was granted to it.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn end_oauth_client(
    app: &App,
    organisation: OrganisationId,
    id: OAuthClientId,
    actor: String,
) -> Result<(), IdentityError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::revoke_client(c, id, organisation, now).await? {
                    return Err(MISSING);
                }
                let ended = Note {
                    action: "oauth.client_ended",
                    actor,
                    organisation,
                    client: id,
                    grant: None,
                    detail: json!({}),
                };
                note(&work, c, ended).await?;
                Ok(())
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}
