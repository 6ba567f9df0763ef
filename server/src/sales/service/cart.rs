//! From what somebody wants to a cart: checked against the offer, with all that it takes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bilten_core::price::{
    CodeFact, PriceBook, PriceBuyer, PriceCart, PriceFacts, PriceLine, PriceModel, PriceSnapshot,
    PromoCode, Rate, Refusal, StockFact,
};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Money;

use super::super::model::*;
use super::super::store::Found;
use super::tickets_due::ticket_tiers;
use super::{SalesError, choose_seats};
use crate::app::App;
use crate::catalog::seating::SeatId;
use crate::catalog::{
    self, CounterKey, EventDetail, Occurrence, OccurrenceId, OffSale, Tier, TierId,
};

/// How many of a tier staff puts into one order at most.
const MOST_OF_STAFF: i64 = 100;

/// What is wanted of one tier for one date, at one price if that is the buyer's to say.
#[derive(Clone, Debug)]
pub(in crate::sales) struct CartLine {
    pub(in crate::sales) tier: TierId,
    pub(in crate::sales) label: String,
    /// The date of the units or of their seats.
    pub(in crate::sales) occurrence: Option<OccurrenceId>,
    /// Whether that date has its own stock and price.
    pub(in crate::sales) by_date: bool,
    pub(in crate::sales) quantity: u32,
    pub(in crate::sales) chosen_minor: Option<i64>,
    /// The price category whose seats they are.
    pub(in crate::sales) category: Option<String>,
    /// The seats; those that nobody named are looked for.
    pub(in crate::sales) seats: Vec<HeldSeat>,
    pub(in crate::sales) wish: SeatWish,
}

impl CartLine {
    /// The date by which it is counted and priced.
    fn date(&self) -> Option<OccurrenceId> {
        self.occurrence.filter(|_| self.by_date)
    }

    fn counter(&self) -> CounterKey {
        CounterKey {
            of: self.tier.to_string(),
            occurrence: self.date(),
        }
    }
}

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
    if is_staff {
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

/// The lines that are wanted, one for each tier, date and chosen price.
fn lines(
    offer: &EventDetail,
    wanted: &[ItemRequest],
    now: Timestamp,
    is_staff: bool,
) -> Result<Vec<CartLine>, SalesError> {
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
    let mut quantities: HashMap<TierId, u32> = HashMap::new();
    let mut lines: BTreeMap<(TierId, Option<OccurrenceId>, Option<i64>), CartLine> =
        BTreeMap::new();
    for (i, item) in wanted.iter().enumerate() {
        let at = format!("items[{i}]");
        let tier = offer
            .tier(item.tier)
            .ok_or_else(|| fault(format!("{at}.tier"), "unknown", "There is no such tier."))?;
        let named = u32::try_from(item.seats.len()).unwrap_or(u32::MAX);
        let quantity = if item.quantity == 0 {
            named
        } else {
            item.quantity
        };
        if quantity == 0 {
            return Err(fault(
                format!("{at}.quantity"),
                "out_of_range",
                "Must be at least 1.",
            ));
        }
        if named != 0 && named != quantity {
            let detail = "There must be as many seats as units.";
            return Err(fault(format!("{at}.seats"), "count", detail));
        }
        let sum = quantities.entry(tier.id).or_insert(0);
        *sum = sum.saturating_add(quantity);
        let most = if is_staff {
            MOST_OF_STAFF
        } else {
            tier.max_per_order
        };
        if i64::from(*sum) > most {
            let detail = format!("At most {most} of this kind in one order.");
            return Err(fault(format!("{at}.quantity"), "too_many", &detail));
        }
        let occurrence = date(offer, tier, item, now, &at)?;
        if tier.seat_category.is_none() && (named != 0 || item.wish.is_some()) {
            let detail = "This kind is not sold by seats.";
            return Err(fault(format!("{at}.seats"), "no_seats", detail));
        }
        let line = lines
            .entry((tier.id, occurrence, item.chosen_minor))
            .or_insert_with(|| CartLine {
                tier: tier.id,
                label: tier.name.clone(),
                occurrence,
                by_date: tier.per_date,
                quantity: 0,
                chosen_minor: item.chosen_minor,
                category: tier.seat_category.clone(),
                seats: Vec::new(),
                wish: SeatWish::default(),
            });
        line.quantity = line.quantity.saturating_add(quantity);
        line.seats.extend(item.seats.iter().map(|id| HeldSeat {
            id: *id,
            label: String::new(),
        }));
        if let Some(wish) = &item.wish {
            if line.wish != SeatWish::default() {
                let detail = "The seats of one kind and date are looked for together, by one wish.";
                return Err(fault(format!("{at}.wish"), "another_wish", detail));
            }
            line.wish = wish.clone();
        }
    }
    one_date_each(lines.values())?;
    for line in lines.values() {
        if let Some(off) = offer
            .tier(line.tier)
            .and_then(|tier| off_sale(offer, tier, now))
            .filter(|off| !is_staff || *off == OffSale::Event)
        {
            return Err(SalesError::OffSale {
                tier: line.tier,
                not_yet: off == OffSale::NotYet,
            });
        }
    }
    Ok(lines.into_values().collect())
}

/// Units of a tier that is not counted by dates have one price and become one line, so their seats must
/// be of one date.
fn one_date_each<'a>(lines: impl Iterator<Item = &'a CartLine>) -> Result<(), SalesError> {
    let mut dates: HashMap<TierId, Option<OccurrenceId>> = HashMap::new();
    for line in lines.filter(|line| !line.by_date) {
        if *dates.entry(line.tier).or_insert(line.occurrence) != line.occurrence {
            let detail = "Seats of this kind are bought for one date at a time.";
            return Err(fault("items".into(), "several_dates", detail));
        }
    }
    Ok(())
}

