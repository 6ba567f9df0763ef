//! What is on sale, holds and orders over HTTP.

mod available;
mod buyer;
mod desk;
mod export;
mod find;
mod limits;
mod review;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use bilten_core::price::Refusal;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::{
    ClientIp, IdempotencyKey, Json, Page, PageQuery, Path, Query, Sorted, ids,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::limits::LimitMet;
use super::model::*;
use super::service::{self, HoldWish, ResetError, SalesError};
use crate::app::App;
use crate::catalog::questions::Answers;
use crate::catalog::seating::{ChoiceFault, NoPick, SeatId, TakenState};
use crate::catalog::state::Standing;
use crate::catalog::texts::Language;
use crate::catalog::{self, EventDetail, EventId, ListedEvent, OccurrenceId, Tier, Wanted};
use crate::identity::{self, Organiser, permit};
use crate::waiting_room::{self, Visit};

pub use buyer::BuyerFrom;

/// The routes of sales.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(shop_events))
        .routes(routes!(shop_event))
        .routes(routes!(date_availability))
        .routes(routes!(quote))
        .routes(routes!(create_hold))
        .routes(routes!(hold, release_hold))
        .routes(routes!(extend_hold))
        .routes(routes!(hold_price))
        .routes(routes!(orders))
        .routes(routes!(order))
        .routes(routes!(order_price))
        .routes(routes!(order_answers))
        .routes(routes!(stock))
        .routes(routes!(block_seats))
        .routes(routes!(unblock_seats))
        .routes(routes!(sale_rules, set_sale_rules))
        .routes(routes!(reset))
        .routes(routes!(event_stock))
        .merge(available::routes())
        .merge(desk::routes())
        .merge(export::routes())
        .merge(find::routes())
        .merge(limits::routes())
        .merge(review::routes())
        .merge(super::codes::routes())
        .merge(super::resale::routes())
        .merge(super::routes_seats::routes())
        .merge(super::waitlist::routes())
        .merge(super::changes::routes())
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
    /// What is left of each tier, all dates together; of a series with more than 2,000 stocks as it was at
    /// most two seconds ago.
    pub availability: Vec<Availability>,
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
    let left = service::stock_left(&app, &offer).await?;
    let standing = service::standing(&offer, &left, app.now());
    let mut detail = offer.for_buyers(&[], app.now());
    detail.event = offer.event.in_languages(&wanted);
    let availability = service::availability_of(&offer, &left);
    let event = ShopEvent {
        detail,
        standing,
        languages: offer.event.languages(),
        availability,
    };
    Ok((Wanted::varies(), Json(event)))
}

/// What is left of an event's tiers on one of its dates.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct DateAvailability {
    /// The event.
    pub event_id: EventId,
    /// The date.
    pub occurrence_id: OccurrenceId,
    /// What is left of each tier.
    pub tiers: Vec<Availability>,
}

/// See what is left of an event's tiers on one of its dates
#[utoipa::path(get, path = "/api/v1/shop/events/{event}/occurrences/{occurrence}/availability", tag = "shop",
    params(("event" = String, Path, description = "Its id or the last part of its page's address"),
        ("occurrence" = OccurrenceId, Path)),
    responses((status = 200, body = DateAvailability), (status = "4XX", body = Problem)))]
async fn date_availability(
    State(app): State<App>,
    Path((event, date)): Path<(String, OccurrenceId)>,
) -> Result<Json<DateAvailability>, Problem> {
    let offer = service::public_event(&app, &event).await?;
    if offer.occurrence(date).is_none() {
        return Err(SalesError::EventNotFound.into_problem());
    }
    let tiers = service::availability(&app, &offer, Some(date)).await?;
    Ok(Json(DateAvailability {
        event_id: offer.event.id,
        occurrence_id: date,
        tiers,
    }))
}

/// A seat that cannot be had.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TakenSeat {
    /// The seat, by its id in the seat map.
    pub seat: SeatId,
    /// How it is taken.
    pub state: TakenState,
}

/// The seats of a date that cannot be had; all others of its map that are sold at all can.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TakenSeats {
    /// The event.
    pub event_id: EventId,
    /// The date.
    pub occurrence_id: OccurrenceId,
    /// The seats.
    pub taken: Vec<TakenSeat>,
}

