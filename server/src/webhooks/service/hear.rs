//! Listening to the outbox: what happened becomes messages and deliveries.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::jobs::JobError;
use bilten_kernel::outbox::Delivered;
use bilten_kernel::telemetry::Cause;
use serde::Serialize;
use serde_json::Value;

use super::{WebhookError, pump};
use crate::app::App;
use crate::catalog;
use crate::events::DomainEvent;
use crate::identity::OrganisationId;
use crate::sales;
use crate::webhooks::model::*;
use crate::webhooks::store::deliveries::NewDelivery;
use crate::webhooks::store::messages::NewMessage;
use crate::webhooks::store::{deliveries, endpoints, messages};

/// Takes an entry of the outbox, inside the write that notes that it was taken: each entry becomes
/// one message exactly, with one id for all attempts.
///
/// # Errors
/// [`JobError::Dead`] if the entry cannot be read; a fault of the database.
pub async fn hear(app: &App, c: &mut Conn, entry: &Delivered) -> Result<(), JobError> {
    // Most installations have no endpoint, and this is on the way of every order.
    if !endpoints::is_any(c).await? {
        return Ok(());
    }
    let event: DomainEvent = entry.payload()?;
    let public = public(event).map_err(|error| JobError::Dead(error.to_string()))?;
    let Some(public) = public else {
        return Ok(());
    };
    let organisation = match public.whose {
        Whose::Organisation(organisation) => Some(organisation),
        Whose::Event(event) => catalog::organisation_in(c, event).await?,
    };
    let Some(organisation) = organisation else {
        return Ok(());
    };
    let mut listeners = endpoints::listeners(c, organisation).await?;
    listeners.retain(|one| one.event_types.0.contains(&public.event_type));
    if listeners.is_empty() {
        return Ok(());
    }
    let data = match public.told {
        Told::Data(data) => data,
        Told::Order(id) => match sales::detail_in(app, c, id).await? {
            Some(order) => serde_json::to_value(OrderV1::from(order))?,
            None => return Ok(()),
        },
    };
    let (kind, version) = (public.event_type.as_str(), public.event_type.version());
    // Those that are off miss it, and can have it sent later.
    listeners.retain(|one| one.is_enabled);
    let on: Vec<_> = listeners.iter().map(|one| one.id).collect();
    let told = Telling {
        organisation,
        event_type: kind,
        version,
        occurred_at: entry.created_at,
        most_attempts: MOST_ATTEMPTS,
    };
    tell::<Value>(app, c, &told, &data, &on).await?;
    Ok(())
}

/// A message that is to be sent.
pub(super) struct Telling<'a> {
    pub(super) organisation: OrganisationId,
    pub(super) event_type: &'a str,
    pub(super) version: u32,
    pub(super) occurred_at: Timestamp,
    pub(super) most_attempts: u32,
}

/// Writes a message, and a delivery for each of these endpoints; gives the deliveries.
pub(super) async fn tell<D: Serialize + Sync>(
    app: &App,
    c: &mut Conn,
    telling: &Telling<'_>,
    data: &D,
    to: &[WebhookEndpointId],
) -> Result<Vec<WebhookDeliveryId>, WebhookError> {
    let now = app.now();
    let id = WebhookMessageId::new(&*app.clock, &*app.random);
    let payload = serde_json::to_string(&Envelope {
        id,
        event_type: telling.event_type,
        version: telling.version,
        timestamp: telling.occurred_at,
        organisation: telling.organisation,
        data,
    })?;
    let message = NewMessage {
        id,
        organisation: telling.organisation,
        event_type: telling.event_type,
        payload: &payload,
        occurred_at: telling.occurred_at,
        // This runs under the id of the request that led to it.
        cause: &Cause::current(),
    };
    messages::insert(c, &message, now).await?;
    let new: Vec<NewDelivery> = to
        .iter()
        .map(|endpoint| NewDelivery {
            id: WebhookDeliveryId::new(&*app.clock, &*app.random),
            message: id,
            endpoint: *endpoint,
            event_type: telling.event_type.to_owned(),
            most_attempts: telling.most_attempts,
        })
        .collect();
    deliveries::insert(c, &new, now).await?;
    // In one order, so that two of these writes do not wait for each other.
    let mut to = to.to_vec();
    to.sort_unstable();
    for endpoint in to {
        pump::wake(app, c, endpoint).await?;
    }
    Ok(new.iter().map(|one| one.id).collect())
}
