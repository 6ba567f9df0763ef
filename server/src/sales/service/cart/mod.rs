//! From what somebody wants to a cart: checked against the offer, with all that it takes.

mod lines;
mod pricing;

pub(super) use lines::CartLine;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bilten_core::price::PriceBook;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Money;

use lines::lines;

use super::super::model::*;
use super::super::store::Found;
use super::tickets_due::ticket_tiers;
use super::{SalesError, choose_seats};
use crate::app::App;
use crate::catalog::seating::SeatId;
use crate::catalog::{self, CounterKey, EventDetail, OccurrenceId, TierId};

/// What somebody wants, checked against the offer.
#[derive(Clone, Debug)]
pub struct Cart {
    pub(in crate::sales) offer: Arc<EventDetail>,
    book: Arc<PriceBook>,
    pub(in crate::sales) lines: Vec<CartLine>,
    /// What it takes of which counter, sorted.
    pub(in crate::sales) stock: Vec<(CounterKey, i64)>,
    /// The codes as they were typed.
    pub(in crate::sales) codes: Vec<String>,
    /// Its price, where neither stock nor codes decide it.
    pub(in crate::sales) priced: Option<Arc<Priced>>,
}

/// What a cart costs, ready to be stored.
#[derive(Clone, Debug)]
pub(in crate::sales) struct Priced {
    pub(in crate::sales) items: Vec<OrderItem>,
    pub(in crate::sales) total: Money,
    pub(in crate::sales) quote: bilten_core::price::Quote,
    /// All that the price came from, as JSON; none if somebody says what it costs.
    pub(in crate::sales) snapshot: Option<String>,
}

/// What statements found that took stock, by counter.
pub(in crate::sales) type Founds = HashMap<CounterKey, Found>;

fn fault(field: String, code: &'static str, detail: &str) -> SalesError {
    SalesError::Invalid(vec![FieldError {
        field,
        code: code.into(),
        detail: detail.to_owned(),
    }])
}

/// Checks what somebody wants against the offer, and looks for the seats that nobody named.
///
/// # Errors
/// [`SalesError`] by what is wrong with it; a fault of the database.
pub async fn cart(
    app: &App,
    offer: &Arc<EventDetail>,
    wanted: &[ItemRequest],
    codes: &[String],
) -> Result<Cart, SalesError> {
    cart_by(app, offer, wanted, codes, Seller::SHOP).await
}

/// The same for staff, who sell and give away also before and after a tier's sale, and more at once.
///
/// # Errors
/// As [`cart`].
pub async fn staff_cart(
    app: &App,
    offer: &Arc<EventDetail>,
    wanted: &[ItemRequest],
) -> Result<Cart, SalesError> {
    cart_by(app, offer, wanted, &[], Seller::STAFF).await
}

/// The same for what comes to an order that has codes: whoever changes it decides what it costs with them.
///
/// # Errors
/// As [`cart`].
pub(in crate::sales) async fn cart_with_codes(
    app: &App,
    offer: &Arc<EventDetail>,
    wanted: &[ItemRequest],
    is_staff: bool,
) -> Result<Cart, SalesError> {
    let seller = Seller {
        is_staff,
        prices_later: true,
    };
    cart_by(app, offer, wanted, &[], seller).await
}

/// Who fills a cart.
#[derive(Clone, Copy, Debug)]
struct Seller {
    is_staff: bool,
    /// Whether its price is decided by more than what is in it.
    prices_later: bool,
}

impl Seller {
    const SHOP: Self = Self {
        is_staff: false,
        prices_later: false,
    };
    const STAFF: Self = Self {
        is_staff: true,
        prices_later: false,
    };
}

