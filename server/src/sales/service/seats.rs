//! Seats: choosing them, and who has which.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::http::IfMatch;

use super::super::model::*;
use super::super::store;
use super::cart::CartLine;
use super::{SalesError, StartsFrom};
use crate::app::App;
use crate::catalog::seating::{
    Layout, Occupancy, PartId, PickRules, SeatId, SeatSet, TakenState, Wish, best_available,
    check_choice,
};
use crate::catalog::{self, EventDetail, EventId, OccurrenceId};
use crate::identity::Tenant;

/// Turns of those who have the best seats of a date looked for. The answer is the same for all who ask at
/// one moment: without turns, all but one of them would have to ask again. Those of other nodes may still
/// be faster, so the database decides all the same.
#[derive(Default)]
pub struct SeatTurns {
    turns: Mutex<HashMap<TurnKey, Arc<tokio::sync::Mutex<()>>>>,
    /// By how many each was found: if there is nothing else, somebody may find what others have found.
    found: Mutex<HashMap<DateSeat, usize>>,
}

/// An event, and the date if it is named.
type TurnKey = (EventId, Option<OccurrenceId>);

/// A seat of a date.
type DateSeat = (OccurrenceId, SeatId);

/// How many dates have turns before those are dropped that nobody waits for.
const MOST_TURNS: usize = 1_000;

impl SeatTurns {
    /// Waits for its turn, which is over when the guard is dropped.
    async fn wait(&self, key: TurnKey) -> SeatTurn {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= MOST_TURNS {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(key).or_default())
        };
        SeatTurn(turn.lock_owned().await)
    }

    fn found(&self) -> MutexGuard<'_, HashMap<DateSeat, usize>> {
        // Nothing panics while the lock is held.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seats of a map that others have found and do not hold yet.
    fn found_on(&self, date: OccurrenceId, layout: &Layout) -> SeatSet {
        let mut seats = SeatSet::empty(layout.places().len());
        for (of, seat) in self.found().keys() {
            if *of == date
                && let Some(at) = layout.index(*seat)
            {
                seats.insert(at);
            }
        }
        seats
    }
}

/// Somebody's turn to have seats looked for.
pub(super) struct SeatTurn(tokio::sync::OwnedMutexGuard<()>);

impl SeatTurn {
    /// Ends the turn with these seats: the next one does not find them as long as this is kept.
    pub(super) fn over(self, turns: &SeatTurns, seats: Vec<DateSeat>) -> FoundSeats<'_> {
        let mut found = turns.found();
        for seat in &seats {
            *found.entry(*seat).or_insert(0) += 1;
        }
        drop(found);
        drop(self.0);
        FoundSeats { turns, seats }
    }
}

/// Seats that somebody has found and is about to hold.
pub(super) struct FoundSeats<'t> {
    turns: &'t SeatTurns,
    seats: Vec<DateSeat>,
}

impl Drop for FoundSeats<'_> {
    fn drop(&mut self) {
        let mut found = self.turns.found();
        for seat in &self.seats {
            if let Entry::Occupied(mut by) = found.entry(*seat) {
                *by.get_mut() -= 1;
                if *by.get() == 0 {
                    by.remove();
                }
            }
        }
    }
}

/// Waits for a turn, if seats have to be looked for.
pub(super) async fn turn_for(
    app: &App,
    offer: &EventDetail,
    wanted: &[ItemRequest],
) -> Option<SeatTurn> {
    let looked_for = wanted.iter().find(|item| {
        let tier = offer.tier(item.tier);
        item.seats.is_empty() && tier.is_some_and(|tier| tier.seat_category.is_some())
    });
    match looked_for {
        Some(item) => Some(app.seat_turns.wait((offer.event.id, item.occurrence)).await),
        None => None,
    }
}

/// What is taken on a date; seats that the map does not have (any more) are left out.
///
/// # Errors
/// A fault of the database.
pub async fn occupancy(
    app: &App,
    date: OccurrenceId,
    layout: &Layout,
) -> Result<Occupancy, SalesError> {
    Ok(occupancy_of(layout, taken_seats(app, date).await?))
}

fn occupancy_of(layout: &Layout, taken: Vec<(SeatId, TakenState)>) -> Occupancy {
    let mut occupancy = Occupancy::new(layout);
    for (id, state) in taken {
        if let Some(seat) = layout.index(id) {
            occupancy.put(seat, Some(state));
        }
    }
    occupancy
}

/// The seats that are taken on a date, and how.
///
/// # Errors
/// A fault of the database.
pub async fn taken_seats(
    app: &App,
    date: OccurrenceId,
) -> Result<Vec<(SeatId, TakenState)>, SalesError> {
    let now = app.now();
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::seats::taken(c, date, now).await }))
        .await?)
}

/// The seats that are taken on a date, and how, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn taken_seats_in(
    c: &mut Conn,
    date: OccurrenceId,
    now: Timestamp,
) -> Result<Vec<(SeatId, TakenState)>, DbError> {
    store::seats::taken(c, date, now).await
}

