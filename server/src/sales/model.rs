//! Holds and orders, and the rules that need no database.

use std::sync::Arc;

use bilten_core::price::{CodeUse, QuoteLine, TaxTotal};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Col, ColError, FromCol};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Place;
use bilten_kernel::money::{Currency, Money};
use bilten_kernel::telemetry::Cause;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::fraud::FraudDecision;
use super::limits::BuyerOrigin;
use super::service::{Cart, People};
use crate::catalog::seating::{PartId, SeatId};
use crate::catalog::{CounterKey, EventDetail, EventId, OccurrenceId, Tier, TierId};

mod available;
mod desk;
mod review;

pub use available::*;
pub use desk::*;
pub use review::*;

typed_id!(pub HoldId, "hld", "Names a hold.");
typed_id!(pub OrderId, "ord", "Names an order.");

/// How long capacity is held for a buyer, in milliseconds.
pub const HOLD_MS: i64 = 15 * 60_000;
/// How long capacity is held at most, however often that is asked for, in milliseconds.
pub const HOLD_MOST_MS: i64 = 2 * HOLD_MS;
/// The most different tiers in one order.
pub const MAX_ITEMS: usize = 20;

text_enum! {
    /// Where an order stands in its life.
    ///
    /// ```text
    /// pending ──▶ paid ──▶ refunded
    ///    ├──▶ cancelled
    ///    └──▶ expired ──▶ paid   (paid late, and stock was left)
    /// ```
    pub enum OrderState {
        /// Its stock is held, its payment is not done.
        Pending = "pending",
        /// It is paid, its tickets are issued.
        Paid = "paid",
        /// The buyer gave it up before paying.
        Cancelled = "cancelled",
        /// It was not paid in time.
        Expired = "expired",
        /// It was paid back, its tickets are dead.
        Refunded = "refunded",
    }
}

/// How many of a tier somebody wants, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemRequest {
    /// The tier.
    pub tier: TierId,
    /// How many; at least 1. Where `seats` names them, it may be left out.
    #[serde(default)]
    pub quantity: u32,
    /// The date, of a tier that is sold by dates; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceId>,
    /// Which seats, of a tier that sells seats; without it, the best ones that are free.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<SeatId>,
    /// What the best seats must be, where `seats` names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<SeatWish>,
    /// What the buyer pays for one in minor units, where that is theirs to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_minor: Option<i64>,
}

impl ItemRequest {
    /// So many of a tier.
    pub const fn of(tier: TierId, quantity: u32) -> Self {
        Self {
            tier,
            quantity,
            occurrence: None,
            seats: Vec::new(),
            wish: None,
            chosen_minor: None,
        }
    }
}

/// What the seats must be that are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeatWish {
    /// The only section that will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<PartId>,
    /// How many of them are wheelchair spaces.
    pub wheelchair: u16,
    /// How many of them are companions' seats at those spaces.
    pub companions: u16,
    /// How many of them are seats that are reached without a step.
    pub step_free: u16,
    /// Whether the party sits apart rather than not at all.
    pub may_split: bool,
    /// Whether seats with something in the view will not do.
    pub full_view: bool,
}

record! {
    /// What an event's organiser asks of those who buy.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    pub struct SaleRules {
        /// Nobody may leave a single free seat between taken ones, where it can be avoided.
        pub no_single_seats: bool,
        /// A companion's seat is only sold together with the place that it belongs to.
        pub companions_with_their_place: bool,
        /// Every order waits, unpaid, until the organiser accepts it; those of staff do not. A tier can say the
        /// same for orders with one of it.
        #[serde(default)]
        pub needs_approval: bool,
    }
}

impl Default for SaleRules {
    fn default() -> Self {
        Self {
            no_single_seats: false,
            companions_with_their_place: true,
            needs_approval: false,
        }
    }
}

/// A seat that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldSeat {
    /// Its id in the seat map.
    pub id: SeatId,
    /// Section, row and seat, as people say them.
    pub label: String,
}

/// The seats of an item, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeldSeats(pub Vec<HeldSeat>);

impl FromCol for HeldSeats {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        AsJson::from_col(col).map(|AsJson(seats)| seats)
    }
}

record! {
    /// So many of a tier, at a price: a line of a hold or an order.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderItem {
        /// Its number within the order, from 1.
        pub line: u32,
        /// The tier.
        pub tier_id: TierId,
        /// What the tier was called.
        pub label: String,
        /// The date, if it is for one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub occurrence_id: Option<OccurrenceId>,
        /// How many.
        pub quantity: u32,
        /// The price of one in minor units, before codes and group rates and what comes on top.
        pub unit_price_minor: i64,
        /// What is paid for the line in minor units: all in.
        pub total_minor: i64,
        /// The seats, one for each unit, if it is for seats.
        #[schema(value_type = Vec<HeldSeat>)]
        pub seats: HeldSeats,
    }
}

