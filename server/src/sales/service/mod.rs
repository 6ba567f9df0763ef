//! Use cases of sales: what is left and what it costs; a file for carts, one for seats, one for holds,
//! one for placing orders, one for their life afterwards, one for who buys and one for who comes, one
//! for the tickets that orders give, one for stock that follows the catalogue, one for what is left, one
//! that keeps that of long series, one for figures; purchase limits, what looks suspicious, what staff does
//! with orders, what is downloaded of them, what buyers look for, what is told of stock.

mod available;
mod buyers;
mod cart;
mod desk;
mod export;
mod figures;
mod find;
mod follow;
mod holds;
mod limits;
mod means;
mod orders;
mod parts;
mod people;
mod place;
mod recent;
mod reset;
mod review;
mod seat_maps;
mod seats;
mod starts_from;
mod stock_left;
mod tickets_due;

pub(super) use buyers::buyer_purpose;
pub(super) use desk::note_purpose;

pub use available::*;
pub use buyers::*;
pub use cart::{Cart, cart, needs_hold, staff_cart};
pub(super) use cart::{Founds, Priced, cart_with_codes};
pub use desk::*;
pub use export::*;
pub use figures::*;
pub use find::*;
pub(crate) use follow::*;
pub use holds::*;
pub use limits::*;
pub use means::*;
pub use orders::*;
pub(super) use parts::*;
pub(super) use people::part_purpose;
pub use people::*;
pub use place::*;
pub use recent::*;
pub use reset::*;
pub use review::*;
pub use seat_maps::*;
pub use seats::*;
pub use stock_left::*;
pub use tickets_due::*;

use buyers::email_lookup;
use orders::end_pending;
use people::erase_attendees;
use place::paid_event;
use seats::choose_seats;
use starts_from::StartsFrom;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use bilten_core::price::Refusal;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Stale;
use bilten_kernel::metric;

use super::codes::{self, CodesError};
use super::limits::LimitMet;
use super::model::*;
use super::store::{self, CounterRow, Take};
use crate::app::App;
use crate::catalog::seating::{ChoiceFault, NoPick, SeatId};
use crate::catalog::state::Kept;
use crate::catalog::{
    self, CatalogError, CounterKey, EventDetail, EventId, EventState, OccurrenceId, TierId,
};
use crate::events::Refused;
use crate::waiting_room::EnterRefusal;

metric! {
    /// Orders, by what became of them: created, paid, cancelled, expired, refunded; none of sandboxes.
    pub(crate) ORDERS: Counter = "bilten_orders_total"
}
metric! {
    /// Holds, by what became of them: made, ordered, released, expired; those of sandboxes, too.
    HOLDS: Counter = "bilten_holds_total"
}

