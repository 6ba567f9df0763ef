//! Codes as they hold for what comes.

use bilten_core::price::{
    CodeEffect, CodeFact, CodeRefusal, ItemKind, Per, PriceReason, PromoCode, Quote,
};

use super::{buy_get, carried, fits};
use crate::catalog::EventDetail;
use crate::sales::changes::draft::{Draft, Fate};
use crate::sales::changes::model::*;
use crate::sales::codes::HadCode;

/// What an order has before a change, for the codes that price what comes.
#[derive(Clone, Debug)]
pub(in crate::sales::changes) struct Standing<'a> {
    pub(in crate::sales::changes) offer: &'a EventDetail,
    pub(in crate::sales::changes) units: &'a [Unit],
    pub(in crate::sales::changes) draft: &'a Draft,
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
    pub(in crate::sales::changes) fn has_news(&self) -> bool {
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
    pub(in crate::sales::changes) fn adapted(
        &self,
        code: &HadCode,
    ) -> Result<(PromoCode, CodeFact), CodeRefusal> {
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
    pub(in crate::sales::changes) fn buy_get(
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
