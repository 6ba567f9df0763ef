//! Sections, rows, tables, seats, areas and objects, one by one.

use std::collections::HashSet;

use super::super::ids::PartId;
use super::super::model::{Point, Seat, SeatKind, Section};
use super::super::numbering::Numbering;
use super::{At, Checker, MAX_COORDINATE, MAX_CORNERS, MAX_ROW_SEATS, Seen};

/// What of a section, row or table the seats in it share.
struct Around<'a> {
    section: usize,
    category: Option<PartId>,
    numbering: Option<Numbering>,
    seats: &'a [Seat],
}

impl Checker<'_> {
    pub(super) fn section(&mut self, i: usize, section: &Section) {
        let at = At::Section(i);
        self.text(at, "label", &section.label, 60);
        if let Some(entrance) = &section.entrance {
            self.text(at, "entrance", entrance, 60);
        }
        self.category(at, section.category);
        if !self.section_ids.insert(section.id) {
            self.add(at, "id", "duplicate_id", "another section has this id");
        }
        if !self.section_labels.insert(section.label.to_lowercase()) {
            self.add(
                at,
                "label",
                "duplicate_label",
                "another section has the same label",
            );
        }
        self.rows_and_tables(i, section);
        self.areas(i, section);
    }

    fn rows_and_tables(&mut self, i: usize, section: &Section) {
        let mut labels = HashSet::new();
        for (j, row) in section.rows.iter().enumerate() {
            let at = At::Row(i, j);
            self.text(at, "label", &row.label, 20);
            self.part(at, row.id);
            self.label(at, &mut labels, &row.label);
            self.category(at, row.category);
            if row.seats.is_empty() {
                self.add(at, "seats", "empty", "a row has at least one seat");
            }
            let around = Around {
                section: i,
                category: row.category.or(section.category),
                numbering: row.numbering,
                seats: &row.seats,
            };
            if self.count(at, "seats", row.seats.len(), MAX_ROW_SEATS) {
                self.seats(&around, |k| At::Seat(i, j, k));
            }
        }
        let mut labels = HashSet::new();
        for (j, table) in section.tables.iter().enumerate() {
            let at = At::Table(i, j);
            self.text(at, "label", &table.label, 20);
            self.part(at, table.id);
            self.label(at, &mut labels, &table.label);
            self.category(at, table.category);
            self.inside(at, "x", table.x, table.y);
            self.range(at, "width", table.width, 1, MAX_COORDINATE);
            self.range(at, "height", table.height, 1, MAX_COORDINATE);
            if table.chairs.is_empty() {
                self.add(at, "chairs", "empty", "a table has at least one chair");
            }
            let around = Around {
                section: i,
                category: table.category.or(section.category),
                numbering: table.numbering,
                seats: &table.chairs,
            };
            if self.count(at, "chairs", table.chairs.len(), MAX_ROW_SEATS) {
                self.seats(&around, |k| At::Chair(i, j, k));
            }
        }
    }

    fn seats(&mut self, around: &Around<'_>, place: impl Fn(usize) -> At) {
        let mut labels = HashSet::new();
        let of = around.seats.len();
        for (k, seat) in around.seats.iter().enumerate() {
            if self.is_full() {
                return;
            }
            let at = place(k);
            match (&seat.label, around.numbering) {
                (Some(label), _) => {
                    self.text(at, "label", label, 12);
                    self.label(at, &mut labels, label);
                }
                (None, Some(numbering)) => {
                    self.label(at, &mut labels, &numbering.label(k, of));
                }
                (None, None) => self.add(
                    at,
                    "label",
                    "no_label",
                    "neither the seat nor its row says its number",
                ),
            }
            self.category(at, seat.category);
            if seat.category.or(around.category).is_none() {
                self.add(
                    at,
                    "category",
                    "no_category",
                    "neither the seat nor what it is part of has a price category",
                );
            }
            let seen = Seen {
                section: around.section,
                kind: seat.kind,
            };
            if self.seats.insert(seat.id, seen).is_some() {
                self.add(at, "id", "duplicate_id", "another seat has this id");
            }
            self.companion(at, around.section, seat);
            if self.inside(at, "x", seat.x, seat.y) {
                self.overlap(
                    at,
                    Point {
                        x: seat.x,
                        y: seat.y,
                    },
                );
            }
        }
    }

    fn companion(&mut self, at: At, section: usize, seat: &Seat) {
        match (seat.kind, seat.companion_of) {
            (SeatKind::Companion, Some(of)) => self.companions.push((at, section, of)),
            (SeatKind::Companion, None) => self.add(
                at,
                "companion_of",
                "no_companion_of",
                "a companion's seat names the space or seat that it belongs to",
            ),
            (SeatKind::Ordinary | SeatKind::StepFree | SeatKind::Wheelchair, Some(_)) => self.add(
                at,
                "companion_of",
                "not_a_companion",
                "only a companion's seat belongs to another",
            ),
            (SeatKind::Ordinary | SeatKind::StepFree | SeatKind::Wheelchair, None) => {}
        }
    }

    /// Looks at the nine squares around a seat. A seat that overlaps is not kept, so that a square
    /// never holds more than a few, whatever somebody sends.
    fn overlap(&mut self, at: At, seat: Point) {
        let size = self.map.seat_size;
        let (column, row) = (seat.x / size, seat.y / size);
        let least = u64::from(size.unsigned_abs()).pow(2);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (column + dx, row + dy)));
        let overlaps = around
            .filter_map(|square| self.squares.get(&square))
            .flatten()
            .any(|other| other.distance_squared(seat) < least);
        if overlaps {
            self.add(at, "x", "overlap", "another seat is too near");
        } else {
            self.squares.entry((column, row)).or_default().push(seat);
        }
    }

    pub(super) fn companions(&mut self) {
        for (at, section, of) in std::mem::take(&mut self.companions) {
            let is_ok = self.seats.get(&of).is_some_and(|seen| {
                seen.section == section
                    && matches!(seen.kind, SeatKind::Wheelchair | SeatKind::StepFree)
            });
            if !is_ok {
                self.add(
                    at,
                    "companion_of",
                    "unknown_seat",
                    "its section has no such wheelchair space or step-free seat",
                );
            }
        }
    }

    fn areas(&mut self, i: usize, section: &Section) {
        let mut labels = HashSet::new();
        for (j, area) in section.areas.iter().enumerate() {
            let at = At::Area(i, j);
            self.text(at, "label", &area.label, 60);
            self.part(at, area.id);
            self.label(at, &mut labels, &area.label);
            self.category(at, area.category);
            if area.category.or(section.category).is_none() {
                self.add(
                    at,
                    "category",
                    "no_category",
                    "neither the area nor its section has a price category",
                );
            }
            if area.capacity == 0 {
                self.add(at, "capacity", "empty", "must be at least 1");
            }
            self.outline(at, &area.outline);
        }
    }

    fn outline(&mut self, at: At, outline: &[Point]) {
        if !(3..=MAX_CORNERS).contains(&outline.len()) {
            self.add(
                at,
                "outline",
                "outline",
                format!("has between 3 and {MAX_CORNERS} corners"),
            );
        } else if outline.iter().any(|p| !self.is_inside(p.x, p.y)) {
            self.add(at, "outline", "outside", "must be on the map");
        }
    }

    pub(super) fn objects(&mut self) {
        let map = self.map;
        for (i, object) in map.objects.iter().enumerate() {
            let at = At::Object(i);
            if let Some(label) = &object.label {
                self.text(at, "label", label, 60);
            }
            self.outline(at, &object.outline);
        }
    }
}
