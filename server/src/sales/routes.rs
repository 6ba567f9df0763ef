//! What is on sale, holds and orders over HTTP.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{IdempotencyKey, Json, Page, PageQuery, Path, Query, Sorted, ids};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::*;
use super::service::{self, ResetError, SalesError};
use crate::app::App;
use crate::catalog::state::Standing;
use crate::catalog::texts::Language;
use crate::catalog::{self, EventDetail, EventId, ListedEvent, Wanted};
use crate::identity::{self, Organiser, permit};

/// The routes of sales.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(shop_events))
        .routes(routes!(shop_event))
        .routes(routes!(quote))
        .routes(routes!(create_hold))
        .routes(routes!(hold, release_hold))
        .routes(routes!(extend_hold))
        .routes(routes!(orders))
        .routes(routes!(order))
        .routes(routes!(stock))
        .routes(routes!(reset))
        .routes(routes!(event_stock))
        .merge(super::codes::routes())
        .merge(super::waitlist::routes())
}

/// An event as buyers see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ShopEvent {
    /// The event with its dates and tiers.
    #[serde(flatten)]
    pub detail: EventDetail,
    /// Where it stands now.
    pub standing: Standing,
    /// The languages that it can be read in, its own first.
    pub languages: Vec<Language>,
    /// What is left of each tier.
    pub availability: Vec<Availability>,
}

/// What is left of a tier.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Availability {
    /// The tier.
    pub tier: crate::catalog::TierId,
    /// How many can still be bought.
    pub left: i64,
}

/// Which page of a shop's events is listed, and in which language.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShopQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// The language that is wanted most, before those of `Accept-Language`.
    #[serde(rename = "lang")]
    _lang: Option<String>,
}

/// List an organisation's published events that are not over, soonest first
///
/// Their texts are in the best language there is for you: `lang`, then `Accept-Language`, then the
/// event's own.
#[utoipa::path(get, path = "/api/v1/shop/organisations/{organisation}/events", tag = "shop",
    params(("organisation" = String, Path, description = "Its id or short name"), ShopQuery,
        ("Accept-Language" = Option<String>, Header, description = "The languages that are wanted")),
    responses((status = 200, body = Page<ListedEvent>), (status = "4XX", body = Problem)))]
async fn shop_events(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    Path(organisation): Path<String>,
    Query(query): Query<ShopQuery>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Page<ListedEvent>>), Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let organisation = identity::organisation_named(&app, &organisation).await?;
    let after = page.after::<(Timestamp, EventId)>()?;
    let events = catalog::on_sale(&app, organisation.id, after, page.limit_and_one()).await?;
    let page = page.page(events, |event| (event.starts_at, event.id));
    let page = page.map(|event| event.in_languages(&wanted));
    Ok((Wanted::varies(), Json(page)))
}

/// See what is on sale
///
/// Its texts are in the best language there is for you: `lang`, then `Accept-Language`, then the
/// event's own; each by itself. What has no language of its own is there in all.
#[utoipa::path(get, path = "/api/v1/shop/events/{event}", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"),
        ("lang" = Option<String>, Query, description = "The language that is wanted most, before those of `Accept-Language`"),
        ("Accept-Language" = Option<String>, Header, description = "The languages that are wanted")),
    responses((status = 200, body = ShopEvent), (status = "4XX", body = Problem)))]
async fn shop_event(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    Path(event): Path<String>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<ShopEvent>), Problem> {
    let offer = service::public_event(&app, &event).await?;
    let stock = service::stock(&app, offer.event.id).await?;
    let standing = service::standing(&offer, &stock, app.now());
    let availability = stock
        .iter()
        .map(|stock| Availability {
            tier: stock.tier_id,
            left: stock.left(),
        })
        .collect();
    let detail = EventDetail {
        event: offer.event.in_languages(&wanted),
        ..(*offer).clone()
    };
    let event = ShopEvent {
        detail,
        standing,
        languages: offer.event.languages(),
        availability,
    };
    Ok((Wanted::varies(), Json(event)))
}

/// See what tickets would cost now, or why they cannot be had; reserves nothing
#[utoipa::path(post, path = "/api/v1/shop/quotes", tag = "shop",
    responses((status = 200, body = Quote), (status = "4XX", body = Problem)))]
async fn quote(
    State(app): State<App>,
    Json(request): Json<HoldRequest>,
) -> Result<Json<Quote>, Problem> {
    Ok(Json(
        service::quote(&app, request.event, &request.items).await?,
    ))
}

/// A wish to reserve.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// The event.
    pub event: EventId,
    /// What to reserve.
    pub items: Vec<ItemRequest>,
}

/// Reserve capacity for 15 minutes
#[utoipa::path(post, path = "/api/v1/shop/holds", tag = "shop",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated request reserve once")),
    responses((status = 201, body = Hold), (status = "4XX", body = Problem)))]
