//! Fees: of the platform, the organiser, the payment.

use super::book::ItemKind;
use super::rate::{Rate, Rounding, allocate, sum};
use super::refusal::Refusal;
use crate::money::Currency;
use serde::{Deserialize, Serialize};

/// A fee on what is paid for lines. Fees are not taken of each other, and never of what is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FeeRule {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its share of the price with taxes.
    pub rate: Rate,
    /// What comes on top of the share.
    pub fixed_minor: i64,
    /// The most that it may come to.
    #[serde(default)]
    pub cap_minor: Option<i64>,
    /// What the fixed part and the cap are for.
    pub per: Per,
    /// Whether the buyer pays it; otherwise the organiser does, out of the price.
    pub passed_on: bool,
    /// What it is on; without any, everything.
    #[serde(default)]
    pub kinds: Vec<ItemKind>,
    /// What taxes know it as, if it is taxed when passed on.
    #[serde(default)]
    pub tax_class: Option<String>,
}

/// What an amount is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Each unit.
    Unit,
    /// The whole order.
    Order,
}

impl FeeRule {
    /// The platform's fee where a plan says nothing else: 2.9 % and 0.30 of the currency, for the
    /// order, absorbed. Where the currency has no decimals, the fixed part is nothing.
    #[must_use]
    pub fn platform(id: &str, currency: Currency) -> Self {
        Self {
            id: id.to_owned(),
            name: "Platform fee".to_owned(),
            rate: Rate(29_000),
            fixed_minor: 3 * 10i64.pow(currency.exponent()) / 10,
            cap_minor: None,
            per: Per::Order,
            passed_on: false,
            kinds: Vec::new(),
            tax_class: None,
        }
    }
}

/// What a fee is taken of.
pub(super) struct FeeBase {
    pub(super) kind: ItemKind,
    pub(super) quantity: u32,
    /// The price of the line with its taxes.
    pub(super) minor: i64,
    /// What absorbed fees may still take.
    pub(super) room_minor: i64,
}

/// What `rule` comes to on each line. Absorbed fees take no more than there is, and say so in
/// the lines' `room_minor`.
pub(super) fn fee(
    rule: &FeeRule,
    lines: &mut [FeeBase],
    halves: Rounding,
) -> Result<Vec<i64>, Refusal> {
    let is_on = |line: &FeeBase| rule.kinds.is_empty() || rule.kinds.contains(&line.kind);
    let bases: Vec<i64> = lines
        .iter()
        .map(|line| if is_on(line) { line.minor } else { 0 })
        .collect();
    let whole = sum(bases.iter().copied())?;
    if whole == 0 {
        return Ok(vec![0; lines.len()]);
    }
    let mut shares = match rule.per {
        Per::Order => {
            let fee = sum([rule.rate.of(whole, halves)?, rule.fixed_minor])?;
            allocate(rule.cap_minor.map_or(fee, |cap| fee.min(cap)), &bases)
        }
        Per::Unit => {
            let mut shares = Vec::with_capacity(lines.len());
            for (line, base) in lines.iter().zip(&bases) {
                if *base == 0 {
                    shares.push(0);
                    continue;
                }
                let times = |minor: i64| {
                    minor
                        .checked_mul(i64::from(line.quantity))
                        .ok_or(Refusal::TooLarge)
                };
                let fee = sum([rule.rate.of(*base, halves)?, times(rule.fixed_minor)?])?;
                let cap = rule.cap_minor.map(times).transpose()?;
                shares.push(cap.map_or(fee, |cap| fee.min(cap)));
            }
            shares
        }
    };
    if !rule.passed_on {
        for (line, share) in lines.iter_mut().zip(&mut shares) {
            *share = (*share).min(line.room_minor);
            line.room_minor -= *share;
        }
    }
    Ok(shares)
}
