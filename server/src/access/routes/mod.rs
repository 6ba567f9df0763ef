//! The door over HTTP: what organisers do, and what devices say.

mod devices;
mod door;
mod places;
mod sync;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bilten_kernel::error::Problem;
use utoipa_axum::router::OpenApiRouter;

use super::model::{Device, Scope};
use super::service::{self, AccessError};
use crate::app::App;
use crate::identity;

/// The routes of the door.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(places::routes())
        .merge(devices::routes())
        .merge(door::routes())
        .merge(sync::routes())
}

/// A paired device with a session. Taking this extractor is what makes a route the device's.
struct SyncDevice(Device);

/// A paired device, or one that was revoked and may push one last time.
struct PushingDevice(Device);

async fn device(parts: &Parts, app: &App, needed: Scope) -> Result<Device, Problem> {
    let token = identity::bearer(parts).ok_or(AccessError::SessionExpired)?;
    Ok(service::authenticate(app, token, needed).await?)
}

impl FromRequestParts<App> for SyncDevice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        device(parts, app, Scope::Sync).await.map(Self)
    }
}

impl FromRequestParts<App> for PushingDevice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        device(parts, app, Scope::LastPush).await.map(Self)
    }
}
