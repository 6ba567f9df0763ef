//! From the steps that are asked for to what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use bilten_core::price::Quote;
use bilten_kernel::error::FieldError;

use super::model::*;
use super::money::{Terms, Trade};
use super::units::{StoredLine, fresh_units};
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventDetail, OccurrenceId, TierId, TierPrice};
use crate::sales::{
    Attendee, DueTicket, HeldSeats, ItemRequest, OrderId, OrderItem, TicketRequest, is_email,
    tickets_due,
};

/// For what a unit goes.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    tier: TierId,
    occurrence: Option<OccurrenceId>,
    seats: Vec<SeatId>,
    chosen_minor: Option<i64>,
    /// It costs what the old one cost.
    keeps_price: bool,
}

impl Wanted {
    fn is(&self, unit: &Unit) -> bool {
        let has_seat = |seat: &SeatId| unit.seat.as_ref().is_some_and(|own| own.id == *seat);
        self.tier == unit.tier
            && self
                .occurrence
                .is_none_or(|date| unit.occurrence == Some(date))
            && (self.seats.is_empty() || self.seats.iter().any(has_seat))
            && self
                .chosen_minor
                .is_none_or(|chosen| chosen == unit.unit_price_minor)
    }
}

/// What becomes of a unit.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Keep,
    Exchange(Wanted),
    Cancel,
    Move,
}

/// What is done to an order as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Its units change.
    Edit,
    /// Some of them go to a new order.
    Split,
    /// Those of another order come.
    Merge {
        order: OrderId,
        version: Option<i64>,
        token: Option<String>,
    },
}

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
                ChangeStep::ChangeHolder { .. } => steps
                    .iter()
                    .any(|other| !matches!(other, ChangeStep::ChangeHolder { .. })),
                ChangeStep::ChangeTier { .. }
                | ChangeStep::ChangeDate { .. }
                | ChangeStep::ChangeSeats { .. }
                | ChangeStep::Cancel { .. }
                | ChangeStep::Add { .. } => false,
            };
            if stands_alone {
                faults.add(at, "alone", "This is done in a change of its own.");
                continue;
            }
            draft.step(offer, lines, units, step, &at, &mut faults);
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

/// What is wrong with the name and address of a holder.
fn name_faults(name: &str, email: Option<&str>, at: &str, faults: &mut Faults) {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        faults.add(
            format!("{at}.name"),
            "invalid",
            "A name has 1 to 200 characters and no control characters.",
        );
    }
    if email.is_some_and(|email| !is_email(email.trim())) {
        faults.add(
            format!("{at}.email"),
            "email",
            "Please give an e-mail address such as ana@example.com.",
        );
    }
}

/// What is wrong with whom tickets that are added are for.
pub(super) fn people_faults(people: &[TicketRequest]) -> Vec<FieldError> {
    let mut faults = Faults(Vec::new());
    for (i, ticket) in people.iter().enumerate() {
        if ticket.name.is_some() || ticket.email.is_some() {
            let name = ticket.name.as_deref().unwrap_or_default();
            let at = format!("tickets[{i}]");
            name_faults(name, ticket.email.as_deref(), &at, &mut faults);
        }
    }
    faults.0
}

/// What the buyer said that a unit is worth, where that was theirs to say.
fn chosen_of(offer: &EventDetail, unit: &Unit) -> Option<i64> {
    let tier = offer.tier(unit.tier)?;
    let pricing = tier.pricing.as_ref()?;
    matches!(pricing.price, Some(TierPrice::PayWhatYouWant { .. })).then_some(unit.unit_price_minor)
}

/// The tickets of one unit.
fn due_of(
    offer: &EventDetail,
    tier: TierId,
    occurrence: Option<OccurrenceId>,
    unit: Option<&Unit>,
) -> Vec<DueTicket> {
    let item = OrderItem {
        line: 1,
        tier_id: tier,
        label: String::new(),
        occurrence_id: occurrence,
        quantity: 1,
        unit_price_minor: 0,
        total_minor: 0,
        seats: HeldSeats(
            unit.and_then(|unit| unit.seat.clone())
                .into_iter()
                .collect(),
        ),
    };
    tickets_due(offer, &[item])
}

/// What is known of an order when its change is planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis<'a> {
    pub(super) order: OrderId,
    pub(super) offer: &'a EventDetail,
    pub(super) units: &'a [Unit],
    /// What it has taken of which counter.
    pub(super) stock: &'a [(CounterKey, i64)],
    /// How many numbers its tickets have had.
    pub(super) numbers: u32,
}

/// What comes, priced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coming<'a> {
    pub(super) items: &'a [OrderItem],
    pub(super) quote: &'a Quote,
    pub(super) stock: &'a [(CounterKey, i64)],
    pub(super) seats: &'a [(OccurrenceId, SeatId)],
}

/// A plan, with the units before it and why each of them is there.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) before: Vec<Unit>,
    pub(super) cancelled: Vec<Unit>,
}

