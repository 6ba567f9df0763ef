//! A map that was checked, with the indexes that picking and drawing need.

use std::collections::HashMap;
use std::ops::Range;

use bilten_kernel::error::FieldError;

use super::ids::{PartId, SeatId};
use super::model::{Point, Seat, SeatKind, SeatMap, Section};
use super::numbering::Numbering;
use super::set::SeatSet;

/// How much worse a seat with something in the view is than the farthest one without.
const OBSTRUCTED: u64 = 1_000_000;

/// A seat in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: SeatId,
    /// What is written on it.
    pub label: String,
    /// Its section's place in the map.
    pub section: usize,
    /// Its row's or table's place in [`Layout::groups`].
    pub group: usize,
    /// Its category's place in the map.
    pub category: usize,
    /// What it is, as to who needs it.
    pub kind: SeatKind,
    /// For a companion's seat: the place of the space or seat that it belongs to.
    pub companion_of: Option<usize>,
    /// Whether something stands in the view.
    pub obstructed: bool,
    /// Whether it is sold at all.
    pub for_sale: bool,
    /// Where it is.
    pub at: Point,
    /// How far it is from the best seat there could be; see the module's rules.
    pub cost: u64,
    /// Its run's place, if it is in one.
    pub(super) run: Option<usize>,
}

/// A row or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its section's place in the map.
    pub section: usize,
    /// Its id.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// Whether it is a table.
    pub is_table: bool,
    /// Whether it is a table that is sold with all its chairs or not at all.
    pub whole: bool,
    /// Its seats.
    pub seats: Range<usize>,
}

/// Seats that are neighbours: a stretch of a row between aisles and wheelchair places, or all
/// chairs of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) section: usize,
    pub(super) is_table: bool,
    pub(super) whole: bool,
    pub(super) seats: Range<usize>,
    /// The cost of its best seat.
    pub(super) best: u64,
}

/// A map that was checked, with the indexes that picking and drawing need.
///
/// Seats are numbered from 0 in the order of the map: section by section, rows before tables.
/// Built once for each version of a map and shared (about 10 MB for 60,000 seats).
#[derive(Clone, Debug)]
pub struct Layout {
    map: SeatMap,
    places: Vec<Place>,
    groups: Vec<Group>,
    runs: Vec<Run>,
    /// The runs, that with the best seat first.
    order: Vec<usize>,
    by_id: HashMap<SeatId, usize>,
    /// The companions' seats of a seat.
    companions: HashMap<usize, Vec<usize>>,
    for_sale: SeatSet,
}

/// Ids that are none of a map's seats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the map has no such seats")]
pub struct UnknownSeats(pub Vec<SeatId>);

impl Layout {
    /// Checks a map and builds its indexes, in time linear in its size but for one sort.
    ///
    /// # Errors
    /// What is wrong with the map, as [`SeatMap::check`] says.
    pub fn new(map: SeatMap) -> Result<Self, Vec<FieldError>> {
        map.check()?;
        let mut layout = Self {
            places: Vec::with_capacity(map.seats()),
            groups: Vec::new(),
            runs: Vec::new(),
            order: Vec::new(),
            by_id: HashMap::with_capacity(map.seats()),
            companions: HashMap::new(),
            for_sale: SeatSet::empty(map.seats()),
            map: SeatMap {
                sections: Vec::new(),
                ..map
            },
        };
        let categories: HashMap<PartId, usize> = layout
            .map
            .categories
            .iter()
            .enumerate()
            .map(|(at, category)| (category.id, at))
            .collect();
        for (at, section) in map.sections.iter().enumerate() {
            layout.add_section(at, section, &categories);
        }
        layout.map.sections = map.sections;
        layout.link_companions();
        let mut order: Vec<usize> = (0..layout.runs.len()).collect();
        order.sort_by_key(|run| (layout.runs.get(*run).map_or(0, |run| run.best), *run));
        layout.order = order;
        Ok(layout)
    }

    fn add_section(&mut self, at: usize, section: &Section, categories: &HashMap<PartId, usize>) {
        for row in &section.rows {
            let group = Group {
                section: at,
                id: row.id,
                label: row.label.clone(),
                is_table: false,
                whole: false,
                seats: self.places.len()..self.places.len() + row.seats.len(),
            };
            let category = row.category.or(section.category);
            self.add_seats(&group, &row.seats, row.numbering, category, categories);
            self.add_runs(&group, &row.seats);
            self.groups.push(group);
        }
        for table in &section.tables {
            let group = Group {
                section: at,
                id: table.id,
                label: table.label.clone(),
                is_table: true,
                whole: table.whole,
                seats: self.places.len()..self.places.len() + table.chairs.len(),
            };
            let category = table.category.or(section.category);
            self.add_seats(&group, &table.chairs, table.numbering, category, categories);
            self.add_run(&group, group.seats.clone());
            self.groups.push(group);
        }
    }

