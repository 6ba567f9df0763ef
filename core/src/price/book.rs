//! The rules by which an event is priced, as they are stored: items, dates, phases, group rates.

use super::fee::FeeRule;
use super::rate::{Rate, Rounding};
use super::tax::{TaxPlace, TaxRule};
use crate::money::Currency;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything by which the carts of one event are priced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceBook {
    /// The currency of all amounts in it.
    pub currency: Currency,
    /// Where the event takes place, for taxes.
    pub place: TaxPlace,
    /// When what is for no date is supplied, for taxes that hold for a time. Without it, all that are
    /// in the book hold for it: where one law holds for the whole event, a book needs no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub supplied_at: Option<Timestamp>,
    /// When what is for a date is supplied, by the date; without its date, as what is for none. Needed
    /// only if not all taxes hold for all dates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, i64>))]
    pub dates: BTreeMap<String, Timestamp>,
    /// What is sold. Lines of a quote stand in this order.
    pub items: Vec<PriceItem>,
    /// Rates for groups and companies.
    #[serde(default)]
    pub groups: Vec<GroupRate>,
    /// Taxes, in the order in which compound ones build on earlier ones: each once, also if it holds
    /// for some of the dates only.
    #[serde(default)]
    pub taxes: Vec<TaxRule>,
    /// Fees of the platform, the organiser and the payment.
    #[serde(default)]
    pub fees: Vec<FeeRule>,
    /// How amounts are rounded.
    #[serde(default)]
    pub rounding: RoundingRule,
}

impl PriceBook {
    /// When something is supplied that is for this date, or for none.
    pub(super) fn supplied(&self, date: Option<&str>) -> Option<Timestamp> {
        let of_date = date.and_then(|date| self.dates.get(date).copied());
        of_date.or(self.supplied_at)
    }
}

/// How amounts are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoundingRule {
    /// Where halves go.
    #[serde(default)]
    pub halves: Rounding,
    /// Whether taxes are rounded by line or once for the order.
    #[serde(default)]
    pub taxes: TaxRounding,
    /// The smallest coin in minor units, where cash is rounded: 5 for CHF.
    #[serde(default)]
    pub cash_step_minor: Option<i64>,
}

/// Where taxes are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// Each line by itself.
    #[default]
    PerLine,
    /// Once over all lines with the same taxes; the lines share the result.
    PerOrder,
}

/// What kind of thing is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A tier's ticket.
    Ticket,
    /// Something that belongs to a ticket, such as parking.
    AddOn,
    /// Several items for one price.
    Bundle,
    /// A gift; neither codes nor group rates touch it.
    Donation,
    /// A thing that is sold along.
    Merchandise,
}

/// Something that is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceItem {
    /// Its id: a tier's, an add-on's, a bundle's.
    pub id: String,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// What one costs.
    pub price: PriceModel,
    /// Whether it is only sold with a code that unlocks it.
    #[serde(default)]
    pub hidden: bool,
    /// Dates on which it costs something else.
    #[serde(default)]
    pub dates: Vec<DatePrice>,
    /// How its price moves with sales.
    #[serde(default)]
    pub dynamic: Option<DynamicRule>,
    /// What taxes know it as, such as `admission` or `food`; without it, it is not taxed.
    #[serde(default)]
    pub tax_class: Option<String>,
    /// Where it is supplied, if not where the event is.
    #[serde(default)]
    pub place: Option<TaxPlace>,
    /// For an add-on: the items that it may be added to; without any, it stands alone.
    #[serde(default)]
    pub added_to: Vec<String>,
    /// For an add-on: how many each of those may have.
    #[serde(default)]
    pub most_per_ticket: Option<u32>,
    /// For a bundle: what it holds.
    #[serde(default)]
    pub parts: Vec<BundlePart>,
}