async fn create_hold(
    State(app): State<App>,
    key: IdempotencyKey,
    Json(request): Json<HoldRequest>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let hold = service::hold(
        &app,
        request.event,
        request.items,
        Some(key.as_str().to_owned()),
    )
    .await?;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// See a hold that is not over
#[utoipa::path(get, path = "/api/v1/shop/holds/{hold}", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = Hold), (status = "4XX", body = Problem)))]
async fn hold(State(app): State<App>, Path(hold): Path<HoldId>) -> Result<Json<Hold>, Problem> {
    Ok(Json(service::active_hold(&app, hold).await?))
}

/// Let a hold go on for another 15 minutes from now, up to 30 in all
#[utoipa::path(post, path = "/api/v1/shop/holds/{hold}/extend", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = Hold), (status = "4XX", body = Problem)))]
async fn extend_hold(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<Json<Hold>, Problem> {
    Ok(Json(service::extend_hold(&app, hold).await?))
}

/// Give a hold up
#[utoipa::path(delete, path = "/api/v1/shop/holds/{hold}", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 204), (status = "4XX", body = Problem)))]
async fn release_hold(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<StatusCode, Problem> {
    service::release_hold(&app, hold).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which orders of an event are listed, and how.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before, with the same `sort`; absent for the first page.
    cursor: Option<String>,
    /// By what, with a `-` before it for descending; `-created` if absent.
    #[param(inline, value_type = Option<OrderSort>)]
    sort: Option<String>,
    /// Only orders with these ids, at most 100, with commas between them.
    ids: Option<String>,
}

/// List an event's orders, newest first unless they are sorted otherwise
#[utoipa::path(get, path = "/api/v1/events/{event}/orders", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("event" = EventId, Path), OrderQuery),
    responses((status = 200, body = Page<Order>), (status = "4XX", body = Problem)))]
async fn orders(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(event): Path<EventId>,
    Query(query): Query<OrderQuery>,
) -> Result<Json<Page<Order>>, Problem> {
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let sorted = Sorted::<OrderSort>::new(page, query.sort.as_deref())?;
    let only = ids::<OrderId>(query.ids.as_deref())?;
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let orders =
        service::orders_of_event(&app, tenant, event, only, sorted.by, after, limit).await?;
    let page = sorted.page(orders, |order| sorted.by.place(order));
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        event,
        "orders",
        page.items.len(),
    )
    .await?;
    Ok(Json(page))
}

/// Read an order
#[utoipa::path(get, path = "/api/v1/orders/{order}", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderDetail), (status = "4XX", body = Problem)))]
async fn order(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderDetail>, Problem> {
    let detail = service::order_of(&app, organiser.tenant(), order).await?;
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order",
        1,
    )
    .await?;
    Ok(Json(detail))
}

/// See the stock of an event's tiers
#[utoipa::path(get, path = "/api/v1/events/{event}/stock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = Vec<Stock>), (status = "4XX", body = Problem)))]
async fn stock(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<Vec<Stock>>, Problem> {
    catalog::event_of(&app, organiser.tenant(), event).await?;
    Ok(Json(service::stock(&app, event).await?))
}

/// Empty a sandbox: its events go with all that was sold; members, keys and webhooks stay
///
/// All of it or nothing. An organisation that sells is refused with `sales.not_a_sandbox`.
#[utoipa::path(post, path = "/api/v1/organisation/reset", tag = "organisations",
    security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("organisation.manage"))),
    responses((status = 200, body = Emptied), (status = "4XX", body = Problem)))]
async fn reset(
    State(app): State<App>,
    organiser: Organiser<permit::OrganisationManage>,
) -> Result<Json<Emptied>, Problem> {
    let emptied = service::reset_sandbox(&app, organiser.organisation(), organiser.actor()).await?;
    Ok(Json(emptied))
}

impl IntoProblem for ResetError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotASandbox => Problem::conflict("sales.not_a_sandbox", detail),
            Self::TooLarge => Problem::conflict("sales.sandbox_too_large", detail),
            Self::Catalog(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
        }
    }
}

/// See the stock of an event, as a whole and by tiers
#[utoipa::path(get, path = "/api/v2/events/{event}/stock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = EventStock), (status = "4XX", body = Problem)))]
async fn event_stock(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<EventStock>, Problem> {
    let detail = catalog::detail_of(&app, organiser.tenant(), event).await?;
    let stock = service::stock(&app, event).await?;
    Ok(Json(EventStock::of(&detail, &stock)))
}

impl IntoProblem for SalesError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::EventNotFound => Problem::not_found("sales.event_not_found", detail),
            Self::OrderNotFound => Problem::not_found("sales.order_not_found", detail),
            Self::HoldGone => Problem::gone("sales.hold_gone", detail),
            Self::OffSale { tier, not_yet } => {
                let code = if not_yet {
                    "sales.not_yet_on_sale"
                } else {
                    "sales.off_sale"
                };
                Problem::conflict(code, detail).field(
                    "items",
                    "off_sale",
                    format!("{tier} is not on sale now."),
                )
            }
            Self::SoldOut { tier, left } => Problem::conflict("sales.sold_out", detail).field(
                "items",
                "sold_out",
                format!("{tier} has {} left.", left.max(0)),
            ),
            Self::OfferChanged => Problem::conflict("sales.offer_changed", detail),
            Self::KeyReused => Problem::unprocessable("sales.idempotency_key_reused", detail),
            Self::State(_) => Problem::conflict("sales.state", detail),
            Self::Db(error) => error.into_problem(),
        }
    }
}
