//! Whether a map makes sense; each fault by code and path. Frame and sizes are here, what is inside
//! the map in `parts.rs`.

mod parts;

use std::collections::{HashMap, HashSet};
use std::fmt;

use bilten_kernel::error::FieldError;

use super::ids::{PartId, SeatId};
use super::model::{FORMAT, Point, SeatKind, SeatMap};

/// The most seats of one map.
pub const MAX_SEATS: usize = 60_000;
/// The most seats of one section: what one picture can hold with every seat an element.
pub const MAX_SECTION_SEATS: usize = 3_000;
/// The most seats of one row and the most chairs of one table.
pub const MAX_ROW_SEATS: usize = 500;
/// The most people that a map has places for, standing areas included.
pub const MAX_PLACES: u64 = 1_000_000;
/// The largest width and height of a map.
pub const MAX_COORDINATE: i32 = 100_000;
/// The most sections.
const MAX_SECTIONS: usize = 500;
/// The most rows, tables and standing areas of one section.
const MAX_PARTS: usize = 500;
/// The most price categories.
const MAX_CATEGORIES: usize = 50;
/// The most objects.
const MAX_OBJECTS: usize = 500;
/// The most corners of an outline.
const MAX_CORNERS: usize = 200;
/// The most faults that are told at once.
pub(super) const MAX_FAULTS: usize = 100;

/// Where a fault is.
#[derive(Clone, Copy)]
enum At {
    Map,
    Category(usize),
    Section(usize),
    Row(usize, usize),
    Table(usize, usize),
    Area(usize, usize),
    Seat(usize, usize, usize),
    Chair(usize, usize, usize),
    Object(usize),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map => Ok(()),
            Self::Category(i) => write!(f, "categories[{i}]."),
            Self::Section(i) => write!(f, "sections[{i}]."),
            Self::Row(i, j) => write!(f, "sections[{i}].rows[{j}]."),
            Self::Table(i, j) => write!(f, "sections[{i}].tables[{j}]."),
            Self::Area(i, j) => write!(f, "sections[{i}].areas[{j}]."),
            Self::Seat(i, j, k) => write!(f, "sections[{i}].rows[{j}].seats[{k}]."),
            Self::Chair(i, j, k) => write!(f, "sections[{i}].tables[{j}].chairs[{k}]."),
            Self::Object(i) => write!(f, "objects[{i}]."),
        }
    }
}

/// What is remembered of a seat until all are read.
struct Seen {
    section: usize,
    kind: SeatKind,
}

struct Checker<'a> {
    map: &'a SeatMap,
    faults: Vec<FieldError>,
    categories: HashSet<PartId>,
    section_ids: HashSet<PartId>,
    section_labels: HashSet<String>,
    /// Ids of rows, tables and areas.
    parts: HashSet<PartId>,
    seats: HashMap<SeatId, Seen>,
    companions: Vec<(At, usize, SeatId)>,
    /// Where seats are, by squares as large as a seat.
    squares: HashMap<(i32, i32), Vec<Point>>,
}

impl SeatMap {
    /// Checks all that types do not.
    ///
    /// Codes: `format`, `required`, `too_long`, `text`, `out_of_range`, `outside`, `too_many`,
    /// `empty`, `duplicate_id`, `duplicate_label`, `unknown_category`, `no_category`, `no_label`,
    /// `outline`, `overlap`, `not_a_companion`, `no_companion_of`, `unknown_seat`.
    ///
    /// The time is linear in the map's size.
    ///
    /// # Errors
    /// What is wrong, at most a hundred faults.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut checker = Checker {
            map: self,
            faults: Vec::new(),
            categories: HashSet::new(),
            section_ids: HashSet::new(),
            section_labels: HashSet::new(),
            parts: HashSet::new(),
            seats: HashMap::new(),
            companions: Vec::new(),
            squares: HashMap::new(),
        };
        // A map that is too large, or has no sensible frame, is not looked at seat by seat.
        let has_frame = checker.frame();
        if checker.sizes() && has_frame {
            checker.categories();
            for (i, section) in self.sections.iter().enumerate() {
                checker.section(i, section);
            }
            checker.companions();
            checker.objects();
        }
        if checker.faults.is_empty() {
            Ok(())
        } else {
            Err(checker.faults)
        }
    }
}

