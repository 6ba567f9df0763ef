//! An event: what it is, which tickets there are, and choosing some.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;

use super::date_choice::{self, Asked, ChoiceView, Chosen, Told, is_of_date};
use super::details::DetailsView;
use super::form::{self, Faults, Fields};
use super::resold::{self, ResoldView};
use super::shelf::{Shelf, TierView, field_of};
use super::shell::{self, Privacy, Shell};
use super::view::{self, DateView, EventView};
use super::{problem, text, waiting};
use crate::app::App;
use crate::catalog::state::Kept;
use crate::catalog::texts::Language;
use crate::catalog::{self, CatalogError, EventDetail, EventState, OccurrenceId, TierId, Wanted};
use crate::sales::{self, HOLD_MS, Hold, ItemRequest, SalesError};
use crate::waiting_room::{self, EnterRefusal, PassShown, Visit};

/// The place of the page where a date is chosen.
const DATES: &str = "dates";

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    shell: Shell,
    faults: Faults,
    notice: Option<&'static str>,
    /// Where people wait for their turn, if they have to.
    waiting: Option<String>,
    event: EventView,
    details: DetailsView,
    /// What there is to say of the date that was asked for.
    told: Option<Told>,
    /// The dates to choose from, unless there is only one or it was chosen.
    choice: Option<ChoiceView>,
    /// How many dates there are to choose from, if they are too many to be listed with what the event is.
    spread: Option<String>,
    /// The date that was chosen of several.
    chosen: Option<DateView>,
    /// The date that is bought for, chosen or not.
    date: Option<OccurrenceId>,
    /// What links to this page add to stay in the language that it was asked for in.
    language: String,
    tiers: Vec<TierView>,
    /// What others sell of it.
    resold: Vec<ResoldView>,
    is_open: bool,
    key: String,
    hold_minutes: i64,
    linked_data: String,
}

/// The event at this address, unless it is still a draft.
pub(super) async fn visible(app: &App, slug: &str) -> Result<Arc<EventDetail>, Problem> {
    if !catalog::can_be_slug(slug) {
        return Err(CatalogError::NotFound.into());
    }
    let id = catalog::id_by_slug(app, slug).await?;
    let offer = catalog::offer(app, id).await?;
    match offer.event.state {
        EventState::Draft => Err(CatalogError::NotFound.into()),
        EventState::Published | EventState::Cancelled | EventState::Archived => Ok(offer),
    }
}

impl EventPage {
    async fn of(
        app: &App,
        offer: &EventDetail,
        fields: &Fields,
        faults: Faults,
        wanted: &[Language],
        asked: &Asked,
    ) -> Result<Self, Problem> {
        let (event, now) = (&offer.event, app.now());
        let stock = sales::stock_left(app, offer).await?;
        let mut chosen = Chosen::of(offer, &asked.date, now);
        let told = chosen.told.take();
        let of_several = chosen.date.filter(|_| chosen.is_choice);
        let on_date = match of_several {
            Some(date) => sales::stock_left_on(app, offer, &[date.id])
                .await?
                .remove(&date.id),
            None => None,
        };
        let seen = offer.visible_tiers(&[]);
        // Asked once: a series has many dates, and many tiers.
        let is_over = now >= offer.ends_at();
        let mut dates = offer.occurrences.iter();
        let shelf = Shelf {
            offer,
            chosen: &chosen,
            stock: &stock,
            on_date: on_date.as_ref(),
            is_over,
            is_priced_by_date: dates.any(|date| !date.offer.prices.is_empty()),
            now,
        };
        let is_only = seen.len() == 1 && faults.is_empty();
        let tiers: Vec<_> = seen
            .iter()
            .map(|tier| shelf.view(tier, fields, is_only))
            .collect();
        // What is wrong with a form says it all.
        let told = told.or_else(|| shelf.told(&seen));
        let told = told.filter(|_| faults.is_empty());
        let choice = if chosen.is_choice && chosen.date.is_none() {
            Some(ChoiceView::of(app, offer, asked).await?)
        } else {
            None
        };
        let notice = match event.kept() {
            Kept::Cancelled => Some("This event was cancelled. Its tickets are no longer on sale."),
            Kept::Postponed => Some(
                "This event is postponed: the new date is not known yet, and nothing is sold until then.",
            ),
            Kept::Archived => Some("This event is over."),
            Kept::Draft | Kept::Published | Kept::Paused if is_over => Some("This event is over."),
            Kept::Paused => {
                Some("The sale is paused for the moment. Tickets that were bought stay valid.")
            }
            Kept::Draft | Kept::Published => None,
        };
        let is_waiting = waiting_room::is_waiting(app, event.id).await?;
        let view = EventView::in_languages(offer, wanted);
        let path = format!("/e/{}", event.slug);
        let linked_data =
            view::linked_data(offer, &stock, &format!("{}{path}", shell::public_url(app)));
        Ok(Self {
            shell: Shell::public(app, &view.name.text, view.preview(), &path)
                .of_event(event.sandbox)
                .with_faults(!faults.is_empty()),
            is_open: tiers.iter().any(|tier| tier.most > 0),
            faults,
            notice,
            waiting: is_waiting.then(|| waiting::path(event.id, "")),
            event: view,
            details: DetailsView::of(offer, wanted),
            told,
            choice,
            spread: chosen
                .is_choice
                .then(|| date_choice::spread(offer, now))
                .flatten(),
            chosen: of_several.map(|date| DateView::of(date, &text::zone(&event.time_zone))),
            date: chosen.date.map(|date| date.id),
            language: asked.kept_language(),
            tiers,
            resold: resold::for_sale(app, offer).await?,
            key: form::new_key(&*app.random),
            hold_minutes: HOLD_MS / 60_000,
            linked_data,
        })
    }
}

