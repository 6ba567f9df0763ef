//! Members who hold a device that others hold as well.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::DeviceWith;
use crate::access::service;
use crate::app::App;
use crate::identity::{StaffName, StaffSession, StaffSignIn, permit};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(names, begin, end))
}

/// List who may sign in at this device by their PIN: names only
#[utoipa::path(get, path = "/api/v1/sync/staff", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    responses((status = 200, body = Page<StaffName>), (status = "4XX", body = Problem)))]
async fn names(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInRead>,
) -> Result<Json<Page<StaffName>>, Problem> {
    let items = service::staff_names(&app, &device.device).await?;
    Ok(Json(Page { items, next: None }))
}

/// Take the device over, by PIN; whoever held it before is signed out there
#[utoipa::path(post, path = "/api/v1/sync/staff", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    responses((status = 201, body = StaffSession), (status = "4XX", body = Problem)))]
async fn begin(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInRead>,
    Json(input): Json<StaffSignIn>,
) -> Result<impl IntoResponse, Problem> {
    let begun = service::begin_staff_session(&app, &device.device, input).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(begun),
    ))
}

/// Leave the device; doing so again changes nothing
#[utoipa::path(delete, path = "/api/v1/sync/staff", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn end(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInRead>,
) -> Result<StatusCode, Problem> {
    service::end_staff_session(&app, &device.device).await?;
    Ok(StatusCode::NO_CONTENT)
}
