//! Why a cart has no price. A refusal is a value with a stable code, never a panic.

use super::book::BookFault;
use super::code::CodeRefusal;
use crate::money::Currency;
use serde::{Deserialize, Serialize};

/// Why a cart has no price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// There is nothing in the cart.
    #[error("the cart is empty")]
    EmptyCart,
    /// There are more lines than one order may have.
    #[error("the cart has too many lines")]
    TooManyLines,
    /// There are more units than one order may have.
    #[error("the cart has too many units")]
    TooManyUnits,
    /// A line asks for none of its item.
    #[error("{item}: the quantity is zero")]
    ZeroQuantity {
        /// The item.
        item: String,
    },
    /// The item is not sold here, or only with a code that is not in the cart.
    #[error("{item}: no such item is sold here")]
    UnknownItem {
        /// The item.
        item: String,
    },
    /// No phase of its price is open.
    #[error("{item}: it is not on sale now")]
    NotOnSale {
        /// The item.
        item: String,
    },
    /// Cart and prices, or code and prices, are in different currencies.
    #[error("{expected} and {given} cannot be added up")]
    MixedCurrency {
        /// The currency of the prices.
        expected: Currency,
        /// The other one.
        given: Currency,
    },
    /// An amount was named for an item whose price is not the buyer's to choose.
    #[error("{item}: its price is not the buyer's to choose")]
    AmountNotAsked {
        /// The item.
        item: String,
    },
    /// The chosen amount is below zero.
    #[error("{item}: the amount is negative")]
    Negative {
        /// The item.
        item: String,
    },
    /// The chosen amount is below the item's floor.
    #[error("{item}: the amount is below {floor_minor}")]
    BelowFloor {
        /// The item.
        item: String,
        /// The least that may be chosen.
        floor_minor: i64,
    },
    /// The chosen amount is above the item's ceiling.
    #[error("{item}: the amount is above {ceiling_minor}")]
    AboveCeiling {
        /// The item.
        item: String,
        /// The most that may be chosen.
        ceiling_minor: i64,
    },
    /// An add-on without what it is added to.
    #[error("{item}: it is only sold together with a ticket that it belongs to")]
    AddOnAlone {
        /// The add-on.
        item: String,
    },
    /// More of an add-on than its tickets carry.
    #[error("{item}: at most {most} may be added")]
    AddOnTooMany {
        /// The add-on.
        item: String,
        /// The most there may be in this cart.
        most: u32,
    },
    /// A code in the cart cannot be used for it.
    #[error("the code cannot be used: {why}")]
    CodeNotApplicable {
        /// The code's id.
        id: String,
        /// Why not.
        why: CodeRefusal,
    },
    /// An amount is larger than can be priced.
    #[error("the amount is too large")]
    TooLarge,
    /// The rules themselves are wrong; they should never have been stored.
    #[error("the price rules are wrong: {fault}")]
    BadRules {
        /// What is wrong.
        fault: BookFault,
    },
}

impl Refusal {
    /// The stable name, for programs, logs and problem documents.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyCart => "empty_cart",
            Self::TooManyLines => "too_many_lines",
            Self::TooManyUnits => "too_many_units",
            Self::ZeroQuantity { .. } => "zero_quantity",
            Self::UnknownItem { .. } => "unknown_item",
            Self::NotOnSale { .. } => "not_on_sale",
            Self::MixedCurrency { .. } => "mixed_currency",
            Self::AmountNotAsked { .. } => "amount_not_asked",
            Self::Negative { .. } => "negative",
            Self::BelowFloor { .. } => "below_floor",
            Self::AboveCeiling { .. } => "above_ceiling",
            Self::AddOnAlone { .. } => "add_on_alone",
            Self::AddOnTooMany { .. } => "add_on_too_many",
            Self::CodeNotApplicable { .. } => "code_not_applicable",
            Self::TooLarge => "too_large",
            Self::BadRules { .. } => "bad_rules",
        }
    }
}

impl From<BookFault> for Refusal {
    fn from(fault: BookFault) -> Self {
        Self::BadRules { fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::BookFaultKind;

    #[test]
    fn refusals_travel_under_their_codes() {
        let item = || "seat".to_owned();
        for refusal in [
            Refusal::EmptyCart,
            Refusal::TooManyLines,
            Refusal::TooManyUnits,
            Refusal::ZeroQuantity { item: item() },
            Refusal::UnknownItem { item: item() },
            Refusal::NotOnSale { item: item() },
            Refusal::MixedCurrency {
                expected: Currency::EUR,
                given: Currency::EUR,
            },
            Refusal::AmountNotAsked { item: item() },
            Refusal::Negative { item: item() },
            Refusal::BelowFloor {
                item: item(),
                floor_minor: 1,
            },
            Refusal::AboveCeiling {
                item: item(),
                ceiling_minor: 1,
            },
            Refusal::AddOnAlone { item: item() },
            Refusal::AddOnTooMany {
                item: item(),
                most: 1,
            },
            Refusal::CodeNotApplicable {
                id: item(),
                why: CodeRefusal::Expired,
            },
            Refusal::TooLarge,
            Refusal::BadRules {
                fault: BookFault {
                    rule: item(),
                    what: BookFaultKind::Rate,
                },
            },
        ] {
            let value = serde_json::to_value(&refusal).unwrap();
            assert_eq!(value["code"], refusal.code());
            assert_eq!(serde_json::from_value::<Refusal>(value).unwrap(), refusal);
        }
    }
}
