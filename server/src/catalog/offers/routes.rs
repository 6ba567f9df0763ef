//! Pools, price settings and taxes over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Json, Page, Path, Revised};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{pools, prices};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service;
use crate::identity::{Organiser, permit};

pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add_pool, list_pools))
        .routes(routes!(update_pool, remove_pool))
        .routes(routes!(read_event_prices, set_event_prices))
        .routes(routes!(read_prices, set_prices))
        .routes(routes!(add_tax, list_taxes))
        .routes(routes!(set_tax, remove_tax))
}

/// Add a capacity pool to an event, for its tiers to share
#[utoipa::path(post, path = "/api/v1/events/{event}/pools", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 201, body = CapacityPool, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn add_pool(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<PoolInput>,
) -> Result<(StatusCode, Revised<CapacityPool>), Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let (version, pool) = pools::add(&app, tenant, event, actor, seen, input).await?;
    Ok((StatusCode::CREATED, Revised(version, pool)))
}

/// List an event's capacity pools, the oldest first
#[utoipa::path(get, path = "/api/v1/events/{event}/pools", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = Page<CapacityPool>), (status = "4XX", body = Problem)))]
async fn list_pools(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<Page<CapacityPool>>, Problem> {
    let detail = service::detail_of(&app, organiser.tenant(), event).await?;
    Ok(Json(Page {
        items: detail.pools.clone(),
        next: None,
    }))
}

/// Change a capacity pool
#[utoipa::path(patch, path = "/api/v1/events/{event}/pools/{pool}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("pool" = PoolId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = CapacityPool, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn update_pool(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, pool)): Path<(EventId, PoolId)>,
    seen: IfMatch,
    Json(patch): Json<PoolPatch>,
) -> Result<Revised<CapacityPool>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let (version, pool) = pools::update(&app, tenant, (event, pool), actor, seen, patch).await?;
    Ok(Revised(version, pool))
}

