//! What a change does with the codes of an order.
//!
//! - What stays keeps what codes took off it.
//! - What comes is priced by the codes that the order has, by their rules of today, as far as they hold: in
//!   their time, for their tiers and dates, within their budget, and within what one order may have of them
//!   together with what stays. That the order has them is no further use.
//! - What goes gives back what they took off it: to the budget, and the use with the last unit.
//! - A code that asks for something (buy-x-get-y, a minimum) and finds it no more takes back what it took
//!   off that which stays, out of what goes back, and never more than that.

use std::collections::BTreeMap;

use bilten_core::price::{
    CodeEffect, CodeFact, CodeRefusal, ItemKind, Per, PriceReason, PromoCode, Quote, Rate,
};

use super::draft::{Draft, Fate};
use super::model::*;
use super::units::shares;
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

/// What an order has before a change, for the codes that price what comes.
#[derive(Clone, Debug)]
pub(super) struct Standing<'a> {
    pub(super) offer: &'a EventDetail,
    pub(super) units: &'a [Unit],
    pub(super) draft: &'a Draft,
}

impl Standing<'_> {
    /// The units that cost what they cost.
    fn kept(&self) -> Vec<&Unit> {
        let units = self.units.iter().zip(&self.draft.fates);
        units
            .filter(|(_, fate)| match fate {
                Fate::Keep => true,
                Fate::Exchange(wanted) => wanted.keeps_price,
                Fate::Cancel | Fate::Move => false,
            })
            .map(|(unit, _)| unit)
            .collect()
    }

    /// The units that stay and are not in the cart of what comes: what changes only its seat is.
    fn beside(&self) -> Vec<&Unit> {
        let units = self.units.iter().zip(&self.draft.fates);
        units
            .filter(|(_, fate)| matches!(fate, Fate::Keep))
            .map(|(unit, _)| unit)
            .collect()
    }

    /// Whether anything comes that is to be priced.
    pub(super) fn has_news(&self) -> bool {
        let fates = &self.draft.fates;
        let is_news = |fate: &Fate| matches!(fate, Fate::Exchange(wanted) if !wanted.keeps_price);
        let exchanged = fates
            .iter()
            .filter(|fate| matches!(fate, Fate::Exchange(_)))
            .count();
        let asked: usize = self
            .draft
            .items
            .iter()
            .map(|item| {
                let quantity = usize::try_from(item.quantity).unwrap_or(usize::MAX);
                quantity.max(item.seats.len())
            })
            .fold(0, usize::saturating_add);
        fates.iter().any(is_news) || asked > exchanged
    }

    /// A code as it holds for what comes beside what stays; buy-x-get-y by itself, see [`Self::buy_get`].
    pub(super) fn adapted(&self, code: &HadCode) -> Result<(PromoCode, CodeFact), CodeRefusal> {
        let Some((rule, fact)) = &code.now else {
            return Err(CodeRefusal::Expired);
        };
        let (mut rule, mut fact) = (rule.clone(), fact.clone());
        let has = carried(&rule.id, self.kept());
        let all = carried(&rule.id, self.units);
        // The order has it already; what goes makes room for what comes.
        (rule.max_uses, rule.max_uses_per_buyer) = (None, None);
        fact.spent_minor = (fact.spent_minor - (all.minor - has.minor)).max(0);
        let fitting: Vec<&Unit> = self
            .beside()
            .into_iter()
            .filter(|unit| fits(&rule, self.offer, unit))
            .collect();
        let count = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
        let worth: i64 = fitting.iter().map(|unit| unit.unit_price_minor).sum();
        rule.min_units = rule.min_units.saturating_sub(count);
        rule.min_subtotal_minor = (rule.min_subtotal_minor - worth).max(0);
        if matches!(rule.effect, CodeEffect::BuyGet { .. }) {
            return Ok((rule, fact));
        }
        if let Some(most) = rule.max_units {
            let left = most.saturating_sub(u32::try_from(has.units).unwrap_or(0));
            rule.max_units = Some(some_left(left, 0)?);
        }
        if let Some(most) = rule.max_discount_minor {
            rule.max_discount_minor = Some(some_left(most - has.minor, 0)?);
        }
        if let CodeEffect::Fixed {
            minor,
            per: Per::Order,
        } = &mut rule.effect
        {
            *minor = some_left(*minor - has.minor, 0)?;
        }
        Ok((rule, fact))
    }

    /// Buy-x-get-y counts what stays and what comes together: it takes off what comes what it took off too
    /// little. `quote` is what comes without it.
    pub(super) fn buy_get(
        &self,
        rule: &PromoCode,
        quote: &Quote,
    ) -> Result<PromoCode, CodeRefusal> {
        let has = carried(&rule.id, self.kept());
        let mut prices: Vec<i64> = self
            .beside()
            .into_iter()
            .filter(|unit| fits(rule, self.offer, unit))
            .map(|unit| unit.unit_price_minor)
            .collect();
        let listed = |list: &[String], id: &String| list.is_empty() || list.contains(id);
        for line in &quote.lines {
            let is_dated = rule.occurrences.is_empty()
                || line
                    .occurrence
                    .as_ref()
                    .is_some_and(|date| rule.occurrences.contains(date));
            let is_given = line.kind == ItemKind::Donation
                || line.steps.iter().any(|step| {
                    matches!(
                        step.reason,
                        PriceReason::ChosenAmount | PriceReason::SuggestedAmount
                    )
                });
            if listed(&rule.items, &line.item) && is_dated && !is_given {
                let count = usize::try_from(line.quantity).unwrap_or(0);
                prices.extend(std::iter::repeat_n(line.unit_minor, count));
            }
        }
        let minor = buy_get(rule, prices).unwrap_or(0) - has.minor;
        Ok(PromoCode {
            effect: CodeEffect::Fixed {
                minor: some_left(minor, 0).map_err(|_| CodeRefusal::TooFewUnits)?,
                per: Per::Order,
            },
            max_units: None,
            max_discount_minor: None,
            ..rule.clone()
        })
    }
}

