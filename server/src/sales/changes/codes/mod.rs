//! What a change does with the codes of an order.
//!
//! - What stays keeps what codes took off it.
//! - What comes is priced by the codes that the order has, by their rules of today, as far as they hold: in
//!   their time, for their tiers and dates, within their budget, and within what one order may have of them
//!   together with what stays. That the order has them is no further use.
//! - What goes gives back what they took off it: to the budget, and the use with the last unit.
//! - A code that asks for something (buy-x-get-y, a minimum) and finds it no more takes back what it took
//!   off that which stays, out of what goes back, and never more than that.

mod coming;
mod loss;

pub(super) use coming::Standing;
pub(super) use loss::{Loss, losses, lost, raise};

use std::collections::BTreeMap;

use bilten_core::price::{CodeEffect, CodeRefusal, PromoCode, Rate};

use super::model::*;
use crate::catalog::{EventDetail, TierKind, TierPrice};
use crate::sales::codes::{CodeShift, HadCode, PromoCodeId};

/// Why a code does not hold for what comes.
pub(super) type Refused = (PromoCodeId, CodeRefusal);

/// Units of which a code took something off, how many of them count, and how much that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Carried {
    units: i64,
    minor: i64,
}

fn carried<'a>(code: &str, units: impl IntoIterator<Item = &'a Unit>) -> Carried {
    let mut sum = Carried::default();
    for own in units.into_iter().flat_map(|unit| &unit.codes) {
        if own.code == code {
            sum.units += i64::from(own.is_counted);
            sum.minor += own.minor;
        }
    }
    sum
}

/// Whether a code is for a unit. A group rate is not asked for: nobody loses by that.
fn fits(code: &PromoCode, offer: &EventDetail, unit: &Unit) -> bool {
    let Some(tier) = offer.tier(unit.tier) else {
        return false;
    };
    let pricing = tier.pricing.as_ref();
    let price = pricing.and_then(|pricing| pricing.price.as_ref());
    let is_chosen = matches!(price, Some(TierPrice::PayWhatYouWant { .. }));
    let date = unit.occurrence.filter(|_| tier.per_date);
    let (tier_id, date) = (unit.tier.to_string(), date.map(|date| date.to_string()));
    !is_chosen
        && tier.kind != TierKind::Donation
        && (code.items.is_empty() || code.items.contains(&tier_id))
        && (code.occurrences.is_empty()
            || date.is_some_and(|date| code.occurrences.contains(&date)))
}

/// What buy-x-get-y takes off units at these prices; none for any other code.
fn buy_get(code: &PromoCode, mut prices: Vec<i64>) -> Option<i64> {
    let CodeEffect::BuyGet { buy, get, rate } = code.effect else {
        return None;
    };
    prices.sort_unstable();
    let count = u64::try_from(prices.len()).unwrap_or(u64::MAX);
    let (buy, get) = (u64::from(buy), u64::from(get));
    let each = buy.saturating_add(get).max(1);
    let over = (count % each).saturating_sub(buy);
    let cheaper = (count / each).saturating_mul(get).saturating_add(over);
    let cheaper = code
        .max_units
        .map_or(cheaper, |most| cheaper.min(u64::from(most)));
    let cheaper = usize::try_from(cheaper).unwrap_or(usize::MAX);
    let sum: i128 = prices
        .iter()
        .take(cheaper)
        .map(|minor| i128::from(*minor))
        .sum();
    // A fraction of a cent is the buyer's.
    let whole = i128::from(Rate::ONE.0);
    let minor = (sum * i128::from(rate.0) + whole - 1) / whole;
    let minor = i64::try_from(minor).unwrap_or(i64::MAX);
    Some(
        code.max_discount_minor
            .map_or(minor, |most| minor.min(most)),
    )
}

/// How what codes are counted for changes by what units have of them more (1) or less (-1), by id.
pub(super) fn shifts(parts: impl Iterator<Item = (UnitCode, i64)>) -> Vec<CodeShift> {
    let mut sums: BTreeMap<PromoCodeId, Carried> = BTreeMap::new();
    for (own, sign) in parts {
        let Ok(id) = own.code.parse::<PromoCodeId>() else {
            continue;
        };
        let sum = sums.entry(id).or_default();
        sum.units += sign * i64::from(own.is_counted);
        sum.minor += sign * own.minor;
    }
    sums.into_iter()
        .filter(|(_, sum)| *sum != Carried::default())
        .map(|(id, sum)| CodeShift {
            id,
            units: sum.units,
            amount_minor: sum.minor,
        })
        .collect()
}

/// The same between two states of an order.
pub(super) fn shifts_between(before: &[Unit], after: &[Unit]) -> Vec<CodeShift> {
    let of = |units: &[Unit], sign: i64| -> Vec<(UnitCode, i64)> {
        let codes = units.iter().flat_map(|unit| unit.codes.iter().cloned());
        codes.map(|code| (code, sign)).collect()
    };
    shifts(of(before, -1).into_iter().chain(of(after, 1)))
}

/// What is told of codes: what came and what went with how much off, what was lost, and what did not hold.
pub(super) fn told(
    codes: &[HadCode],
    (gone, came): (&[Unit], &[Unit]),
    (losses, withheld_minor): (&[Loss], i64),
    refused: &[Refused],
) -> Vec<ChangedCode> {
    let mut told = Vec::new();
    let mut left = withheld_minor;
    for code in codes {
        let id = code.id.to_string();
        let mut tell = |event, units: i64, amount_minor, why| {
            told.push(ChangedCode {
                code_id: code.id,
                code: code.shown.clone(),
                event,
                units: u32::try_from(units).unwrap_or(0),
                amount_minor,
                why,
            });
        };
        for (event, units) in [(CodeEvent::Returned, gone), (CodeEvent::Applied, came)] {
            let sum = carried(&id, units);
            if sum.minor > 0 {
                tell(event, sum.units, sum.minor, None);
            }
        }
        if let Some((_, why)) = refused.iter().find(|(refused, _)| *refused == code.id) {
            tell(CodeEvent::NotApplied, 0, 0, Some(*why));
        }
        if let Some(loss) = losses.iter().find(|loss| loss.code == id) {
            let minor = loss.minor.min(left);
            left -= minor;
            if minor > 0 {
                tell(CodeEvent::Lost, 0, minor, Some(loss.why));
            }
        }
    }
    told
}
