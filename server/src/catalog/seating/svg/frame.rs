//! Rectangles of a map.

use crate::catalog::seating::layout::Layout;
use crate::catalog::seating::model::{Point, SeatMap, SeatTable};

/// How large a seat is drawn.
pub(super) fn seat_radius(map: &SeatMap) -> i32 {
    (map.seat_size * 2 / 5).max(1)
}

/// A rectangle, with its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Frame {
    /// The rectangle around its middle.
    pub(super) const fn of(middle: Point, half_width: i32, half_height: i32) -> Self {
        Self {
            left: middle.x - half_width,
            top: middle.y - half_height,
            right: middle.x + half_width,
            bottom: middle.y + half_height,
        }
    }

    /// All of the map.
    pub(super) const fn of_map(map: &SeatMap) -> Self {
        Self {
            left: 0,
            top: 0,
            right: map.width,
            bottom: map.height,
        }
    }

    /// The rectangle around a table.
    pub(super) const fn of_table(table: &SeatTable) -> Self {
        let middle = Point {
            x: table.x,
            y: table.y,
        };
        Self::of(middle, table.width / 2, table.height / 2)
    }

    /// The rectangle around a section's seats, tables and areas, if it has any.
    pub(super) fn of_section(layout: &Layout, at: usize) -> Option<Self> {
        let section = layout.map().sections.get(at)?;
        let radius = seat_radius(layout.map());
        let seats = layout.places().get(layout.section_seats(at));
        let seats = seats.unwrap_or_default().iter();
        let seats = seats.map(|place| Self::of(place.at, radius, radius));
        let tables = section.tables.iter().map(Self::of_table);
        let areas = section.areas.iter();
        let areas = areas.filter_map(|area| Self::around(&area.outline));
        seats.chain(tables).chain(areas).reduce(Self::with)
    }

    /// The rectangle around some points.
    pub(super) fn around(points: &[Point]) -> Option<Self> {
        let points = points.iter().map(|point| Self::of(*point, 0, 0));
        points.reduce(Self::with)
    }

    /// The rectangle around both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// With so much more at each side.
    pub(super) const fn grown(self, by: i32) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    pub(super) const fn width(self) -> i32 {
        self.right - self.left
    }

    pub(super) const fn height(self) -> i32 {
        self.bottom - self.top
    }

    pub(super) const fn middle(self) -> Point {
        Point {
            x: self.left + self.width() / 2,
            y: self.top + self.height() / 2,
        }
    }

    /// Whether they have a point in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.left <= other.right
            && other.left <= self.right
            && self.top <= other.bottom
            && other.top <= self.bottom
    }

    /// Whether the other one is all in it.
    pub(super) const fn covers(self, other: Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }
}
