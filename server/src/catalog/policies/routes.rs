//! Policies over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, PageQuery, Path, Query, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{KeptPolicy, PolicyInput};
use super::service;
use crate::app::App;
use crate::catalog::model::EventId;
use crate::catalog::model::policy::{Policy, Region};
use crate::catalog::service::visible_event;
use crate::identity::{Organiser, Tenant, permit};

/// The routes of policies.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read, save, delete))
        .routes(routes!(list_of_event))
        .routes(routes!(read_of_event, save_of_event, delete_of_event))
        .routes(routes!(shop))
}

async fn page_of(
    app: &App,
    tenant: &Tenant,
    event: Option<EventId>,
    page: &PageQuery,
) -> Result<Json<Page<KeptPolicy>>, Problem> {
    let after = page.after::<Region>()?;
    let after = after.map_or_else(String::new, |region| region.to_string());
    let limit = page.limit_and_one();
    let found = service::policies_of(app, tenant, event, after, limit).await?;
    Ok(Json(page.page(found, |one| one.region)))
}

/// List the policies of the organisation, by region
///
/// They hold for all events that have none on their own; which one it is, says the country of the venue.
#[utoipa::path(get, path = "/api/v1/policies", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "listPolicies",
    extensions(("x-permission" = json!("organisation.read"))), params(PageQuery),
    responses((status = 200, body = Page<KeptPolicy>), (status = "4XX", body = Problem)))]
async fn list(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<KeptPolicy>>, Problem> {
    page_of(&app, organiser.tenant(), None, &page).await
}

/// See the policy of the organisation for a region
#[utoipa::path(get, path = "/api/v1/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "getPolicy",
    extensions(("x-permission" = json!("organisation.read"))),
    params(("region" = Region, Path)),
    responses((status = 200, body = KeptPolicy, headers(("ETag" = String, description = "The version of the policy, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
    Path(region): Path<Region>,
) -> Result<Revised<KeptPolicy>, Problem> {
    let kept = service::stored_policy(&app, organiser.tenant(), None, region).await?;
    Ok(Revised(kept.version, kept))
}

/// Save the policy of the organisation for a region
///
/// Whoever bought before keeps their right to money back: of the policy then and that of today, the better one
/// for them decides.
#[utoipa::path(put, path = "/api/v1/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "setPolicy",
    extensions(("x-permission" = json!("organisation.manage"))),
    params(("region" = Region, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the policy had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = KeptPolicy, headers(("ETag" = String, description = "The version of the policy, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
    Path(region): Path<Region>,
    seen: IfMatch,
    Json(input): Json<PolicyInput>,
) -> Result<Revised<KeptPolicy>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let kept = service::save_policy(&app, tenant, actor, None, region, seen, input).await?;
    Ok(Revised(kept.version, kept))
}

/// Drop the policy of the organisation for a region; what is wider holds from then on
#[utoipa::path(delete, path = "/api/v1/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "deletePolicy",
    extensions(("x-permission" = json!("organisation.manage"))),
    params(("region" = Region, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the policy had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
    Path(region): Path<Region>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_policy(&app, tenant, actor, None, region, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the policies of an event, by region
///
/// Where an event has one on its own, the organisation's do not count.
#[utoipa::path(get, path = "/api/v1/events/{event}/policies", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "listEventPolicies",
    extensions(("x-permission" = json!("events.read"))), params(("event" = EventId, Path), PageQuery),
    responses((status = 200, body = Page<KeptPolicy>), (status = "4XX", body = Problem)))]
async fn list_of_event(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<KeptPolicy>>, Problem> {
    page_of(&app, organiser.tenant(), Some(event), &page).await
}

/// See the policy of an event for a region
#[utoipa::path(get, path = "/api/v1/events/{event}/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "getEventPolicy",
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path), ("region" = Region, Path)),
    responses((status = 200, body = KeptPolicy, headers(("ETag" = String, description = "The version of the policy, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read_of_event(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path((event, region)): Path<(EventId, Region)>,
) -> Result<Revised<KeptPolicy>, Problem> {
    let kept = service::stored_policy(&app, organiser.tenant(), Some(event), region).await?;
    Ok(Revised(kept.version, kept))
}

/// Save the policy of an event for a region
///
/// Whoever bought before keeps their right to money back: of the policy then and that of today, the better one
/// for them decides.
#[utoipa::path(put, path = "/api/v1/events/{event}/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "setEventPolicy",
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("region" = Region, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the policy had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = KeptPolicy, headers(("ETag" = String, description = "The version of the policy, for If-Match"))), (status = "4XX", body = Problem)))]
async fn save_of_event(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, region)): Path<(EventId, Region)>,
    seen: IfMatch,
    Json(input): Json<PolicyInput>,
) -> Result<Revised<KeptPolicy>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let kept = service::save_policy(&app, tenant, actor, Some(event), region, seen, input).await?;
    Ok(Revised(kept.version, kept))
}

/// Drop the policy of an event for a region; what is wider holds from then on
#[utoipa::path(delete, path = "/api/v1/events/{event}/policies/{region}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    operation_id = "deleteEventPolicy",
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("region" = Region, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the policy had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn delete_of_event(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, region)): Path<(EventId, Region)>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    service::delete_policy(&app, tenant, actor, Some(event), region, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See which policy for refund, transfer and resale holds for an event
///
/// Where its organiser says nothing, it is what the program takes as usual: no legal advice, and no promise
/// that it is all that the law of the place gives buyers.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/policy", tag = "shop",
    operation_id = "getShopEventPolicy",
    params(("event" = String, Path, description = "Its id or the last part of its page's address")),
    responses((status = 200, body = Policy), (status = "4XX", body = Problem)))]
async fn shop(State(app): State<App>, Path(event): Path<String>) -> Result<Json<Policy>, Problem> {
    let id = visible_event(&app, &event).await?.event.id;
    let policy = app
        .db
        .read(move |c| Box::pin(async move { service::policy_of(c, id).await }))
        .await?;
    Ok(Json(policy))
}
