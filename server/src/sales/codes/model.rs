//! Codes and batches as organisers describe them, and what can be wrong with that.

use std::collections::BTreeSet;

use bilten_core::price::{CodeEffect, MAX_MINOR, PromoCode, canonical};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Currency;
use bilten_kernel::{text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::{EventDetail, EventId};
use crate::identity::OrganisationId;

typed_id!(pub PromoCodeId, "cod", "Names a promo code.");
typed_id!(pub PromoCodeBatchId, "bat", "Names a batch of promo codes.");

/// The most codes of one batch.
pub const MAX_BATCH: u32 = 100_000;
/// The most batches of one organisation.
pub const MAX_BATCHES: i64 = 500;
/// How many random letters a code of a batch has at least, if nobody says, and at most.
pub const BATCH_LETTERS: (u32, u32, u32) = (8, 12, 20);
/// The most letters that the codes of a batch begin with.
const MAX_PREFIX: usize = 16;
/// The most orders that a limit can speak of.
const MAX_COUNT: u32 = 1_000_000_000;
/// The largest budget, in minor units.
const MAX_BUDGET: i64 = 1_000_000_000_000_000;
/// The most ids or words in a list of a rule.
const MAX_LIST: usize = 2_000;

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
    const fn has_amounts(&self) -> bool {
        matches!(
            self.effect,
            CodeEffect::Fixed { .. } | CodeEffect::Price { .. }
        ) || self.min_subtotal_minor != 0
            || self.max_discount_minor.is_some()
            || self.budget_minor.is_some()
    }

    /// The rule with what it leaves to its event, or what is wrong with it.
    pub(super) fn checked(
        mut self,
        event: Option<&EventDetail>,
        is_batch: bool,
    ) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults(Vec::new());
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

/// A code as its organiser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeDetail {
    /// Its id.
    pub id: PromoCodeId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The only event that it is for; absent if it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// The batch that it was made with, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<PromoCodeBatchId>,
    /// Its text, as it is printed.
    pub code: String,
    /// The one form of all texts that read like it.
    pub form: String,
    /// What its organiser calls it.
    pub name: String,
    /// What it does, for whom, when and how often.
    pub rule: PromoCodeRule,
    /// In how many holds and orders it is used.
    pub uses: i64,
    /// What it takes off in these, in minor units of its currency or of whatever it was used for.
    pub spent_minor: i64,
    /// Since when it cannot be used any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Raised by each change; a change must name the version it started from.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A code that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodeInput {
    /// Its text: letters and digits, spaces and dashes; what reads alike is the same code.
    pub code: String,
    /// What its organiser calls it; its text if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The only event that it is for; absent for all events of the organisation.
    #[serde(default)]
    pub event: Option<EventId>,
    /// What it does, for whom, when and how often.
    pub rule: PromoCodeRule,
}

/// A change of a code; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodePatch {
    /// The version of the code that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// What its organiser calls it.
    pub name: Option<String>,
    /// The rule that takes the place of the one it had, as a whole.
    pub rule: Option<PromoCodeRule>,
}

text_enum! {
    /// Whether the codes of a batch are there.
    pub enum PromoCodeBatchState {
        /// They are being made.
        Making = "making",
        /// All are there.
        Ready = "ready",
        /// None of them can be used any more.
        Archived = "archived",
    }
}

/// Many codes of one rule, each for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeBatch {
    /// Its id.
    pub id: PromoCodeBatchId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The only event that its codes are for; absent if they are for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// What its organiser calls it.
    pub name: String,
    /// How its codes begin.
    pub prefix: String,
    /// How many random letters follow.
    pub letters: u32,
    /// What its codes do, for whom and when.
    pub rule: PromoCodeRule,
    /// How many codes it has.
    pub size: i64,
    /// How many of them are there by now.
    pub made: i64,
    /// Whether they are there.
    pub state: PromoCodeBatchState,
    /// Since when they cannot be used any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A batch that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodeBatchInput {
    /// What its organiser calls it.
    pub name: String,
    /// The only event that its codes are for; absent for all events of the organisation.
    #[serde(default)]
    pub event: Option<EventId>,
    /// How its codes begin: at most 16 letters from A to Z and digits.
    #[serde(default)]
    pub prefix: String,
    /// How many random letters follow, 8 to 20; 12 if absent.
    #[serde(default)]
    pub letters: Option<u32>,
    /// How many codes, 1 to 100,000.
    pub size: u32,
    /// What they do, for whom and when.
    pub rule: PromoCodeRule,
}

/// How a code, or all codes of a batch, were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeStatistics {
    /// In how many orders that are paid.
    pub confirmed: i64,
    /// In how many holds, and orders that are not paid yet.
    pub reserved: i64,
    /// How many uses were given back: holds that ended, orders that were cancelled or paid back.
    pub returned: i64,
    /// What orders with it came to, by event; at most 1,000 events.
    pub by_event: Vec<PromoCodeEventUse>,
}