impl OrderItem {
    /// What was asked for with it.
    pub fn request(&self) -> ItemRequest {
        ItemRequest {
            occurrence: self.occurrence_id,
            seats: self.seats.0.iter().map(|seat| seat.id).collect(),
            ..ItemRequest::of(self.tier_id, self.quantity)
        }
    }
}

/// An order without its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The event.
    pub event_id: EventId,
    /// What people call it.
    pub reference: String,
    /// Where it stands in its life.
    pub state: OrderState,
    /// The buyer's e-mail address; empty once they are forgotten.
    pub email: String,
    /// The buyer's name.
    pub name: String,
    /// Whether it is of a sandbox: a trial, in no total.
    pub sandbox: bool,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// Until when it must be paid.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
}

text_enum! {
    /// How a list of orders is sorted.
    #[derive(Default)]
    pub enum OrderSort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// As they were made, the oldest first.
        Oldest = "created",
        /// By what they cost, the cheapest first.
        Cheapest = "total",
        /// By what they cost, the dearest first.
        Dearest = "-total",
    }
}

impl OrderSort {
    /// Where an order stands in this order.
    pub fn place(self, order: &Order) -> Place {
        match self {
            Self::Newest | Self::Oldest => Place::of_id(order.id),
            Self::Cheapest | Self::Dearest => Place::of_number(order.total_minor, order.id),
        }
    }
}

record! {
    /// What orders of an event are worth that have a state and a currency in common.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderTotal {
        /// Their state.
        pub state: OrderState,
        /// The currency of the amounts (ISO 4217).
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

record! {
    /// How many orders of an event were paid within a quarter of an hour.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PaidQuarter {
        /// Which quarter of an hour since the epoch.
        pub quarter: i64,
        /// The currency of the amounts.
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

record! {
    /// An order that names nobody.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrderGlance {
        /// Its id.
        pub id: OrderId,
        /// What people call it.
        pub reference: String,
        /// Where it stands in its life.
        pub state: OrderState,
        /// The currency of its amounts (ISO 4217).
        pub currency: Currency,
        /// What it costs in all, in minor units.
        pub total_minor: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was paid.
        pub paid_at: Option<Timestamp>,
    }
}

record! {
    /// The stock of all tiers of an event together.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct StockTotal {
        /// The event.
        pub event_id: EventId,
        /// How many tickets there are in all.
        pub capacity: i64,
        /// How many are held.
        pub held: i64,
        /// How many are sold.
        pub sold: i64,
    }
}

record! {
    /// What was paid for an event and not paid back.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct EventSales {
        /// The event.
        pub event_id: EventId,
        /// The currency of the amounts (ISO 4217).
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// What they cost in all, in minor units.
        pub total_minor: i64,
    }
}

/// What stands where a name was of somebody who has been forgotten.
pub const ERASED_NAME: &str = "(erased)";

/// An order whose buyer was forgotten, with the name that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedOrder {
    /// Its id.
    pub id: OrderId,
    /// The event.
    pub event_id: EventId,
    /// The name that it had.
    pub name: String,
}

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// What was ordered.
    pub items: Vec<OrderItem>,
}

impl OrderDetail {
    /// How many tickets it has in all.
    pub fn quantity(&self) -> u32 {
        self.items.iter().map(|item| item.quantity).sum()
    }
}

/// Capacity that is reserved until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// Its id; knowing it is the right to use it.
    pub id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Until when, by the server's clock.
    pub expires_at: Timestamp,
    /// What is held.
    pub items: Vec<HeldItem>,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units: the order that takes it over costs the same.
    pub total_minor: i64,
}

/// A line of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldItem {
    /// The tier.
    pub tier: TierId,
    /// How many.
    pub quantity: u32,
    /// The date, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<OccurrenceId>,
    /// The price of one in minor units, before codes and group rates and what comes on top.
    pub unit_price_minor: i64,
    /// What is paid for the line in minor units: all in.
    pub total_minor: i64,
    /// The seats, one for each unit, if it is for seats.
    pub seats: Vec<HeldSeat>,
}

impl From<OrderItem> for HeldItem {
    fn from(item: OrderItem) -> Self {
        Self {
            tier: item.tier_id,
            quantity: item.quantity,
            occurrence: item.occurrence_id,
            unit_price_minor: item.unit_price_minor,
            total_minor: item.total_minor,
            seats: item.seats.0,
        }
    }
}

/// What was thrown away of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Emptied {
    /// How many events.
    pub events: i64,
    /// How many orders, with their payments and tickets.
    pub orders: i64,
}

/// What something would cost now; nothing is reserved by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    /// The event.
    pub event_id: EventId,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// One line for each tier, date and price.
    pub items: Vec<OrderItem>,
    /// What it costs in all, in minor units, taxes and fees included.
    pub total_minor: i64,
    /// How that comes about.
    pub price: PriceParts,
}

