//! Finding one's orders again, over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Json;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::BuyerFrom;
use crate::app::App;
use crate::sales::service;

/// The routes of finding orders.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(find))
}

/// Orders that somebody looks for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LookupRequest {
    /// The event: its id, or the last part of its page's address.
    event: String,
    /// The e-mail address that the tickets were bought with.
    email: String,
}

/// Have the way to one's orders mailed to the address that bought them
///
/// The answer is the same whether there are any: only the mail tells.
#[utoipa::path(post, path = "/api/v1/shop/order-lookups", tag = "shop", operation_id = "requestShopOrderLookup",
    responses((status = 202, description = "If there are such orders, a mail is on its way"), (status = "4XX", body = Problem)))]
async fn find(
    State(app): State<App>,
    BuyerFrom(origin): BuyerFrom,
    Json(request): Json<LookupRequest>,
) -> Result<StatusCode, Problem> {
    service::find_orders(&app, &request.event, &request.email, origin).await?;
    Ok(StatusCode::ACCEPTED)
}
