//! From what is wanted of each unit to what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use bilten_core::price::{PromoCode, Quote};

use super::codes::{Loss, losses, lost, raise, shifts_between};
use super::draft::{Draft, Fate, Wanted};
use super::model::*;
use super::money::{Terms, Trade};
use super::units::fresh_units;
use crate::catalog::seating::SeatId;
use crate::catalog::{CounterKey, EventDetail, OccurrenceId, TierId};
use crate::sales::{DueTicket, HeldSeats, OrderId, OrderItem, tickets_due};

/// The tickets of one unit.
pub(super) fn due_of(
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
    /// Its codes, by the rules by which it was bought.
    pub(super) codes: &'a [PromoCode],
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
    /// What goes, for something else or not.
    pub(super) gone: Vec<Unit>,
    /// What comes for a price of its own.
    pub(super) came: Vec<Unit>,
    /// What codes do not take off any more.
    pub(super) losses: Vec<Loss>,
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
    // A seat that is named is for whoever names it.
    let named = draft.items.iter().flat_map(|item| &item.seats);
    let named: BTreeSet<SeatId> = named.copied().collect();
    let is_for_another = |wanted: &Wanted, unit: &Unit| {
        wanted.takes_any_seat()
            && unit
                .seat
                .as_ref()
                .is_some_and(|own| named.contains(&own.id))
    };
    let mut tickets = TicketPlan::default();
    let mut numbers = basis.numbers;
    let (mut before, mut after, mut seats_out) = (Vec::new(), Vec::new(), Vec::new());
    let (mut exchanged, mut cancelled, mut exchanged_for_minor) = (Vec::new(), Vec::new(), 0i64);
    let mut came = Vec::new();
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
                let place = pool.iter().position(|one| {
                    one.as_ref()
                        .is_some_and(|one| wanted.is(one) && !is_for_another(wanted, one))
                })?;
                let mut new = pool.get_mut(place)?.take()?;
                new.reason = LineReason::Changed;
                if wanted.keeps_price {
                    new.paid_minor = unit.paid_minor;
                    new.fees_minor = unit.fees_minor;
                    new.unit_price_minor = unit.unit_price_minor;
                    new.codes.clone_from(&unit.codes);
                } else {
                    exchanged_for_minor += new.paid_minor;
                    exchanged.push(unit.clone());
                    came.push(new.clone());
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
        came.push(new.clone());
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
    let losses = losses(basis.codes, basis.offer, &after);
    let trade = Trade {
        exchanged: &exchanged,
        exchanged_for_minor,
        cancelled: &cancelled,
        added_minor,
        lost_minor: lost(&losses),
    };
    let money = terms.reckon(trade);
    raise(&losses, money.lost_discount_minor, &mut after);
    let codes = shifts_between(basis.units, &after);
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
            codes,
        },
        before,
        gone: exchanged.into_iter().chain(cancelled.clone()).collect(),
        cancelled,
        came,
        losses,
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
    let due = due_of(basis.offer, new.tier, new.occurrence, Some(&*new));
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