/// Why something about sales was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SalesError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event, or it is not public.
    #[error("there is no such event")]
    EventNotFound,
    /// There is no such order, or the caller may not see it.
    #[error("there is no such order")]
    OrderNotFound,
    /// The hold has ended, or there never was one.
    #[error("the reserved time is over; please choose your tickets again")]
    HoldGone,
    /// A tier is not on sale now.
    #[error("this ticket is not on sale now")]
    OffSale {
        /// The tier.
        tier: TierId,
        /// Whether its sale is yet to begin.
        not_yet: bool,
    },
    /// There are not enough tickets left.
    #[error("there are not enough tickets left")]
    SoldOut {
        /// The tier.
        tier: TierId,
        /// How many are left.
        left: i64,
    },
    /// Seats that were to be held or sold are somebody else's.
    #[error("these seats have just been taken")]
    SeatsTaken(Vec<SeatId>),
    /// The chosen seats cannot be taken together.
    #[error("these seats cannot be chosen like this")]
    Choice(ChoiceFault),
    /// There are no seats as they are wished for.
    #[error("there are no seats as you wish for them")]
    NoSeats(NoPick),
    /// What was chosen has no price.
    #[error("this cannot be bought like this: {0}")]
    Price(Refusal),
    /// What was typed is no code of this event.
    #[error("this code is not known")]
    CodeUnknown {
        /// Which of the texts, counted from 0.
        place: usize,
    },
    /// The offer changed between being shown and being bought.
    #[error("the offer has just changed; please look again")]
    OfferChanged,
    /// Settings have another version by now.
    #[error("this was changed in the meantime; it has version {current} now")]
    VersionConflict {
        /// The version that they have now.
        current: i64,
    },
    /// Settings are not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// Somebody must wait for their turn first.
    #[error("{refusal}")]
    WaitingRoom {
        /// For what.
        event: EventId,
        /// Why they may not come in.
        refusal: EnterRefusal,
    },
    /// The order's state does not allow it.
    #[error("the order is {0}")]
    State(OrderState),
    /// Somebody was paid out for a ticket of the order that they sold on.
    #[error(
        "a ticket of this order was sold on and its seller paid out, so the order cannot be paid back as a whole"
    )]
    PaidOut,
    /// It is a part of another order now, with what was paid for it.
    #[error("this order is a part of another order now")]
    Merged,
    /// One person would have too many tickets of the event.
    #[error(transparent)]
    PurchaseLimit(LimitMet),
    /// It looks too suspicious; why is told to nobody.
    #[error("this order cannot be taken; please ask the organiser")]
    OrderRefused,
    /// Nobody has looked at the order yet.
    #[error("the organiser looks at this order first; it cannot be paid yet")]
    UnderReview,
    /// The order does not wait to be looked at, or something else was decided.
    #[error("this order does not wait for a decision")]
    NotUnderReview,
    /// There is no such note.
    #[error("there is no such note")]
    NoteNotFound,
    /// An order has as many notes as it can have.
    #[error("an order has at most 200 notes")]
    TooManyNotes,
    /// It was asked too often.
    #[error("this was asked too often; please try again later")]
    TooOften(u32),
    /// As many as can be listen already.
    #[error("too many listen just now; please ask again in a moment")]
    TooManyListen,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for SalesError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Db(error) => Self::Db(error),
            CatalogError::Invalid(faults) => Self::Invalid(faults),
            CatalogError::NotFound
            | CatalogError::SlugTaken
            | CatalogError::VersionConflict { .. }
            | CatalogError::Stale(_)
            | CatalogError::NoSuch(_)
            | CatalogError::State(_)
            | CatalogError::NotADraft
            | CatalogError::NoTiers
            | CatalogError::TooManyTiers
            | CatalogError::Offer(_)
            | CatalogError::CapacityBelowSold
            | CatalogError::House(_) => Self::EventNotFound,
        }
    }
}

impl From<Refused> for SalesError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            Refused::CapacityBelowSold | Refused::SeatsTaken(_) => Self::OfferChanged,
        }
    }
}

impl From<CodesError> for SalesError {
    fn from(error: CodesError) -> Self {
        match error {
            CodesError::Db(error) => Self::Db(error),
            CodesError::Invalid(faults) => Self::Invalid(faults),
            CodesError::Unknown { place } => Self::CodeUnknown { place },
            CodesError::TooMany(most) => Self::Invalid(vec![FieldError {
                field: "codes".to_owned(),
                code: "too_many".into(),
                detail: format!("An order has at most {most} codes."),
            }]),
            // None of these comes from what selling asks.
            CodesError::NotFound(_)
            | CodesError::Taken
            | CodesError::VersionConflict { .. }
            | CodesError::Stale(_)
            | CodesError::BelowUsed
            | CodesError::OfBatch
            | CodesError::Archived
            | CodesError::NotReady
            | CodesError::TooManyBatches
            | CodesError::TooOften(_)
            | CodesError::Catalog(_) => Self::CodeUnknown { place: 0 },
        }
    }
}

/// A text of ours that is no JSON is a fault.
fn json_fault(error: &serde_json::Error) -> DbError {
    DbError::Fault {
        at: "sales",
        detail: error.to_string(),
    }
}

/// The stock of an event's tiers.
///
/// # Errors
/// A fault of the database.
pub async fn stock(app: &App, event: EventId) -> Result<Vec<Stock>, SalesError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::stock(c, event).await }))
        .await?)
}

/// What is left of an event's tiers, on one date and in all that are for all dates together, or of each
/// tier on all dates; but for hidden ones. On a date it is exact, on all dates as [`stock_left()`] says.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn availability(
    app: &App,
    offer: &EventDetail,
    date: Option<OccurrenceId>,
) -> Result<Vec<Availability>, SalesError> {
    let Some(date) = date else {
        let left = stock_left(app, offer).await?;
        return Ok(availability_of(offer, &left));
    };
    // Named one by one: those of all other dates are not touched.
    let mut counters = Vec::new();
    for tier in offer.visible_tiers(&[]) {
        counters.push(tier.id.to_string());
        counters.extend(tier.pool_id.map(|pool| pool.to_string()));
    }
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::counters_on(c, Val::texts(counters), date).await })
        })
        .await?;
    Ok(left_by_tier(offer, date, &rows))
}