/// `GET /e/{slug}`, and `?date=` for one of its dates
pub(super) async fn show(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    asked: Asked,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let offer = visible(&app, &slug).await?;
    let (fields, faults) = (Fields::default(), Faults::default());
    let page = EventPage::of(&app, &offer, &fields, faults, &wanted, &asked).await?;
    let status = page
        .told
        .as_ref()
        .map_or(StatusCode::OK, |told| told.status);
    let page = shell::page(status, &page, Privacy::Open)?;
    Ok((Wanted::varies(), page).into_response())
}

/// `POST /e/{slug}/hold`
pub(super) async fn hold(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    Path(slug): Path<String>,
    visit: Visit,
    fields: Fields,
) -> Result<Response, Problem> {
    let offer = visible(&app, &slug).await?;
    let shown = visit.shown(&app, offer.event.id);
    let (status, faults) = match chosen(&offer, &fields, app.now()) {
        Err(faults) => (StatusCode::UNPROCESSABLE_ENTITY, faults),
        Ok(wanted) => match take(&app, &offer, &wanted, fields.key(), shown).await {
            Ok(hold) => return Ok(shell::see_other(&format!("/checkout/{}", hold.id))),
            Err(SalesError::WaitingRoom {
                refusal: EnterRefusal::NoPass | EnterRefusal::Pass(_) | EnterRefusal::Used,
                ..
            }) => return Ok(shell::see_other(&waiting::path(offer.event.id, ""))),
            Err(error) => in_words(&offer, &wanted, error)?,
        },
    };
    // What was shown is wrong, so look again.
    let offer = catalog::fresh_offer(&app, offer.event.id).await?;
    app.counts.forget(offer.event.id);
    let asked = Asked::of_form(&fields);
    let page = EventPage::of(&app, &offer, &fields, faults, &wanted, &asked).await?;
    shell::page(status, &page, Privacy::Form)
}

/// How many of which tier a form asks for, and for which date. Of a form without a date it is found out what is
/// meant when it is held.
fn chosen(
    offer: &EventDetail,
    fields: &Fields,
    now: Timestamp,
) -> Result<Vec<ItemRequest>, Faults> {
    let (mut wanted, mut faults) = (Vec::new(), Faults::default());
    let asked = fields.text("date");
    let for_date = Chosen::of(offer, asked, now);
    if let Some(told) = for_date.told {
        faults.add(if for_date.is_choice { DATES } else { "" }, told.text);
    }
    let date = for_date.date.filter(|_| !asked.is_empty());
    let date = date.map(|date| date.id);
    for tier in offer.visible_tiers(&[]) {
        let field = field_of(tier.id);
        match fields.text(&field) {
            "" => {}
            text => match text.parse() {
                Ok(0) => {}
                Ok(quantity) => wanted.push(ItemRequest {
                    occurrence: date.filter(|_| is_of_date(tier)),
                    ..ItemRequest::of(tier.id, quantity)
                }),
                Err(_) => faults.add(field, format!("{}: please give a whole number.", tier.name)),
            },
        }
    }
    if faults.is_empty() {
        Ok(wanted)
    } else {
        Err(faults)
    }
}