impl Checker<'_> {
    fn add(&mut self, at: At, field: &str, code: &'static str, detail: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(FieldError {
                field: format!("{at}{field}"),
                code: code.into(),
                detail: detail.into(),
            });
        }
    }

    fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    fn range(&mut self, at: At, field: &str, value: i32, min: i32, max: i32) -> bool {
        let is_ok = (min..=max).contains(&value);
        if !is_ok {
            let detail = format!("must be between {min} and {max}");
            self.add(at, field, "out_of_range", detail);
        }
        is_ok
    }

    fn text(&mut self, at: At, field: &str, text: &str, max: usize) {
        if text.is_empty() {
            self.add(at, field, "required", "must not be empty");
        } else if text.chars().nth(max).is_some() {
            self.add(
                at,
                field,
                "too_long",
                format!("may have at most {max} characters"),
            );
        } else if text.trim() != text || text.chars().any(is_hidden) {
            self.add(
                at,
                field,
                "text",
                "must not begin or end with a space, nor hold control or invisible characters",
            );
        }
    }

    fn is_inside(&self, x: i32, y: i32) -> bool {
        (0..=self.map.width).contains(&x) && (0..=self.map.height).contains(&y)
    }

    fn inside(&mut self, at: At, field: &str, x: i32, y: i32) -> bool {
        let is_inside = self.is_inside(x, y);
        if !is_inside {
            self.add(at, field, "outside", "must be on the map");
        }
        is_inside
    }

    /// Whether the map's measures are such that coordinates can be reckoned with.
    fn frame(&mut self) -> bool {
        let map = self.map;
        if map.format != FORMAT {
            self.add(
                At::Map,
                "format",
                "format",
                format!("this is not format {FORMAT}"),
            );
        }
        self.text(At::Map, "name", &map.name, 100);
        let mut is_ok = self.range(At::Map, "width", map.width, 100, MAX_COORDINATE);
        is_ok &= self.range(At::Map, "height", map.height, 100, MAX_COORDINATE);
        is_ok &= self.range(At::Map, "seat_size", map.seat_size, 4, 1_000);
        self.inside(At::Map, "focus", map.focus.x, map.focus.y);
        is_ok
    }

    fn count(&mut self, at: At, field: &str, count: usize, max: usize) -> bool {
        if count > max {
            self.add(at, field, "too_many", format!("at most {max}"));
        }
        count <= max
    }

    /// Whether the map is small enough to be looked at.
    fn sizes(&mut self) -> bool {
        let map = self.map;
        let mut is_ok = self.count(At::Map, "categories", map.categories.len(), MAX_CATEGORIES);
        is_ok &= self.count(At::Map, "sections", map.sections.len(), MAX_SECTIONS);
        is_ok &= self.count(At::Map, "objects", map.objects.len(), MAX_OBJECTS);
        if !is_ok {
            return false;
        }
        let mut standing = 0;
        for (i, section) in map.sections.iter().enumerate() {
            let at = At::Section(i);
            is_ok &= self.count(at, "rows", section.rows.len(), MAX_PARTS);
            is_ok &= self.count(at, "tables", section.tables.len(), MAX_PARTS);
            is_ok &= self.count(at, "areas", section.areas.len(), MAX_PARTS);
            is_ok &= self.count(at, "seats", section.seats(), MAX_SECTION_SEATS);
            standing += section
                .areas
                .iter()
                .map(|area| u64::from(area.capacity))
                .sum::<u64>();
        }
        let seats = map.seats();
        is_ok &= self.count(At::Map, "seats", seats, MAX_SEATS);
        let places = standing.saturating_add(u64::try_from(seats).unwrap_or(u64::MAX));
        if places == 0 {
            self.add(
                At::Map,
                "sections",
                "empty",
                "a map has at least one seat or standing area",
            );
        } else if places > MAX_PLACES {
            self.add(
                At::Map,
                "sections",
                "too_many",
                format!("at most {MAX_PLACES} places in all"),
            );
        }
        is_ok
    }

    fn categories(&mut self) {
        let map = self.map;
        let mut labels = HashSet::new();
        for (i, category) in map.categories.iter().enumerate() {
            let at = At::Category(i);
            self.text(at, "label", &category.label, 60);
            if !self.categories.insert(category.id) {
                self.add(at, "id", "duplicate_id", "another category has this id");
            }
            self.label(at, &mut labels, &category.label);
        }
    }

    fn label(&mut self, at: At, labels: &mut HashSet<String>, label: &str) {
        if !labels.insert(label.to_lowercase()) {
            self.add(
                at,
                "label",
                "duplicate_label",
                "its neighbour has the same label",
            );
        }
    }

    fn category(&mut self, at: At, category: Option<PartId>) {
        if category.is_some_and(|id| !self.categories.contains(&id)) {
            self.add(
                at,
                "category",
                "unknown_category",
                "the map has no such category",
            );
        }
    }

    fn part(&mut self, at: At, id: PartId) {
        if !self.parts.insert(id) {
            self.add(
                at,
                "id",
                "duplicate_id",
                "another row, table or standing area has this id",
            );
        }
    }
}

/// Control characters, and those that turn the direction of what is written around them or hide.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
