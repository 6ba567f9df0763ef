//! Addresses and secrets of endpoints, sealed and opened.

use super::WebhookError;
use crate::app::App;
use crate::platform::VaultError;
use crate::webhooks::model::*;
use crate::webhooks::store::endpoints::{EndpointRow, Target};

/// For what the address of an endpoint is sealed.
pub(in crate::webhooks) fn url_purpose(id: impl std::fmt::Display) -> String {
    format!("webhook url {id}")
}

/// For what the secrets of an endpoint are sealed, the current one and the one before.
pub(in crate::webhooks) fn secret_purpose(id: impl std::fmt::Display) -> String {
    format!("webhook secret {id}")
}

pub(super) fn seal_url(
    app: &App,
    id: WebhookEndpointId,
    url: &str,
) -> Result<Vec<u8>, WebhookError> {
    Ok(app.vault.seal_text(&url_purpose(id), url, &*app.random)?)
}

pub(super) fn seal_secret(
    app: &App,
    id: WebhookEndpointId,
    secret: &SigningSecret,
) -> Result<Vec<u8>, WebhookError> {
    let sealed = app
        .vault
        .seal(&secret_purpose(id), secret.as_bytes(), &*app.random)?;
    Ok(sealed)
}

pub(super) fn open_secret(
    app: &App,
    id: WebhookEndpointId,
    sealed: &[u8],
) -> Result<SigningSecret, WebhookError> {
    let bytes = app.vault.open(&secret_purpose(id), sealed)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| VaultError::Sealed)?;
    Ok(SigningSecret::from_bytes(bytes))
}

/// An endpoint as people see it.
pub(super) fn opened(app: &App, row: EndpointRow) -> Result<WebhookEndpoint, WebhookError> {
    let now = app.now();
    Ok(WebhookEndpoint {
        url: app.vault.open_text(&url_purpose(row.id), &row.sealed_url)?,
        id: row.id,
        organisation_id: row.organisation_id,
        description: row.description,
        event_types: row.event_types.0,
        is_enabled: row.is_enabled,
        disabled_reason: row.disabled_reason,
        disabled_at: row.disabled_at,
        previous_secret_until: row.previous_secret_until.filter(|until| *until > now),
        last_success_at: row.last_success_at,
        created_by: row.created_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
        revision: row.revision,
    })
}

/// The address, and the secrets that sign now, the current one first.
pub(super) fn open_target(
    app: &App,
    id: WebhookEndpointId,
    target: &Target,
) -> Result<(String, Vec<SigningSecret>), WebhookError> {
    let url = app.vault.open_text(&url_purpose(id), &target.sealed_url)?;
    let mut secrets = vec![open_secret(app, id, &target.sealed_secret)?];
    if let (Some(sealed), Some(until)) =
        (&target.sealed_previous_secret, target.previous_secret_until)
        && app.now() < until
    {
        secrets.push(open_secret(app, id, sealed)?);
    }
    Ok((url, secrets))
}
