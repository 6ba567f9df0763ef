//! Devices, as organisers invite, see and revoke them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query, Sorted};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::model::*;
use crate::access::service;
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(invite))
        .routes(routes!(list))
        .routes(routes!(revoke))
}

/// Invite a device: a one-time code, good for 10 minutes, as text and as a QR code
#[utoipa::path(post, path = "/api/v1/events/{event}/pairings", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("devices.manage"))),
    params(("event" = EventId, Path)),
    responses((status = 201, body = Pairing), (status = "4XX", body = Problem)))]
async fn invite(
    State(app): State<App>,
    organiser: Organiser<permit::DevicesManage>,
    Path(event): Path<EventId>,
    Json(input): Json<PairingInput>,
) -> Result<impl IntoResponse, Problem> {
    let pairing = service::invite(&app, organiser.tenant(), event, input).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(pairing),
    ))
}

/// How devices are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeviceQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-paired` if absent.
    #[param(inline, value_type = Option<DeviceSort>)]
    sort: Option<String>,
}

/// List an event's devices, newest first unless they are sorted otherwise; revoked ones too
#[utoipa::path(get, path = "/api/v1/events/{event}/devices", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("devices.manage"))),
    params(("event" = EventId, Path), DeviceQuery),
    responses((status = 200, body = Page<Device>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::DevicesManage>,
    Path(event): Path<EventId>,
    Query(query): Query<DeviceQuery>,
) -> Result<Json<Page<Device>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<DeviceSort>::new(page, query.sort.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let devices = service::devices(&app, tenant, event, sorted.by, after, limit).await?;
    Ok(Json(sorted.page(devices, |device| sorted.by.place(device))))
}

/// Revoke a device: it may not sync any more, and wipes itself when it hears of it
#[utoipa::path(delete, path = "/api/v1/devices/{device}", tag = "door", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("devices.manage"))),
    params(("device" = DeviceId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn revoke(
    State(app): State<App>,
    organiser: Organiser<permit::DevicesManage>,
    Path(device): Path<DeviceId>,
) -> Result<StatusCode, Problem> {
    service::revoke_device(&app, organiser.tenant(), device).await?;
    Ok(StatusCode::NO_CONTENT)
}
