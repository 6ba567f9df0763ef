//! How the price of a tier comes about, as it is stored with the tier.

use bilten_core::price::{DynamicRule, PriceModel};
use bilten_kernel::db::{Col, ColError, FromCol, ToVal, Val};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TierId;

/// How the price of a tier comes about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TierPricing {
    /// The price: fixed, free, chosen by the buyer, or by phases. Without it, the tier's
    /// `price_minor`; with it, `price_minor` is only what lists show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceModel>,
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

/// The most kinds of tier that a bundle holds.
pub const MAX_PARTS: usize = 10;
/// The most of one tier that a bundle holds.
pub const MAX_PART_QUANTITY: u32 = 20;

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