async fn take(
    app: &App,
    offer: &EventDetail,
    wanted: &[ItemRequest],
    key: Option<String>,
    shown: PassShown,
) -> Result<Hold, SalesError> {
    let event = offer.event.id;
    match sales::hold(app, event, wanted.to_vec(), key, shown.clone()).await {
        Ok(hold) if hold.expires_at > app.now() => Ok(hold),
        // The form was used before, for another choice or for a hold that has ended.
        Ok(_) | Err(SalesError::KeyReused | SalesError::HoldGone) => {
            sales::hold(app, event, wanted.to_vec(), None, shown).await
        }
        Err(other) => Err(other),
    }
}

/// Why nothing was held, beside the field that it is about.
fn in_words(
    offer: &EventDetail,
    wanted: &[ItemRequest],
    error: SalesError,
) -> Result<(StatusCode, Faults), Problem> {
    let name = |id: TierId| offer.tier(id).map_or("Ticket", |tier| tier.name.as_str());
    let now_taken =
        |tier: TierId, text: String| Ok((StatusCode::CONFLICT, Faults::one(field_of(tier), text)));
    match error {
        SalesError::Invalid(ref errors) => {
            let first = offer
                .tiers
                .first()
                .map_or_else(String::new, |tier| field_of(tier.id));
            let at = |field: &str| {
                if field.ends_with(".occurrence") {
                    return DATES.to_owned();
                }
                let index = field
                    .strip_prefix("items[")
                    .and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
                index
                    .and_then(|i| wanted.get(i))
                    .map_or_else(|| first.clone(), |item| field_of(item.tier))
            };
            Ok((
                StatusCode::UNPROCESSABLE_ENTITY,
                Faults::from_errors(errors, at),
            ))
        }
        SalesError::SoldOut { tier, left: ..=0 } => now_taken(
            tier,
            format!("{}: the last ones have just been taken.", name(tier)),
        ),
        SalesError::SoldOut { tier, left } => {
            now_taken(tier, format!("{}: only {left} left.", name(tier)))
        }
        SalesError::OffSale {
            tier,
            not_yet: true,
        } => now_taken(tier, format!("{}: the sale has not begun yet.", name(tier))),
        SalesError::OffSale {
            tier,
            not_yet: false,
        } => now_taken(tier, format!("{}: the sale has ended.", name(tier))),
        SalesError::SeatsTaken(_) | SalesError::Choice(_) | SalesError::NoSeats(_) => Ok((
            StatusCode::CONFLICT,
            Faults::one("", format!("{error}. Please choose again.")),
        )),
        SalesError::Price(_) | SalesError::CodeUnknown { .. } => Ok((
            StatusCode::UNPROCESSABLE_ENTITY,
            Faults::one("", format!("{error}.")),
        )),
        SalesError::OfferChanged => Ok((
            StatusCode::CONFLICT,
            Faults::one("", "The offer has just changed. Please look at it again."),
        )),
        SalesError::WaitingRoom { .. } => Ok((
            StatusCode::CONFLICT,
            Faults::one(
                "",
                "Too many are choosing just now. Your turn is kept: please try again in a moment.",
            ),
        )),
        other @ (SalesError::EventNotFound
        | SalesError::OrderNotFound
        | SalesError::HoldGone
        | SalesError::VersionConflict { .. }
        | SalesError::Stale(_)
        | SalesError::KeyReused
        | SalesError::State(_)
        | SalesError::PaidOut
        | SalesError::Merged
        | SalesError::PurchaseLimit(_)
        | SalesError::OrderRefused
        | SalesError::UnderReview
        | SalesError::NotUnderReview
        | SalesError::NoteNotFound
        | SalesError::TooManyNotes
        | SalesError::TooOften(_)
        | SalesError::TooManyListen
        | SalesError::Db(_)) => Err(other.into()),
    }
}

/// A problem as a page that leads back to an event.
pub(super) fn back_to(slug: &str, problem: impl Into<Problem>) -> Response {
    problem::lead_on(problem, problem::Way::event(slug))
}
