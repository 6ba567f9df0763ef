//! From the steps that are asked for to what is wanted of each unit.

mod names;
mod wanted;

pub(super) use names::people_faults;
pub(super) use wanted::*;

use names::name_faults;

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::error::FieldError;

use super::model::*;
use super::plan::due_of;
use super::units::StoredLine;
use crate::catalog::{EventDetail, OccurrenceId, TierId, TierPrice};
use crate::sales::{Attendee, ItemRequest, TicketRequest};

/// What is asked, understood.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) whole: Whole,
    /// Of each unit.
    pub(super) fates: Vec<Fate>,
    /// What comes, and has to be priced.
    pub(super) items: Vec<ItemRequest>,
    /// Who comes with which ticket from now on, by its number.
    pub(super) holders: BTreeMap<u32, Attendee>,
    /// Who comes with the tickets that are added.
    pub(super) people: Vec<TicketRequest>,
}

/// Collects what is wrong with steps.
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: String, code: &'static str, detail: &str) {
        self.0.push(FieldError {
            field,
            code: code.into(),
            detail: detail.to_owned(),
        });
    }
}

impl Draft {
    /// Understands the steps of a change of these lines.
    ///
    /// # Errors
    /// All that is wrong with them, by field.
    pub(super) fn of(
        offer: &EventDetail,
        lines: &[StoredLine],
        units: &[Unit],
        steps: &[ChangeStep],
    ) -> Result<Self, Vec<FieldError>> {
        let mut faults = Faults(Vec::new());
        let mut draft = Self {
            whole: Whole::Edit,
            fates: units.iter().map(|_| Fate::Keep).collect(),
            items: Vec::new(),
            holders: BTreeMap::new(),
            people: Vec::new(),
        };
        if !(1..=MAX_STEPS).contains(&steps.len()) {
            faults.add(
                "steps".into(),
                "out_of_range",
                "There must be 1 to 20 steps.",
            );
            return Err(faults.0);
        }
        for (i, step) in steps.iter().enumerate() {
            let at = format!("steps[{i}]");
            let stands_alone = match step {
                ChangeStep::Split { .. } | ChangeStep::Merge { .. } => steps.len() > 1,
                ChangeStep::ChangeTier { .. }
                | ChangeStep::ChangeDate { .. }
                | ChangeStep::ChangeSeats { .. }
                | ChangeStep::ChangeHolder { .. }
                | ChangeStep::Cancel { .. }
                | ChangeStep::Add { .. } => false,
            };
            if stands_alone {
                faults.add(at, "alone", "This is done in a change of its own.");
                continue;
            }
            draft.step(offer, lines, units, step, &at, &mut faults);
        }
        for (unit, fate) in units.iter().zip(&draft.fates) {
            let mut tickets = unit.tickets.iter();
            if matches!(fate, Fate::Cancel)
                && tickets.any(|ticket| draft.holders.contains_key(&ticket.number))
            {
                let detail = "A ticket that is given back has no other holder.";
                faults.add("steps".into(), "twice", detail);
            }
        }
        if faults.0.is_empty() {
            Ok(draft)
        } else {
            Err(faults.0)
        }
    }

    fn step(
        &mut self,
        offer: &EventDetail,
        lines: &[StoredLine],
        units: &[Unit],
        step: &ChangeStep,
        at: &str,
        faults: &mut Faults,
    ) {
        match step {
            ChangeStep::ChangeTier {
                pick,
                tier,
                occurrence,
                seats,
                chosen_minor,
            } => {
                let Some(found) = offer.tier(*tier) else {
                    faults.add(format!("{at}.tier"), "unknown", "There is no such tier.");
                    return;
                };
                let is_dated = found.per_date || found.seat_category.is_some();
                if let Some(places) = self.picked(lines, pick, at, faults) {
                    let own = places.first().and_then(|place| units.get(*place));
                    let date = own.and_then(|unit| unit.occurrence).filter(|_| is_dated);
                    let wanted = Wanted {
                        tier: *tier,
                        occurrence: occurrence.or(date),
                        seats: seats.clone(),
                        chosen_minor: *chosen_minor,
                        keeps_price: false,
                    };
                    self.exchange(&places, &wanted);
                }
            }
            ChangeStep::ChangeDate {
                pick,
                occurrence,
                seats,
            } => {
                if let Some(places) = self.picked(lines, pick, at, faults) {
                    let Some(own) = places.first().and_then(|place| units.get(*place)) else {
                        return;
                    };
                    let wanted = Wanted {
                        tier: own.tier,
                        occurrence: Some(*occurrence),
                        seats: seats.clone(),
                        chosen_minor: chosen_of(offer, own),
                        keeps_price: false,
                    };
                    self.exchange(&places, &wanted);
                }
            }
            ChangeStep::ChangeSeats { pick, seats } => {
                if let Some(places) = self.picked(lines, pick, at, faults) {
                    let own = places.first().and_then(|place| units.get(*place));
                    let Some(own) = own.filter(|unit| unit.seat.is_some()) else {
                        faults.add(
                            format!("{at}.pick"),
                            "no_seats",
                            "These units have no seats.",
                        );
                        return;
                    };
                    let wanted = Wanted {
                        tier: own.tier,
                        occurrence: own.occurrence,
                        seats: seats.clone(),
                        chosen_minor: chosen_of(offer, own),
                        keeps_price: true,
                    };
                    self.exchange(&places, &wanted);
                }
            }
            ChangeStep::ChangeHolder {
                ticket,
                name,
                email,
            } => self.name(units, *ticket, name, email.as_deref(), at, faults),
            ChangeStep::Cancel { pick } => {
                if let Some(places) = self.picked(lines, pick, at, faults) {
                    self.set(&places, &Fate::Cancel);
                }
            }
            ChangeStep::Add { items, tickets } => {
                if items.is_empty() {
                    faults.add(
                        format!("{at}.items"),
                        "required",
                        "Please say what is added.",
                    );
                }
                self.items.extend(items.iter().cloned());
                self.people.extend(tickets.iter().cloned());
            }
            ChangeStep::Split { picks } => {
                self.whole = Whole::Split;
                if picks.is_empty() {
                    faults.add(
                        format!("{at}.picks"),
                        "required",
                        "Please say what is moved.",
                    );
                }
                for pick in picks {
                    if let Some(places) = self.picked(lines, pick, at, faults) {
                        self.set(&places, &Fate::Move);
                    }
                }
                if !self.fates.iter().any(|fate| matches!(fate, Fate::Keep)) {
                    faults.add(format!("{at}.picks"), "too_many", "Something must be left.");
                }
            }
            ChangeStep::Merge {
                order,
                version,
                token,
            } => {
                self.whole = Whole::Merge {
                    order: *order,
                    version: *version,
                    token: token.clone(),
                };
            }
        }
    }

