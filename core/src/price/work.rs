//! A line while it is being priced, and how its units come to their price.

use super::book::{DynamicRule, DynamicStep, ItemKind, PhaseName, PriceItem, PriceModel};
use super::cart::{PriceCart, PriceFacts};
use super::quote::{DiscountPart, PriceReason, UnitStep};
use super::rate::{Rate, Rounding, mul_div};
use super::refusal::Refusal;
use super::{MAX_MINOR, MAX_UNITS};
use std::collections::BTreeMap;

/// Units of one item for one price, while the cart is being priced.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) item: &'a PriceItem,
    pub(super) occurrence: Option<&'a str>,
    /// The date by which it is taxed.
    pub(super) supplied_on: Option<&'a str>,
    pub(super) quantity: u32,
    pub(super) steps: Vec<UnitStep>,
    pub(super) unit_minor: i64,
    pub(super) list_minor: i64,
    pub(super) discounts: Vec<DiscountPart>,
    /// What is left of the list price.
    pub(super) price_minor: i64,
    pub(super) has_group_rate: bool,
    /// Whether the buyer says what it costs.
    is_chosen: bool,
}

impl Work<'_> {
    /// Whether codes and group rates may touch it.
    pub(super) fn is_negotiable(&self) -> bool {
        self.item.kind != ItemKind::Donation && !self.is_chosen
    }

    /// Takes something off.
    pub(super) fn discount(&mut self, part: DiscountPart) {
        self.price_minor -= part.minor;
        self.discounts.push(part);
    }
}

/// What units of a cart are the same thing: place in the book, date, date of supply, chosen amount.
type Same<'a> = (usize, Option<&'a str>, Option<&'a str>, Option<i64>);

/// The lines of a cart in the book's order: the same things in one line, apart where prices differ.
pub(super) fn lines<'a>(
    items: &'a [PriceItem],
    cart: &'a PriceCart,
    facts: &PriceFacts,
    halves: Rounding,
) -> Result<Vec<Work<'a>>, Refusal> {
    let mut same = BTreeMap::<Same<'a>, u32>::new();
    let mut units = 0u32;
    for line in &cart.lines {
        let item = || line.item.clone();
        let place = items
            .iter()
            .position(|item| item.id == line.item)
            .ok_or_else(|| Refusal::UnknownItem { item: item() })?;
        if line.quantity == 0 {
            return Err(Refusal::ZeroQuantity { item: item() });
        }
        units = units.saturating_add(line.quantity);
        if units > MAX_UNITS {
            return Err(Refusal::TooManyUnits);
        }
        let occurrence = line.occurrence.as_deref();
        let supplied_on = occurrence.or(line.supplied_on.as_deref());
        *same
            .entry((place, occurrence, supplied_on, line.amount_minor))
            .or_default() += line.quantity;
    }
    let mut works = Vec::with_capacity(same.len());
    let (mut last, mut before) = (None, 0u64);
    for ((place, occurrence, supplied_on, amount), quantity) in same {
        let Some(item) = items.get(place) else {
            continue;
        };
        item.check()?;
        // What is counted together counts on, whenever it is supplied.
        if last != Some((place, occurrence)) {
            (last, before) = (Some((place, occurrence)), 0);
        }
        let asked = Asked {
            occurrence,
            supplied_on,
            amount,
            quantity,
            before,
        };
        works.extend(priced(item, &asked, cart, facts, halves)?);
        before = before.saturating_add(u64::from(quantity));
    }
    Ok(works)
}

/// Units of one thing, as they are asked for.
struct Asked<'a> {
    occurrence: Option<&'a str>,
    supplied_on: Option<&'a str>,
    amount: Option<i64>,
    quantity: u32,
    /// How many of the cart are counted before them.
    before: u64,
}

