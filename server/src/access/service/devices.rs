//! Devices, as organisers see them.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::http::Place;

use super::{AccessError, told};
use crate::access::model::*;
use crate::access::store::devices as store;
use crate::app::App;
use crate::catalog::{self, CatalogError, EventId};
use crate::identity::Tenant;

/// An event's devices in an order, after a place in it.
///
/// # Errors
/// [`AccessError::NotFound`], or a fault of the database.
pub async fn devices(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    by: DeviceSort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Device>, AccessError> {
    catalog::event_of(app, tenant, event).await?;
    let read = app.db.read(move |c| {
        Box::pin(async move { store::devices(c, event, by, after.as_ref(), limit).await })
    });
    Ok(read.await?)
}

/// Revokes a device: it may not sync any more, and wipes itself when it hears of it.
///
/// # Errors
/// [`AccessError::NotFound`], [`AccessError::BuiltIn`], or a fault of the database.
pub async fn revoke_device(app: &App, tenant: &Tenant, id: DeviceId) -> Result<(), AccessError> {
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::device(c, id).await }))
        .await?;
    let device = found.ok_or(AccessError::NotFound)?;
    match catalog::event_of(app, tenant, device.event_id).await {
        Ok(_) => {}
        Err(CatalogError::NotFound) => return Err(AccessError::NotFound),
        Err(other) => return Err(other.into()),
    }
    if device.built_in {
        return Err(AccessError::BuiltIn);
    }
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::revoke(c, id, now).await? {
                    told::device_changed(&work, c, device.event_id, id, "revoked").await?;
                }
                Ok::<_, AccessError>(())
            })
        })
        .await
}

/// After how long without a word a device is silent.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(15 * 60);

/// How many devices of events that take place now are heard of, and how many went silent.
///
/// # Errors
/// A fault of the database.
pub async fn count_scanners(app: &App, now: Timestamp) -> Result<Scanners, DbError> {
    store::count_scanners(&app.db, now, now - SILENT_AFTER).await
}
