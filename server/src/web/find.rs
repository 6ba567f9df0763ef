//! Finding one's tickets again: the address that bought them is sent the way.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;
use serde::Deserialize;

use super::form::{Faults, Fields, Refusal};
use super::shell::{self, Privacy, Shell};
use crate::app::App;
use crate::catalog;
use crate::sales::{self, BuyerFrom, SalesError};

/// The most events to choose from.
const LIMIT: i64 = 100;

/// For which event, and whether a mail was asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    event: String,
    #[serde(default)]
    sent: String,
}

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    shell: Shell,
    faults: Faults,
    is_sent: bool,
    events: Vec<EventChoice>,
    email: String,
}

struct EventChoice {
    slug: String,
    name: String,
    is_chosen: bool,
}

async fn page(
    app: &App,
    mut refusal: Refusal,
    event: &str,
    email: &str,
    is_sent: bool,
) -> Result<Response, Problem> {
    let mut offers = catalog::upcoming(app, LIMIT).await?;
    // An event that is over is not among them, and its page may lead here.
    match sales::public_event(app, event).await {
        Ok(offer) if offers.iter().all(|one| one.event.id != offer.event.id) => offers.push(offer),
        Ok(_) | Err(SalesError::EventNotFound) => {}
        Err(other) => return Err(other.into()),
    }
    let events = offers.iter().map(|offer| EventChoice {
        is_chosen: offer.event.slug == event || offer.event.id.to_string() == event,
        slug: offer.event.slug.clone(),
        name: offer.event.name.clone(),
    });
    let faults = refusal.take_faults();
    let page = FindPage {
        shell: Shell::personal("Find your tickets").with_faults(!faults.is_empty()),
        faults,
        is_sent,
        events: events.collect(),
        email: email.to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /orders/find?event=`
pub(super) async fn show(
    State(app): State<App>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let is_sent = !wish.sent.is_empty();
    page(&app, Refusal::default(), &wish.event, "", is_sent).await
}

/// `POST /orders/find`
pub(super) async fn find(
    State(app): State<App>,
    BuyerFrom(origin): BuyerFrom,
    fields: Fields,
) -> Result<Response, Problem> {
    let (event, email) = (fields.text("event"), fields.text("email"));
    if event.is_empty() {
        let faults = Faults::one("event", "Please choose the event.");
        return page(&app, Refusal::with(faults), event, email, false).await;
    }
    match sales::find_orders(&app, event, email, origin).await {
        // The answer is the same whether there are any.
        Ok(()) => Ok(shell::see_other("/orders/find?sent=1")),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            page(&app, refusal, event, email, false).await
        }
    }
}
