//! Orders that staff makes, over HTTP; their answers hold tickets.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IdempotencyKey, Json, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::BoughtAnswer;
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::{Organiser, permit};
use crate::payments::{self, ImportAnswer, StaffOrderRequest};
use crate::sales::SalesError;
use crate::tickets::service;

/// The routes of what staff makes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(make))
        .routes(routes!(import))
}

/// Make an order that is given away, or was paid by cash or transfer
///
/// It is paid at once, and its tickets are in the answer. Stock is taken as for everybody; purchase limits and
/// the fraud score are for buyers only, and so are the times of a tier's sale. Comps are free.
#[utoipa::path(post, path = "/api/v1/events/{event}/orders", tag = "sales",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("event" = EventId, Path),
        ("Idempotency-Key" = String, Header, description = "Makes a repeated request sell once")),
    responses((status = 201, body = BoughtAnswer), (status = "4XX", body = Problem)))]
async fn make(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path(event): Path<EventId>,
    key: IdempotencyKey,
    Json(request): Json<StaffOrderRequest>,
) -> Result<(StatusCode, Json<BoughtAnswer>), Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let bought = service::staff_order(&app, tenant, event, request, actor, key.as_str()).await?;
    Ok((StatusCode::CREATED, Json(BoughtAnswer::of(&app, bought))))
}

/// How a file is taken.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// Whether only to say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Make orders from a file: one a line, up to 1,000, all of them or none
///
/// The file is CSV with the columns `email`, `name`, `tier` (its id, number or name), `quantity`, `payment`
/// (`comp`, `cash` or `transfer`) and perhaps `reason`. What is wrong is told by line: in `errors` of a dry
/// run, else as 422. Without `dry_run` it needs an `Idempotency-Key`, by which the same file is taken once.
#[utoipa::path(post, path = "/api/v1/events/{event}/orders/import", tag = "sales",
    operation_id = "importEventOrders",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.write"))),
    params(("event" = EventId, Path), ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request take the file once; needed unless it is a dry run")),
    request_body(content = String, content_type = "text/csv", description = "The orders, one a line below a line of titles"),
    responses((status = 200, body = ImportAnswer), (status = "4XX", body = Problem)))]
async fn import(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersWrite>,
    Path(event): Path<EventId>,
    Query(query): Query<ImportQuery>,
    key: Option<IdempotencyKey>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ImportAnswer>, Problem> {
    // Whose event it is comes before all that may be wrong with the file.
    catalog::event_of(&app, organiser.tenant(), event)
        .await
        .map_err(SalesError::from)?;
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/csv") {
        return Err(Problem::unsupported_media(
            "media_type",
            "Send the file as CSV, with Content-Type: text/csv.",
        ));
    }
    let text = std::str::from_utf8(&body)
        .map_err(|_| Problem::bad_request("sales.file_broken", "The file is not text in UTF-8."))?;
    if text.contains('\0') {
        return Err(Problem::bad_request(
            "sales.file_broken",
            "The file holds what is no text.",
        ));
    }
    let key = match (query.dry_run, &key) {
        (true, _) => None,
        (false, Some(key)) => Some(key.as_str()),
        (false, None) => {
            return Err(Problem::bad_request(
                "idempotency_key_missing",
                "Send an Idempotency-Key header, so that a repeated request takes the file once, or ask for a dry run.",
            ));
        }
    };
    let actor = organiser.actor();
    let answer =
        payments::import_orders(&app, organiser.tenant(), event, text, &actor, key).await?;
    Ok(Json(answer))
}
