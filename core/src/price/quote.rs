//! The answer: what a cart costs, line by line, with a reason for every part.

use super::book::ItemKind;
use super::rate::{Rate, split};
use crate::codes::codes;
use crate::money::Currency;
use serde::{Deserialize, Serialize};

/// What a cart costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quote {
    /// The currency of all amounts.
    pub currency: Currency,
    /// The lines, in the order of the book's items.
    pub lines: Vec<QuoteLine>,
    /// What the units cost before anything is taken off.
    pub list_minor: i64,
    /// What is taken off.
    pub discount_minor: i64,
    /// Taxes that are in the total, whether prices include them or they are added.
    pub tax_minor: i64,
    /// Fees that the buyer pays.
    pub fee_minor: i64,
    /// Fees that the organiser pays out of the prices.
    pub absorbed_fee_minor: i64,
    /// What rounding to coins adds; negative if it takes away.
    pub cash_rounding_minor: i64,
    /// What the buyer pays: the sum of the lines' totals and the cash rounding.
    pub total_minor: i64,
    /// What each tax comes to.
    pub taxes: Vec<TaxTotal>,
    /// What each code does: what its counters must take, in the transaction that holds the stock.
    pub codes: Vec<CodeUse>,
}

/// Units of one item for one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QuoteLine {
    /// The item.
    pub item: String,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// The date, if it is for one.
    pub occurrence: Option<String>,
    /// How many.
    pub quantity: u32,
    /// How the price of one came about; the last step is the price.
    pub steps: Vec<UnitStep>,
    /// What one costs before anything is taken off.
    pub unit_minor: i64,
    /// What all cost before anything is taken off.
    pub list_minor: i64,
    /// What is taken off, in the order in which it was.
    pub discounts: Vec<DiscountPart>,
    /// What is left of the list price; taxes and fees stand on it.
    pub price_minor: i64,
    /// Its taxes.
    pub taxes: Vec<TaxPart>,
    /// Its fees.
    pub fees: Vec<FeePart>,
    /// What the buyer pays for the line: all in.
    pub total_minor: i64,
}

/// One step on the way to the price of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UnitStep {
    /// Why.
    pub reason: PriceReason,
    /// The rule that says so.
    pub rule: String,
    /// The price of one after this step.
    pub unit_minor: i64,
}

/// Something that is taken off a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DiscountPart {
    /// Why.
    pub reason: PriceReason,
    /// The group rate or code.
    pub rule: String,
    /// For how many of the line's units.
    pub units: u32,
    /// How much.
    pub minor: i64,
}

/// One tax on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaxPart {
    /// Included, added, or owed by the buyer.
    pub reason: PriceReason,
    /// The tax rule.
    pub rule: String,
    /// Its rate.
    pub rate: Rate,
    /// The part of the bundle that it is on, if the line is a bundle.
    pub part: Option<String>,
    /// The fee that it is on, if not on the price.
    pub fee: Option<String>,
    /// What the rate is taken of.
    pub base_minor: i64,
    /// How much.
    pub minor: i64,
    /// What a price that includes the tax loses because the buyer owes it (reverse charge).
    pub relieved_minor: i64,
}

/// One fee on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FeePart {
    /// Passed on or absorbed.
    pub reason: PriceReason,
    /// The fee rule.
    pub rule: String,
    /// How much.
    pub minor: i64,
}

/// What one tax comes to in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TaxTotal {
    /// Included, added, or owed by the buyer.
    pub reason: PriceReason,
    /// The tax rule.
    pub rule: String,
    /// What people call it.
    pub name: String,
    /// Its rate.
    pub rate: Rate,
    /// What the rate is taken of.
    pub base_minor: i64,
    /// How much.
    pub minor: i64,
}

/// What one code does in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CodeUse {
    /// The code's id.
    pub id: String,
    /// How many units it makes cheaper.
    pub units: u32,
    /// How much it takes off.
    pub discount_minor: i64,
}

/// Why a part of a price is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PriceReason {
    /// The item's price.
    Fixed,
    /// The item is free.
    Free,
    /// The buyer chose the amount.
    ChosenAmount,
    /// The buyer could choose and did not.
    SuggestedAmount,
    /// The price of its early-bird phase.
    EarlyBird,
    /// The price of its regular phase.
    Regular,
    /// The price of its last-minute phase.
    LastMinute,
    /// The price on this date.
    DatePrice,
    /// It moved with sales.
    Dynamic,
    /// The rate for a group of this size.
    GroupRate,
    /// A rate that the buyer, or a code, unlocked.
    CorporateRate,
    /// A code takes a share off.
    CodePercentage,
    /// A code takes an amount off.
    CodeFixed,
    /// A code sets the price.
    CodePrice,
    /// A code makes some units cheaper for others.
    CodeBuyGet,
    /// The price includes this tax.
    TaxIncluded,
    /// This tax comes on top.
    TaxAdded,
    /// The buyer owes this tax themselves.
    ReverseCharge,
    /// The buyer pays this fee.
    FeePassedOn,
    /// The organiser pays this fee.
    FeeAbsorbed,
}

codes!(PriceReason {
    Fixed = "fixed",
    Free = "free",
    ChosenAmount = "chosen_amount",
    SuggestedAmount = "suggested_amount",
    EarlyBird = "early_bird",
    Regular = "regular",
    LastMinute = "last_minute",
    DatePrice = "date_price",
    Dynamic = "dynamic",
    GroupRate = "group_rate",
    CorporateRate = "corporate_rate",
    CodePercentage = "code_percentage",
    CodeFixed = "code_fixed",
    CodePrice = "code_price",
    CodeBuyGet = "code_buy_get",
    TaxIncluded = "tax_included",
    TaxAdded = "tax_added",
    ReverseCharge = "reverse_charge",
    FeePassedOn = "fee_passed_on",
    FeeAbsorbed = "fee_absorbed",
});

impl QuoteLine {
    /// What each unit costs all in: for order items and partial refunds. They sum to the line's
    /// total; where it does not divide, the first units carry the rest.
    #[must_use]
    pub fn unit_totals(&self) -> Vec<i64> {
        split(
            self.total_minor,
            usize::try_from(self.quantity).unwrap_or(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_stored_by_their_codes() {
        for reason in PriceReason::ALL {
            let text = serde_json::to_string(reason).unwrap();
            assert_eq!(text, format!("\"{}\"", reason.code()));
        }
    }
}
