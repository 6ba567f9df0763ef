//! The map without a picture: for screen readers, for slow lines, and for programs.

use serde::Serialize;
use utoipa::ToSchema;

use super::ids::{PartId, SeatId};
use super::layout::Layout;
use super::model::SeatKind;
use super::occupancy::{Occupancy, SeatState};
use super::set::SeatSet;

/// How much is free in a price category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategoryCount {
    /// The category.
    pub id: PartId,
    /// How many of its seats are free.
    pub free: usize,
    /// How many seats it has.
    pub seats: usize,
}

/// A section in a few lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SectionSummary {
    /// The section.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// The door that leads there, if people are to know.
    pub entrance: Option<String>,
    /// How many of its seats are free.
    pub free: usize,
    /// How many of its free seats are wheelchair spaces.
    pub free_wheelchair: usize,
    /// How many of its free seats are reached without a step.
    pub free_step_free: usize,
    /// By price category, in the order of the map; those without a seat here are left out.
    pub categories: Vec<CategoryCount>,
}

/// A seat in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedSeat {
    /// The seat.
    pub id: SeatId,
    /// What is written on it.
    pub label: String,
    /// Its price category.
    pub category: PartId,
    /// What it is, as to who needs it.
    pub kind: SeatKind,
    /// Whether something stands in the view.
    pub obstructed: bool,
    /// How it stands.
    pub state: SeatState,
}

/// A row or table in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedGroup {
    /// The row or table.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// Whether it is a table.
    pub is_table: bool,
    /// Whether it is only sold whole.
    pub whole: bool,
    /// Its seats, in their order.
    pub seats: Vec<ListedSeat>,
}

/// All sections, in the order of the map, with what is free.
pub fn summary(layout: &Layout, occupancy: &Occupancy) -> Vec<SectionSummary> {
    let free = occupancy.free(layout);
    let categories = &layout.map().categories;
    let sections = layout.map().sections.iter().enumerate();
    sections
        .map(|(at, section)| {
            let mut counts: Vec<CategoryCount> = categories
                .iter()
                .map(|category| CategoryCount {
                    id: category.id,
                    free: 0,
                    seats: 0,
                })
                .collect();
            let (mut all, mut wheelchair, mut step_free) = (0, 0, 0);
            for seat in layout.section_seats(at) {
                let Some(place) = layout.places().get(seat) else {
                    continue;
                };
                let is_free = usize::from(free.contains(seat));
                all += is_free;
                match place.kind {
                    SeatKind::Wheelchair => wheelchair += is_free,
                    SeatKind::StepFree => step_free += is_free,
                    SeatKind::Ordinary | SeatKind::Companion => {}
                }
                if let Some(count) = counts.get_mut(place.category) {
                    count.free += is_free;
                    count.seats += 1;
                }
            }
            counts.retain(|count| count.seats > 0);
            SectionSummary {
                id: section.id,
                label: section.label.clone(),
                entrance: section.entrance.clone(),
                free: all,
                free_wheelchair: wheelchair,
                free_step_free: step_free,
                categories: counts,
            }
        })
        .collect()
}

/// The rows and tables of a section; none if the map does not have it.
pub fn list(
    layout: &Layout,
    occupancy: &Occupancy,
    chosen: &SeatSet,
    section: PartId,
) -> Vec<ListedGroup> {
    let map = layout.map();
    let Some(at) = map.sections.iter().position(|known| known.id == section) else {
        return Vec::new();
    };
    let groups = layout.groups().iter().filter(|group| group.section == at);
    groups
        .map(|group| ListedGroup {
            id: group.id,
            label: group.label.clone(),
            is_table: group.is_table,
            whole: group.whole,
            seats: group
                .seats
                .clone()
                .filter_map(|seat| {
                    let place = layout.places().get(seat)?;
                    Some(ListedSeat {
                        id: place.id,
                        label: place.label.clone(),
                        category: map.categories.get(place.category)?.id,
                        kind: place.kind,
                        obstructed: place.obstructed,
                        state: occupancy.state(layout, chosen, seat),
                    })
                })
                .collect(),
        })
        .collect()
}
