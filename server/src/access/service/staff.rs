//! Members who hold a device that others hold as well.

use super::AccessError;
use crate::access::model::Device;
use crate::app::App;
use crate::catalog;
use crate::identity::{self, OrganisationId, StaffName, StaffSession, StaffSignIn};

/// Whose event the device belongs to.
async fn organisation(app: &App, device: &Device) -> Result<OrganisationId, AccessError> {
    let event = device.event_id;
    let found = app
        .db
        .read(move |c| Box::pin(async move { catalog::organisation_in(c, event).await }));
    found.await?.ok_or(AccessError::NotFound)
}

/// Who may take the device over.
///
/// # Errors
/// [`AccessError::Identity`], or a fault of the database.
pub async fn staff_names(app: &App, device: &Device) -> Result<Vec<StaffName>, AccessError> {
    let organisation = organisation(app, device).await?;
    Ok(identity::staff_names(app, organisation, device.event_id).await?)
}

/// Lets a member take the device over by their PIN.
///
/// # Errors
/// [`AccessError::Identity`], or a fault of the database.
pub async fn begin_staff_session(
    app: &App,
    device: &Device,
    input: StaffSignIn,
) -> Result<StaffSession, AccessError> {
    let organisation = organisation(app, device).await?;
    let device_id = device.id.to_string();
    Ok(identity::begin_staff_session(app, organisation, device.event_id, device_id, input).await?)
}

/// Signs out whoever holds the device.
///
/// # Errors
/// [`AccessError::Identity`], or a fault of the database.
pub async fn end_staff_session(app: &App, device: &Device) -> Result<(), AccessError> {
    Ok(identity::end_staff_session(app, device.id.to_string()).await?)
}