/// How a price comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceParts {
    /// The lines, with a reason for each part of each.
    pub lines: Vec<QuoteLine>,
    /// What the units cost before anything is taken off, in minor units.
    pub list_minor: i64,
    /// What is taken off.
    pub discount_minor: i64,
    /// Taxes that are in the total.
    pub tax_minor: i64,
    /// Fees that the buyer pays.
    pub fee_minor: i64,
    /// What rounding to coins adds; negative if it takes away.
    pub cash_rounding_minor: i64,
    /// What each tax comes to.
    pub taxes: Vec<TaxTotal>,
    /// What each code does.
    pub codes: Vec<CodeUse>,
}

impl From<bilten_core::price::Quote> for PriceParts {
    fn from(quote: bilten_core::price::Quote) -> Self {
        Self {
            lines: quote.lines,
            list_minor: quote.list_minor,
            discount_minor: quote.discount_minor,
            tax_minor: quote.tax_minor,
            fee_minor: quote.fee_minor,
            cash_rounding_minor: quote.cash_rounding_minor,
            taxes: quote.taxes,
            codes: quote.codes,
        }
    }
}

/// The price of an order, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderPrice {
    /// The order.
    pub order_id: OrderId,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// For which moment it was priced.
    pub priced_at: Timestamp,
    /// Whether what is kept of the order still gives this price when it is reckoned anew.
    pub is_confirmed: bool,
    /// How it comes about.
    pub price: PriceParts,
}

record! {
    /// The stock of a tier.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Stock {
        /// The tier.
        pub tier_id: TierId,
        /// How many there are in all.
        pub capacity: i64,
        /// How many are held.
        pub held: i64,
        /// How many are sold.
        pub sold: i64,
    }
}

impl Stock {
    /// How many can still be bought.
    pub const fn left(&self) -> i64 {
        self.capacity - self.held - self.sold
    }
}

/// What is left of a tier, on one date or on all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Availability {
    /// The tier.
    pub tier: TierId,
    /// How many can still be bought, of its own stock and of the pool that it shares.
    pub left: i64,
}

/// The stock of an event as a whole and by its tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventStock {
    /// The event.
    pub event_id: EventId,
    /// How many tickets there are in all.
    pub capacity: i64,
    /// How many are held.
    pub held: i64,
    /// How many are sold.
    pub sold: i64,
    /// How many can still be bought.
    pub left: i64,
    /// Its tiers by number.
    pub tiers: Vec<TierStock>,
}

/// The stock of a tier, with what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TierStock {
    /// The tier.
    pub tier_id: TierId,
    /// Its name.
    pub name: String,
    /// How many there are in all.
    pub capacity: i64,
    /// How many are held.
    pub held: i64,
    /// How many are sold.
    pub sold: i64,
    /// How many can still be bought.
    pub left: i64,
}

impl EventStock {
    /// The stock of an event's tiers put together; `left` says how many of a tier can be bought, and `in_all`
    /// of all of them: pools are shared.
    pub fn of(
        event: &EventDetail,
        stock: &[Stock],
        left: impl Fn(&Tier) -> i64,
        in_all: i64,
    ) -> Self {
        let tiers = event.tiers.iter().filter_map(|tier| {
            let stock = stock.iter().find(|stock| stock.tier_id == tier.id)?;
            Some(TierStock {
                tier_id: tier.id,
                name: tier.name.clone(),
                capacity: stock.capacity,
                held: stock.held,
                sold: stock.sold,
                left: left(tier),
            })
        });
        let tiers: Vec<TierStock> = tiers.collect();
        let sum = |of: fn(&TierStock) -> i64| -> i64 { tiers.iter().map(of).sum() };
        Self {
            event_id: event.event.id,
            capacity: sum(|tier| tier.capacity),
            held: sum(|tier| tier.held),
            sold: sum(|tier| tier.sold),
            left: in_all,
            tiers,
        }
    }
}

/// Who buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// Where the tickets are sent.
    pub email: String,
    /// Their name; the tickets carry it.
    pub name: String,
}

impl Buyer {
    /// What is wrong with it, by field below `at`.
    pub fn faults(&self, at: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut add = |field: &str, code: &'static str, detail: &str| {
            faults.push(FieldError {
                field: format!("{at}{field}"),
                code: code.into(),
                detail: detail.to_owned(),
            });
        };
        let name = self.name.trim();
        if name.is_empty() {
            add("name", "required", "Please give your name.");
        } else if name.chars().count() > 200 || name.chars().any(char::is_control) {
            add(
                "name",
                "too_long",
                "A name has at most 200 characters and no control characters.",
            );
        }
        if !is_email(self.email.trim()) {
            add(
                "email",
                "email",
                "Please give an e-mail address such as ana@example.com.",
            );
        }
        faults
    }
}

