//! What group rates and codes take off.

use super::book::{GroupEffect, GroupRate, ItemKind, PriceBook};
use super::cart::PriceFacts;
use super::code::{CodeEffect, CodeRefusal, PromoCode, eligible};
use super::fee::Per;
use super::quote::{CodeUse, DiscountPart, PriceReason};
use super::rate::{Rounding, allocate, sum};
use super::refusal::Refusal;
use super::work::Work;
use std::cmp::Ordering;

/// Takes the best group rate off each line that one fits.
pub(super) fn group_rates(
    book: &PriceBook,
    unlocked: &[&str],
    works: &mut [Work<'_>],
) -> Result<(), Refusal> {
    let halves = book.rounding.halves;
    let mut reached = Vec::new();
    for rate in &book.groups {
        let is_open = rate
            .key
            .as_deref()
            .is_none_or(|key| unlocked.contains(&key));
        let units = sum(works
            .iter()
            .filter(|work| covers(rate, work))
            .map(|work| i64::from(work.quantity)))?;
        if is_open && units >= i64::from(rate.at_least) {
            reached.push(rate);
        }
    }
    for work in works.iter_mut() {
        let mut best: Option<(i64, &GroupRate)> = None;
        for rate in reached.iter().copied().filter(|rate| covers(rate, work)) {
            let minor = match rate.effect {
                GroupEffect::Percentage { rate } => rate.of(work.list_minor, halves)?,
                GroupEffect::Price { minor } => above(work.list_minor, minor, work.quantity)?,
            };
            if minor > best.map_or(0, |(most, _)| most) {
                best = Some((minor, rate));
            }
        }
        let Some((minor, rate)) = best else {
            continue;
        };
        work.has_group_rate = true;
        work.discount(DiscountPart {
            reason: match rate.key {
                None => PriceReason::GroupRate,
                Some(_) => PriceReason::CorporateRate,
            },
            rule: rate.id.clone(),
            units: work.quantity,
            minor,
        });
    }
    Ok(())
}

fn covers(rate: &GroupRate, work: &Work<'_>) -> bool {
    let is_listed = if rate.items.is_empty() {
        work.item.kind == ItemKind::Ticket
    } else {
        rate.items.contains(&work.item.id)
    };
    is_listed && work.is_negotiable()
}

/// By how much `minor` is more than `units` at `unit_minor` each.
fn above(minor: i64, unit_minor: i64, units: u32) -> Result<i64, Refusal> {
    let priced = unit_minor
        .checked_mul(i64::from(units))
        .ok_or(Refusal::TooLarge)?;
    Ok(minor.saturating_sub(priced).max(0))
}

/// Some units of a line that a code makes cheaper.
struct Take {
    line: usize,
    units: u32,
    /// What they cost so far.
    price_minor: i64,
}

/// Takes off what a code takes off.
pub(super) fn apply_code(
    code: &PromoCode,
    facts: &PriceFacts,
    works: &mut [Work<'_>],
    halves: Rounding,
) -> Result<CodeUse, Refusal> {
    let mut used = CodeUse {
        id: code.id.clone(),
        units: 0,
        discount_minor: 0,
    };
    if code.effect.is_access() {
        return Ok(used);
    }
    let takes = takes(code, works)?;
    let prices: Vec<i64> = takes.iter().map(|take| take.price_minor).collect();
    let (reason, mut minors) = match &code.effect {
        CodeEffect::Percentage { rate } => {
            let minors: Result<Vec<i64>, Refusal> =
                prices.iter().map(|price| rate.of(*price, halves)).collect();
            (PriceReason::CodePercentage, minors?)
        }
        CodeEffect::BuyGet { rate, .. } => {
            let minors: Result<Vec<i64>, Refusal> =
                prices.iter().map(|price| rate.of(*price, halves)).collect();
            (PriceReason::CodeBuyGet, minors?)
        }
        CodeEffect::Fixed {
            minor,
            per: Per::Unit,
        } => {
            let off = |take: &Take| {
                minor
                    .checked_mul(i64::from(take.units))
                    .map(|off| off.min(take.price_minor))
                    .ok_or(Refusal::TooLarge)
            };
            let minors: Result<Vec<i64>, Refusal> = takes.iter().map(off).collect();
            (PriceReason::CodeFixed, minors?)
        }
        CodeEffect::Fixed {
            minor,
            per: Per::Order,
        } => {
            let off = (*minor).min(sum(prices.iter().copied())?);
            (PriceReason::CodeFixed, allocate(off, &prices))
        }
        CodeEffect::Price { minor } => {
            let minors: Result<Vec<i64>, Refusal> = takes
                .iter()
                .map(|take| above(take.price_minor, *minor, take.units))
                .collect();
            (PriceReason::CodePrice, minors?)
        }
        CodeEffect::Access { .. } => return Ok(used),
    };
    let limit = [code.max_discount_minor, code.budget_left(facts)]
        .into_iter()
        .flatten()
        .min();
    let whole = sum(minors.iter().copied())?;
    if let Some(limit) = limit.filter(|limit| whole > *limit) {
        minors = allocate(limit, &minors);
    }
    for (take, minor) in takes.iter().zip(minors) {
        if minor == 0 {
            continue;
        }
        used.units = used.units.saturating_add(take.units);
        used.discount_minor = sum([used.discount_minor, minor])?;
        works[take.line].discount(DiscountPart {
            reason,
            rule: code.id.clone(),
            units: take.units,
            minor,
        });
    }
    if used.discount_minor == 0 {
        return Err(code.refuse(CodeRefusal::NoEffect));
    }
    Ok(used)
}

/// The units that a code makes cheaper.
fn takes(code: &PromoCode, works: &[Work<'_>]) -> Result<Vec<Take>, Refusal> {
    let mut lines = eligible(code, works)?;
    let units = sum(lines.iter().map(|line| i64::from(works[*line].quantity)))?;
    let (mut left, is_cheapest_first) = match code.effect {
        CodeEffect::BuyGet { buy, get, .. } => {
            let (buy, get) = (i64::from(buy), i64::from(get));
            let over = (units % (buy + get) - buy).max(0);
            (units / (buy + get) * get + over, true)
        }
        CodeEffect::Percentage { .. }
        | CodeEffect::Fixed { .. }
        | CodeEffect::Price { .. }
        | CodeEffect::Access { .. } => (units, false),
    };
    left = code
        .max_units
        .map_or(left, |most| left.min(i64::from(most)));
    lines.sort_by(|a, b| {
        let by_unit = compare_units(&works[*a], &works[*b]);
        let by_price = if is_cheapest_first {
            by_unit
        } else {
            by_unit.reverse()
        };
        by_price.then(a.cmp(b))
    });
    let mut takes = Vec::new();
    for line in lines {
        let work = &works[line];
        let units = work.quantity.min(u32::try_from(left).unwrap_or(u32::MAX));
        if units == 0 {
            break;
        }
        left -= i64::from(units);
        let share = i128::from(work.price_minor) * i128::from(units) / i128::from(work.quantity);
        takes.push(Take {
            line,
            units,
            price_minor: i64::try_from(share).map_err(|_| Refusal::TooLarge)?,
        });
    }
    Ok(takes)
}

/// Which line's units cost less, after what was taken off already.
fn compare_units(a: &Work<'_>, b: &Work<'_>) -> Ordering {
    let left = i128::from(a.price_minor) * i128::from(b.quantity);
    let right = i128::from(b.price_minor) * i128::from(a.quantity);
    left.cmp(&right)
}
