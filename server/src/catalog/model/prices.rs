//! What an organisation and its events say of prices besides the tiers: fees, rates, taxes, place.

use bilten_core::price::{FeeRule, GroupRate, Per, Rate, RoundingRule, TaxMode, TaxPlace, TaxRule};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::db::{Col, ColError, FromCol, Record, Row, ToVal, Val};
use bilten_kernel::money::Currency;
use bilten_kernel::typed_id;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::questions::Day;
use super::series::Local;

typed_id!(pub TaxRuleId, "tax", "Names a tax that an organisation charges.");

/// The most taxes of an organisation.
pub const MAX_TAX_RULES: usize = 200;
/// The most fees, and the most group rates, of an organisation or event.
pub const MAX_FEES: usize = 20;

/// What is said of prices besides the tiers. An event's fees come on top of its organisation's; in
/// all else what the event says holds, and otherwise what its organisation says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
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

/// What is said of prices from now on; all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSettingsInput {
    /// The version that this change starts from, of the settings or of the event; needed unless
    /// `If-Match` says it, or nothing was said yet.
    pub version: Option<i64>,
    /// The currency of its amounts. An organisation that sells in several says here for which one
    /// its fees are; an event's is its own.
    pub currency: Option<Currency>,
    /// Where events take place, for taxes; without it, none are charged.
    pub place: Option<TaxPlace>,
    /// Whether buyers pay the platform's fee on top; otherwise it comes out of the prices.
    pub pass_platform_fee_on: Option<bool>,
    /// The organiser's own fees.
    pub fees: Vec<FeeRule>,
    /// Rates for groups and companies; only an event has them. Their items are ids of tiers.
    pub groups: Vec<GroupRate>,
    /// How amounts are rounded.
    pub rounding: Option<RoundingRule>,
}

impl PriceSettingsInput {
    /// What it says, as it is kept.
    pub fn settings(self) -> PriceSettings {
        PriceSettings {
            currency: self.currency,
            place: self.place,
            pass_platform_fee_on: self.pass_platform_fee_on,
            fees: self.fees,
            groups: self.groups,
            rounding: self.rounding,
        }
    }
}

/// What an event says of prices, with the version that a change must name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventPrices {
    /// The version of the event.
    pub version: i64,
    /// What is said.
    #[serde(flatten)]
    pub settings: PriceSettings,
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
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
    /// The first day on which it is in force, on the calendar of where the event is; without it, always.
    /// What counts is the date that a unit is for, or the first one of the event if it is for the whole
    /// of it: never when it is bought.
    #[serde(default)]
    pub first_day: Option<Day>,
    /// The last day on which it is in force; without it, for ever.
    #[serde(default)]
    pub last_day: Option<Day>,
    /// Instead of `first_day`: it is in force for dates that begin from this moment on.
    #[serde(default)]
    pub from_at: Option<Timestamp>,
    /// Instead of `last_day`: it is in force for dates that begin before this moment.
    #[serde(default)]
    pub until_at: Option<Timestamp>,
    /// Of a change, the revision that it starts from; needed unless `If-Match` says it.
    #[serde(default)]
    pub revision: Option<i64>,
}

impl TaxRuleInput {
    /// What it says, as it is kept.
    pub fn content(self) -> TaxRuleContent {
        TaxRuleContent {
            name: self.name,
            place: self.place,
            classes: self.classes,
            rate: self.rate,
            mode: self.mode,
            compound: self.compound,
            reverse_charge: self.reverse_charge,
            rank: self.rank,
            first_day: self.first_day,
            last_day: self.last_day,
            from_at: self.from_at,
            until_at: self.until_at,
        }
    }
}

/// What is said of a tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxRuleContent {
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
    /// The first day on which it is in force, on the calendar of where the event is; without it, always.
    /// What counts is the date that a unit is for, or the first one of the event if it is for the whole
    /// of it: never when it is bought.
    // Where it is not said, the version before, which has no word for it, reads what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    /// The last day on which it is in force; without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    /// Instead of `first_day`: it is in force for dates that begin from this moment on.
    #[serde(default)]
    pub from_at: Option<Timestamp>,
    /// Instead of `last_day`: it is in force for dates that begin before this moment.
    #[serde(default)]
    pub until_at: Option<Timestamp>,
}

impl FromCol for TaxRuleContent {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?).map_err(|error| ColError(error.to_string()))
    }
}

impl ToVal for TaxRuleContent {
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
    pub content: TaxRuleContent,
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
    /// The same in the words of prices, for an event in this time zone.
    pub fn rule(&self, zone: &TimeZone) -> TaxRule {
        let said = &self.content;
        let begins = said.first_day.and_then(|Day(day)| midnight(day, zone));
        let ends = said
            .last_day
            .and_then(|Day(day)| midnight(day.tomorrow().ok()?, zone));
        let in_core = |at: Timestamp| bilten_core::time::Timestamp(at.ms());
        TaxRule {
            id: self.id.to_string(),
            name: said.name.clone(),
            place: said.place.clone(),
            classes: said.classes.clone(),
            rate: said.rate,
            mode: said.mode,
            compound: said.compound,
            reverse_charge: said.reverse_charge,
            from_at: said.from_at.or(begins).map(in_core),
            until_at: said.until_at.or(ends).map(in_core),
        }
    }
}

/// When a day begins in a time zone; none beyond the years that a [`Timestamp`] can express.
fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let local = Local::new(day.to_datetime(Time::midnight()));
    local.in_zone(zone).map(|(at, _)| at)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of the version before read taxes with no word that they do not know.
    ///
    /// covers: PAY-5
    #[test]
    fn a_tax_says_days_only_if_it_has_some() {
        let said = serde_json::json!({
            "name": "VAT", "place": {"country": "DE"}, "classes": ["admission"], "rate": 190_000,
            "mode": "exclusive",
        });
        let stored = |tax: TaxRuleContent| -> serde_json::Value {
            let Val::Text(Some(text)) = tax.to_val() else {
                panic!("a tax is stored as text");
            };
            serde_json::from_str(&text).unwrap()
        };
        let plain: TaxRuleContent = serde_json::from_value(said.clone()).unwrap();
        let text = stored(plain);
        assert!(text.get("first_day").is_none() && text.get("last_day").is_none());
        let mut with_days = said;
        with_days["first_day"] = serde_json::json!("2031-01-01");
        with_days["last_day"] = serde_json::json!("2031-12-31");
        let dated: TaxRuleContent = serde_json::from_value(with_days).unwrap();
        let text = stored(dated.clone());
        assert_eq!(text["first_day"], "2031-01-01");
        assert_eq!(
            serde_json::from_value::<TaxRuleContent>(text).unwrap(),
            dated
        );
    }
}