fn off_sale(offer: &EventDetail, tier: &Tier, now: Timestamp) -> Option<OffSale> {
    if !super::is_selling(offer) {
        return Some(OffSale::Event);
    }
    offer.off_sale(tier, now)
}

/// The date that units of a tier are for, if they are for one.
fn date(
    offer: &EventDetail,
    tier: &Tier,
    item: &ItemRequest,
    now: Timestamp,
    at: &str,
) -> Result<Option<OccurrenceId>, SalesError> {
    let field = || format!("{at}.occurrence");
    let is_seated = tier.seat_category.is_some();
    let is_open = |date: &&Occurrence| {
        date.is_scheduled() && now < date.ends_at && (!is_seated || date.seat_map.is_some())
    };
    let Some(id) = item.occurrence else {
        if !tier.per_date && !is_seated {
            return Ok(None);
        }
        let mut open = offer.occurrences.iter().filter(is_open);
        return match (open.next(), open.next()) {
            (Some(only), None) => Ok(Some(only.id)),
            (Some(_), Some(_)) => Err(fault(field(), "required", "Please choose a date.")),
            (None, _) => Err(SalesError::OffSale {
                tier: tier.id,
                not_yet: false,
            }),
        };
    };
    let date = offer
        .occurrence(id)
        .ok_or_else(|| fault(field(), "unknown", "There is no such date."))?;
    if !tier.per_date && !is_seated {
        // With only one date there is no doubt what is meant.
        return if offer.occurrences.len() == 1 {
            Ok(None)
        } else {
            Err(fault(field(), "not_by_date", "This kind is for all dates."))
        };
    }
    if is_open(&date) {
        Ok(Some(id))
    } else {
        Err(SalesError::OffSale {
            tier: tier.id,
            not_yet: false,
        })
    }
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

    /// Whether a price in it moves with what is sold.
    fn follows_stock(&self) -> bool {
        let is_counted = |model: &PriceModel| match model {
            PriceModel::Phased { phases } => phases.iter().any(|phase| phase.until_sold.is_some()),
            PriceModel::Fixed { .. } | PriceModel::Free | PriceModel::PayWhatYouWant { .. } => {
                false
            }
        };
        self.lines.iter().any(|line| {
            let id = line.tier.to_string();
            let item = self.book.items.iter().find(|item| item.id == id);
            item.is_some_and(|item| {
                item.dynamic.is_some()
                    || is_counted(&item.price)
                    || item.dates.iter().any(|date| is_counted(&date.price))
            })
        })
    }

    /// The counters that its prices look at.
    pub(in crate::sales) fn looked_at(&self) -> Vec<CounterKey> {
        if self.priced.is_some() {
            return Vec::new();
        }
        self.lines.iter().map(CartLine::counter).collect()
    }

    /// What it costs by what was found of the stock, which is what others have taken.
    ///
    /// # Errors
    /// Why it has no price.
    pub(in crate::sales) fn price(
        &self,
        at: Timestamp,
        founds: &Founds,
        codes: Vec<(PromoCode, CodeFact)>,
    ) -> Result<Priced, SalesError> {
        let (codes, code_facts) = codes.into_iter().unzip();
        let asked = PriceCart {
            currency: self.book.currency,
            at: bilten_core::time::Timestamp(at.ms()),
            cash: false,
            buyer: PriceBuyer::default(),
            lines: self
                .lines
                .iter()
                .map(|line| PriceLine {
                    item: line.tier.to_string(),
                    occurrence: line.date().map(|date| date.to_string()),
                    quantity: line.quantity,
                    amount_minor: line.chosen_minor,
                })
                .collect(),
            codes,
        };
        let facts = PriceFacts {
            stock: if founds.is_empty() {
                Vec::new()
            } else {
                self.stock_facts(founds)
            },
            codes: code_facts,
        };
        let snapshot = PriceSnapshot::take(&self.book, &asked, &facts)
            .map_err(|refusal| self.refused(refusal))?;
        let items = self.items(&snapshot.quote);
        Ok(Priced {
            items,
            total: Money::new(snapshot.quote.total_minor, snapshot.quote.currency),
            snapshot: Some(
                serde_json::to_string(&snapshot).map_err(|error| super::json_fault(&error))?,
            ),
            quote: snapshot.quote,
        })
    }

    fn stock_facts(&self, founds: &Founds) -> Vec<StockFact> {
        let mut facts: BTreeMap<CounterKey, StockFact> = BTreeMap::new();
        for line in &self.lines {
            let key = line.counter();
            if let Some(found) = founds.get(&key) {
                let fact = StockFact {
                    item: key.of.clone(),
                    occurrence: key.occurrence.map(|date| date.to_string()),
                    sold: u64::try_from(found.taken).unwrap_or(0),
                    capacity: u64::try_from(found.capacity).unwrap_or(0),
                    pace: Rate::ONE,
                };
                facts.insert(key, fact);
            }
        }
        facts.into_values().collect()
    }

    /// The lines of an order: those of the quote, each with its seats.
    fn items(&self, quote: &bilten_core::price::Quote) -> Vec<OrderItem> {
        let mut waiting: HashMap<(String, Option<String>), VecDeque<HeldSeat>> = HashMap::new();
        for line in &self.lines {
            let date = line.date().map(|date| date.to_string());
            let seats = waiting.entry((line.tier.to_string(), date)).or_default();
            seats.extend(line.seats.iter().cloned());
        }
        let of_line = |line: &bilten_core::price::QuoteLine| {
            self.lines.iter().find(|asked| {
                asked.tier.to_string() == line.item
                    && asked.date().map(|date| date.to_string()) == line.occurrence
            })
        };
        let mut items = Vec::with_capacity(quote.lines.len());
        for (line, number) in quote.lines.iter().zip(1u32..) {
            let Some(asked) = of_line(line) else {
                continue;
            };
            let key = (line.item.clone(), line.occurrence.clone());
            let seats = waiting.entry(key).or_default();
            let count = usize::try_from(line.quantity)
                .unwrap_or(usize::MAX)
                .min(seats.len());
            items.push(OrderItem {
                line: number,
                tier_id: asked.tier,
                label: asked.label.clone(),
                occurrence_id: asked.occurrence,
                quantity: line.quantity,
                unit_price_minor: line.unit_minor,
                total_minor: line.total_minor,
                seats: HeldSeats(seats.drain(..count).collect()),
            });
        }
        items
    }

    /// A refusal of prices in the words of sales, where those have some.
    fn refused(&self, refusal: Refusal) -> SalesError {
        if let Refusal::NotOnSale { item } = &refusal
            && let Some(line) = self
                .lines
                .iter()
                .find(|line| line.tier.to_string() == *item)
        {
            return SalesError::OffSale {
                tier: line.tier,
                not_yet: false,
            };
        }
        // What is hidden is not there for whoever has no code for it.
        if matches!(refusal, Refusal::UnknownItem { .. }) {
            return fault("items".into(), "unknown", "There is no such tier.");
        }
        SalesError::Price(refusal)
    }
}
