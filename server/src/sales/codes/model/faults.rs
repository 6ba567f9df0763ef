//! What can be wrong with what an organiser says.

use std::collections::BTreeSet;

use bilten_core::price::{CodeEffect, MAX_MINOR, canonical};
use bilten_kernel::error::FieldError;

use super::{BATCH_LETTERS, MAX_BATCH, PromoCodeBatchInput, PromoCodeRule};
use crate::catalog::EventDetail;

/// The most letters that the codes of a batch begin with.
const MAX_PREFIX: usize = 16;
/// The most orders that a limit can speak of.
const MAX_COUNT: u32 = 1_000_000_000;
/// The largest budget, in minor units.
const MAX_BUDGET: i64 = 1_000_000_000_000_000;
/// The most ids or words in a list of a rule.
const MAX_LIST: usize = 2_000;

/// Collects what is wrong with an input.
#[derive(Default)]
pub(in crate::sales::codes) struct Faults(pub(super) Vec<FieldError>);

impl Faults {
    pub(in crate::sales::codes) fn add(&mut self, field: &str, code: &'static str, detail: &str) {
        self.0.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail: detail.to_owned(),
        });
    }

    pub(in crate::sales::codes) fn check(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }

    /// A text of one line that is not empty.
    pub(in crate::sales::codes) fn text(&mut self, field: &str, text: &str, most: usize) {
        let length = text.trim().chars().count();
        if length == 0 {
            self.add(field, "required", "Must not be empty.");
        } else if text.chars().count() > most {
            self.add(field, "too_long", &format!("At most {most} characters."));
        } else if text.chars().any(char::is_control) {
            self.add(field, "control_characters", "No control characters.");
        }
    }

    fn range(&mut self, field: &str, value: i64, min: i64, max: i64) {
        if !(min..=max).contains(&value) {
            let detail = format!("Must be between {min} and {max}.");
            self.add(field, "out_of_range", &detail);
        }
    }

    /// The form of a code's text.
    pub(in crate::sales::codes) fn form(&mut self, text: &str) -> String {
        if text.chars().any(char::is_control) {
            self.add("code", "control_characters", "No control characters.");
            return String::new();
        }
        canonical(text).unwrap_or_else(|fault| {
            self.add(
                "code",
                "letters",
                &format!("This cannot be a code: {fault}."),
            );
            String::new()
        })
    }

    /// What a batch is to be like, besides its rule.
    pub(in crate::sales::codes) fn batch(&mut self, input: &PromoCodeBatchInput) {
        let (least, _, most) = BATCH_LETTERS;
        self.text("name", &input.name, 100);
        self.range("size", i64::from(input.size), 1, i64::from(MAX_BATCH));
        if let Some(letters) = input.letters {
            self.range(
                "letters",
                i64::from(letters),
                i64::from(least),
                i64::from(most),
            );
        }
        let is_plain = input
            .prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || input.prefix.len() > MAX_PREFIX {
            let detail = "At most 16 letters from A to Z and digits.";
            self.add("prefix", "letters", detail);
        }
    }

    pub(super) fn effect(&mut self, effect: &CodeEffect) {
        let at = "rule.effect";
        match effect {
            CodeEffect::Percentage { rate } => {
                self.range(&format!("{at}.rate"), i64::from(rate.0), 1, 1_000_000);
            }
            CodeEffect::Fixed { minor, .. } => {
                self.range(&format!("{at}.minor"), *minor, 1, MAX_MINOR);
            }
            CodeEffect::Price { minor } => {
                self.range(&format!("{at}.minor"), *minor, 0, MAX_MINOR);
            }
            CodeEffect::BuyGet { buy, get, rate } => {
                self.range(&format!("{at}.buy"), i64::from(*buy), 1, 10_000);
                self.range(&format!("{at}.get"), i64::from(*get), 1, 10_000);
                self.range(&format!("{at}.rate"), i64::from(rate.0), 1, 1_000_000);
            }
            CodeEffect::Access { items, rates } => {
                if items.is_empty() && rates.is_empty() {
                    self.add(at, "required", "Name what it opens: items, rates, or both.");
                }
                if rates.len() > MAX_LIST {
                    self.add(&format!("{at}.rates"), "too_many", "Too many.");
                }
                for (place, rate) in rates.iter().enumerate().take(MAX_LIST) {
                    self.text(&format!("{at}.rates[{place}]"), rate, 100);
                }
            }
        }
    }

    /// Tiers and dates are of the code's event.
    pub(super) fn references(&mut self, rule: &PromoCodeRule, event: Option<&EventDetail>) {
        let tiers: BTreeSet<String> = event
            .into_iter()
            .flat_map(|event| event.tiers.iter().map(|tier| tier.id.to_string()))
            .collect();
        let dates: BTreeSet<String> = event
            .into_iter()
            .flat_map(|event| event.occurrences.iter().map(|date| date.id.to_string()))
            .collect();
        let opened: &[String] = match &rule.effect {
            CodeEffect::Access { items, .. } => items,
            CodeEffect::Percentage { .. }
            | CodeEffect::Fixed { .. }
            | CodeEffect::Price { .. }
            | CodeEffect::BuyGet { .. } => &[],
        };
        for (field, named, known) in [
            ("rule.effect.items", opened, &tiers),
            ("rule.items", rule.items.as_slice(), &tiers),
            ("rule.occurrences", rule.occurrences.as_slice(), &dates),
        ] {
            if named.len() > MAX_LIST {
                self.add(field, "too_many", "Too many.");
            } else if !named.is_empty() && event.is_none() {
                let detail = "A code for all events cannot name tiers or dates of one.";
                self.add(field, "needs_event", detail);
            } else if let Some(place) = named.iter().position(|id| !known.contains(id)) {
                let detail = "The event has nothing of this id.";
                self.add(&format!("{field}[{place}]"), "unknown", detail);
            }
        }
        if rule.audiences.len() > MAX_LIST {
            self.add("rule.audiences", "too_many", "Too many.");
        }
    }

    pub(super) fn currency(&mut self, rule: &PromoCodeRule, event: Option<&EventDetail>) {
        match (rule.currency, event) {
            (Some(own), Some(event)) if own != event.event.currency => {
                let detail = format!("The event sells in {}.", event.event.currency);
                self.add("rule.currency", "other_currency", &detail);
            }
            (None, None) if rule.has_amounts() => {
                let detail = "Amounts of a code for all events need a currency.";
                self.add("rule.currency", "required", detail);
            }
            (Some(_) | None, Some(_) | None) => {}
        }
    }

    pub(super) fn limits(&mut self, rule: &PromoCodeRule, is_batch: bool) {
        for (field, count, most) in [
            ("rule.max_uses", rule.max_uses, MAX_COUNT),
            (
                "rule.max_uses_per_buyer",
                rule.max_uses_per_buyer,
                MAX_COUNT,
            ),
            ("rule.max_units", rule.max_units, 10_000),
        ] {
            if let Some(count) = count {
                self.range(field, i64::from(count), 1, i64::from(most));
            }
        }
        self.range("rule.min_units", i64::from(rule.min_units), 0, 10_000);
        self.range(
            "rule.min_subtotal_minor",
            rule.min_subtotal_minor,
            0,
            MAX_MINOR,
        );
        if let Some(most) = rule.max_discount_minor {
            self.range("rule.max_discount_minor", most, 1, MAX_MINOR);
        }
        if let Some(budget) = rule.budget_minor {
            self.range("rule.budget_minor", budget, 1, MAX_BUDGET);
        }
        if is_batch {
            let detail = "Each code of a batch is for one order; max_discount_minor limits that.";
            for (field, is_said) in [
                ("rule.max_uses", rule.max_uses.is_some()),
                ("rule.max_uses_per_buyer", rule.max_uses_per_buyer.is_some()),
                ("rule.budget_minor", rule.budget_minor.is_some()),
            ] {
                if is_said {
                    self.add(field, "not_for_batches", detail);
                }
            }
        }
    }
}
