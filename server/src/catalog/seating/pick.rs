//! What buyers who choose their seats by hand may choose.

use std::collections::BTreeSet;

use super::ids::{PartId, SeatId};
use super::layout::Layout;
use super::model::SeatKind;
use super::set::SeatSet;

/// What the organiser asks of a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PickRules {
    /// Nobody may leave a single free seat between taken ones, where it can be avoided.
    pub no_orphans: bool,
    /// A companion's seat is only sold together with the place it belongs to.
    pub companions_with_their_place: bool,
}

/// Why a choice is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChoiceFault {
    /// Nothing was chosen.
    Empty,
    /// Seats that are not free.
    NotFree(Vec<SeatId>),
    /// Tables that are only sold whole.
    PartOfTable(Vec<PartId>),
    /// Companions' seats whose places are free and were not chosen.
    CompanionAlone(Vec<SeatId>),
    /// Single seats that would be left over.
    LeavesSingles(Vec<SeatId>),
}

impl ChoiceFault {
    /// The stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "sales.no_seats",
            Self::NotFree(_) => "sales.seats_taken",
            Self::PartOfTable(_) => "sales.whole_table",
            Self::CompanionAlone(_) => "sales.companion_alone",
            Self::LeavesSingles(_) => "sales.leaves_single_seats",
        }
    }
}

/// Whether seats may be chosen together, given what is free.
///
/// What is free may change until they are held; that they are is decided by the statement that
/// holds them, not here.
///
/// # Errors
/// The first [`ChoiceFault`], in the order of its variants.
pub fn check_choice(
    layout: &Layout,
    free: &SeatSet,
    chosen: &SeatSet,
    rules: PickRules,
) -> Result<(), ChoiceFault> {
    if chosen.is_empty() {
        return Err(ChoiceFault::Empty);
    }
    let not_free = chosen.without(&free.and(layout.for_sale()));
    if !not_free.is_empty() {
        return Err(ChoiceFault::NotFree(layout.ids(&not_free)));
    }
    let tables = broken_tables(layout, chosen);
    if !tables.is_empty() {
        return Err(ChoiceFault::PartOfTable(tables));
    }
    if rules.companions_with_their_place {
        let mut alone = SeatSet::empty(layout.places().len());
        for seat in chosen.iter() {
            let of = layout.places().get(seat).and_then(|p| p.companion_of);
            if of.is_some_and(|of| free.contains(of) && !chosen.contains(of)) {
                alone.insert(seat);
            }
        }
        if !alone.is_empty() {
            return Err(ChoiceFault::CompanionAlone(layout.ids(&alone)));
        }
    }
    if rules.no_orphans {
        let singles = orphans(layout, free, chosen);
        if !singles.is_empty() {
            return Err(ChoiceFault::LeavesSingles(layout.ids(&singles)));
        }
    }
    Ok(())
}

/// The tables sold whole of which only some chairs were chosen.
fn broken_tables(layout: &Layout, chosen: &SeatSet) -> Vec<PartId> {
    let places = chosen.iter().filter_map(|seat| layout.places().get(seat));
    let touched: BTreeSet<usize> = places.map(|place| place.group).collect();
    let groups = touched
        .into_iter()
        .filter_map(|at| layout.groups().get(at))
        .filter(|group| group.whole);
    groups
        .filter(|group| group.seats.clone().any(|seat| !chosen.contains(seat)))
        .map(|group| group.id)
        .collect()
}

/// The single seats that a choice would leave over and that it could have avoided.
///
/// A free stretch is a longest sequence of free neighbours in a row; aisles, wheelchair spaces and
/// companions' seats end it. A seat is an orphan if the choice makes it a free stretch of one.
/// Not counted are
/// - seats that were single before,
/// - chairs at tables,
/// - the one seat that is left of a stretch: whoever takes all but one of its seats cannot help
///   leaving one.
///
/// If two or more seats of a stretch are left, those chosen could have begun at its end, and there
/// would be no orphan: so every rule-abiding number of seats can be chosen from every stretch.
///
/// The time is linear in the length of the rows that were chosen from.
pub fn orphans(layout: &Layout, free: &SeatSet, chosen: &SeatSet) -> SeatSet {
    let mut orphans = SeatSet::empty(layout.places().len());
    let free = free.and(layout.for_sale());
    let places = chosen.iter().filter_map(|seat| layout.places().get(seat));
    let touched: BTreeSet<usize> = places.filter_map(|place| place.run).collect();
    for run in touched.into_iter().filter_map(|at| layout.runs().get(at)) {
        if run.is_table {
            continue;
        }
        let mut at = run.seats.start;
        while at < run.seats.end {
            let from = at;
            while at < run.seats.end && free.contains(at) {
                at += 1;
            }
            let left: Vec<usize> = (from..at).filter(|seat| !chosen.contains(*seat)).collect();
            if left.len() >= 2 && left.len() < at - from {
                let is_left = |seat: usize| left.binary_search(&seat).is_ok();
                for seat in left.iter().copied() {
                    let has_neighbour = is_left(seat + 1) || (seat > from && is_left(seat - 1));
                    if !has_neighbour {
                        orphans.insert(seat);
                    }
                }
            }
            at += 1;
        }
    }
    orphans
}

/// Whether a seat is one of those that are offered to everybody.
pub(super) const fn is_for_everybody(kind: SeatKind) -> bool {
    match kind {
        SeatKind::Ordinary | SeatKind::StepFree => true,
        SeatKind::Wheelchair | SeatKind::Companion => false,
    }
}
