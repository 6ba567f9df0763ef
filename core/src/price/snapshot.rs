//! Everything that a price came from, kept with the order: any price can be explained later.

use super::book::PriceBook;
use super::cart::{PriceCart, PriceFacts};
use super::evaluate::price;
use super::quote::Quote;
use super::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// The newest format of snapshots.
const FORMAT: u16 = 1;

/// A cart, the rules and facts that it was priced by, and what it cost. Stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PriceSnapshot {
    /// Of what format it is.
    pub format: u16,
    /// The rules, as far as the cart needs them.
    pub book: PriceBook,
    /// What was asked.
    pub cart: PriceCart,
    /// What the stock and the codes' counters said.
    pub facts: PriceFacts,
    /// What it cost.
    pub quote: Quote,
}

impl PriceSnapshot {
    /// Prices a cart and keeps what the price came from.
    ///
    /// # Errors
    /// Why the cart has no price.
    pub fn take(book: &PriceBook, cart: &PriceCart, facts: &PriceFacts) -> Result<Self, Refusal> {
        let quote = price(book, cart, facts)?;
        let has = |id: &str| cart.lines.iter().any(|line| line.item == id);
        let at = |date: &str| {
            cart.lines
                .iter()
                .any(|line| line.occurrence.as_deref() == Some(date))
        };
        let supplied = |date: &str| {
            cart.lines
                .iter()
                .any(|line| line.supplied_on.as_deref() == Some(date))
        };
        let mut items: Vec<_> = book
            .items
            .iter()
            .filter(|item| has(&item.id))
            .cloned()
            .collect();
        for item in &mut items {
            item.dates.retain(|date| at(&date.occurrence));
        }
        let stock = facts.stock.iter().filter(|fact| has(&fact.item));
        let codes = facts
            .codes
            .iter()
            .filter(|fact| cart.codes.iter().any(|code| code.id == fact.id));
        Ok(Self {
            format: FORMAT,
            book: PriceBook {
                items,
                currency: book.currency,
                place: book.place.clone(),
                supplied_at: book.supplied_at,
                dates: book
                    .dates
                    .iter()
                    .filter(|(date, _)| at(date) || supplied(date))
                    .map(|(date, moment)| (date.clone(), *moment))
                    .collect(),
                groups: book.groups.clone(),
                taxes: book.taxes.clone(),
                fees: book.fees.clone(),
                rounding: book.rounding,
            },
            cart: cart.clone(),
            facts: PriceFacts {
                stock: stock.cloned().collect(),
                codes: codes.cloned().collect(),
            },
            quote,
        })
    }

    /// Prices it again. It is the same quote unless the rules of reckoning, or somebody, changed
    /// what is stored.
    ///
    /// # Errors
    /// Why it has no price any more.
    pub fn reprice(&self) -> Result<Quote, Refusal> {
        price(&self.book, &self.cart, &self.facts)
    }

    /// Whether pricing it again gives what it says.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.format == FORMAT && self.reprice().as_ref() == Ok(&self.quote)
    }
}
