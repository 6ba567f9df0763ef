//! Webhooks over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service;
use crate::app::App;
use crate::identity::{Organiser, RecentlyAuthenticated, permit};

/// The routes of webhooks.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(types))
        .routes(routes!(create, list))
        .routes(routes!(read, update, delete))
        .routes(routes!(secret))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(replay))
        .routes(routes!(deliveries))
        .routes(routes!(delivery))
        .routes(routes!(resend))
}

/// The event types there are, with the JSON schemas of their messages
#[utoipa::path(get, path = "/api/v1/webhooks/event-types", tag = "webhooks",
    responses((status = 200, body = Vec<WebhookEventType>), (status = "4XX", body = Problem)))]
async fn types() -> Json<&'static [WebhookEventType]> {
    Json(event_types())
}

/// Make an endpoint; what is sent to it is signed by the secret in the answer
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))),
    responses((status = 201, body = WebhookEndpointSecret), (status = "4XX", body = Problem)))]
async fn create(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Json(input): Json<WebhookEndpointInput>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let made = service::create_endpoint(&app, organiser.principal(), organisation, input).await?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(made),
    ))
}

/// List the organisation's endpoints, newest first
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(PageQuery),
    responses((status = 200, body = Page<WebhookEndpoint>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<WebhookEndpoint>>, Problem> {
    let before = page.after::<WebhookEndpointId>()?;
    let limit = page.limit_and_one();
    let list = service::endpoints(&app, organiser.organisation(), before, limit).await?;
    Ok(Json(page.page(list, |endpoint| endpoint.id)))
}

/// Read an endpoint
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{endpoint}", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("endpoint" = WebhookEndpointId, Path)),
    responses((status = 200, body = WebhookEndpoint, headers(("ETag" = String, description = "The revision of the endpoint, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<Revised<WebhookEndpoint>, Problem> {
    let found = service::endpoint(&app, organiser.organisation(), endpoint).await?;
    Ok(Revised(found.revision, found))
}

/// Change an endpoint, or switch it off or on
#[utoipa::path(patch, path = "/api/v1/webhooks/endpoints/{endpoint}", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("endpoint" = WebhookEndpointId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the endpoint had, or its revision in quotes: 412 if it was changed since")),
    responses((status = 200, body = WebhookEndpoint, headers(("ETag" = String, description = "The revision of the endpoint, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
    seen: IfMatch,
    Json(patch): Json<WebhookEndpointPatch>,
) -> Result<Revised<WebhookEndpoint>, Problem> {
    let (principal, organisation) = (organiser.principal(), organiser.organisation());
    let changed =
        service::update_endpoint(&app, principal, organisation, endpoint, seen, patch).await?;
    Ok(Revised(changed.revision, changed))
}

/// Delete an endpoint; nothing is sent to it any more
#[utoipa::path(delete, path = "/api/v1/webhooks/endpoints/{endpoint}", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("endpoint" = WebhookEndpointId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the endpoint had, or its revision in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let organisation = organiser.organisation();
    service::delete_endpoint(&app, organiser.actor(), organisation, endpoint, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show the secret that signs what is sent to an endpoint; that somebody looked is recorded
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{endpoint}/secret", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage")), ("x-recently-authenticated" = json!(true))),
    params(("endpoint" = WebhookEndpointId, Path)),
    responses((status = 200, body = WebhookEndpointSecret), (status = "4XX", body = Problem)))]
async fn secret(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    _recent: RecentlyAuthenticated,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let shown = service::reveal_secret(&app, organiser.actor(), organisation, endpoint).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(shown)))
}

/// Give an endpoint a new secret; for 24 hours, the one before signs as well
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{endpoint}/secret/rotate", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage")), ("x-recently-authenticated" = json!(true))),
    params(("endpoint" = WebhookEndpointId, Path)),
    responses((status = 200, body = WebhookEndpointSecret), (status = "4XX", body = Problem)))]
async fn rotate(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    _recent: RecentlyAuthenticated,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<impl IntoResponse, Problem> {
    let organisation = organiser.organisation();
    let rotated = service::rotate_secret(&app, organiser.actor(), organisation, endpoint).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(rotated)))
}

/// Send a message of the type `webhook.test` to an endpoint, once
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{endpoint}/test", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("endpoint" = WebhookEndpointId, Path)),
    responses((status = 202, body = WebhookDelivery), (status = "4XX", body = Problem)))]
async fn test(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
) -> Result<(StatusCode, Json<WebhookDelivery>), Problem> {
    let sent = service::send_test(&app, organiser.organisation(), endpoint).await?;
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

/// Send again what happened in a span of time
///
/// Those messages that the endpoint did not take or missed while it was off, or all of them; each with
/// the same `webhook-id` as before.
#[utoipa::path(post, path = "/api/v1/webhooks/endpoints/{endpoint}/replay", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("endpoint" = WebhookEndpointId, Path)),
    responses((status = 202, body = Replay), (status = "4XX", body = Problem)))]
async fn replay(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
    Json(input): Json<ReplayInput>,
) -> Result<(StatusCode, Json<Replay>), Problem> {
    let organisation = organiser.organisation();
    let begun = service::replay(&app, organiser.actor(), organisation, endpoint, input).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// List what was sent to an endpoint, newest first; kept for 30 days
#[utoipa::path(get, path = "/api/v1/webhooks/endpoints/{endpoint}/deliveries", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))),
    params(("endpoint" = WebhookEndpointId, Path), DeliveryQuery),
    responses((status = 200, body = Page<WebhookDelivery>), (status = "4XX", body = Problem)))]
async fn deliveries(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(endpoint): Path<WebhookEndpointId>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<Page<WebhookDelivery>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let (before, limit) = (page.after()?, page.limit_and_one());
    let organisation = organiser.organisation();
    let list = service::deliveries(&app, organisation, endpoint, &query, before, limit).await?;
    Ok(Json(page.page(list, |delivery| delivery.id)))
}

/// Read a delivery with what was sent and what came of each attempt
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries/{delivery}", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("delivery" = WebhookDeliveryId, Path)),
    responses((status = 200, body = WebhookDeliveryDetail), (status = "4XX", body = Problem)))]
async fn delivery(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(delivery): Path<WebhookDeliveryId>,
) -> Result<Json<WebhookDeliveryDetail>, Problem> {
    Ok(Json(
        service::delivery(&app, organiser.organisation(), delivery).await?,
    ))
}

/// Send a delivery again, with the same `webhook-id`
#[utoipa::path(post, path = "/api/v1/webhooks/deliveries/{delivery}/resend", tag = "webhooks",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("webhooks.manage"))), params(("delivery" = WebhookDeliveryId, Path)),
    responses((status = 202, body = WebhookDelivery), (status = "4XX", body = Problem)))]
async fn resend(
    State(app): State<App>,
    organiser: Organiser<permit::WebhooksManage>,
    Path(delivery): Path<WebhookDeliveryId>,
) -> Result<(StatusCode, Json<WebhookDelivery>), Problem> {
    let organisation = organiser.organisation();
    let begun = service::resend(&app, organiser.actor(), organisation, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}