/// Whether a text can be an e-mail address; whether it is one is known when mail arrives.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

/// A hold that is to become an order.
#[derive(Clone, Debug)]
pub struct HeldCart {
    /// Which one.
    pub id: HoldId,
    /// Its lines.
    pub items: Vec<OrderItem>,
    /// What it costs in all.
    pub total: Money,
    /// All that the price came from, as JSON.
    pub snapshot: Option<String>,
    /// What it has taken of which counter, sorted.
    pub stock: Vec<(CounterKey, i64)>,
    /// Whether codes are reserved for it.
    pub has_codes: bool,
}

/// Where an order's stock and price come from.
#[derive(Clone, Debug)]
pub enum Basis {
    /// A hold has both.
    Hold(Arc<HeldCart>),
    /// Nothing is held: the stock is taken with the order.
    Cart(Arc<Cart>),
}

impl Basis {
    /// How many of which tier it has, line by line.
    pub fn tiers(&self) -> Vec<(TierId, u32)> {
        match self {
            Self::Hold(held) => held
                .items
                .iter()
                .map(|item| (item.tier_id, item.quantity))
                .collect(),
            Self::Cart(cart) => cart
                .lines
                .iter()
                .map(|line| (line.tier, line.quantity))
                .collect(),
        }
    }
}

/// How an order is paid when it is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    /// It is paid by now.
    Now,
    /// It is paid if it costs nothing.
    IfFree,
    /// Its stock is held until it is paid.
    Later,
}

impl Pays {
    /// Whether an order that costs so much is paid.
    pub const fn settles(self, total_minor: i64) -> bool {
        match self {
            Self::Now => true,
            Self::IfFree => total_minor == 0,
            Self::Later => false,
        }
    }
}

/// An order to be placed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Its id, made beforehand.
    pub id: OrderId,
    /// The event.
    pub event: EventId,
    /// Who buys.
    pub buyer: Buyer,
    /// Who comes, and what was answered.
    pub people: Arc<People>,
    /// What is bought, and where stock and price come from.
    pub basis: Basis,
    /// How it is paid.
    pub pays: Pays,
    /// Makes it happen once.
    pub idempotency_key: String,
    /// Tells a repeated request from another one with the same key.
    pub request_hash: [u8; 32],
    /// Whether it is of a sandbox.
    pub sandbox: bool,
    /// From where it is bought.
    pub origin: BuyerOrigin,
    /// How suspicious it looks, if that was asked.
    pub verdict: Option<Verdict>,
    /// What there is to say of it if staff makes it.
    pub staff: Option<StaffSale>,
    /// Now.
    pub at: Timestamp,
    /// What asked for it.
    pub cause: Cause,
}

impl NewOrder {
    /// Whether somebody has to look at it before it can be paid.
    pub fn is_to_review(&self) -> bool {
        self.decision() == Some(FraudDecision::Review)
    }

    /// Whether it costs something, as far as is known.
    pub fn may_cost(&self) -> bool {
        match &self.basis {
            Basis::Hold(held) => held.total.minor > 0,
            Basis::Cart(cart) => cart.known_total() != Some(0),
        }
    }

    /// Lets it wait for its payment, however it was to be paid.
    pub const fn put_off_payment(&mut self) {
        self.pays = Pays::Later;
    }

    /// How long it waits to be paid, in milliseconds.
    pub fn waits_ms(&self) -> i64 {
        if self.is_to_review() {
            REVIEW_MS
        } else {
            HOLD_MS
        }
    }

    /// What is done with it by how it looks.
    pub fn decision(&self) -> Option<FraudDecision> {
        self.verdict.as_ref().map(|verdict| verdict.score.decision)
    }

    /// How many units it has in all.
    pub fn quantity(&self) -> u32 {
        match &self.basis {
            Basis::Hold(held) => held.items.iter().map(|item| item.quantity).sum(),
            Basis::Cart(cart) => cart.quantity(),
        }
    }

    /// The hash of everything the buyer asked for.
    pub fn hash_of(request: &impl Serialize) -> [u8; 32] {
        // Serialising our own request types cannot fail; an empty text would only make replays differ.
        Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).into()
    }
}

/// What became of an order that was to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was placed now.
    New(OrderDetail),
    /// It had been placed by an earlier request with the same key.
    Before(OrderDetail),
}

impl Placed {
    /// The order.
    pub fn into_order(self) -> OrderDetail {
        match self {
            Self::New(order) | Self::Before(order) => order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b.si", "ana.novak+x@mail.example.com", "žiga@pošta.si"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "", "@", "a@", "@b.si", "a@b", "a b@c.si", "a@-b.si", "a@b..si", "a@b.si\n",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
