//! What is on sale, holds and orders over HTTP: a file for each thing that is sold, read or set; events on
//! sale here.

mod available;
mod buyer;
mod desk;
mod export;
mod find;
mod holds;
mod limits;
mod orders;
mod problem;
mod review;
mod sandbox;
mod seats;
mod stock;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::http::{Json, Page, PageQuery, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::Availability;
use super::service::{self, SalesError};
use crate::app::App;
use crate::catalog::state::Standing;
use crate::catalog::texts::Language;
use crate::catalog::{self, EventDetail, EventId, ListedEvent, OccurrenceId, Wanted};
use crate::identity;

pub use buyer::BuyerFrom;

/// The routes of sales.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(shop_events))
        .routes(routes!(shop_event))
        .routes(routes!(date_availability))
        .merge(holds::routes())
        .merge(orders::routes())
        .merge(stock::routes())
        .merge(sandbox::routes())
        .merge(available::routes())
        .merge(desk::routes())
        .merge(export::routes())
        .merge(find::routes())
        .merge(limits::routes())
        .merge(review::routes())
        .merge(super::codes::routes())
        .merge(super::files::routes())
        .merge(super::resale::routes())
        .merge(seats::routes())
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