    /// Names who comes with a ticket.
    fn name(
        &mut self,
        units: &[Unit],
        ticket: u32,
        name: &str,
        email: Option<&str>,
        at: &str,
        faults: &mut Faults,
    ) {
        let number = ticket.checked_sub(1);
        let mut tickets = units.iter().flat_map(|unit| &unit.tickets);
        let is_there = tickets.any(|one| Some(one.number) == number);
        let Some(number) = number.filter(|_| is_there) else {
            faults.add(
                format!("{at}.ticket"),
                "unknown",
                "The order has no such ticket.",
            );
            return;
        };
        let before = faults.0.len();
        name_faults(name, email, at, faults);
        let attendee = Attendee {
            name: name.trim().to_owned(),
            email: email.map(|email| email.trim().to_owned()),
        };
        let is_twice = self.holders.insert(number, attendee).is_some();
        if faults.0.len() == before && is_twice {
            faults.add(
                format!("{at}.ticket"),
                "twice",
                "This ticket is named twice.",
            );
        }
    }

    /// The places of picked units, if none of them is picked already: one list, or none.
    fn picked(
        &self,
        lines: &[StoredLine],
        pick: &UnitPick,
        at: &str,
        faults: &mut Faults,
    ) -> Option<Vec<usize>> {
        let mut start = 0usize;
        for line in lines {
            let count = usize::try_from(line.item.quantity).unwrap_or(0);
            if line.item.line != pick.line {
                start += count;
                continue;
            }
            let mut places = BTreeSet::new();
            if pick.units.is_empty() {
                places.extend(start..start + count);
            }
            for unit in &pick.units {
                let place = usize::try_from(*unit).unwrap_or(usize::MAX);
                if !(1..=count).contains(&place) {
                    let detail = "The line has no such unit.";
                    faults.add(format!("{at}.pick.units"), "unknown", detail);
                    return None;
                }
                if !places.insert(start + place - 1) {
                    let detail = "A unit is named twice.";
                    faults.add(format!("{at}.pick.units"), "twice", detail);
                    return None;
                }
            }
            let is_free = |place: &usize| matches!(self.fates.get(*place), Some(Fate::Keep));
            if !places.iter().all(is_free) {
                let detail = "Another step names a unit of these.";
                faults.add(format!("{at}.pick"), "twice", detail);
                return None;
            }
            return Some(places.into_iter().collect());
        }
        let detail = "The order has no such line.";
        faults.add(format!("{at}.pick.line"), "unknown", detail);
        None
    }

    fn set(&mut self, places: &[usize], fate: &Fate) {
        for place in places {
            if let Some(own) = self.fates.get_mut(*place) {
                *own = fate.clone();
            }
        }
    }

    fn exchange(&mut self, places: &[usize], wanted: &Wanted) {
        self.set(places, &Fate::Exchange(wanted.clone()));
        self.items.push(ItemRequest {
            occurrence: wanted.occurrence,
            seats: wanted.seats.clone(),
            chosen_minor: wanted.chosen_minor,
            ..ItemRequest::of(wanted.tier, u32::try_from(places.len()).unwrap_or(u32::MAX))
        });
    }

    /// The tiers of the tickets that are added besides what is exchanged, in the order of a cart's lines:
    /// each a tier, a date and a quantity.
    pub(super) fn added_tiers(
        &self,
        offer: &EventDetail,
        lines: impl Iterator<Item = (TierId, Option<OccurrenceId>, u32)>,
    ) -> Vec<TierId> {
        let mut left: Vec<_> = lines.collect();
        for fate in &self.fates {
            let Fate::Exchange(wanted) = fate else {
                continue;
            };
            let line = left.iter_mut().find(|(tier, date, quantity)| {
                *tier == wanted.tier
                    && wanted.occurrence.is_none_or(|wanted| *date == Some(wanted))
                    && *quantity > 0
            });
            if let Some(line) = line {
                line.2 -= 1;
            }
        }
        let mut tiers = Vec::new();
        for (tier, _, quantity) in left {
            for _ in 0..quantity {
                let due = due_of(offer, tier, None, None);
                tiers.extend(due.into_iter().map(|ticket| ticket.tier));
            }
        }
        tiers
    }
}

/// What the buyer said that a unit is worth, where that was theirs to say.
fn chosen_of(offer: &EventDetail, unit: &Unit) -> Option<i64> {
    let tier = offer.tier(unit.tier)?;
    let pricing = tier.pricing.as_ref()?;
    matches!(pricing.price, Some(TierPrice::PayWhatYouWant { .. })).then_some(unit.unit_price_minor)
}
