//! Whether rules make sense: asked when they are saved, and of what a cart uses whenever it is
//! priced, so that no stored mistake becomes a wrong price.

use super::book::{
    BookFault, BookFaultKind, DynamicRule, GroupEffect, ItemKind, PriceBook, PriceItem, PriceModel,
};
use super::code::{CodeEffect, PromoCode};
use super::rate::Rate;
use super::{MAX_MINOR, MAX_RULES};
use std::collections::BTreeSet;

type Checked = Result<(), BookFault>;

impl PriceBook {
    /// Whether all rules make sense; call it before a book is stored.
    ///
    /// # Errors
    /// The first fault, with the id of the rule.
    pub fn check(&self) -> Result<(), BookFault> {
        self.check_rules()?;
        if self.items.len() > MAX_RULES {
            return Err(fault("items", BookFaultKind::TooMany));
        }
        unique(self.items.iter().map(|item| item.id.as_str()))?;
        unique(self.groups.iter().map(|rate| rate.id.as_str()))?;
        unique(self.taxes.iter().map(|rule| rule.id.as_str()))?;
        unique(self.fees.iter().map(|rule| rule.id.as_str()))?;
        for item in &self.items {
            item.check()?;
            unique(item.dates.iter().map(|date| date.occurrence.as_str()))?;
        }
        Ok(())
    }

    /// Whether everything but the items makes sense.
    pub(super) fn check_rules(&self) -> Checked {
        for (name, count) in [
            ("groups", self.groups.len()),
            ("taxes", self.taxes.len()),
            ("fees", self.fees.len()),
        ] {
            if count > MAX_RULES {
                return Err(fault(name, BookFaultKind::TooMany));
            }
        }
        for rate in &self.groups {
            match rate.effect {
                GroupEffect::Percentage { rate: share } => share_of_one(&rate.id, share)?,
                GroupEffect::Price { minor } => amount(&rate.id, minor)?,
            }
        }
        for rule in &self.taxes {
            share_of_one(&rule.id, rule.rate)?;
        }
        for rule in &self.fees {
            share_of_one(&rule.id, rule.rate)?;
            amount(&rule.id, rule.fixed_minor)?;
            amount(&rule.id, rule.cap_minor.unwrap_or(0))?;
        }
        match self.rounding.cash_step_minor {
            Some(step) if !(1..=MAX_MINOR).contains(&step) => {
                Err(fault("cash_step_minor", BookFaultKind::Range))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl PriceItem {
    /// Whether it makes sense.
    pub(super) fn check(&self) -> Checked {
        let is_dynamic = self.dynamic.is_some();
        model(&self.id, &self.price, is_dynamic)?;
        for date in &self.dates {
            model(&date.id, &date.price, is_dynamic)?;
        }
        if let Some(rule) = &self.dynamic {
            dynamic(rule)?;
        }
        if (self.kind == ItemKind::Bundle) == self.parts.is_empty() {
            return Err(fault(&self.id, BookFaultKind::Empty));
        }
        for part in &self.parts {
            amount(&self.id, part.alone_minor)?;
            if part.quantity == 0 {
                return Err(fault(&self.id, BookFaultKind::Empty));
            }
        }
        Ok(())
    }
}

impl PromoCode {
    /// Whether it makes sense; call it before a code is stored.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), BookFault> {
        match &self.effect {
            CodeEffect::Percentage { rate } => share_of_one(&self.id, *rate)?,
            CodeEffect::Fixed { minor, .. } | CodeEffect::Price { minor } => {
                amount(&self.id, *minor)?;
            }
            CodeEffect::BuyGet { buy, get, rate } => {
                share_of_one(&self.id, *rate)?;
                if *buy == 0 || *get == 0 {
                    return Err(fault(&self.id, BookFaultKind::Range));
                }
            }
            CodeEffect::Access { items, rates } => {
                if items.is_empty() && rates.is_empty() {
                    return Err(fault(&self.id, BookFaultKind::Empty));
                }
            }
        }
        amount(&self.id, self.min_subtotal_minor)?;
        amount(&self.id, self.max_discount_minor.unwrap_or(0))?;
        if self.budget_minor.is_some_and(|budget| budget < 0) {
            return Err(fault(&self.id, BookFaultKind::Amount));
        }
        Ok(())
    }
}

fn model(rule: &str, price: &PriceModel, is_dynamic: bool) -> Checked {
    match price {
        PriceModel::Fixed { minor } => amount(rule, *minor),
        PriceModel::Free | PriceModel::PayWhatYouWant { .. } if is_dynamic => {
            Err(fault(rule, BookFaultKind::Dynamic))
        }
        PriceModel::Free => Ok(()),
        PriceModel::PayWhatYouWant {
            floor_minor,
            suggestion_minor,
            ceiling_minor,
        } => {
            amount(rule, *floor_minor)?;
            amount(rule, *suggestion_minor)?;
            amount(rule, ceiling_minor.unwrap_or(0))?;
            let is_above = ceiling_minor.is_some_and(|most| *suggestion_minor > most);
            if suggestion_minor < floor_minor || is_above {
                return Err(fault(rule, BookFaultKind::Range));
            }
            Ok(())
        }
        PriceModel::Phased { phases } => {
            if phases.is_empty() {
                return Err(fault(rule, BookFaultKind::Empty));
            }
            phases
                .iter()
                .try_for_each(|phase| amount(&phase.id, phase.minor))
        }
    }
}

fn dynamic(rule: &DynamicRule) -> Checked {
    amount(&rule.id, rule.floor_minor)?;
    amount(&rule.id, rule.ceiling_minor)?;
    if rule.floor_minor > rule.ceiling_minor || !(1..=MAX_MINOR).contains(&rule.step_minor) {
        return Err(fault(&rule.id, BookFaultKind::Range));
    }
    Ok(())
}

fn amount(rule: &str, minor: i64) -> Checked {
    if (0..=MAX_MINOR).contains(&minor) {
        Ok(())
    } else {
        Err(fault(rule, BookFaultKind::Amount))
    }
}

fn share_of_one(rule: &str, rate: Rate) -> Checked {
    if rate <= Rate::ONE {
        Ok(())
    } else {
        Err(fault(rule, BookFaultKind::Rate))
    }
}

fn unique<'a>(ids: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(fault(id, BookFaultKind::SameId));
        }
    }
    Ok(())
}

fn fault(rule: &str, what: BookFaultKind) -> BookFault {
    BookFault {
        rule: rule.to_owned(),
        what,
    }
}
