//! The list of events.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::money::Money;

use super::details::TextView;
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use crate::app::App;
use crate::catalog::texts::Language;
use crate::catalog::{self, EventDetail, Wanted};

/// The most events on the page.
const LIMIT: i64 = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    events: Vec<EventCard>,
}

struct EventCard {
    slug: String,
    name: TextView,
    venue: TextView,
    month: String,
    day: String,
    starts: Moment,
    more_dates: usize,
    price: String,
}

impl EventCard {
    fn of(offer: &EventDetail, now: Timestamp, wanted: &[Language]) -> Self {
        let event = &offer.event;
        let zone = text::zone(&event.time_zone);
        let coming: Vec<_> = offer.scheduled().filter(|o| o.ends_at > now).collect();
        let starts_at = coming.first().map_or(event.created_at, |o| o.starts_at);
        let (month, day) = text::leaf(starts_at, &zone);
        let price = |minor: i64| text::price(Money::new(minor, event.currency));
        let seen = offer.tiers.iter().filter(|tier| !tier.hidden);
        let prices = seen.map(|tier| tier.price_minor);
        let price = match (prices.clone().min(), prices.max()) {
            (Some(least), Some(most)) if least == most => price(least),
            (Some(least), Some(most)) => format!("{} to {}", price(least), price(most)),
            (None, _) | (_, None) => String::new(),
        };
        Self {
            slug: event.slug.clone(),
            name: event.name_in(wanted).into(),
            venue: event.venue_name_in(wanted).into(),
            month,
            day,
            starts: text::date_and_time(starts_at, &zone),
            more_dates: coming.len().saturating_sub(1),
            price,
        }
    }
}

/// `GET /`
pub(super) async fn show(
    State(app): State<App>,
    Wanted(wanted): Wanted,
) -> Result<Response, Problem> {
    let now = app.now();
    let upcoming = catalog::upcoming(&app, LIMIT).await?;
    let page = HomePage {
        shell: Shell::public(
            &app,
            "Events and tickets",
            "Upcoming events with tickets on sale.".to_owned(),
            "/",
        ),
        events: upcoming
            .iter()
            .map(|offer| EventCard::of(offer, now, &wanted))
            .collect(),
    };
    let page = shell::page(StatusCode::OK, &page, Privacy::Open)?;
    Ok((Wanted::varies(), page).into_response())
}