/// What is left of a limit, if anything is.
fn some_left<T: PartialOrd>(left: T, nothing: T) -> Result<T, CodeRefusal> {
    if left > nothing {
        Ok(left)
    } else {
        Err(CodeRefusal::NoEffect)
    }
}

/// What a code took off that which stays, and would not any more.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    code: String,
    minor: i64,
    why: CodeRefusal,
}

/// What codes, by the rules by which they were bought, took off more than they would take off these units.
pub(super) fn losses(codes: &[PromoCode], offer: &EventDetail, after: &[Unit]) -> Vec<Loss> {
    let mut losses = Vec::new();
    for code in codes {
        let has = carried(&code.id, after);
        if has.minor <= 0 {
            continue;
        }
        let fitting: Vec<i64> = after
            .iter()
            .filter(|unit| fits(code, offer, unit))
            .map(|unit| unit.unit_price_minor)
            .collect();
        let count = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
        let (allowed, why) = if count < code.min_units {
            (0, CodeRefusal::TooFewUnits)
        } else if fitting.iter().sum::<i64>() < code.min_subtotal_minor {
            (0, CodeRefusal::SubtotalTooLow)
        } else {
            let allowed = buy_get(code, fitting).unwrap_or(has.minor);
            (allowed, CodeRefusal::TooFewUnits)
        };
        if allowed < has.minor {
            losses.push(Loss {
                code: code.id.clone(),
                minor: has.minor - allowed,
                why,
            });
        }
    }
    losses.sort_by(|a, b| a.code.cmp(&b.code));
    losses
}

/// What is lost in all.
pub(super) fn lost(losses: &[Loss]) -> i64 {
    losses.iter().map(|loss| loss.minor).sum()
}

/// Whether this is a code that took something off.
fn bears(own: &UnitCode, code: &str) -> bool {
    own.code == code && own.minor > 0
}

/// Lets units cost so much more as is taken from what goes back.
pub(super) fn raise(losses: &[Loss], mut withheld_minor: i64, units: &mut [Unit]) {
    for loss in losses {
        let mut due = loss.minor.min(withheld_minor);
        withheld_minor -= due;
        // Evenly, as far as each of them has so much.
        while due > 0 {
            let bearers = units
                .iter()
                .filter(|unit| unit.codes.iter().any(|own| bears(own, &loss.code)))
                .count();
            let parts = shares(due, bearers);
            if parts.is_empty() {
                break;
            }
            let mut parts = parts.into_iter();
            for unit in units.iter_mut() {
                let bearing = unit.codes.iter_mut().find(|own| bears(own, &loss.code));
                let Some(own) = bearing else {
                    continue;
                };
                let more = parts.next().unwrap_or(0).min(own.minor);
                own.minor -= more;
                own.is_counted = own.is_counted && own.minor > 0;
                unit.paid_minor += more;
                due -= more;
            }
        }
    }
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