/// What is left of each tier that is not hidden, on a date: of its own counters, and no more than of its pool.
fn left_by_tier(offer: &EventDetail, date: OccurrenceId, rows: &[CounterRow]) -> Vec<Availability> {
    let mut left: HashMap<(&str, &str), i64> = HashMap::new();
    for row in rows {
        let key = (row.counter.as_str(), row.occurrence_id.as_str());
        left.insert(key, (row.capacity - row.taken).max(0));
    }
    let of = |counter: &str, at: &str| left.get(&(counter, at)).copied();
    let visible = offer.tiers.iter().filter(|tier| !tier.hidden);
    visible
        .map(|tier| {
            let (id, pool) = (
                tier.id.to_string(),
                tier.pool_id.map(|pool| pool.to_string()),
            );
            let on = |at: &str| {
                let own = of(&id, at)?;
                let shared = pool
                    .as_deref()
                    .and_then(|pool| of(pool, at).or_else(|| of(pool, "")));
                Some(shared.map_or(own, |shared| own.min(shared)))
            };
            let tier_left = if tier.per_date {
                on(&date.to_string())
            } else {
                on("")
            };
            Availability {
                tier: tier.id,
                left: tier_left.unwrap_or(0),
            }
        })
        .collect()
}

/// Whether an event sells at all, apart from its tiers' times and stock.
fn is_selling(offer: &EventDetail) -> bool {
    offer.event.kept() == Kept::Published
}

/// An event that everybody may see, by its id or the last part of its page's address.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn public_event(app: &App, named: &str) -> Result<Arc<EventDetail>, SalesError> {
    let id = match named.parse::<EventId>() {
        Ok(id) => id,
        Err(_) if !catalog::can_be_slug(named) => return Err(SalesError::EventNotFound),
        Err(_) => catalog::id_by_slug(app, named).await?,
    };
    let offer = catalog::offer(app, id).await?;
    match offer.event.state {
        EventState::Draft => Err(SalesError::EventNotFound),
        EventState::Published | EventState::Cancelled | EventState::Archived => Ok(offer),
    }
}

/// What something would cost now, if it could be had.
///
/// # Errors
/// [`SalesError`] by why it cannot be had.
pub async fn quote(
    app: &App,
    event: EventId,
    wanted: &[ItemRequest],
    codes: &[String],
) -> Result<Quote, SalesError> {
    let offer = public_event(app, &event.to_string()).await?;
    let cart = cart(app, &offer, wanted, codes).await?;
    let (work, now) = (cart.clone(), app.now());
    let priced = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let mut founds = Founds::new();
                for (key, quantity) in &work.stock {
                    let found = store::counter(c, key).await?;
                    let left = found.map_or(0, |found| found.capacity - found.taken);
                    match found {
                        Some(found) if left >= *quantity => {
                            founds.insert(key.clone(), found);
                        }
                        Some(_) | None => return Err(sold_out(&work, key, left)),
                    }
                }
                if let Some(priced) = &work.priced {
                    return Ok(priced.as_ref().clone());
                }
                let organisation = work.offer.event.organisation_id;
                let facts = codes::facts(c, organisation, event, &work.codes, None).await?;
                let facts = facts
                    .into_iter()
                    .map(|(_, code, fact)| (code, fact))
                    .collect();
                work.price(now, &founds, facts)
            })
        })
        .await?;
    Ok(Quote {
        event_id: event,
        currency: priced.total.currency,
        items: priced.items,
        total_minor: priced.total.minor,
        price: priced.quote.into(),
    })
}

/// Lets somebody try codes: whoever names unknown ones again and again is slowed down.
///
/// # Errors
/// [`CodesError::TooOften`], or a fault of the database; inside, what `work` answered.
pub async fn trying_codes<T, E>(
    app: &App,
    ip: IpAddr,
    typed: &[String],
    work: impl Future<Output = Result<T, E>> + Send,
) -> Result<Result<T, E>, CodesError>
where
    E: CanBeUnknownCode,
{
    if typed.is_empty() {
        return Ok(work.await);
    }
    let trying = app.clone();
    app.db
        .read(move |c| Box::pin(async move { codes::may_try(&trying, c, ip).await }))
        .await?;
    let answer = work.await;
    // Only what is wrong is counted: however many use a code that they know, none of them waits.
    if answer.as_ref().err().is_some_and(E::is_unknown_code) {
        let trying = app.clone();
        app.db
            .write(move |c| Box::pin(async move { codes::was_wrong(&trying, c, ip).await }))
            .await?;
    }
    Ok(answer)
}

