//! Use cases of sales: what is left and what it costs; a file for holds, one for placing orders,
//! one for their life afterwards, one for figures of all of them; purchase limits, what looks suspicious,
//! what staff does with orders, what is downloaded of them, what buyers look for, what is told of stock.

mod available;
mod buyers;
mod desk;
mod export;
mod figures;
mod find;
mod holds;
mod limits;
mod orders;
mod place;
mod reset;
mod review;

pub(super) use buyers::buyer_purpose;
pub(super) use desk::note_purpose;

pub use available::*;
pub use buyers::*;
pub use desk::*;
pub use export::*;
pub use figures::*;
pub use find::*;
pub use holds::*;
pub use limits::*;
pub use orders::*;
pub use place::*;
pub use reset::*;
pub use review::*;

use orders::end_pending;
use place::paid_event;

use std::collections::BTreeMap;
use std::sync::Arc;

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::metric;
use bilten_kernel::money::{Money, MoneyError};

use super::limits::LimitMet;
use super::model::*;
use super::store::{self, Take};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId, EventState, OffSale, TierId};
use crate::events::Refused;

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
    /// The offer changed between being shown and being bought.
    #[error("the offer has just changed; please look again")]
    OfferChanged,
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The order's state does not allow it.
    #[error("the order is {0}")]
    State(OrderState),
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
            | CatalogError::State { .. }
            | CatalogError::NotADraft
            | CatalogError::NoTiers
            | CatalogError::TooManyTiers
            | CatalogError::CapacityBelowSold => Self::EventNotFound,
        }
    }
}

impl From<Refused> for SalesError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            Refused::CapacityBelowSold => Self::OfferChanged,
        }
    }
}

// Stock follows the catalogue

/// Brings the stock of an event in line with its tiers.
pub(crate) async fn on_event_saved(c: &mut Conn, detail: &EventDetail) -> Result<(), Refused> {
    for tier in &detail.tiers {
        if !store::put_stock(
            c,
            detail.event.id,
            tier.id,
            tier.capacity,
            detail.event.version,
        )
        .await?
        {
            return Err(Refused::CapacityBelowSold);
        }
    }
    Ok(())
}

/// Takes the stock of an event that is being deleted away, and locks its orders, so that whoever buys
/// or pays in this moment is done before or finds nothing.
pub(crate) async fn on_event_closed(c: &mut Conn, event: EventId) -> Result<Vec<OrderId>, DbError> {
    store::delete_stock(c, event).await?;
    store::lock_orders(c, event).await
}

/// Drops what a deleted event of a sandbox has sold; a deleted draft has sold nothing.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::limits::delete_of_event(c, event).await?;
    store::delete_sold(c, event).await
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

// Choosing

/// Checks what somebody wants against the offer and gives it prices: one line for each tier, in
/// the order of the tiers' ids, so that stock is always taken in one order.
///
/// # Errors
/// [`SalesError::Invalid`] or [`SalesError::OffSale`].
pub fn price(
    app: &App,
    offer: &EventDetail,
    wanted: &[ItemRequest],
) -> Result<(Vec<OrderItem>, Money), SalesError> {
    let fault = |field: String, code: &'static str, detail: &str| {
        SalesError::Invalid(vec![FieldError {
            field,
            code: code.into(),
            detail: detail.to_owned(),
        }])
    };
    if wanted.is_empty() {
        return Err(fault(
            "items".into(),
            "required",
            "Please choose at least one ticket.",
        ));
    }
    if wanted.len() > MAX_ITEMS {
        return Err(fault(
            "items".into(),
            "too_many",
            "An order has at most 20 kinds of ticket.",
        ));
    }
    let mut quantities = BTreeMap::new();
    for (i, item) in wanted.iter().enumerate() {
        let at = format!("items[{i}]");
        let tier = offer
            .tier(item.tier)
            .ok_or_else(|| fault(format!("{at}.tier"), "unknown", "There is no such tier."))?;
        if item.quantity == 0 {
            return Err(fault(
                format!("{at}.quantity"),
                "out_of_range",
                "Must be at least 1.",
            ));
        }
        let sum = quantities.entry(tier.id).or_insert(0u32);
        *sum = sum.saturating_add(item.quantity);
        if i64::from(*sum) > tier.max_per_order {
            let detail = format!("At most {} of this kind in one order.", tier.max_per_order);
            return Err(fault(format!("{at}.quantity"), "too_many", &detail));
        }
    }
    let now = app.now();
    let mut items = Vec::with_capacity(quantities.len());
    let mut total = Money::zero(offer.event.currency);
    for (tier_id, quantity) in quantities {
        let Some(tier) = offer.tier(tier_id) else {
            continue;
        };
        match offer.off_sale(tier, now) {
            None => {}
            Some(OffSale::NotYet) => {
                return Err(SalesError::OffSale {
                    tier: tier_id,
                    not_yet: true,
                });
            }
            Some(OffSale::Event | OffSale::Over) => {
                return Err(SalesError::OffSale {
                    tier: tier_id,
                    not_yet: false,
                });
            }
        }
        let too_much = |_: MoneyError| fault("items".into(), "too_many", "The order is too large.");
        total = total
            .add(
                offer
                    .price(tier)
                    .times(i64::from(quantity))
                    .map_err(too_much)?,
            )
            .map_err(too_much)?;
        items.push(OrderItem {
            tier_id,
            quantity,
            unit_price_minor: tier.price_minor,
        });
    }
    Ok((items, total))
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
pub async fn quote(app: &App, event: EventId, wanted: &[ItemRequest]) -> Result<Quote, SalesError> {
    let offer = public_event(app, &event.to_string()).await?;
    let (items, total) = price(app, &offer, wanted)?;
    let stock = stock(app, event).await?;
    for item in &items {
        let of_tier = stock.iter().find(|stock| stock.tier_id == item.tier_id);
        let left = of_tier.map_or(0, Stock::left);
        if left < i64::from(item.quantity) {
            return Err(SalesError::SoldOut {
                tier: item.tier_id,
                left,
            });
        }
    }
    Ok(Quote {
        event_id: event,
        currency: total.currency,
        items,
        total_minor: total.minor,
    })
}

/// Says exactly why stock could not be taken.
async fn why_not(c: &mut Conn, tier: TierId, event_version: i64) -> Result<SalesError, DbError> {
    Ok(match store::stock_and_version(c, tier).await? {
        Some((_, version)) if version != event_version => SalesError::OfferChanged,
        Some((left, _)) => SalesError::SoldOut { tier, left },
        None => SalesError::SoldOut { tier, left: 0 },
    })
}

/// Takes stock for all items or for none.
async fn take_all(
    c: &mut Conn,
    how: Take,
    items: &[(TierId, i64)],
    event_version: i64,
) -> Result<Result<(), SalesError>, DbError> {
    for (i, &(tier, quantity)) in items.iter().enumerate() {
        if !store::take(c, how, tier, quantity, event_version).await? {
            let why = why_not(c, tier, event_version).await?;
            for &(taken, quantity) in &items[..i] {
                store::give_back(c, how, taken, quantity).await?;
            }
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}
