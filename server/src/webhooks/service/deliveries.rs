//! What was sent and what came of it, sending it again, and trying an endpoint.

use serde_json::json;

use super::hear::{Telling, tell};
use super::{WebhookError, endpoints, pump};
use crate::app::App;
use crate::identity::OrganisationId;
use crate::platform::{self, AuditRecord};
use crate::webhooks::model::*;
use crate::webhooks::store::{deliveries as store, endpoints as endpoint_store};

const MISSING: WebhookError = WebhookError::NotFound("delivery");

/// An endpoint's deliveries, newest first, before one of them.
///
/// # Errors
/// [`WebhookError::NotFound`] if there is no such endpoint, or a fault of the database.
pub async fn deliveries(
    app: &App,
    organisation: OrganisationId,
    endpoint: WebhookEndpointId,
    query: &DeliveryQuery,
    before: Option<WebhookDeliveryId>,
    limit: i64,
) -> Result<Vec<WebhookDelivery>, WebhookError> {
    endpoints::row(app, organisation, endpoint).await?;
    let (state, event_type) = (query.state, query.event_type.clone());
    let list = app.db.read(move |c| {
        Box::pin(async move {
            store::list(c, endpoint, state, event_type.as_deref(), before, limit).await
        })
    });
    Ok(list.await?)
}

/// A delivery with what is sent and what came of it.
///
/// # Errors
/// [`WebhookError::NotFound`], or a fault of the database.
pub async fn delivery(
    app: &App,
    organisation: OrganisationId,
    id: WebhookDeliveryId,
) -> Result<WebhookDeliveryDetail, WebhookError> {
    app.db
        .read(move |c| {
            Box::pin(async move {
                let delivery = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                let (payload, request_id) = store::said(c, delivery.message_id).await?;
                Ok(WebhookDeliveryDetail {
                    payload: serde_json::from_str(&payload)?,
                    request_id,
                    log: store::attempts(c, id).await?,
                    delivery,
                })
            })
        })
        .await
}

/// Sends a delivery again from the beginning, with the same `webhook-id`, whatever came of it.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::EndpointOff`], or a fault of the database.
pub async fn resend(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    id: WebhookDeliveryId,
) -> Result<WebhookDelivery, WebhookError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                let endpoint = store::begin(c, id, now).await?.ok_or(MISSING)?;
                let row = endpoint_store::by_id(c, organisation, endpoint).await?;
                if !row.ok_or(MISSING)?.is_enabled {
                    return Err(WebhookError::EndpointOff);
                }
                pump::wake(&work, c, endpoint).await?;
                let delivery = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                let record = AuditRecord::new(actor, "webhooks.resent", id)
                    .of(organisation)
                    .detail(json!({"endpoint": endpoint}));
                platform::audit(&work, c, record).await?;
                Ok(delivery)
            })
        })
        .await
}

/// Sends a message of the type `webhook.test` to an endpoint, once.
///
/// # Errors
/// [`WebhookError::NotFound`], [`WebhookError::EndpointOff`], or a fault of the database.
pub async fn send_test(
    app: &App,
    organisation: OrganisationId,
    endpoint: WebhookEndpointId,
) -> Result<WebhookDelivery, WebhookError> {
    if !endpoints::row(app, organisation, endpoint)
        .await?
        .is_enabled
    {
        return Err(WebhookError::EndpointOff);
    }
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let telling = Telling {
                    organisation,
                    event_type: TEST_TYPE,
                    version: 1,
                    occurred_at: now,
                    most_attempts: 1,
                };
                let data = TestV1 { endpoint };
                let made = tell(&work, c, &telling, &data, &[endpoint]).await?;
                let id = made.first().copied().ok_or(MISSING)?;
                store::by_id(c, organisation, id).await?.ok_or(MISSING)
            })
        })
        .await
}
