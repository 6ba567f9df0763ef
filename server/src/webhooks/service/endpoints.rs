//! Endpoints of an organisation and their secrets.

use std::time::Duration;

use bilten_kernel::db::{AsJson, Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;
use serde_json::{Value, json};

use super::seals::{open_secret, opened, seal_secret, seal_url};
use super::{WebhookError, pump};
use crate::app::App;
use crate::identity::{EventScope, OrganisationId, Principal};
use crate::platform::{self, AuditRecord};
use crate::webhooks::model::*;
use crate::webhooks::store::endpoints as store;
use crate::webhooks::store::endpoints::EndpointRow;

const MISSING: WebhookError = WebhookError::NotFound("endpoint");

/// The types once each, in the order in which people read them.
fn in_order(types: &[EventType]) -> Vec<EventType> {
    let all = EventType::ALL.iter().copied();
    all.filter(|one| types.contains(one)).collect()
}

/// What of these types the caller may not have told: nobody hears more than they may read.
fn more_than_own(
    principal: &Principal,
    organisation: OrganisationId,
    types: &[EventType],
) -> Vec<FieldError> {
    let named = organisation.to_string();
    let may = |one: EventType| {
        principal
            .tenant(one.needs(), Some(&named))
            .is_ok_and(|tenant| tenant.events == EventScope::All)
    };
    let forbidden = types.iter().enumerate().filter(|(_, one)| !may(**one));
    forbidden
        .map(|(place, one)| {
            let detail = format!("This needs the permission {} as well.", one.needs());
            field(format!("event_types[{place}]"), "more_than_own", detail)
        })
        .collect()
}

/// Notes in the audit log, last in a write, who did what to an endpoint.
async fn note(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    actor: &str,
    action: &'static str,
    id: WebhookEndpointId,
    detail: Value,
) -> Result<(), WebhookError> {
    let record = AuditRecord::new(actor, action, id)
        .of(organisation)
        .detail(detail);
    Ok(platform::audit(app, c, record).await?)
}

/// Makes an endpoint; gives it with its secret.
///
/// # Errors
/// [`WebhookError::Invalid`], [`WebhookError::TooMany`], or a fault of the database.
pub async fn create_endpoint(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    input: WebhookEndpointInput,
) -> Result<WebhookEndpointSecret, WebhookError> {
    let allows_private = app.config.webhooks.private_networks;
    let types = in_order(&input.event_types);
    let mut faults = endpoint_faults(&input.url, &input.description, &types, allows_private);
    faults.extend(more_than_own(principal, organisation, &input.event_types));
    if !faults.is_empty() {
        return Err(WebhookError::Invalid(faults));
    }
    let (now, actor) = (app.now(), principal.actor());
    let id = WebhookEndpointId::new(&*app.clock, &*app.random);
    let secret = SigningSecret::draw(&*app.random);
    let is_enabled = input.is_enabled.unwrap_or(true);
    let row = EndpointRow {
        id,
        organisation_id: organisation,
        sealed_url: seal_url(app, id, &input.url)?,
        description: input.description.trim().to_owned(),
        event_types: AsJson(types),
        is_enabled,
        disabled_reason: None,
        disabled_at: (!is_enabled).then_some(now),
        sealed_secret: seal_secret(app, id, &secret)?,
        previous_secret_until: None,
        last_success_at: None,
        created_by: actor.clone(),
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    let (work, new) = (app.clone(), row.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::count(c, organisation).await? >= MOST_ENDPOINTS {
                    return Err(WebhookError::TooMany(MOST_ENDPOINTS));
                }
                store::insert(c, &new).await?;
                let detail = json!({"event_types": new.event_types.0, "is_enabled": is_enabled});
                let action = "webhooks.endpoint_created";
                note(&work, c, organisation, &actor, action, id, detail).await
            })
        })
        .await?;
    Ok(WebhookEndpointSecret {
        endpoint: opened(app, row)?,
        secret: secret.text(),
    })
}

/// An organisation's endpoints, newest first, before one of them.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn endpoints(
    app: &App,
    organisation: OrganisationId,
    before: Option<WebhookEndpointId>,
    limit: i64,
) -> Result<Vec<WebhookEndpoint>, WebhookError> {
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::list(c, organisation, before, limit).await }))
        .await?;
    rows.into_iter().map(|row| opened(app, row)).collect()
}

/// After how many attempts a message that was not taken is a sign of trouble.
const TROUBLE: i64 = 3;

/// An organisation's endpoints that take nothing, inside a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn failing_endpoints_in(
    c: &mut Conn,
    organisation: OrganisationId,
) -> Result<Vec<FailingEndpoint>, DbError> {
    store::failing(c, organisation, TROUBLE).await
}

pub(super) async fn row(
    app: &App,
    organisation: OrganisationId,
    id: WebhookEndpointId,
) -> Result<EndpointRow, WebhookError> {
    app.db
        .read(move |c| Box::pin(async move { store::by_id(c, organisation, id).await }))
        .await?
        .ok_or(MISSING)
}

/// One of an organisation's endpoints.
///
/// # Errors
/// [`WebhookError::NotFound`], or a fault of the vault or the database.
pub async fn endpoint(
    app: &App,
    organisation: OrganisationId,
    id: WebhookEndpointId,
) -> Result<WebhookEndpoint, WebhookError> {
    opened(app, row(app, organisation, id).await?)
}

