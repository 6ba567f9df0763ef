//! How the price of a tier comes about, as it is stored with the tier.

use bilten_core::price::{DynamicRule, PhaseName, PriceModel, PricePhase};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Col, ColError, FromCol, ToVal, Val};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TierId;

/// The most kinds of tier that a bundle holds.
pub const MAX_PARTS: usize = 10;
/// The most of one tier that a bundle holds.
pub const MAX_PART_QUANTITY: u32 = 20;
/// The most phases of a price, and the most steps of a dynamic rule.
pub const MAX_PHASES: usize = 20;

/// How the price of a tier comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TierPricing {
    /// The price: fixed, free, chosen by the buyer, or by phases. Without it, the tier's
    /// `price_minor`; with it, `price_minor` is only what lists show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<TierPrice>,
    /// How it moves with sales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic: Option<DynamicRule>,
    /// What taxes know it as, such as `food`. Without it: `admission` for tickets, add-ons and
    /// bundles, `merchandise` for merchandise, and a donation is not taxed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// For an add-on: the tiers that it may be added to; without any, it stands alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added_to: Vec<TierId>,
    /// For an add-on: how many each of those may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_per_ticket: Option<u32>,
    /// For a bundle: what it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<TierPart>,
}

/// What a bundle holds of one tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPart {
    /// The tier.
    pub tier: TierId,
    /// How many of it, 1 to 20.
    pub quantity: u32,
}

/// What one unit costs before it moves with sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TierPrice {
    /// Always the same.
    Fixed {
        /// The price in minor units.
        minor: i64,
    },
    /// Nothing.
    Free,
    /// What the buyer says.
    PayWhatYouWant {
        /// The least.
        floor_minor: i64,
        /// What it costs when the buyer says nothing.
        suggestion_minor: i64,
        /// The most, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ceiling_minor: Option<i64>,
    },
    /// By time or by how many are sold: the first open phase counts.
    Phased {
        /// The phases in order, at most 20.
        phases: Vec<TierPhase>,
    },
}

/// One phase of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierPhase {
    /// Its id, which reasons of prices name.
    pub id: String,
    /// What it is called.
    pub name: PhaseName,
    /// The price in minor units.
    pub minor: i64,
    /// When it begins, if not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_at: Option<Timestamp>,
    /// When it is over (it holds before this), if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_at: Option<Timestamp>,
    /// It holds for the first so many units that are sold, on each date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_sold: Option<u64>,
}

impl TierPrice {
    /// The same in the words of prices.
    pub fn model(&self) -> PriceModel {
        match self {
            Self::Fixed { minor } => PriceModel::Fixed { minor: *minor },
            Self::Free => PriceModel::Free,
            Self::PayWhatYouWant {
                floor_minor,
                suggestion_minor,
                ceiling_minor,
            } => PriceModel::PayWhatYouWant {
                floor_minor: *floor_minor,
                suggestion_minor: *suggestion_minor,
                ceiling_minor: *ceiling_minor,
            },
            Self::Phased { phases } => PriceModel::Phased {
                phases: phases.iter().map(TierPhase::model).collect(),
            },
        }
    }
}

impl TierPhase {
    fn model(&self) -> PricePhase {
        PricePhase {
            id: self.id.clone(),
            name: self.name,
            minor: self.minor,
            from_at: self.from_at.map(in_core),
            until_at: self.until_at.map(in_core),
            until_sold: self.until_sold,
        }
    }
}

const fn in_core(at: Timestamp) -> bilten_core::time::Timestamp {
    bilten_core::time::Timestamp(at.ms())
}

impl FromCol for TierPricing {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for TierPricing {
    fn to_val(self) -> Val {
        Val::Text(serde_json::to_string(&self).ok())
    }

    fn null() -> Val {
        Val::Text(None)
    }
}