impl TakenSeats {
    async fn of(app: &App, event: EventId, date: OccurrenceId) -> Result<Self, SalesError> {
        let taken = service::taken_seats(app, date).await?;
        let taken = taken
            .into_iter()
            .map(|(seat, state)| TakenSeat { seat, state });
        Ok(Self {
            event_id: event,
            occurrence_id: date,
            taken: taken.collect(),
        })
    }
}

/// See what tickets would cost now, or why they cannot be had; reserves nothing
#[utoipa::path(post, path = "/api/v1/shop/quotes", tag = "shop",
    responses((status = 200, body = Quote), (status = "4XX", body = Problem)))]
async fn quote(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Json(request): Json<HoldRequest>,
) -> Result<Json<Quote>, Problem> {
    let work = service::quote(&app, request.event, &request.items, &request.codes);
    let quote = service::trying_codes(&app, ip, &request.codes, work).await??;
    Ok(Json(quote))
}

/// A wish to reserve.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// The event.
    pub event: EventId,
    /// What to reserve.
    pub items: Vec<ItemRequest>,
    /// Promo codes; they are reserved with the rest.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The buyer's e-mail address, if it is known: codes may be limited by buyer.
    #[serde(default)]
    pub email: Option<String>,
}

/// Reserve capacity, seats and codes for 15 minutes, at a price that stays
#[utoipa::path(post, path = "/api/v1/shop/holds", tag = "shop",
    params(("Idempotency-Key" = String, Header, description = "Makes a repeated request reserve once"),
        ("Waiting-Pass" = Option<String>, Header, description = "The pass of whoever is called, where people wait for the event (`sales.waiting_room` without one)"),
        ("Waiting-Place" = Option<String>, Header, description = "The secret of the place that the pass was given to")),
    responses((status = 201, body = Hold), (status = "4XX", body = Problem)))]
async fn create_hold(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    key: IdempotencyKey,
    visit: Visit,
    Json(request): Json<HoldRequest>,
) -> Result<(StatusCode, Json<Hold>), Problem> {
    let shown = visit.shown(&app, request.event);
    let wish = HoldWish {
        items: request.items,
        codes: request.codes.clone(),
        email: request.email,
        idempotency_key: Some(key.as_str().to_owned()),
        shown,
        is_invited: false,
    };
    let work = service::hold_wish(&app, request.event, wish);
    let hold = service::trying_codes(&app, ip, &request.codes, work).await??;
    Ok((StatusCode::CREATED, Json(hold)))
}

/// See how the price of a hold comes about
#[utoipa::path(get, path = "/api/v1/shop/holds/{hold}/price", tag = "shop", params(("hold" = HoldId, Path)),
    responses((status = 200, body = PriceParts), (status = "4XX", body = Problem)))]
async fn hold_price(
    State(app): State<App>,
    Path(hold): Path<HoldId>,
) -> Result<Json<PriceParts>, Problem> {
    let price = service::hold_price(&app, hold).await?;
    Ok(Json(price.ok_or(SalesError::HoldGone)?))
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
    /// Only orders in this state.
    #[param(inline, value_type = Option<OrderState>)]
    state: Option<OrderState>,
    /// Only orders with this tag.
    tag: Option<String>,
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
    let filter = OrderFilter {
        ids: ids::<OrderId>(query.ids.as_deref())?,
        state: query.state,
        // What cannot be a tag is one that no order has.
        tag: query
            .tag
            .as_deref()
            .map(|text| tag(text).unwrap_or_else(|| ",".to_owned())),
    };
    let (after, limit) = (sorted.after()?, sorted.limit_and_one());
    let tenant = organiser.tenant();
    let orders =
        service::orders_of_event(&app, tenant, event, filter, sorted.by, after, limit).await?;
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

/// See how the price of an order comes about
///
/// From what was kept when it was bought: nothing that has changed since plays a part. Orders from
/// before that was kept are answered with `sales.price_not_kept`.
#[utoipa::path(get, path = "/api/v1/orders/{order}/price", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderPrice), (status = "4XX", body = Problem)))]
async fn order_price(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderPrice>, Problem> {
    let price = service::order_price(&app, organiser.tenant(), order).await?;
    price.map(Json).ok_or_else(|| {
        let detail = "What the price of this order came from was not kept.";
        Problem::not_found("sales.price_not_kept", detail)
    })
}

/// What somebody said of an order's tickets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct OrderAnswers {
    /// The order.
    pub order_id: OrderId,
    /// What was answered for the order, by question.
    #[schema(value_type = Object)]
    pub answers: Answers,
    /// What was said of its tickets; those of which nothing was said are left out.
    pub tickets: Vec<TicketAnswers>,
}

/// What somebody said of one ticket.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TicketAnswers {
    /// Its number within the order, from 1.
    pub number: u32,
    /// Who comes with it, if that is not the buyer.
    pub holder_name: Option<String>,
    /// Their e-mail address.
    pub holder_email: Option<String>,
    /// What was answered for it, by question.
    #[schema(value_type = Object)]
    pub answers: Answers,
}