/// Remove a capacity pool that no tier shares
#[utoipa::path(delete, path = "/api/v1/events/{event}/pools/{pool}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path), ("pool" = PoolId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_pool(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path((event, pool)): Path<(EventId, PoolId)>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    pools::remove(&app, tenant, (event, pool), actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read what an event says of prices besides its tiers: fees, group rates, place, rounding
#[utoipa::path(get, path = "/api/v1/events/{event}/price-settings", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)),
    responses((status = 200, body = EventPrices, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read_event_prices(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Revised<EventPrices>, Problem> {
    let said = prices::of_event(&app, organiser.tenant(), event).await?;
    Ok(Revised(said.version, said))
}

/// Set what an event says of prices besides its tiers, all of it
///
/// Whoever changes what somebody said before names the version that they have seen, by `version` or
/// `If-Match`. Orders keep the prices at which they were bought.
#[utoipa::path(put, path = "/api/v1/events/{event}/price-settings", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the event had, or its version in quotes: 412 if it was changed since")),
    responses((status = 200, body = EventPrices, headers(("ETag" = String, description = "The version of the event, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_event_prices(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    seen: IfMatch,
    Json(input): Json<PriceSettingsInput>,
) -> Result<Revised<EventPrices>, Problem> {
    let (tenant, actor) = (organiser.tenant(), organiser.actor());
    let said = prices::set_of_event(&app, tenant, event, actor, seen, input).await?;
    Ok(Revised(said.version, said))
}

/// Read what the organisation says of prices: fees, place, rounding
#[utoipa::path(get, path = "/api/v1/price-settings", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.read"))),
    responses((status = 200, body = OrganisationPrices, headers(("ETag" = String, description = "The version of the settings, for If-Match"))), (status = "4XX", body = Problem)))]
async fn read_prices(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
) -> Result<Revised<OrganisationPrices>, Problem> {
    let said = prices::of_organisation(&app, organiser.tenant().organisation).await?;
    Ok(Revised(said.version, said))
}

/// Set what the organisation says of prices, all of it; events may say otherwise
///
/// Whoever changes what somebody said before names the version that they have seen, by `version` or
/// `If-Match`. Orders keep the prices at which they were bought.
#[utoipa::path(put, path = "/api/v1/price-settings", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("If-Match" = Option<String>, Header, description = "The ETag that the settings had, or their version in quotes: 412 if they were changed since")),
    responses((status = 200, body = OrganisationPrices, headers(("ETag" = String, description = "The version of the settings, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_prices(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    seen: IfMatch,
    Json(input): Json<PriceSettingsInput>,
) -> Result<Revised<OrganisationPrices>, Problem> {
    let (organisation, actor) = (organiser.tenant().organisation, organiser.actor());
    let said = prices::set_of_organisation(&app, organisation, actor, seen, input).await?;
    Ok(Revised(said.version, said))
}

/// Add a tax that the organisation charges
///
/// A unit is taxed by those that are in force on the day of its date, in the time zone of the event; what is
/// for the whole event, by those of its first date that takes place. When it is bought makes no difference.
#[utoipa::path(post, path = "/api/v1/tax-rules", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    responses((status = 201, body = StoredTaxRule, headers(("ETag" = String, description = "The revision of the tax, for If-Match"))), (status = "4XX", body = Problem)))]
async fn add_tax(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Json(input): Json<TaxRuleInput>,
) -> Result<(StatusCode, Revised<StoredTaxRule>), Problem> {
    let (organisation, actor) = (organiser.tenant().organisation, organiser.actor());
    let rule = prices::add_tax(&app, organisation, actor, input).await?;
    Ok((StatusCode::CREATED, Revised(rule.revision, rule)))
}

/// List the taxes that the organisation charges, in the order in which they build on each other
#[utoipa::path(get, path = "/api/v1/tax-rules", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.read"))),
    responses((status = 200, body = Page<StoredTaxRule>), (status = "4XX", body = Problem)))]
async fn list_taxes(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationRead>,
) -> Result<Json<Page<StoredTaxRule>>, Problem> {
    let items = prices::taxes(&app, organiser.tenant().organisation).await?;
    Ok(Json(Page { items, next: None }))
}

/// Change a tax; orders keep the one by which they were priced
///
/// A change names the revision that it starts from, by `revision` or `If-Match`. What starts to be in force on
/// some day is better added as a tax of its own, and the old one given a last day.
#[utoipa::path(put, path = "/api/v1/tax-rules/{tax_rule}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("tax_rule" = TaxRuleId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the tax had, or its revision in quotes: 412 if it was changed since")),
    responses((status = 200, body = StoredTaxRule, headers(("ETag" = String, description = "The revision of the tax, for If-Match"))), (status = "4XX", body = Problem)))]
async fn set_tax(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(tax_rule): Path<TaxRuleId>,
    seen: IfMatch,
    Json(input): Json<TaxRuleInput>,
) -> Result<Revised<StoredTaxRule>, Problem> {
    let (organisation, actor) = (organiser.tenant().organisation, organiser.actor());
    let rule = prices::set_tax(&app, organisation, tax_rule, actor, seen, input).await?;
    Ok(Revised(rule.revision, rule))
}

/// Take a tax away; orders keep it if they were priced by it
#[utoipa::path(delete, path = "/api/v1/tax-rules/{tax_rule}", tag = "catalog", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.create"))),
    params(("tax_rule" = TaxRuleId, Path),
        ("If-Match" = Option<String>, Header, description = "The ETag that the tax had, or its revision in quotes: 412 if it was changed since")),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn remove_tax(
    State(app): State<App>,
    organiser: Organiser<permit::EventsCreate>,
    Path(tax_rule): Path<TaxRuleId>,
    seen: IfMatch,
) -> Result<StatusCode, Problem> {
    let (organisation, actor) = (organiser.tenant().organisation, organiser.actor());
    prices::remove_tax(&app, organisation, tax_rule, actor, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
