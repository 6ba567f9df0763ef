//! Codes as buyers type them.

use bilten_core::price::CodeEffect;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::EventId;

/// A code that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeCheckRequest {
    /// The event that they look at.
    pub event: EventId,
    /// What they typed.
    pub code: String,
}

text_enum! {
    /// What a code does, in a word.
    pub enum CodeKind {
        /// Takes a share off.
        Percentage = "percentage",
        /// Takes an amount off.
        Fixed = "fixed",
        /// Gives units another price.
        Price = "price",
        /// Makes units cheaper for those who buy enough others.
        BuyGet = "buy_get",
        /// Shows what others do not see.
        Access = "access",
    }
}

/// What a code is worth to whoever typed it. One that is not known, that is over, not valid yet or
/// used up is answered alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeCheck {
    /// Whether it can be used now, as far as that is known before there is a cart.
    pub is_usable: bool,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CodeKind>,
    /// The hidden tiers that it shows.
    pub unlocks: Vec<String>,
    /// Whether it also opens prices that others do not get.
    pub unlocks_rates: bool,
}

impl CodeCheck {
    /// What a code that can be used is told.
    pub(in crate::sales::codes) fn of(effect: &CodeEffect) -> Self {
        let (kind, unlocks, unlocks_rates) = match effect {
            CodeEffect::Percentage { .. } => (CodeKind::Percentage, Vec::new(), false),
            CodeEffect::Fixed { .. } => (CodeKind::Fixed, Vec::new(), false),
            CodeEffect::Price { .. } => (CodeKind::Price, Vec::new(), false),
            CodeEffect::BuyGet { .. } => (CodeKind::BuyGet, Vec::new(), false),
            CodeEffect::Access { items, rates } => {
                (CodeKind::Access, items.clone(), !rates.is_empty())
            }
        };
        Self {
            is_usable: true,
            kind: Some(kind),
            unlocks,
            unlocks_rates,
        }
    }
}