/// See who comes with an order's tickets, and what was answered
#[utoipa::path(get, path = "/api/v1/orders/{order}/answers", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("orders.read"))),
    params(("order" = OrderId, Path)), responses((status = 200, body = OrderAnswers), (status = "4XX", body = Problem)))]
async fn order_answers(
    State(app): State<App>,
    organiser: Organiser<permit::OrdersRead>,
    Path(order): Path<OrderId>,
) -> Result<Json<OrderAnswers>, Problem> {
    let said = service::people_of(&app, organiser.tenant(), order).await?;
    let tickets: Vec<TicketAnswers> = said
        .tickets
        .into_iter()
        .map(|(number, holder, answers)| TicketAnswers {
            number: number.saturating_add(1),
            holder_email: holder.as_ref().and_then(|holder| holder.email.clone()),
            holder_name: holder.map(|holder| holder.name),
            answers,
        })
        .collect();
    identity::note_personal_data_read(
        &app,
        organiser.organisation(),
        organiser.actor(),
        order,
        "order_answers",
        tickets.len(),
    )
    .await?;
    Ok(Json(OrderAnswers {
        order_id: order,
        answers: said.order,
        tickets,
    }))
}

/// Seats of one date.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatsRequest {
    /// The date.
    pub occurrence: OccurrenceId,
    /// The seats, 1 to 5,000.
    #[schema(min_items = 1, max_items = 5_000)]
    pub seats: Vec<SeatId>,
}

impl SeatsRequest {
    fn check(&self) -> Result<(), Problem> {
        if (1..=5_000).contains(&self.seats.len()) {
            return Ok(());
        }
        Err(Problem::invalid(vec![FieldError {
            field: "seats".to_owned(),
            code: "out_of_range".into(),
            detail: "There must be 1 to 5,000 seats.".to_owned(),
        }]))
    }
}

/// Keep seats of a date back: nobody can buy them
///
/// All of them or none: a seat that somebody has is refused with `sales.seats_taken`.
#[utoipa::path(post, path = "/api/v1/events/{event}/seats/block", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = TakenSeats), (status = "4XX", body = Problem)))]
async fn block_seats(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(request): Json<SeatsRequest>,
) -> Result<Json<TakenSeats>, Problem> {
    request.check()?;
    let (tenant, date) = (organiser.tenant(), request.occurrence);
    service::keep_seats(&app, tenant, event, date, &request.seats, true).await?;
    Ok(Json(TakenSeats::of(&app, event, date).await?))
}

/// Let seats of a date be bought again that were kept back
#[utoipa::path(post, path = "/api/v1/events/{event}/seats/unblock", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = TakenSeats), (status = "4XX", body = Problem)))]
async fn unblock_seats(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(request): Json<SeatsRequest>,
) -> Result<Json<TakenSeats>, Problem> {
    request.check()?;
    let (tenant, date) = (organiser.tenant(), request.occurrence);
    service::keep_seats(&app, tenant, event, date, &request.seats, false).await?;
    Ok(Json(TakenSeats::of(&app, event, date).await?))
}

/// See what is asked of those who buy
#[utoipa::path(get, path = "/api/v1/events/{event}/sale-rules", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.read"))),
    params(("event" = EventId, Path)), responses((status = 200, body = SaleRules), (status = "4XX", body = Problem)))]
async fn sale_rules(
    State(app): State<App>,
    organiser: Organiser<permit::EventsRead>,
    Path(event): Path<EventId>,
) -> Result<Json<SaleRules>, Problem> {
    catalog::event_of(&app, organiser.tenant(), event).await?;
    Ok(Json(service::sale_rules(&app, event).await?))
}

/// Set what is asked of those who buy
#[utoipa::path(put, path = "/api/v1/events/{event}/sale-rules", tag = "sales", security(("api_key" = []), ("session" = []), ("oauth2" = [])),
    extensions(("x-permission" = json!("events.write"))),
    params(("event" = EventId, Path)), responses((status = 200, body = SaleRules), (status = "4XX", body = Problem)))]
