//! What an organisation and its events say of prices besides the tiers: fees, rates, taxes, place.

use bilten_core::price::{FeeRule, GroupRate, Per, Rate, RoundingRule, TaxMode, TaxPlace, TaxRule};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::db::{Col, ColError, FromCol, Record, Row, ToVal, Val};
use bilten_kernel::money::Currency;
use bilten_kernel::typed_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

typed_id!(pub TaxRuleId, "tax", "Names a tax that an organisation charges.");

/// The most taxes of an organisation.
pub const MAX_TAX_RULES: usize = 200;
/// The most fees, and the most group rates, of an organisation or event.
pub const MAX_FEES: usize = 20;

/// What is said of prices besides the tiers. An event's fees come on top of its organisation's; in
/// all else what the event says holds, and otherwise what its organisation says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSettings {
    /// The currency of its amounts. An organisation that sells in several says here for which one
    /// its fees are; an event's is its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Where events take place, for taxes; without it, none are charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<TaxPlace>,
    /// Whether buyers pay the platform's fee on top; otherwise it comes out of the prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_platform_fee_on: Option<bool>,
    /// The organiser's own fees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<FeeRule>,
    /// Rates for groups and companies; only an event has them. Their items are ids of tiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRate>,
    /// How amounts are rounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounding: Option<RoundingRule>,
}

impl FromCol for PriceSettings {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for PriceSettings {
    fn to_val(self) -> Val {
        Val::Text(serde_json::to_string(&self).ok())
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

/// Settings of prices with the version that a change must name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrganisationPrices {
    /// Raised by each change; 0 if nothing was ever said.
    pub version: i64,
    /// What is said.
    pub settings: PriceSettings,
}

impl Record for OrganisationPrices {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            version: row.get("version")?,
            settings: row.get("content")?,
        })
    }
}

/// What somebody says of a tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRuleInput {
    /// What people call it, such as `MwSt.`.
    pub name: String,
    /// Where it holds.
    pub place: TaxPlace,
    /// What it is on, by the tiers' tax classes, such as `admission`.
    pub classes: Vec<String>,
    /// How much, in millionths: 95,000 is 9.5 %.
    pub rate: Rate,
    /// Whether prices include it.
    pub mode: TaxMode,
    /// Whether it is also taken of the taxes before it that have the same mode.
    #[serde(default)]
    pub compound: bool,
    /// Whether a business in another country owes it itself.
    #[serde(default)]
    pub reverse_charge: bool,
    /// Where it stands among the others: lower ones come first.
    #[serde(default)]
    pub rank: u16,
    /// From when it is in force, by the first date of an event; without it, always.
    #[serde(default)]
    pub from_at: Option<Timestamp>,
    /// Until when it is in force (it is, before this); without it, for ever.
    #[serde(default)]
    pub until_at: Option<Timestamp>,
}

impl FromCol for TaxRuleInput {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for TaxRuleInput {
    fn to_val(self) -> Val {
        Val::Text(serde_json::to_string(&self).ok())
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

/// A tax that an organisation charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoredTaxRule {
    /// Its id.
    pub id: TaxRuleId,
    /// What is said of it.
    #[serde(flatten)]
    pub content: TaxRuleInput,
    /// Raised by each change.
    pub revision: i64,
}

impl Record for StoredTaxRule {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            content: row.get("content")?,
            revision: row.get("revision")?,
        })
    }
}

impl StoredTaxRule {
    /// Whether it is in force at a moment.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.content.from_at.is_none_or(|from| from <= at)
            && self.content.until_at.is_none_or(|until| at < until)
    }

    /// The same in the words of prices.
    pub fn rule(&self) -> TaxRule {
        let said = &self.content;
        TaxRule {
            id: self.id.to_string(),
            name: said.name.clone(),
            place: said.place.clone(),
            classes: said.classes.clone(),
            rate: said.rate,
            mode: said.mode,
            compound: said.compound,
            reverse_charge: said.reverse_charge,
        }
    }
}

/// What the platform charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeePlan {
    /// Its share of the price with taxes, in millionths.
    pub rate: Rate,
    /// What comes on top for each order, in hundredths of the currency's unit.
    pub fixed_hundredths: i64,
}

impl Default for FeePlan {
    fn default() -> Self {
        Self {
            rate: Rate(29_000),
            fixed_hundredths: 30,
        }
    }
}

impl FeePlan {
    /// The rule in a currency; where that has no decimals, the fixed part is rounded down.
    pub fn rule(&self, currency: Currency, passed_on: bool) -> FeeRule {
        let fixed = self
            .fixed_hundredths
            .saturating_mul(10_i64.pow(currency.exponent()));
        FeeRule {
            rate: self.rate,
            fixed_minor: fixed / 100,
            per: Per::Order,
            passed_on,
            ..FeeRule::platform(PLATFORM_FEE, currency)
        }
    }
}

/// The id of the platform's fee among the rules of a price book.
pub const PLATFORM_FEE: &str = "platform";