async fn cart_by(
    app: &App,
    offer: &Arc<EventDetail>,
    wanted: &[ItemRequest],
    codes: &[String],
    seller: Seller,
) -> Result<Cart, SalesError> {
    let now = app.now();
    let mut lines = lines(offer, wanted, now, seller.is_staff)?;
    choose_seats(app, offer, &mut lines).await?;
    let mut book = catalog::price_book(app, offer).await?;
    if seller.is_staff {
        unlock(&mut book, &lines);
    }
    // In the order in which prices come, so that units and tickets have one order everywhere.
    let places: HashMap<&str, usize> = book
        .items
        .iter()
        .enumerate()
        .map(|(place, item)| (item.id.as_str(), place))
        .collect();
    lines.sort_by_cached_key(|line| {
        let place = places.get(line.tier.to_string().as_str()).copied();
        let date = line.date().map(|date| date.to_string());
        (place.unwrap_or(usize::MAX), date, line.chosen_minor)
    });
    let mut stock: BTreeMap<CounterKey, i64> = BTreeMap::new();
    for line in &lines {
        if let Some(tier) = offer.tier(line.tier) {
            for key in offer.counters(tier, line.date()) {
                *stock.entry(key).or_insert(0) += i64::from(line.quantity);
            }
        }
    }
    let mut cart = Cart {
        offer: Arc::clone(offer),
        book,
        lines,
        stock: stock.into_iter().collect(),
        codes: codes.to_vec(),
        priced: None,
    };
    if cart.codes.is_empty() && !seller.prices_later && !cart.follows_stock() {
        cart.priced = Some(Arc::new(cart.price(now, &Founds::new(), Vec::new())?));
    }
    Ok(cart)
}

/// What is hidden is so from buyers: whoever sells needs no code for what they sell.
fn unlock(book: &mut Arc<PriceBook>, lines: &[CartLine]) {
    let is_asked = |id: &str| lines.iter().any(|line| line.tier.to_string() == id);
    if book
        .items
        .iter()
        .any(|item| item.hidden && is_asked(&item.id))
    {
        for item in &mut Arc::make_mut(book).items {
            item.hidden = false;
        }
    }
}

/// Whether an order of this needs a hold: seats and codes are taken in a write of their own, all or none.
pub fn needs_hold(offer: &EventDetail, wanted: &[ItemRequest], codes: &[String]) -> bool {
    let is_seated = |item: &ItemRequest| {
        let tier = offer.tier(item.tier);
        tier.is_some_and(|tier| tier.seat_category.is_some())
    };
    !codes.is_empty() || wanted.iter().any(is_seated)
}

impl Cart {
    /// The seats that it takes, sorted by date and id.
    pub(in crate::sales) fn seats(&self) -> Vec<(OccurrenceId, SeatId)> {
        let mut seats: Vec<_> = self
            .lines
            .iter()
            .filter_map(|line| Some((line.occurrence?, &line.seats)))
            .flat_map(|(date, seats)| seats.iter().map(move |seat| (date, seat.id)))
            .collect();
        seats.sort_unstable();
        seats
    }

    /// The same for nothing: given away by whoever sells.
    ///
    /// # Errors
    /// Why it has no price to begin with.
    pub fn for_nothing(mut self, at: Timestamp) -> Result<Self, SalesError> {
        let mut priced = match &self.priced {
            Some(priced) => priced.as_ref().clone(),
            None => self.price(at, &Founds::new(), Vec::new())?,
        };
        for item in &mut priced.items {
            item.unit_price_minor = 0;
            item.total_minor = 0;
        }
        priced.total = Money::zero(priced.total.currency);
        priced.snapshot = None;
        self.priced = Some(Arc::new(priced));
        Ok(self)
    }

    /// Whether it is for seats.
    pub fn has_seats(&self) -> bool {
        self.lines.iter().any(|line| line.category.is_some())
    }

    /// How many units it has in all.
    pub fn quantity(&self) -> u32 {
        let quantities = self.lines.iter().map(|line| line.quantity);
        quantities.fold(0, u32::saturating_add)
    }

    /// What it costs, if neither stock nor codes decide that.
    pub fn known_total(&self) -> Option<i64> {
        self.priced.as_ref().map(|priced| priced.total.minor)
    }

    /// The tier that a counter is of in this cart, for saying what is sold out.
    pub(in crate::sales) fn tier_of(&self, key: &CounterKey) -> Option<TierId> {
        let line = self.lines.iter().find(|line| {
            self.offer
                .tier(line.tier)
                .is_some_and(|tier| self.offer.counters(tier, line.date()).contains(key))
        });
        line.map(|line| line.tier)
    }

    /// Which tiers its tickets will be of, in the order of its tickets.
    pub fn ticket_tiers(&self) -> Vec<TierId> {
        let lines = self.lines.iter().map(|line| (line.tier, line.quantity));
        ticket_tiers(&self.offer, lines)
    }
}
