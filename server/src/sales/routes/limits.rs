//! Purchase limits over HTTP.

use axum::extract::State;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{Organiser, permit};
use crate::sales::model::{EventPurchaseLimits, PurchaseLimitsInput};
use crate::sales::service;

/// The routes of purchase limits.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(limits, set_limits))
}

/// See how many tickets of an event one person may have
#[utoipa::path(get, path = "/api/v1/events/{event}/purchase-limits", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = EventPurchaseLimits, headers(("ETag" = String, description = "The version of the limits, for If-Match"))), (status = "4XX", body = Problem)))]
async fn limits(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<EventPurchaseLimits>, Problem> {
    let kept = service::purchase_limits(&app, organiser.tenant(), event).await?;
    Ok(Revised(kept.version, kept))
}

/// Set how many tickets of an event one person may have from now on
///
/// What is left out may be any number. Tickets that let people in are counted: those of a bundle one by one;
/// add-ons, donations and merchandise are not. A mailbox is counted however its address is written. Orders
/// that were placed before a limit was set are not counted; orders of staff are not limited. Who would have
/// too many is refused with `sales.purchase_limit`.
///
/// `per_payment` counts what is paid by one means of payment, such as a card, whoever pays with it, as its
/// provider names it by a fingerprint: the sandbox by the `card` of a payment. It is decided in the write that
/// places the order or begins another payment of it, before any money moves, and the refusal names `payment`:
/// an order that waits can be paid by other means. Money that arrives when the order has ended, and its card has
/// bought all that it may since, goes back. What is named by nothing is not counted.
#[utoipa::path(put, path = "/api/v1/events/{event}/purchase-limits", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the limits had, or their version in quotes: 412 if they were changed since")),
    responses((status = 200, body = EventPurchaseLimits, headers(("ETag" = String, description = "The version of the limits, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_limits(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<PurchaseLimitsInput>,
) -> Result<Revised<EventPurchaseLimits>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let kept = service::set_purchase_limits(&app, tenant, event, seen, input, actor).await?;
    Ok(Revised(kept.version, kept))
}
