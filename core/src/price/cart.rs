//! What is asked: a cart, who asks, and what the stock says at that moment.

use super::book::PriceItem;
use super::code::PromoCode;
use super::rate::Rate;
use crate::money::Currency;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A cart to be priced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceCart {
    /// The currency that the buyer was shown.
    pub currency: Currency,
    /// The moment for which it is priced; the server's clock, never the buyer's.
    #[cfg_attr(feature = "schema", schema(value_type = i64))]
    pub at: Timestamp,
    /// Whether it is paid in cash.
    #[serde(default)]
    pub cash: bool,
    /// Who buys.
    #[serde(default)]
    pub buyer: PriceBuyer,
    /// What they want, in any order.
    pub lines: Vec<PriceLine>,
    /// The codes they gave, looked up by [`canonical`](super::canonical), in any order.
    #[serde(default)]
    pub codes: Vec<PromoCode>,
}

/// Some units of an item. Lines for the same thing are one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    /// The item.
    pub item: String,
    /// The date, if it is for one.
    #[serde(default)]
    pub occurrence: Option<String>,
    /// The date on which it is supplied, if it is counted and priced for none: that of its seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied_on: Option<String>,
    /// How many.
    pub quantity: u32,
    /// What the buyer wants to pay for one, where that is theirs to say.
    #[serde(default)]
    pub amount_minor: Option<i64>,
}

/// Who buys, as far as prices depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceBuyer {
    /// The audiences they are in, by id.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The group rates that their account has, by key.
    #[serde(default)]
    pub rates: Vec<String>,
    /// Their VAT id, once somebody has checked it.
    #[serde(default)]
    pub vat_id: Option<VatId>,
}

/// A VAT id that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VatId {
    /// The country that gave it, in two upper-case letters.
    pub country: String,
    /// The number, without the country.
    pub number: String,
}

/// What the stock and the codes' counters say, of what is in the cart. A hold keeps the facts with
/// which it was priced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceFacts {
    /// By item and date; an item without a fact has sold nothing.
    #[serde(default)]
    pub stock: Vec<StockFact>,
    /// By code; a code without a fact was never used.
    #[serde(default)]
    pub codes: Vec<CodeFact>,
}

/// How sales of an item go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StockFact {
    /// The item.
    pub item: String,
    /// The date.
    #[serde(default)]
    pub occurrence: Option<String>,
    /// How many are sold or held, without this cart.
    pub sold: u64,
    /// How many there are in all; 0 if there is no end of them.
    #[serde(default)]
    pub capacity: u64,
    /// How sales go compared with the plan; 1,000,000 is as planned.
    #[serde(default = "as_planned")]
    pub pace: Rate,
}

const fn as_planned() -> Rate {
    Rate::ONE
}

/// How far a code is used up, without this cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeFact {
    /// The code's id.
    pub id: String,
    /// In how many orders and holds it is used.
    pub used: u64,
    /// In how many of this buyer's.
    #[serde(default)]
    pub used_by_buyer: u64,
    /// How much it has taken off so far.
    #[serde(default)]
    pub spent_minor: i64,
}

impl PriceFacts {
    /// What is known of an item on a date.
    pub(super) fn stock(&self, item: &PriceItem, occurrence: Option<&str>) -> Option<&StockFact> {
        self.stock
            .iter()
            .find(|fact| fact.item == item.id && fact.occurrence.as_deref() == occurrence)
    }

    /// What is known of a code.
    pub(super) fn code(&self, id: &str) -> Option<&CodeFact> {
        self.codes.iter().find(|fact| fact.id == id)
    }
}