/// Keeps seats back inside a write, sorted by date and id; says whether all of them were free. The write
/// must fail if they were not.
///
/// # Errors
/// A fault of the database.
pub async fn block_seats_in(
    c: &mut Conn,
    event: EventId,
    seats: &[(OccurrenceId, SeatId)],
    now: Timestamp,
) -> Result<bool, DbError> {
    store::seats::block(c, event, seats, now).await
}

/// Gives seats back inside a write that the organiser has kept, sorted by date and id.
///
/// # Errors
/// A fault of the database.
pub async fn unblock_seats_in(
    c: &mut Conn,
    event: EventId,
    seats: &[(OccurrenceId, SeatId)],
    now: Timestamp,
) -> Result<(), DbError> {
    store::seats::unblock(c, event, seats, now).await
}

/// Keeps seats of one date back for the organiser, all or none, or gives them back.
///
/// # Errors
/// [`SalesError::EventNotFound`], [`SalesError::Invalid`] for seats that the map does not have,
/// [`SalesError::SeatsTaken`], or a fault of the database.
pub async fn keep_seats(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    date: OccurrenceId,
    seats: &[SeatId],
    is_kept: bool,
) -> Result<(), SalesError> {
    let offer = catalog::detail_of(app, tenant, event).await?;
    let layout = layout_of(app, &offer, date).await?;
    let unknown = |field: &str, detail: &str| {
        SalesError::Invalid(vec![FieldError {
            field: field.to_owned(),
            code: "unknown".into(),
            detail: detail.to_owned(),
        }])
    };
    let layout = layout.ok_or_else(|| unknown("occurrence", "This date has no seat map."))?;
    // Distinct and sorted, whatever the caller's order.
    let seats: BTreeSet<SeatId> = seats.iter().copied().collect();
    if seats.iter().any(|seat| layout.index(*seat).is_none()) {
        return Err(unknown("seats", "The map has no such seat."));
    }
    let keys: Vec<_> = seats.into_iter().map(|seat| (date, seat)).collect();
    let now = app.now();
    app.db
        .write_again(move |c| {
            let keys = keys.clone();
            Box::pin(async move {
                if !is_kept {
                    store::seats::unblock(c, event, &keys, now).await?;
                } else if !store::seats::block(c, event, &keys, now).await? {
                    return Err(SalesError::SeatsTaken(others(c, date, keys, now).await?));
                }
                Ok(())
            })
        })
        .await
}

/// Those of these seats of a date that somebody has, not the organiser; all of them, if they were let go in this
/// moment.
async fn others(
    c: &mut Conn,
    date: OccurrenceId,
    keys: Vec<(OccurrenceId, SeatId)>,
    now: Timestamp,
) -> Result<Vec<SeatId>, DbError> {
    let taken: BTreeSet<SeatId> = store::seats::taken(c, date, now)
        .await?
        .into_iter()
        .filter(|(_, state)| *state != TakenState::Blocked)
        .map(|(seat, _)| seat)
        .collect();
    let asked: Vec<SeatId> = keys.into_iter().map(|(_, seat)| seat).collect();
    let gone: Vec<SeatId> = asked
        .iter()
        .copied()
        .filter(|seat| taken.contains(seat))
        .collect();
    Ok(if gone.is_empty() { asked } else { gone })
}

/// The layout of a date's seat map, if it has one.
pub(super) async fn layout_of(
    app: &App,
    offer: &EventDetail,
    date: OccurrenceId,
) -> Result<Option<Arc<Layout>>, SalesError> {
    let map = offer.occurrence(date).and_then(|date| date.seat_map);
    Ok(match map {
        Some(map) => Some(catalog::layout(app, map).await?),
        None => None,
    })
}

