//! Two versions of a map, and whether the new one may take the place of the old one.

use std::collections::{HashMap, HashSet};

use bilten_kernel::error::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

use super::ids::{PartId, SeatId};
use super::layout::{Layout, Place};
use super::model::{SeatKind, StandingArea};
use super::set::SeatSet;
use super::validate::MAX_FAULTS;

/// What an edit of a map changes; seats by id, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct MapChanges {
    /// Seats that are new.
    pub added: Vec<SeatId>,
    /// Seats that are gone; none of them is sold or held.
    pub removed: Vec<SeatId>,
    /// Seats that are elsewhere in the picture.
    pub moved: Vec<SeatId>,
    /// Seats whose section, row or number is called otherwise; none of them is sold or held.
    pub relabelled: Vec<SeatId>,
    /// Seats of another price category; what was sold keeps its price.
    pub recategorised: Vec<SeatId>,
    /// Seats of another kind, with another view, or whose being for sale changed.
    pub reclassified: Vec<SeatId>,
    /// Standing areas that are new, gone, or changed in capacity, name or category.
    pub areas: Vec<PartId>,
}

impl MapChanges {
    /// Whether nothing changes that anybody who buys could notice.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares two versions of a map, given the seats of the old one that are sold or held on any
/// date that is not over, and how many places of each standing area are.
///
/// A seat is the same seat in both if its id is. It takes time linear in the maps' sizes, but for
/// sorting the answer.
///
/// # Errors
/// What the new version would do to somebody who has a seat already, at most a hundred, by the
/// seat's or area's id. Codes: `taken_seat_removed`, `taken_seat_relabelled`,
/// `taken_seat_access_lost` (a wheelchair space, step-free or companion's seat becomes another
/// kind), `taken_seat_view_lost`, `taken_area_removed`, `taken_area_relabelled`,
/// `area_below_taken`.
pub fn compare(
    old: &Layout,
    new: &Layout,
    taken: &SeatSet,
    standing: &[(PartId, u32)],
) -> Result<MapChanges, Vec<FieldError>> {
    let (mut changes, mut refused) = (MapChanges::default(), Refused(Vec::new()));
    for (index, was) in old.places().iter().enumerate() {
        let is_taken = taken.contains(index);
        match new.place(was.id) {
            Some(is) => compare_seat((old, was), (new, is), is_taken, &mut changes, &mut refused),
            None if is_taken => refused.seat(was, "taken_seat_removed"),
            None => changes.removed.push(was.id),
        }
    }
    for place in new.places() {
        if old.index(place.id).is_none() {
            changes.added.push(place.id);
        }
    }
    compare_areas(old, new, standing, &mut changes, &mut refused);
    if !refused.0.is_empty() {
        return Err(refused.0);
    }
    for list in [
        &mut changes.added,
        &mut changes.removed,
        &mut changes.moved,
        &mut changes.relabelled,
        &mut changes.recategorised,
        &mut changes.reclassified,
    ] {
        list.sort_unstable();
    }
    changes.areas.sort_unstable();
    Ok(changes)
}

/// Carries a set of seats from one version to another; seats that the other lacks are left out.
pub fn carry(old: &Layout, new: &Layout, set: &SeatSet) -> SeatSet {
    let mut carried = SeatSet::empty(new.places().len());
    let places = set.iter().filter_map(|seat| old.places().get(seat));
    for seat in places.filter_map(|place| new.index(place.id)) {
        carried.insert(seat);
    }
    carried
}

struct Refused(Vec<FieldError>);

impl Refused {
    fn add(&mut self, field: String, code: &'static str, detail: &str) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(FieldError {
                field,
                code: code.into(),
                detail: detail.into(),
            });
        }
    }

    fn seat(&mut self, place: &Place, code: &'static str) {
        let field = format!("seats[{}]", place.id);
        self.add(field, code, "the seat is sold or held");
    }

    fn area(&mut self, area: &StandingArea, code: &'static str) {
        let field = format!("areas[{}]", area.id);
        self.add(field, code, "places in it are sold or held");
    }
}

fn compare_seat(
    (old, was): (&Layout, &Place),
    (new, is): (&Layout, &Place),
    is_taken: bool,
    changes: &mut MapChanges,
    refused: &mut Refused,
) {
    if old.labels(was) != new.labels(is) {
        if is_taken {
            refused.seat(was, "taken_seat_relabelled");
        }
        changes.relabelled.push(was.id);
    }
    if was.kind != is.kind && was.kind != SeatKind::Ordinary && is_taken {
        refused.seat(was, "taken_seat_access_lost");
    }
    if is.obstructed && !was.obstructed && is_taken {
        refused.seat(was, "taken_seat_view_lost");
    }
    if was.at != is.at {
        changes.moved.push(was.id);
    }
    let category = |layout: &Layout, place: &Place| {
        let categories = &layout.map().categories;
        categories.get(place.category).map(|category| category.id)
    };
    if category(old, was) != category(new, is) {
        changes.recategorised.push(was.id);
    }
    if (was.kind, was.obstructed, was.for_sale) != (is.kind, is.obstructed, is.for_sale) {
        changes.reclassified.push(was.id);
    }
}

/// The standing areas of a map, with the label of their section and their category.
fn areas(layout: &Layout) -> Vec<(&str, Option<PartId>, &StandingArea)> {
    let sections = layout.map().sections.iter();
    sections
        .flat_map(|section| {
            section.areas.iter().map(|area| {
                let category = area.category.or(section.category);
                (section.label.as_str(), category, area)
            })
        })
        .collect()
}

fn compare_areas(
    old: &Layout,
    new: &Layout,
    standing: &[(PartId, u32)],
    changes: &mut MapChanges,
    refused: &mut Refused,
) {
    let taken: HashMap<PartId, u32> = standing.iter().copied().collect();
    let (before, after) = (areas(old), areas(new));
    let by_id: HashMap<PartId, &(&str, Option<PartId>, &StandingArea)> =
        after.iter().map(|entry| (entry.2.id, entry)).collect();
    let known: HashSet<PartId> = before.iter().map(|entry| entry.2.id).collect();
    for (section, category, area) in &before {
        let count = taken.get(&area.id).copied().unwrap_or(0);
        let Some((new_section, new_category, new_area)) = by_id.get(&area.id) else {
            if count > 0 {
                refused.area(area, "taken_area_removed");
            }
            changes.areas.push(area.id);
            continue;
        };
        let is_renamed = (section, &area.label) != (new_section, &new_area.label);
        if is_renamed && count > 0 {
            refused.area(area, "taken_area_relabelled");
        }
        if new_area.capacity < count {
            refused.area(area, "area_below_taken");
        }
        if is_renamed || category != new_category || area.capacity != new_area.capacity {
            changes.areas.push(area.id);
        }
    }
    let added = after.iter().filter(|entry| !known.contains(&entry.2.id));
    changes.areas.extend(added.map(|entry| entry.2.id));
}