    fn add_seats(
        &mut self,
        group: &Group,
        seats: &[Seat],
        numbering: Option<Numbering>,
        category: Option<PartId>,
        categories: &HashMap<PartId, usize>,
    ) {
        for (k, seat) in seats.iter().enumerate() {
            let label = match (&seat.label, numbering) {
                (Some(label), _) => label.clone(),
                (None, Some(numbering)) => numbering.label(k, seats.len()),
                (None, None) => String::new(),
            };
            let place = self.places.len();
            let at = Point {
                x: seat.x,
                y: seat.y,
            };
            if !seat.not_for_sale {
                self.for_sale.insert(place);
            }
            self.by_id.insert(seat.id, place);
            let category = seat
                .category
                .or(category)
                .and_then(|id| categories.get(&id).copied())
                .unwrap_or(0);
            self.places.push(Place {
                id: seat.id,
                label,
                section: group.section,
                group: self.groups.len(),
                category,
                kind: seat.kind,
                companion_of: None,
                obstructed: seat.obstructed,
                for_sale: !seat.not_for_sale,
                at,
                cost: cost(self.map.focus, at, seat.obstructed),
                run: None,
            });
        }
    }

    /// Divides a row where neighbours end.
    fn add_runs(&mut self, group: &Group, seats: &[Seat]) {
        let mut from = group.seats.start;
        for (at, seat) in group.seats.clone().zip(seats) {
            match seat.kind {
                SeatKind::Ordinary | SeatKind::StepFree => {
                    if seat.aisle_before {
                        self.add_run(group, from..at);
                        from = at;
                    }
                }
                SeatKind::Wheelchair | SeatKind::Companion => {
                    self.add_run(group, from..at);
                    from = at + 1;
                }
            }
        }
        self.add_run(group, from..group.seats.end);
    }

    fn add_run(&mut self, group: &Group, seats: Range<usize>) {
        let number = self.runs.len();
        let mut best = u64::MAX;
        for place in self.places.get_mut(seats.clone()).unwrap_or_default() {
            best = best.min(place.cost);
            place.run = Some(number);
        }
        if !seats.is_empty() {
            self.runs.push(Run {
                section: group.section,
                is_table: group.is_table,
                whole: group.whole,
                seats,
                best,
            });
        }
    }

    fn link_companions(&mut self) {
        let named = self.map.sections.iter().flat_map(|section| {
            let rows = section.rows.iter().flat_map(|row| &row.seats);
            rows.chain(section.tables.iter().flat_map(|table| &table.chairs))
        });
        let named: Vec<Option<SeatId>> = named.map(|seat| seat.companion_of).collect();
        for (at, of) in named.into_iter().enumerate() {
            let Some(of) = of.and_then(|id| self.by_id.get(&id).copied()) else {
                continue;
            };
            if let Some(place) = self.places.get_mut(at) {
                place.companion_of = Some(of);
            }
            self.companions.entry(of).or_default().push(at);
        }
    }

    /// The map.
    pub const fn map(&self) -> &SeatMap {
        &self.map
    }

    /// All seats, in the order of the map.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// All rows and tables, in the order of the map.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The seat with this id.
    pub fn place(&self, id: SeatId) -> Option<&Place> {
        self.places.get(self.index(id)?)
    }

    /// The number of the seat with this id.
    pub fn index(&self, id: SeatId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The seats that are sold at all.
    pub const fn for_sale(&self) -> &SeatSet {
        &self.for_sale
    }

    /// The set of the seats with these ids; an id may be named twice.
    ///
    /// # Errors
    /// The ids that the map does not have.
    pub fn set<I: IntoIterator<Item = SeatId>>(&self, ids: I) -> Result<SeatSet, UnknownSeats> {
        let (mut set, mut unknown) = (SeatSet::empty(self.places.len()), Vec::new());
        for id in ids {
            match self.index(id) {
                Some(place) => {
                    set.insert(place);
                }
                None => unknown.push(id),
            }
        }
        if unknown.is_empty() {
            Ok(set)
        } else {
            Err(UnknownSeats(unknown))
        }
    }

    /// The ids of a set, sorted: the order in which every statement takes seats.
    pub fn ids(&self, set: &SeatSet) -> Vec<SeatId> {
        let mut ids: Vec<SeatId> = set
            .iter()
            .filter_map(|place| self.places.get(place))
            .map(|place| place.id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Section, row or table, and seat, as people say them.
    pub fn labels<'a>(&'a self, place: &'a Place) -> (&'a str, &'a str, &'a str) {
        let section = self.map.sections.get(place.section);
        let group = self.groups.get(place.group);
        (
            section.map_or("", |section| section.label.as_str()),
            group.map_or("", |group| group.label.as_str()),
            place.label.as_str(),
        )
    }

    /// The seats of a section; none if the map does not have it.
    pub fn section_seats(&self, section: usize) -> Range<usize> {
        let start = self.places.partition_point(|place| place.section < section);
        let end = self
            .places
            .partition_point(|place| place.section <= section);
        start..end
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The runs, that with the best seat first.
    pub(super) fn best_runs(&self) -> impl Iterator<Item = &Run> {
        self.order.iter().filter_map(|run| self.runs.get(*run))
    }

    /// The companions' seats of a seat.
    pub(super) fn companions(&self, place: usize) -> &[usize] {
        self.companions
            .get(&place)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// The distance to what everybody looks at, and half of what of it is to the side.
fn cost(focus: Point, at: Point, obstructed: bool) -> u64 {
    let aside = u64::from(focus.x.abs_diff(at.x)) / 2;
    let view = if obstructed { OBSTRUCTED } else { 0 };
    focus.distance_squared(at).isqrt() + aside + view
}