/// Checks the seats that are named and looks for those that are not, by what is free now. That they
/// are free is decided when they are held.
pub(super) async fn choose_seats(
    app: &App,
    offer: &EventDetail,
    lines: &mut [CartLine],
) -> Result<(), SalesError> {
    let mut by_date: BTreeMap<OccurrenceId, Vec<&mut CartLine>> = BTreeMap::new();
    for line in lines.iter_mut().filter(|line| line.category.is_some()) {
        if let Some(date) = line.occurrence {
            by_date.entry(date).or_default().push(line);
        }
    }
    if by_date.is_empty() {
        return Ok(());
    }
    let (mut dates, mut on_maps) = (Vec::new(), Vec::new());
    for (date, lines) in by_date {
        if let Some(layout) = layout_of(app, offer, date).await? {
            // Before what is taken is read: what is not found any more is taken by then.
            let found_by_others = app.seat_turns.found_on(date, &layout);
            dates.push(date);
            on_maps.push((lines, layout, found_by_others));
        }
    }
    let (rules, taken) = rules_and_taken(app, offer.event.id, dates).await?;
    for ((mut lines, layout, found_by_others), taken) in on_maps.into_iter().zip(taken) {
        let mut free = occupancy_of(&layout, taken).free(&layout);
        let mut named = SeatSet::empty(layout.places().len());
        for line in &mut lines {
            name(&layout, line, &mut named)?;
        }
        if !named.is_empty() {
            check_choice(&layout, &free, &named, rules).map_err(SalesError::Choice)?;
            free = free.without(&named);
        }
        for line in &mut lines {
            let open = line.quantity.saturating_sub(count(line.seats.len()));
            if open > 0 {
                let wish = wish(line, open);
                let others = free.without(&found_by_others);
                let found = best_available(&layout, &others, &wish, rules)
                    // Perhaps somebody does not get what they found.
                    .or_else(|_| best_available(&layout, &free, &wish, rules))
                    .map_err(SalesError::NoSeats)?
                    .set(&layout);
                free = free.without(&found);
                for place in found.iter().filter_map(|at| layout.places().get(at)) {
                    line.seats.push(HeldSeat {
                        id: place.id,
                        label: label(&layout, place),
                    });
                }
            }
        }
    }
    Ok(())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Checks that a line's seats are on the map, are of its category and are named once, and labels them.
fn name(layout: &Layout, line: &mut CartLine, named: &mut SeatSet) -> Result<(), SalesError> {
    for seat in &mut line.seats {
        let fault = |code: &'static str, detail: String| {
            SalesError::Invalid(vec![FieldError {
                field: "items".to_owned(),
                code: code.into(),
                detail,
            }])
        };
        let found = layout
            .index(seat.id)
            .and_then(|at| Some((at, layout.places().get(at)?)));
        let Some((at, place)) = found else {
            return Err(fault(
                "unknown_seat",
                format!("The map of this date has no seat {}.", seat.id),
            ));
        };
        let category = layout.map().categories.get(place.category);
        let is_of_it =
            category.is_some_and(|category| line.category.as_deref() == Some(category.id.as_str()));
        if !is_of_it {
            let detail = format!("Seat {} is of another price category.", seat.id);
            return Err(fault("wrong_category", detail));
        }
        if !named.insert(at) {
            return Err(fault("twice", format!("Seat {} is named twice.", seat.id)));
        }
        seat.label = label(layout, place);
    }
    Ok(())
}

fn label(layout: &Layout, place: &crate::catalog::seating::Place) -> String {
    let (section, row, seat) = layout.labels(place);
    [section, row, seat]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

fn wish(line: &CartLine, seats: u32) -> Wish {
    let wish = &line.wish;
    let category = line
        .category
        .as_deref()
        .and_then(|id| id.parse::<PartId>().ok());
    Wish {
        categories: category.into_iter().collect(),
        section: wish.section,
        wheelchair: wish.wheelchair,
        companions: wish.companions,
        step_free: wish.step_free,
        may_split: wish.may_split,
        full_view: wish.full_view,
        ..Wish::seats(u16::try_from(seats).unwrap_or(u16::MAX))
    }
}

/// The seats of an order's or a hold's items, sorted by date and id.
pub(super) fn seats_of(items: &[OrderItem]) -> Vec<(OccurrenceId, SeatId)> {
    let mut seats: Vec<_> = items
        .iter()
        .filter_map(|item| Some((item.occurrence_id?, &item.seats.0)))
        .flat_map(|(date, seats)| seats.iter().map(move |seat| (date, seat.id)))
        .collect();
    seats.sort_unstable();
    seats
}

/// What an event's organiser asks of those who choose seats, and what is taken on each of these dates.
async fn rules_and_taken(
    app: &App,
    event: EventId,
    dates: Vec<OccurrenceId>,
) -> Result<(PickRules, Vec<Vec<(SeatId, TakenState)>>), SalesError> {
    let now = app.now();
    let (rules, taken) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let rules = store::seats::rules(c, event).await?.unwrap_or_default();
                let mut taken = Vec::with_capacity(dates.len());
                for date in dates {
                    taken.push(store::seats::taken(c, date, now).await?);
                }
                Ok::<_, DbError>((rules, taken))
            })
        })
        .await?;
    let rules = PickRules {
        no_orphans: rules.no_single_seats,
        companions_with_their_place: rules.companions_with_their_place,
    };
    Ok((rules, taken))
}

/// What an event's organiser asks of those who buy, with its version.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn event_sale_rules(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<EventSaleRules, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::seats::event_rules(c, event).await }))
        .await?;
    Ok(found.unwrap_or_default())
}

/// Sets what an event's organiser asks of those who buy.
///
/// # Errors
/// [`SalesError::EventNotFound`], [`SalesError::Invalid`], [`SalesError::VersionConflict`],
/// [`SalesError::Stale`], or a fault of the database.
pub async fn set_sale_rules(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    seen: IfMatch,
    input: SaleRulesInput,
) -> Result<EventSaleRules, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let (rules, version) = (input.rules(), input.version);
    let from = StartsFrom { seen, version };
    app.db
        .write(move |c| {
            Box::pin(async move {
                let kept = store::seats::event_rules(c, event).await?;
                let current = kept.ok_or(SalesError::EventNotFound)?.version;
                from.allow(current)?;
                let version = current + 1;
                if !store::seats::set_rules(c, event, current, rules).await? {
                    // Somebody else was a moment earlier.
                    return Err(from.missed(version));
                }
                Ok::<_, SalesError>(EventSaleRules { version, rules })
            })
        })
        .await
}
