//! What a code does, for whom, when and how often.

use bilten_core::price::{CodeEffect, PromoCode};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Faults, PromoCodeId};
use crate::catalog::EventDetail;

/// What a code does, for whom, when and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodeRule {
    /// What it does.
    pub effect: CodeEffect,
    /// The currency of its amounts; that of the event if absent. Needed for amounts of a code for all events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The tiers that it makes cheaper, of its event; without any, all but donations.
    #[serde(default)]
    pub items: Vec<String>,
    /// The dates on which it does, of its event; without any, all.
    #[serde(default)]
    pub occurrences: Vec<String>,
    /// When it begins, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_at: Option<Timestamp>,
    /// When it is over, if ever; it holds before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_at: Option<Timestamp>,
    /// The audiences that may use it; without any, everybody.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// In how many orders it may be used; each code of a batch in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// In how many orders of one buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses_per_buyer: Option<u32>,
    /// How many units of one order it makes cheaper: the dearest, for buy-get the cheapest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_units: Option<u32>,
    /// How many units that it fits the order must have.
    #[serde(default)]
    pub min_units: u32,
    /// What those must cost together before anything is taken off.
    #[serde(default)]
    pub min_subtotal_minor: i64,
    /// The most that it takes off in one order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_discount_minor: Option<i64>,
    /// The most that it takes off in all orders; the last one gets what is left. Not for batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_minor: Option<i64>,
    /// Whether it may stand beside other codes that take something off.
    #[serde(default)]
    pub combines: bool,
    /// Whether it also makes units cheaper that have a group rate.
    #[serde(default)]
    pub on_group_rates: bool,
}

impl PromoCodeRule {
    /// The rule as prices are reckoned with it.
    pub fn priced(&self, id: PromoCodeId) -> PromoCode {
        let at = |time: Timestamp| bilten_core::time::Timestamp(time.ms());
        PromoCode {
            id: id.to_string(),
            effect: self.effect.clone(),
            currency: self.currency,
            items: self.items.clone(),
            occurrences: self.occurrences.clone(),
            from_at: self.from_at.map(at),
            until_at: self.until_at.map(at),
            audiences: self.audiences.clone(),
            max_uses: self.max_uses.map(u64::from),
            max_uses_per_buyer: self.max_uses_per_buyer.map(u64::from),
            max_units: self.max_units,
            min_units: self.min_units,
            min_subtotal_minor: self.min_subtotal_minor,
            max_discount_minor: self.max_discount_minor,
            budget_minor: self.budget_minor,
            combines: self.combines,
            on_group_rates: self.on_group_rates,
        }
    }

    /// Whether it says amounts, which are of one currency.
    pub(super) const fn has_amounts(&self) -> bool {
        matches!(
            self.effect,
            CodeEffect::Fixed { .. } | CodeEffect::Price { .. }
        ) || self.min_subtotal_minor != 0
            || self.max_discount_minor.is_some()
            || self.budget_minor.is_some()
    }

    /// The rule with what it leaves to its event, or what is wrong with it.
    pub(in crate::sales::codes) fn checked(
        mut self,
        event: Option<&EventDetail>,
        is_batch: bool,
    ) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults::default();
        faults.effect(&self.effect);
        faults.references(&self, event);
        faults.currency(&self, event);
        faults.limits(&self, is_batch);
        for (place, audience) in self.audiences.iter().enumerate() {
            faults.text(&format!("rule.audiences[{place}]"), audience, 100);
        }
        if let (Some(from), Some(until)) = (self.from_at, self.until_at)
            && from >= until
        {
            faults.add(
                "rule.until_at",
                "not_after",
                "Must be later than the start.",
            );
        }
        // What prices themselves would find wrong, should it be anything else.
        let probe = PromoCodeId::from_bytes([0; 16]);
        if faults.0.is_empty()
            && let Err(fault) = self.priced(probe).check()
        {
            faults.add("rule", "invalid", &fault.to_string());
        }
        faults.check()?;
        if self.currency.is_none() && self.has_amounts() {
            self.currency = event.map(|event| event.event.currency);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_core::price::Rate;

    fn tenth() -> PromoCodeRule {
        serde_json::from_value(serde_json::json!({
            "effect": {"kind": "percentage", "rate": 100_000},
        }))
        .unwrap()
    }

    fn faults(rule: PromoCodeRule, is_batch: bool) -> Vec<String> {
        let faults = rule.checked(None, is_batch).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    /// covers: MKT-2
    #[test]
    fn a_rule_is_told_what_is_wrong_with_it() {
        let no_faults: &[&str] = &[];
        assert_eq!(faults(tenth(), true), no_faults);
        let all = PromoCodeRule {
            effect: CodeEffect::BuyGet {
                buy: 0,
                get: 0,
                rate: Rate(1_000_001),
            },
            max_units: Some(0),
            min_subtotal_minor: -1,
            max_discount_minor: Some(0),
            items: vec!["tir_x".to_owned()],
            audiences: vec![" ".to_owned()],
            from_at: Some(Timestamp::from_ms(2)),
            until_at: Some(Timestamp::from_ms(2)),
            ..tenth()
        };
        assert_eq!(
            faults(all, false),
            [
                "rule.effect.buy",
                "rule.effect.get",
                "rule.effect.rate",
                "rule.items",
                "rule.currency",
                "rule.max_units",
                "rule.min_subtotal_minor",
                "rule.max_discount_minor",
                "rule.audiences[0]",
                "rule.until_at",
            ]
        );
        let limited = PromoCodeRule {
            max_uses: Some(5),
            ..tenth()
        };
        assert_eq!(faults(limited.clone(), false), no_faults);
        assert_eq!(faults(limited, true), ["rule.max_uses"]);
    }
}
