//! Taxes: which apply where, and what they come to.

use super::book::{PriceBook, TaxRounding};
use super::cart::VatId;
use super::quote::{PriceReason, TaxPart};
use super::rate::{Rate, allocate, mul_div, sum};
use super::refusal::Refusal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One, in the fractions that taxes inside a price are reckoned with.
const SCALE: i128 = 1_000_000_000_000;

/// Where something is supplied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaxPlace {
    /// The country, in two upper-case letters (ISO 3166-1).
    pub country: String,
    /// The state or province; in a rule, without it, all.
    #[serde(default)]
    pub region: Option<String>,
    /// The city; in a rule, without it, all.
    #[serde(default)]
    pub city: Option<String>,
}

impl TaxPlace {
    /// Whether a rule for this place holds at `place`.
    #[must_use]
    pub fn covers(&self, place: &Self) -> bool {
        let part = |rule: &Option<String>, there: &Option<String>| rule.is_none() || rule == there;
        self.country == place.country
            && part(&self.region, &place.region)
            && part(&self.city, &place.city)
    }
}

/// A tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaxRule {
    /// Its id.
    pub id: String,
    /// What people call it, such as `MwSt.`.
    pub name: String,
    /// Where it holds.
    pub place: TaxPlace,
    /// What it is on, by the items' classes.
    pub classes: Vec<String>,
    /// How much.
    pub rate: Rate,
    /// Whether prices include it.
    pub mode: TaxMode,
    /// Whether it is also taken of the taxes before it that have the same mode.
    #[serde(default)]
    pub compound: bool,
    /// Whether a business in another country owes it itself.
    #[serde(default)]
    pub reverse_charge: bool,
    /// From when it is in force, if not always: what counts is when something is supplied, not when
    /// it is bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub from_at: Option<Timestamp>,
    /// When it is over (it is in force before this), if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>))]
    pub until_at: Option<Timestamp>,
}

impl TaxRule {
    /// Whether it is in force for what is supplied at a moment.
    #[must_use]
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.from_at.is_none_or(|from| from <= at) && self.until_at.is_none_or(|until| at < until)
    }
}

/// Whether prices include a tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaxMode {
    /// They do.
    Inclusive,
    /// It comes on top.
    Exclusive,
}

/// An amount that is taxed as one thing.
pub(super) struct Portion<'a> {
    /// The line it belongs to.
    pub(super) line: usize,
    pub(super) minor: i64,
    pub(super) part: Option<&'a str>,
    pub(super) fee: Option<&'a str>,
    /// The rules that apply, as places in the book.
    pub(super) rules: Vec<usize>,
}

/// The rules for a class at a place and for what is supplied on a date (or for no date), as places in
/// the book.
pub(super) fn rules_for(
    book: &PriceBook,
    class: Option<&str>,
    place: &TaxPlace,
    date: Option<&str>,
) -> Vec<usize> {
    let Some(class) = class else {
        return Vec::new();
    };
    let supplied = book.supplied(date);
    let applies = |rule: &TaxRule| {
        rule.place.covers(place)
            && rule.classes.iter().any(|known| known == class)
            && supplied.is_none_or(|at| rule.is_in_force(at))
    };
    book.taxes
        .iter()
        .enumerate()
        .filter(|(_, rule)| applies(rule))
        .map(|(index, _)| index)
        .collect()
}

/// The taxes on all portions, with the line of each.
pub(super) fn taxes(
    book: &PriceBook,
    vat_id: Option<&VatId>,
    portions: &[Portion<'_>],
) -> Result<Vec<(usize, TaxPart)>, Refusal> {
    let mut parts = Vec::new();
    match book.rounding.taxes {
        TaxRounding::PerLine => {
            for portion in portions {
                group(book, vat_id, &[portion], &mut parts)?;
            }
        }
        TaxRounding::PerOrder => {
            let mut groups = BTreeMap::<&[usize], Vec<&Portion<'_>>>::new();
            for portion in portions {
                groups
                    .entry(portion.rules.as_slice())
                    .or_default()
                    .push(portion);
            }
            for portions in groups.values() {
                group(book, vat_id, portions, &mut parts)?;
            }
        }
    }
    Ok(parts)
}

/// The taxes on portions that have the same rules, rounded as one amount.
fn group(
    book: &PriceBook,
    vat_id: Option<&VatId>,
    portions: &[&Portion<'_>],
    parts: &mut Vec<(usize, TaxPart)>,
) -> Result<(), Refusal> {
    let Some(first) = portions.first() else {
        return Ok(());
    };
    let rules: Vec<&TaxRule> = first
        .rules
        .iter()
        .filter_map(|index| book.taxes.get(*index))
        .collect();
    if rules.is_empty() {
        return Ok(());
    }
    let owed_by_buyer = |rule: &TaxRule| {
        rule.reverse_charge && vat_id.is_some_and(|id| id.country != rule.place.country)
    };
    let halves = book.rounding.halves;

    // What each included tax is of the net price, and what the price is of it.
    let mut factor = SCALE;
    let mut inside = Vec::with_capacity(rules.len());
    for rule in &rules {
        let of = if rule.compound { factor } else { SCALE };
        let share = match rule.mode {
            TaxMode::Inclusive => of * i128::from(rule.rate.0) / 1_000_000,
            TaxMode::Exclusive => 0,
        };
        factor += share;
        if factor > SCALE * 1_000_000 {
            return Err(Refusal::TooLarge);
        }
        inside.push(i64::try_from(share).map_err(|_| Refusal::TooLarge)?);
    }
    let prices: Vec<i64> = portions.iter().map(|portion| portion.minor).collect();
    let net = mul_div(sum(prices.iter().copied())?, SCALE, factor, halves)?;
    // The net is shared out first: it is not more than the price, so no portion's tax is negative.
    let nets = allocate(net, &prices);

    for (index, portion) in portions.iter().enumerate() {
        let included = allocate(portion.minor - nets[index], &inside);
        for (rule, minor) in rules.iter().zip(included) {
            if rule.mode == TaxMode::Exclusive {
                continue;
            }
            let mut part = new_part(rule, portion, nets[index]);
            if owed_by_buyer(rule) {
                part.reason = PriceReason::ReverseCharge;
                part.relieved_minor = minor;
            } else {
                part.reason = PriceReason::TaxIncluded;
                part.minor = minor;
            }
            parts.push((portion.line, part));
        }
    }

    let mut taxed = nets.clone();
    for rule in rules.iter().filter(|rule| rule.mode == TaxMode::Exclusive) {
        let bases = if rule.compound {
            taxed.clone()
        } else {
            nets.clone()
        };
        let owed = owed_by_buyer(rule);
        let tax = if owed {
            0
        } else {
            rule.rate.of(sum(bases.iter().copied())?, halves)?
        };
        let shares = allocate(tax, &bases);
        for (index, portion) in portions.iter().enumerate() {
            let mut part = new_part(rule, portion, bases[index]);
            part.minor = shares[index];
            if owed {
                part.reason = PriceReason::ReverseCharge;
            }
            parts.push((portion.line, part));
            taxed[index] = sum([taxed[index], shares[index]])?;
        }
    }
    Ok(())
}

fn new_part(rule: &TaxRule, portion: &Portion<'_>, base_minor: i64) -> TaxPart {
    TaxPart {
        reason: PriceReason::TaxAdded,
        rule: rule.id.clone(),
        rate: rule.rate,
        part: portion.part.map(str::to_owned),
        fee: portion.fee.map(str::to_owned),
        base_minor,
        minor: 0,
        relieved_minor: 0,
    }
}