bilten_kernel::record! {
    /// What orders of an event with a code came to; those that gave it back do not count.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct PromoCodeEventUse {
        /// The event.
        pub event_id: EventId,
        /// The currency of the amounts.
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// How many of them are paid.
        pub confirmed: i64,
        /// How many units were cheaper.
        pub units: i64,
        /// What was taken off.
        pub spent_minor: i64,
        /// What these orders came to, once it was.
        pub revenue_minor: i64,
    }
}

/// A code that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeCheckRequest {
    /// The event that they look at.
    pub event: EventId,
    /// What they typed.
    pub code: String,
}

text_enum! {
    /// What a code does, in a word.
    pub enum CodeKind {
        /// Takes a share off.
        Percentage = "percentage",
        /// Takes an amount off.
        Fixed = "fixed",
        /// Gives units another price.
        Price = "price",
        /// Makes units cheaper for those who buy enough others.
        BuyGet = "buy_get",
        /// Shows what others do not see.
        Access = "access",
    }
}

/// What a code is worth to whoever typed it. One that is not known, that is over, not valid yet or
/// used up is answered alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeCheck {
    /// Whether it can be used now, as far as that is known before there is a cart.
    pub is_usable: bool,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CodeKind>,
    /// The hidden tiers that it shows.
    pub unlocks: Vec<String>,
    /// Whether it also opens prices that others do not get.
    pub unlocks_rates: bool,
}

impl CodeCheck {
    /// What a code that can be used is told.
    pub(super) fn of(effect: &CodeEffect) -> Self {
        let (kind, unlocks, unlocks_rates) = match effect {
            CodeEffect::Percentage { .. } => (CodeKind::Percentage, Vec::new(), false),
            CodeEffect::Fixed { .. } => (CodeKind::Fixed, Vec::new(), false),
            CodeEffect::Price { .. } => (CodeKind::Price, Vec::new(), false),
            CodeEffect::BuyGet { .. } => (CodeKind::BuyGet, Vec::new(), false),
            CodeEffect::Access { items, rates } => {
                (CodeKind::Access, items.clone(), !rates.is_empty())
            }
        };
        Self {
            is_usable: true,
            kind: Some(kind),
            unlocks,
            unlocks_rates,
        }
    }
}

/// A code of a batch, drawn but not stored yet.
pub(super) struct Drawn {
    pub(super) id: PromoCodeId,
    pub(super) form: String,
    pub(super) shown: String,
}

impl Drawn {
    /// The code with these random letters; shown in groups of four, which are easier to type.
    pub(super) fn new(id: PromoCodeId, prefix: &str, letters: &str) -> Self {
        let mut shown = prefix.to_owned();
        for (place, letter) in letters.chars().enumerate() {
            if place % 4 == 0 && !shown.is_empty() {
                shown.push('-');
            }
            shown.push(letter);
        }
        // A prefix was checked, and letters of a batch are their own form.
        let form = canonical(&shown).unwrap_or_else(|_| letters.to_owned());
        Self { id, form, shown }
    }
}

/// Collects what is wrong with an input.
pub(super) struct Faults(pub(super) Vec<FieldError>);

impl Faults {
    pub(super) fn add(&mut self, field: &str, code: &'static str, detail: &str) {
        self.0.push(FieldError {
            field: field.to_owned(),
            code: code.into(),
            detail: detail.to_owned(),
        });
    }

    pub(super) fn check(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }

    /// A text of one line that is not empty.
    pub(super) fn text(&mut self, field: &str, text: &str, most: usize) {
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
    pub(super) fn form(&mut self, text: &str) -> String {
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
    pub(super) fn batch(&mut self, input: &PromoCodeBatchInput) {
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

    fn effect(&mut self, effect: &CodeEffect) {
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
    fn references(&mut self, rule: &PromoCodeRule, event: Option<&EventDetail>) {
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

    fn currency(&mut self, rule: &PromoCodeRule, event: Option<&EventDetail>) {
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

    fn limits(&mut self, rule: &PromoCodeRule, is_batch: bool) {
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

    /// covers: MKT-2
    #[test]
    fn codes_of_a_batch_are_typed_in_groups_and_found_by_their_form() {
        let id = PromoCodeId::from_bytes([1; 16]);
        let drawn = Drawn::new(id, "Pilot", "ABCDEFGHJ");
        assert_eq!(drawn.shown, "Pilot-ABCD-EFGH-J");
        assert_eq!(drawn.form, "P110TABCDEFGHJ");
        assert_eq!(Drawn::new(id, "", "ABCDEFGH").shown, "ABCD-EFGH");
    }
}
