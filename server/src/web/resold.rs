//! Buying from the page of an event what others sell.

use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;
use bilten_kernel::money::Money;

use super::form::{self, Fields};
use super::{event, shell, text, waiting};
use crate::app::App;
use crate::catalog::EventDetail;
use crate::sales::SalesError;
use crate::sales::resale::{self, ListingId, ResaleError, ShopListing};
use crate::waiting_room::{EnterRefusal, Visit};

/// How many of an event's tickets are shown that others sell: the cheapest.
const SHOWN: i64 = 20;

/// A ticket that somebody sells.
pub(super) struct ResoldView {
    pub(super) name: String,
    /// Its date and seat, if it is for one.
    pub(super) place: String,
    pub(super) price: String,
    pub(super) action: String,
}

impl ResoldView {
    fn of(offer: &EventDetail, listing: ShopListing) -> Self {
        let zone = text::zone(&offer.event.time_zone);
        let date = listing
            .occurrence_id
            .filter(|_| offer.occurrences.len() > 1);
        let date = offer.occurrences.iter().find(|one| Some(one.id) == date);
        let date = date.map(|date| text::date_and_time(date.starts_at, &zone).text);
        let place: Vec<String> = date.into_iter().chain(listing.seat_label).collect();
        Self {
            name: listing.label,
            place: place.join(", "),
            price: text::price(Money::new(listing.price_minor, listing.currency)),
            action: format!("/e/{}/resale/{}", offer.event.slug, listing.id),
        }
    }
}

/// The tickets of an event that everybody can buy of others.
pub(super) async fn for_sale(
    app: &App,
    offer: &EventDetail,
) -> Result<Vec<ResoldView>, ResaleError> {
    let found = resale::for_sale(app, offer.event.id, None, SHOWN).await?;
    let views = found.into_iter().map(|one| ResoldView::of(offer, one));
    Ok(views.collect())
}

/// `POST /e/{slug}/resale/{listing}`
pub(super) async fn buy(
    State(app): State<App>,
    Path((slug, listing)): Path<(String, ListingId)>,
    visit: Visit,
    fields: Fields,
) -> Result<Response, Problem> {
    let offer = event::visible(&app, &slug).await?;
    let id = offer.event.id;
    let shown = visit.shown(&app, id);
    let fresh = || form::new_key(&*app.random);
    let key = fields.key().unwrap_or_else(fresh);
    let held = match resale::hold(&app, id, listing, key, &shown).await {
        // The form was used before, for another choice or for a hold that has ended.
        Err(ResaleError::Sales(SalesError::KeyReused | SalesError::HoldGone)) => {
            resale::hold(&app, id, listing, fresh(), &shown).await
        }
        other => other,
    };
    match held {
        Ok(hold) => Ok(shell::see_other(&format!("/checkout/{}", hold.id))),
        Err(ResaleError::Sales(SalesError::WaitingRoom {
            refusal: EnterRefusal::NoPass | EnterRefusal::Pass(_) | EnterRefusal::Used,
            ..
        })) => Ok(shell::see_other(&waiting::path(id, ""))),
        Err(error @ (ResaleError::Gone | ResaleError::Refused(_) | ResaleError::NotFound)) => {
            Ok(event::back_to(&slug, error))
        }
        Err(other) => Err(other.into()),
    }
}