/// What an edit takes (above zero) and gives back of each counter, sorted.
pub(super) fn stock_of(
    basis: &Basis<'_>,
    draft: &Draft,
    coming: &[(CounterKey, i64)],
) -> Vec<(CounterKey, i64)> {
    let mut had: BTreeMap<&CounterKey, i64> = BTreeMap::new();
    for (key, quantity) in basis.stock {
        *had.entry(key).or_insert(0) += *quantity;
    }
    let mut stock: BTreeMap<CounterKey, i64> = coming.iter().cloned().collect();
    for (unit, fate) in basis.units.iter().zip(&draft.fates) {
        if matches!(fate, Fate::Keep | Fate::Move) {
            continue;
        }
        let keys = basis.offer.tier(unit.tier).map(|tier| {
            let date = unit.occurrence.filter(|_| tier.per_date);
            basis.offer.counters(tier, date)
        });
        // No more than it had taken, however the event was changed meanwhile.
        for key in keys.unwrap_or_default() {
            if let Some(left) = had.get_mut(&key)
                && *left > 0
            {
                *left -= 1;
                *stock.entry(key).or_insert(0) -= 1;
            }
        }
    }
    stock.retain(|_, quantity| *quantity != 0);
    stock.into_iter().collect()
}

/// Plans an edit; none if what was priced is not what is asked for.
pub(super) fn plan(
    basis: &Basis<'_>,
    draft: &Draft,
    coming: Option<Coming<'_>>,
    terms: &Terms<'_>,
) -> Option<Planned> {
    let mut pool: Vec<Option<Unit>> = coming
        .map(|coming| fresh_units(coming.items, coming.quote))
        .unwrap_or_default()
        .into_iter()
        .map(Some)
        .collect();
    let mut tickets = TicketPlan::default();
    let mut numbers = basis.numbers;
    let (mut before, mut after, mut seats_out) = (Vec::new(), Vec::new(), Vec::new());
    let (mut exchanged, mut cancelled, mut exchanged_for_minor) = (Vec::new(), Vec::new(), 0i64);
    for (unit, fate) in basis.units.iter().zip(&draft.fates) {
        let mut old = unit.clone();
        match fate {
            Fate::Keep | Fate::Move => {
                after.push(unit.clone());
                before.push(old);
                continue;
            }
            Fate::Cancel => {
                old.reason = LineReason::Cancelled;
                tickets.ended.extend(unit.tickets.iter().copied());
                cancelled.push(unit.clone());
            }
            Fate::Exchange(wanted) => {
                old.reason = LineReason::Changed;
                let place = pool
                    .iter()
                    .position(|one| one.as_ref().is_some_and(|one| wanted.is(one)))?;
                let mut new = pool.get_mut(place)?.take()?;
                new.reason = LineReason::Changed;
                if wanted.keeps_price {
                    new.paid_minor = unit.paid_minor;
                    new.fees_minor = unit.fees_minor;
                    new.unit_price_minor = unit.unit_price_minor;
                } else {
                    exchanged_for_minor += new.paid_minor;
                    exchanged.push(unit.clone());
                }
                renew(basis, unit, &mut new, &mut tickets, &mut numbers);
                after.push(new);
            }
        }
        seats_out.extend(unit.occurrence.zip(unit.seat.as_ref().map(|seat| seat.id)));
        before.push(old);
    }
    let unnamed = u32::try_from(tickets.added.len()).unwrap_or(u32::MAX);
    let mut added_minor = 0i64;
    for mut new in pool.into_iter().flatten() {
        added_minor += new.paid_minor;
        let nothing = Unit {
            tickets: Vec::new(),
            ..new.clone()
        };
        renew(basis, &nothing, &mut new, &mut tickets, &mut numbers);
        after.push(new);
    }
    for unit in &after {
        for ticket in &unit.tickets {
            let is_named = draft.holders.contains_key(&ticket.number);
            let is_there = tickets.reissued.iter().any(|one| one.ticket == *ticket);
            if is_named && !is_there {
                let at = unit.tickets.iter().position(|own| own == ticket)?;
                let due = due_of(basis.offer, unit.tier, unit.occurrence, Some(unit));
                let due = due.into_iter().nth(at)?;
                tickets.reissued.push(now(*ticket, due));
            }
        }
    }
    seats_out.sort_unstable();
    let trade = Trade {
        exchanged: &exchanged,
        exchanged_for_minor,
        cancelled: &cancelled,
        added_minor,
    };
    let money = terms.reckon(trade);
    let stock = stock_of(basis, draft, coming.map_or(&[][..], |coming| coming.stock));
    Some(Planned {
        plan: Plan {
            units: after,
            stock,
            seats_in: coming.map_or_else(Vec::new, |coming| coming.seats.to_vec()),
            seats_out,
            tickets,
            numbers,
            unnamed,
            money,
        },
        before,
        cancelled,
    })
}

fn now(ticket: UnitTicket, due: DueTicket) -> TicketNow {
    TicketNow {
        ticket,
        tier: due.tier,
        occurrence: due.occurrence,
        seat: due.seat,
    }
}

/// Lets the tickets of a unit become those of another: as many as there are are issued anew, what is too
/// many ends, what is missing is added.
fn renew(
    basis: &Basis<'_>,
    old: &Unit,
    new: &mut Unit,
    tickets: &mut TicketPlan,
    numbers: &mut u32,
) {
    let due = due_of(basis.offer, new.tier, new.occurrence, Some(new));
    let mut had = old.tickets.iter().copied();
    let mut own = Vec::with_capacity(due.len());
    for ticket in due {
        let named = match had.next() {
            Some(named) => {
                tickets.reissued.push(now(named, ticket));
                named
            }
            None => {
                let named = UnitTicket {
                    number: *numbers,
                    first: basis.order,
                    first_number: *numbers,
                };
                *numbers = numbers.saturating_add(1);
                tickets.added.push(now(named, ticket));
                named
            }
        };
        own.push(named);
    }
    tickets.ended.extend(had);
    new.tickets = own;
}