/// Changes an endpoint, or switches it off or on.
///
/// # Errors
/// [`WebhookError::Invalid`], [`WebhookError::NotFound`], [`WebhookError::Stale`],
/// [`WebhookError::ChangedMeanwhile`], or a fault of the vault or the database.
pub async fn update_endpoint(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: WebhookEndpointId,
    if_match: IfMatch,
    patch: WebhookEndpointPatch,
) -> Result<WebhookEndpoint, WebhookError> {
    let seen = row(app, organisation, id).await?;
    if_match.allow(seen.revision)?;
    let before = opened(app, seen.clone())?;
    let mut new = seen.clone();
    if let Some(description) = patch.description {
        new.description = description.trim().to_owned();
    }
    // What was chosen before by somebody else stays theirs.
    let added = patch.event_types.clone().unwrap_or_default();
    if let Some(types) = patch.event_types {
        new.event_types = AsJson(in_order(&types));
    }
    let moves = patch.url.as_ref().is_some_and(|url| *url != before.url);
    let url = patch.url.unwrap_or(before.url);
    let allows_private = app.config.webhooks.private_networks;
    let mut faults = endpoint_faults(&url, &new.description, &new.event_types.0, allows_private);
    // Whoever says where all of it goes must be allowed to read all of it.
    let told = if moves { &new.event_types.0 } else { &added };
    faults.extend(more_than_own(principal, organisation, told));
    if !faults.is_empty() {
        return Err(WebhookError::Invalid(faults));
    }
    let now = app.now();
    if moves {
        new.sealed_url = seal_url(app, id, &url)?;
    }
    match patch.is_enabled {
        Some(true) => (new.is_enabled, new.disabled_reason, new.disabled_at) = (true, None, None),
        Some(false) if seen.is_enabled => {
            (new.is_enabled, new.disabled_at) = (false, Some(now));
        }
        Some(false) | None => {}
    }
    new.updated_at = now;
    new.revision = seen.revision + 1;
    let (work, row, actor) = (app.clone(), new.clone(), principal.actor());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::update(c, &row, seen.revision).await? {
                    // Who said what they have seen is told by that; it was right a moment ago.
                    if_match.allow(row.revision)?;
                    return Err(WebhookError::ChangedMeanwhile);
                }
                if !row.is_enabled {
                    store::sleep(c, id).await?;
                } else if !seen.is_enabled {
                    // What waits since before goes on.
                    pump::wake(&work, c, id).await?;
                }
                let detail = json!({"event_types": row.event_types.0, "is_enabled": row.is_enabled, "moved": moves});
                let action = "webhooks.endpoint_changed";
                note(&work, c, organisation, &actor, action, id, detail).await
            })
        })
        .await?;
    opened(app, new)
}

/// Deletes an endpoint at once; what was under way to it is not sent any more.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::Stale`], or a fault of the database.
pub async fn delete_endpoint(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    id: WebhookEndpointId,
    if_match: IfMatch,
) -> Result<(), WebhookError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                if_match.allow(row.revision)?;
                let only = if_match.is_said().then_some(row.revision);
                if !store::delete(c, organisation, id, only, now).await? {
                    // Somebody else was a moment earlier.
                    if_match.allow(row.revision + 1)?;
                    return Err(MISSING);
                }
                let action = "webhooks.endpoint_deleted";
                note(&work, c, organisation, &actor, action, id, json!({})).await
            })
        })
        .await
}

/// An endpoint with its secret; that somebody looked is in the audit log.
///
/// # Errors
/// [`WebhookError::NotFound`], or a fault of the vault or the database.
pub async fn reveal_secret(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    id: WebhookEndpointId,
) -> Result<WebhookEndpointSecret, WebhookError> {
    let work = app.clone();
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                let action = "webhooks.secret_revealed";
                note(&work, c, organisation, &actor, action, id, json!({})).await?;
                Ok::<_, WebhookError>(row)
            })
        })
        .await?;
    Ok(WebhookEndpointSecret {
        secret: open_secret(app, id, &row.sealed_secret)?.text(),
        endpoint: opened(app, row)?,
    })
}

/// Gives an endpoint a new secret; for a day, the one before signs as well.
///
/// # Errors
/// [`WebhookError::NotFound`], or a fault of the vault or the database.
pub async fn rotate_secret(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    id: WebhookEndpointId,
) -> Result<WebhookEndpointSecret, WebhookError> {
    let now = app.now();
    let until = now + Duration::from_millis(OVERLAP_MS.unsigned_abs());
    let secret = SigningSecret::draw(&*app.random);
    let (work, sealed) = (app.clone(), seal_secret(app, id, &secret)?);
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if !store::rotate(c, organisation, id, &sealed, until, now).await? {
                    return Err(MISSING);
                }
                let row = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                let (action, detail) =
                    ("webhooks.secret_rotated", json!({"previous_until": until}));
                note(&work, c, organisation, &actor, action, id, detail).await?;
                Ok(row)
            })
        })
        .await?;
    Ok(WebhookEndpointSecret {
        endpoint: opened(app, row)?,
        secret: secret.text(),
    })
}