/// What a bundle holds, for stock and for its taxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BundlePart {
    /// The item.
    pub item: String,
    /// How many of it.
    pub quantity: u32,
    /// What all of these would cost alone: the bundle's price is shared out by it for taxes.
    pub alone_minor: i64,
    /// What taxes know it as.
    #[serde(default)]
    pub tax_class: Option<String>,
}

/// What one unit costs before it moves with sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PriceModel {
    /// Always the same.
    Fixed {
        /// The price.
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
        /// The phases in order.
        phases: Vec<PricePhase>,
    },
}

/// One phase of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PricePhase {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: PhaseName,
    /// The price.
    pub minor: i64,
    /// When it begins, if not always.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub from_at: Option<Timestamp>,
    /// When it is over (it holds before this), if ever.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub until_at: Option<Timestamp>,
    /// It holds for the first so many units that are sold, on each date.
    #[serde(default)]
    pub until_sold: Option<u64>,
}

/// What a phase is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Early bird.
    EarlyBird,
    /// Regular.
    Regular,
    /// Last minute.
    LastMinute,
}

/// Another price on one date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DatePrice {
    /// The rule's id.
    pub id: String,
    /// The date.
    pub occurrence: String,
    /// What one costs on it.
    pub price: PriceModel,
}

/// How a price moves with sales. Changes by fill and by pace add up; the result is rounded to a
/// multiple of the step and kept between floor and ceiling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DynamicRule {
    /// Its id.
    pub id: String,
    /// By how much of the capacity is sold.
    #[serde(default)]
    pub fill: Vec<DynamicStep>,
    /// By how sales go compared with the plan; 1,000,000 is as planned.
    #[serde(default)]
    pub pace: Vec<DynamicStep>,
    /// The least that it may come to.
    pub floor_minor: i64,
    /// The most that it may come to.
    pub ceiling_minor: i64,
    /// Prices are multiples of it, unless floor or ceiling is not.
    pub step_minor: i64,
}

/// A change from a level on. The highest level that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DynamicStep {
    /// The level.
    pub from: Rate,
    /// The change in millionths of the price; negative makes it cheaper.
    pub change_ppm: i32,
}

/// A rate for groups or companies. Of all that fit a line, the best one counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupRate {
    /// Its id.
    pub id: String,
    /// The items that count and that it makes cheaper; without any, all tickets.
    #[serde(default)]
    pub items: Vec<String>,
    /// How many units of them the order must have.
    pub at_least: u32,
    /// The name under which a buyer or a code unlocks it; without it, everybody has it.
    #[serde(default)]
    pub key: Option<String>,
    /// What it does.
    pub effect: GroupEffect,
}

/// What a group rate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GroupEffect {
    /// Takes a share off.
    Percentage {
        /// The share.
        rate: Rate,
    },
    /// Each unit costs this, if that is less.
    Price {
        /// The price.
        minor: i64,
    },
}

/// What is wrong with rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{rule}: {what}")]
pub struct BookFault {
    /// The rule or item.
    pub rule: String,
    /// What is wrong with it.
    pub what: BookFaultKind,
}

/// The ways in which rules are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BookFaultKind {
    /// Two rules of a kind have one id.
    #[error("another one has the same id")]
    SameId,
    /// An amount is negative or larger than [`MAX_MINOR`](super::MAX_MINOR).
    #[error("the amount is negative or too large")]
    Amount,
    /// A rate is more than all of it.
    #[error("the rate is more than 100 %")]
    Rate,
    /// Floor and ceiling, suggestion or step contradict each other.
    #[error("floor, ceiling, suggestion or step contradict each other")]
    Range,
    /// There are more rules than can be priced.
    #[error("there are too many rules")]
    TooMany,
    /// It holds nothing: a bundle without parts, a price without phases.
    #[error("it holds nothing")]
    Empty,
    /// A price that is free or chosen by the buyer cannot move with sales.
    #[error("this price cannot move with sales")]
    Dynamic,
}