async fn set_sale_rules(
    State(app): State<App>,
    organiser: Organiser<permit::EventsWrite>,
    Path(event): Path<EventId>,
    Json(rules): Json<SaleRules>,
) -> Result<Json<SaleRules>, Problem> {
    let tenant = organiser.tenant();
    Ok(Json(
        service::set_sale_rules(&app, tenant, event, rules).await?,
    ))
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
    let left = service::stock_left(&app, &detail).await?;
    let (of_tier, in_all) = (|tier: &Tier| left.of(tier).free, left.in_all(&detail));
    Ok(Json(EventStock::of(&detail, &stock, of_tier, in_all)))
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
            Self::SeatsTaken(seats) => with_seats(
                Problem::conflict("sales.seats_taken", detail),
                "taken",
                &seats,
            ),
            Self::Choice(fault) => choice(&fault, detail),
            Self::NoSeats(why) => no_seats(why, detail),
            Self::Price(refusal) => price(&refusal, detail),
            Self::CodeUnknown { place } => Problem::unprocessable("sales.code_unknown", detail)
                .field(
                    format!("codes[{place}]"),
                    "unknown",
                    "This code is not known.",
                ),
            Self::OfferChanged => Problem::conflict("sales.offer_changed", detail),
            Self::KeyReused => Problem::unprocessable("sales.idempotency_key_reused", detail),
            Self::WaitingRoom { event, refusal } => waiting_room::entry_problem(event, refusal),
            Self::State(_) => Problem::conflict("sales.state", detail),
            Self::PaidOut => Problem::conflict("sales.resale_paid_out", detail),
            Self::PurchaseLimit(_) => Problem::conflict(LimitMet::CODE, detail),
            Self::OrderRefused => Problem::conflict("sales.order_refused", detail),
            Self::UnderReview => Problem::conflict("sales.under_review", detail),
            Self::NotUnderReview => Problem::conflict("sales.not_under_review", detail),
            Self::NoteNotFound => Problem::not_found("sales.note_not_found", detail),
            Self::TooManyNotes => Problem::conflict("sales.too_many_notes", detail),
            Self::TooOften(seconds) => {
                Problem::too_many("sales.too_often", detail).retry_after(seconds)
            }
            Self::TooManyListen => {
                Problem::unavailable("sales.too_many_listen", detail).retry_after(5)
            }
            Self::Db(error) => error.into_problem(),
        }
    }
}

/// Adds the seats that a problem is about.
fn with_seats<T: std::fmt::Display>(problem: Problem, code: &'static str, seats: &[T]) -> Problem {
    seats.iter().take(100).fold(problem, |problem, seat| {
        problem.field("seats", code, seat.to_string())
    })
}

/// Why seats cannot be chosen together.
fn choice(fault: &ChoiceFault, detail: String) -> Problem {
    let problem = Problem::conflict(fault.code(), detail);
    match fault {
        ChoiceFault::Empty => problem,
        ChoiceFault::NotFree(seats) => with_seats(problem, "taken", seats),
        ChoiceFault::PartOfTable(tables) => with_seats(problem, "whole_table", tables),
        ChoiceFault::CompanionAlone(seats) => with_seats(problem, "companion_alone", seats),
        ChoiceFault::LeavesSingles(seats) => with_seats(problem, "left_single", seats),
    }
}

/// Why there are no seats as they are wished for.
fn no_seats(why: NoPick, detail: String) -> Problem {
    match why {
        NoPick::Wish | NoPick::UnknownSection | NoPick::UnknownCategory => {
            Problem::unprocessable(why.code(), detail)
        }
        NoPick::TooFew(_) | NoPick::NoAccess | NoPick::NotTogether | NoPick::LeavesSingles => {
            Problem::conflict(why.code(), detail)
        }
    }
}

/// Why what was chosen has no price: by what is there or by what was asked.
fn price(refusal: &Refusal, detail: String) -> Problem {
    let code = format!("sales.{}", refusal.code());
    match refusal.code() {
        "code_not_applicable" => {
            let problem = Problem::conflict(code, detail);
            if let Refusal::CodeNotApplicable { why, .. } = refusal {
                problem.field("codes", why.code(), why.to_string())
            } else {
                problem
            }
        }
        "not_on_sale" | "bad_rules" => Problem::conflict(code, detail),
        other => Problem::unprocessable(code, detail).field("items", other, refusal.to_string()),
    }
}
