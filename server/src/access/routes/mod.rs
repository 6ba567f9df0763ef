//! The door over HTTP: what organisers do, and what devices say.

mod devices;
mod door;
mod places;
mod staff;
mod sync;

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Counted;
use utoipa_axum::router::OpenApiRouter;

use super::model::Device;
use super::service::{self, AccessError};
use crate::app::App;
use crate::identity::{self, Noted, Permit};

/// The routes of the door.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(places::routes())
        .merge(devices::routes())
        .merge(door::routes())
        .merge(sync::routes())
        .merge(staff::routes())
}

/// A paired device whose session lets it do `P` at its event. Taking this extractor is what makes a
/// route the device's.
struct DeviceWith<P> {
    device: Device,
    permit: PhantomData<P>,
}

impl<P: Permit> FromRequestParts<App> for DeviceWith<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let noted = parts.extensions.get::<Noted>();
        if let Some(noted) = noted {
            noted.note_permission(P::PERMISSION.as_str());
        }
        let token = identity::bearer(parts).ok_or(AccessError::SessionExpired)?;
        if let (Some(noted), Some(device)) = (noted, service::device_of_token(app, token)) {
            noted.note_device(&device);
        }
        let device = service::authenticate(app, token, P::PERMISSION).await?;
        if let Some(counted) = parts.extensions.get::<Counted>() {
            let quota = counted.quotas().key;
            counted.take("key", &device.id.to_string(), quota).await?;
        }
        Ok(Self {
            device,
            permit: PhantomData,
        })
    }
}
