//! Prices: what a cart costs, and why.
//!
//! [`price`] is the only place where Bilten reckons this; API, storefront and box office all call
//! it. It is pure: everything it knows is passed to it, so the same [`PriceBook`] (rules),
//! [`PriceCart`] (what is asked) and [`PriceFacts`] (what the stock says) give the same [`Quote`]
//! everywhere and always. Amounts are whole minor units, rates are millionths, nothing is a float.
//! What cannot be priced is a [`Refusal`] with a stable code.
//!
//! # The order in which a price comes about
//!
//! 1. Lines for the same item, date and chosen amount become one; each of its units gets its price
//!    by date, phase and dynamic rule. A unit counts those before it as sold, so a cart that
//!    crosses a phase or a step becomes several lines. An order has the same price however its
//!    units are spread over lines, and never costs less for having more of them, except by 4 and 5,
//!    and where more of an order's fee falls on a date with lower taxes.
//! 2. Hidden items need a code that unlocks them; add-ons need what they are added to.
//! 3. Donations, and prices that the buyer chooses, are left alone by 4 and 5.
//! 4. The best [`GroupRate`] of each line.
//! 5. Codes: price, buy-get, percentage, fixed by unit, fixed by order; see [`PromoCode`] for which
//!    ones stand beside each other. A code that may not be used refuses the whole cart, so that
//!    nobody pays more than they were told: take it out and price again.
//! 6. Taxes on what is left, by class and place, of those in force when it is supplied: on the line's
//!    date, or when the book says for what is for no date. Of a price that includes taxes, the net is reckoned
//!    and rounded first, and the taxes are the rest. Compound ones are also taken of those before
//!    them. Reverse charge makes the buyer owe the tax: it is listed with nothing, and a price that
//!    included it is lower by it. A bundle's price is shared out over its parts first.
//! 7. Fees on the price with its taxes; taxes on those that are passed on.
//! 8. All in: `total = list − discounts − relieved + added taxes + fees passed on`, on every line
//!    and in the order, where cash rounding is added. No part is negative but that.
//!
//! # For who builds on it
//!
//! - **Store** rules as JSON: items with phases, dates and dynamic rules with the tier; group rates
//!   and fees with the event or plan; taxes by country in a table of their own with their days
//!   (`tax_rules`). A book has each tax once with its time, and when each date is: it does not grow
//!   by dates times taxes. Call [`PriceBook::check`] and [`PromoCode::check`] before storing.
//!   A service makes the book of an event from them and may cache it by the event's version.
//! - **Codes** (`promo_codes`): a unique index over organisation and [`canonical`] form; the form is
//!   what is looked up, never the text as typed. Batches are [`batch_code`]s. The counters (`used`,
//!   `spent_minor`, and by buyer in `promo_code_buyers`) count holds and orders alike.
//! - **Carts** are shown with [`price`] on facts as they are read. A **hold** decides for good: in
//!   one transaction take the stock (`UPDATE … SET sold = sold + $2 WHERE … AND sold + $2 <=
//!   capacity RETURNING sold`), price with the `sold` that this statement found, less the own
//!   units, and for each of [`Quote::codes`] `UPDATE promo_codes SET used = used + 1, spent_minor =
//!   spent_minor + $2 WHERE id = $1 AND (max_uses IS NULL OR used < max_uses) AND (budget_minor IS
//!   NULL OR spent_minor + $2 <= budget_minor)`; the same by buyer. No row: the code is used up.
//!   Expiry and cancellation take the same amounts back.
//! - **Orders** keep the [`PriceSnapshot`] of the hold (one JSON column) and are charged its total;
//!   they are never priced again. [`PriceSnapshot::holds`] explains a price years later.
//!   Order items get [`QuoteLine::unit_totals`]; the ledger gets taxes and fees by their rules.
//! - **Pages** show [`shelf_price`] beside an item, all in. A refusal becomes a 409 or 422 with
//!   [`Refusal::code`]; reasons of parts are translated by [`PriceReason::code`].

mod book;
mod cart;
mod check;
mod code;
mod discount;
mod evaluate;
mod fee;
mod letters;
mod quote;
mod rate;
mod refusal;
mod snapshot;
mod tax;
#[cfg(test)]
mod tests;
mod work;

pub use book::{
    BookFault, BookFaultKind, BundlePart, DatePrice, DynamicRule, DynamicStep, GroupEffect,
    GroupRate, ItemKind, PhaseName, PriceBook, PriceItem, PriceModel, PricePhase, RoundingRule,
    TaxRounding,
};
pub use cart::{CodeFact, PriceBuyer, PriceCart, PriceFacts, PriceLine, StockFact, VatId};
pub use code::{CodeEffect, CodeRefusal, PromoCode};
pub use evaluate::{price, shelf_price};
pub use fee::{FeeRule, Per};
pub use letters::{LetterFault, MAX_CODE, batch_code, canonical};
pub use quote::{
    CodeUse, DiscountPart, FeePart, PriceReason, Quote, QuoteLine, TaxPart, TaxTotal, UnitStep,
};
pub use rate::{Rate, Rounding};
pub use refusal::Refusal;
pub use snapshot::PriceSnapshot;
pub use tax::{TaxMode, TaxPlace, TaxRule};

/// The largest amount in a rule, or for one unit, in minor units.
pub const MAX_MINOR: i64 = 100_000_000_000;
/// The most units of one order.
pub const MAX_UNITS: u32 = 10_000;
/// The most lines of one cart.
pub const MAX_LINES: usize = 1_000;
/// The most codes of one cart.
pub const MAX_CODES: usize = 20;
/// The most rules of one kind in a book.
pub const MAX_RULES: usize = 1_000;