/// An error that may say that a code is not known.
pub trait CanBeUnknownCode {
    /// Whether it says so.
    fn is_unknown_code(&self) -> bool;
}

impl CanBeUnknownCode for SalesError {
    fn is_unknown_code(&self) -> bool {
        matches!(self, Self::CodeUnknown { .. })
    }
}

fn sold_out(cart: &Cart, key: &CounterKey, left: i64) -> SalesError {
    match cart.tier_of(key).or_else(|| key.of.parse().ok()) {
        Some(tier) => SalesError::SoldOut { tier, left },
        None => SalesError::OfferChanged,
    }
}

/// Says exactly why stock could not be taken.
async fn why_not(c: &mut Conn, cart: &Cart, key: &CounterKey) -> Result<SalesError, DbError> {
    let event = &cart.offer.event;
    match store::event_sales(c, event.id).await? {
        Some(row) if row.version == event.version && row.selling => {
            let found = store::counter(c, key).await?;
            let left = found.map_or(0, |found| found.capacity - found.taken);
            Ok(sold_out(cart, key, left))
        }
        Some(_) | None => Ok(SalesError::OfferChanged),
    }
}

/// Of what of a cart there is too little, by what is committed. What else is in the way of it is said when
/// it is taken.
async fn too_little(c: &mut Conn, cart: &Cart) -> Result<Option<SalesError>, DbError> {
    let keys: BTreeSet<&CounterKey> = cart.stock.iter().map(|(key, _)| key).collect();
    let rows = store::counters_of(c, &keys).await?;
    for (key, quantity) in &cart.stock {
        let date = store::date_of(key);
        let row = rows
            .iter()
            .find(|row| row.counter == key.of && row.occurrence_id == date);
        let left = row.map_or(i64::MAX, |row| row.capacity - row.taken);
        if left < *quantity {
            let event = &cart.offer.event;
            let sales = store::event_sales(c, event.id).await?;
            let is_as_shown = sales.is_some_and(|row| row.version == event.version && row.selling);
            return Ok(is_as_shown.then(|| sold_out(cart, key, left)));
        }
    }
    Ok(None)
}

/// Takes all of a cart's stock or none of it; gives what was found.
async fn take_all(
    c: &mut Conn,
    how: Take,
    cart: &Cart,
) -> Result<Result<Founds, SalesError>, DbError> {
    let mut founds = Founds::new();
    for (i, (key, quantity)) in cart.stock.iter().enumerate() {
        match store::take(c, how, key, *quantity, cart.offer.event.version).await? {
            Some(found) => {
                founds.insert(key.clone(), found);
            }
            None => {
                let why = why_not(c, cart, key).await?;
                store::give_back(c, how, &cart.stock[..i]).await?;
                return Ok(Err(why));
            }
        }
    }
    Ok(Ok(founds))
}

/// What a hold has taken: as it is written there, or as holds from before that had it.
async fn stock_of_hold(
    c: &mut Conn,
    id: HoldId,
    items: &[OrderItem],
) -> Result<Vec<(CounterKey, i64)>, DbError> {
    Ok(store::hold_stock(c, id)
        .await?
        .unwrap_or_else(|| stock_of_items(items)))
}

/// What an order has taken: as it is written there, or as orders from before that had it.
pub(super) async fn stock_of_order(
    c: &mut Conn,
    id: OrderId,
    items: &[OrderItem],
) -> Result<Vec<(CounterKey, i64)>, DbError> {
    Ok(store::order_stock(c, id)
        .await?
        .unwrap_or_else(|| stock_of_items(items)))
}

fn stock_of_items(items: &[OrderItem]) -> Vec<(CounterKey, i64)> {
    let mut stock = BTreeMap::new();
    for item in items {
        let key = CounterKey {
            of: item.tier_id.to_string(),
            occurrence: None,
        };
        *stock.entry(key).or_insert(0) += i64::from(item.quantity);
    }
    stock.into_iter().collect()
}
