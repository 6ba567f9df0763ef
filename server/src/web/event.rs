//! An event: what it is, which tickets there are, and choosing some.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;

use super::details::DetailsView;
use super::form::{self, Faults, Fields};
use super::resold::{self, ResoldView};
use super::shell::{self, Privacy, Shell};
use super::view::{self, EventView};
use super::{problem, text, waiting};
use crate::app::App;
use crate::catalog::state::Kept;
use crate::catalog::texts::Language;
use crate::catalog::{self, CatalogError, EventDetail, EventState, OffSale, Tier, TierId, Wanted};
use crate::sales::{self, HOLD_MS, Hold, ItemRequest, LeftNow, SalesError};
use crate::waiting_room::{self, EnterRefusal, PassShown, Visit};

/// What is said of a ticket whose orders the organiser accepts one by one.
const APPROVED: &str = "The organiser looks at each order for this ticket before it can be paid.";
/// Stock is told as a number when no more than this is left.
const SCARCE: i64 = 20;

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
    tiers: Vec<TierView>,
    /// What others sell of it.
    resold: Vec<ResoldView>,
    is_open: bool,
    key: String,
    hold_minutes: i64,
    linked_data: String,
}

struct TierView {
    field: String,
    name: String,
    description: Vec<String>,
    price: String,
    stock: String,
    is_scarce: bool,
    most: i64,
    chosen: String,
    /// Where to wait for it, if it is sold out.
    waitlist: Option<String>,
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

fn field_of(tier: TierId) -> String {
    format!("q_{tier}")
}

/// What can be said of a tier's stock, and how many of it one order may have.
fn stock_in_words(
    offer: &EventDetail,
    tier: &Tier,
    off_sale: Option<OffSale>,
    left: LeftNow,
) -> (String, i64) {
    match off_sale {
        Some(OffSale::Event) => return ("Not on sale".to_owned(), 0),
        Some(OffSale::Over) => return ("Sale has ended".to_owned(), 0),
        Some(OffSale::NotYet) => {
            let zone = text::zone(&offer.event.time_zone);
            let from = tier
                .sales_start_at
                .map_or_else(String::new, |at| text::date_and_time(at, &zone).text);
            return (format!("On sale from {from}"), 0);
        }
        None => {}
    }
    let words = match left.free {
        ..=0 if left.unsold > 0 => "All taken; some may come back within minutes".to_owned(),
        ..=0 => "Sold out".to_owned(),
        free @ 1..=SCARCE => format!("{free} left"),
        _ => "Available".to_owned(),
    };
    (words, left.free.clamp(0, tier.max_per_order))
}

impl EventPage {
    async fn of(
        app: &App,
        offer: &EventDetail,
        fields: &Fields,
        faults: Faults,
        wanted: &[Language],
    ) -> Result<Self, Problem> {
        let (event, now) = (&offer.event, app.now());
        let stock = sales::stock_left(app, offer).await?;
        let seen = offer.visible_tiers(&[]);
        // Asked once: a series has many dates, and many tiers.
        let is_over = now >= offer.ends_at();
        let tiers: Vec<_> = seen
            .iter()
            .map(|tier| {
                let field = field_of(tier.id);
                let off_sale = offer.off_sale_if(tier, is_over, now);
                let (words, most) = stock_in_words(offer, tier, off_sale, stock.of(tier));
                let mut description = text::paragraphs(&tier.description);
                if tier.needs_approval {
                    description.push(APPROVED.to_owned());
                }
                let chosen = match fields.text(&field) {
                    "" if seen.len() == 1 && most > 0 && faults.is_empty() => "1".to_owned(),
                    "" => "0".to_owned(),
                    // What can be had of what was wanted; nonsense stays, to be seen and corrected.
                    text => text
                        .parse()
                        .map_or_else(|_| text.to_owned(), |n: i64| n.min(most).to_string()),
                };
                let is_sold_out = most == 0 && off_sale.is_none();
                TierView {
                    waitlist: is_sold_out
                        .then(|| format!("/e/{}/waitlist?tier={}", event.slug, tier.id)),
                    name: tier.name.clone(),
                    description,
                    price: text::price(offer.price(tier)),
                    is_scarce: most > 0 && words != "Available",
                    stock: words,
                    field,
                    most,
                    chosen,
                }
            })
            .collect();
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
            tiers,
            resold: resold::for_sale(app, offer).await?,
            key: form::new_key(&*app.random),
            hold_minutes: HOLD_MS / 60_000,
            linked_data,
        })
    }
}

/// `GET /e/{slug}`
pub(super) async fn show(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let offer = visible(&app, &slug).await?;
    let (fields, faults) = (Fields::default(), Faults::default());
    let page = EventPage::of(&app, &offer, &fields, faults, &wanted).await?;
    let page = shell::page(StatusCode::OK, &page, Privacy::Open)?;
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
    let (status, faults) = match chosen(&offer, &fields) {
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
    let page = EventPage::of(&app, &offer, &fields, faults, &wanted).await?;
    shell::page(status, &page, Privacy::Form)
}

/// How many of which tier a form asks for.
fn chosen(offer: &EventDetail, fields: &Fields) -> Result<Vec<ItemRequest>, Faults> {
    let (mut wanted, mut faults) = (Vec::new(), Faults::default());
    for tier in offer.visible_tiers(&[]) {
        let field = field_of(tier.id);
        match fields.text(&field) {
            "" => {}
            text => match text.parse() {
                Ok(0) => {}
                Ok(quantity) => wanted.push(ItemRequest::of(tier.id, quantity)),
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