/// The units of one thing: one line for each run of units with the same price.
fn priced<'a>(
    item: &'a PriceItem,
    asked: &Asked<'a>,
    cart: &PriceCart,
    facts: &PriceFacts,
    halves: Rounding,
) -> Result<Vec<Work<'a>>, Refusal> {
    let (occurrence, amount) = (asked.occurrence, asked.amount);
    let date = item
        .dates
        .iter()
        .find(|date| Some(date.occurrence.as_str()) == occurrence);
    let price = date.map_or(&item.price, |date| &date.price);
    let rule = date.map_or(item.id.as_str(), |date| date.id.as_str());
    let is_chosen = matches!(price, PriceModel::PayWhatYouWant { .. });
    if amount.is_some() && !is_chosen {
        return Err(Refusal::AmountNotAsked {
            item: item.id.clone(),
        });
    }
    let stock = facts.stock(item, occurrence);
    let sold = stock.map_or(0, |fact| fact.sold);
    let sold = sold.saturating_add(asked.before);
    let capacity = stock.map_or(0, |fact| fact.capacity);
    let pace = stock.map_or(Rate::ONE, |fact| fact.pace);

    let mut works: Vec<Work<'a>> = Vec::new();
    for unit in 0..asked.quantity {
        let before = sold.saturating_add(u64::from(unit));
        let base = match price {
            PriceModel::Fixed { minor } => Base {
                reason: if date.is_some() {
                    PriceReason::DatePrice
                } else {
                    PriceReason::Fixed
                },
                rule,
                minor: *minor,
            },
            PriceModel::Free => Base {
                reason: PriceReason::Free,
                rule,
                minor: 0,
            },
            PriceModel::PayWhatYouWant {
                floor_minor,
                suggestion_minor,
                ceiling_minor,
            } => Base {
                reason: if amount.is_some() {
                    PriceReason::ChosenAmount
                } else {
                    PriceReason::SuggestedAmount
                },
                rule,
                minor: chosen(
                    item,
                    amount.unwrap_or(*suggestion_minor),
                    *floor_minor,
                    *ceiling_minor,
                )?,
            },
            PriceModel::Phased { phases } => phases
                .iter()
                .find(|phase| {
                    phase.from_at.is_none_or(|from| cart.at >= from)
                        && phase.until_at.is_none_or(|until| cart.at < until)
                        && phase.until_sold.is_none_or(|until| before < until)
                })
                .map(|phase| Base {
                    reason: match phase.name {
                        PhaseName::EarlyBird => PriceReason::EarlyBird,
                        PhaseName::Regular => PriceReason::Regular,
                        PhaseName::LastMinute => PriceReason::LastMinute,
                    },
                    rule: &phase.id,
                    minor: phase.minor,
                })
                .ok_or_else(|| Refusal::NotOnSale {
                    item: item.id.clone(),
                })?,
        };
        let unit_minor = match &item.dynamic {
            None => base.minor,
            Some(rule) => moved(rule, base.minor, before, capacity, pace, halves)?,
        };
        // Free and chosen amounts are the same for all units; so are most others.
        if let Some(last) = works.last_mut()
            && last.unit_minor == unit_minor
            && last.steps.first().is_some_and(|step| base.is(step))
        {
            last.quantity += 1;
            continue;
        }
        let mut steps = vec![base.step()];
        if let Some(rule) = item.dynamic.as_ref().filter(|_| unit_minor != base.minor) {
            steps.push(UnitStep {
                reason: PriceReason::Dynamic,
                rule: rule.id.clone(),
                unit_minor,
            });
        }
        works.push(Work {
            item,
            occurrence,
            supplied_on: asked.supplied_on,
            quantity: 1,
            steps,
            unit_minor,
            list_minor: 0,
            discounts: Vec::new(),
            price_minor: 0,
            has_group_rate: false,
            is_chosen,
        });
    }
    for work in &mut works {
        let list = work.unit_minor.checked_mul(i64::from(work.quantity));
        work.list_minor = list.ok_or(Refusal::TooLarge)?;
        work.price_minor = work.list_minor;
    }
    Ok(works)
}

/// The first step to a price.
struct Base<'a> {
    reason: PriceReason,
    rule: &'a str,
    minor: i64,
}

impl Base<'_> {
    fn is(&self, step: &UnitStep) -> bool {
        step.reason == self.reason && step.unit_minor == self.minor && step.rule == self.rule
    }

    fn step(&self) -> UnitStep {
        UnitStep {
            reason: self.reason,
            rule: self.rule.to_owned(),
            unit_minor: self.minor,
        }
    }
}

fn chosen(
    item: &PriceItem,
    amount: i64,
    floor_minor: i64,
    ceiling_minor: Option<i64>,
) -> Result<i64, Refusal> {
    let item = || item.id.clone();
    if amount < 0 {
        Err(Refusal::Negative { item: item() })
    } else if amount > MAX_MINOR {
        Err(Refusal::TooLarge)
    } else if amount < floor_minor {
        Err(Refusal::BelowFloor {
            item: item(),
            floor_minor,
        })
    } else {
        match ceiling_minor {
            Some(ceiling_minor) if amount > ceiling_minor => Err(Refusal::AboveCeiling {
                item: item(),
                ceiling_minor,
            }),
            Some(_) | None => Ok(amount),
        }
    }
}

/// The price of the unit that is sold after `sold` others.
fn moved(
    rule: &DynamicRule,
    minor: i64,
    sold: u64,
    capacity: u64,
    pace: Rate,
    halves: Rounding,
) -> Result<i64, Refusal> {
    let fill = if capacity == 0 {
        0
    } else {
        u128::from(sold) * 1_000_000 / u128::from(capacity)
    };
    let change = reached(&rule.fill, fill) + reached(&rule.pace, u128::from(pace.0));
    let factor = (1_000_000 + change).max(0);
    let step = rule.step_minor.max(1);
    // In steps first, so that it is rounded once only.
    let steps = mul_div(
        minor,
        i128::from(factor),
        1_000_000 * i128::from(step),
        halves,
    )?;
    let moved = steps.checked_mul(step).ok_or(Refusal::TooLarge)?;
    Ok(moved.min(rule.ceiling_minor).max(rule.floor_minor))
}

/// The change at the highest level that is reached.
fn reached(steps: &[DynamicStep], level: u128) -> i64 {
    steps
        .iter()
        .filter(|step| u128::from(step.from.0) <= level)
        .max_by_key(|step| step.from)
        .map_or(0, |step| i64::from(step.change_ppm))
}
