//! Where labels stand: beside the seats, and as large as a phone can show.

use std::collections::BTreeMap;

use super::frame::{Frame, seat_radius};
use super::ground::Ground;
use crate::catalog::seating::ids::PartId;
use crate::catalog::seating::layout::Layout;
use crate::catalog::seating::model::{MapObject, Point, SeatTable, StandingArea, TableShape};

/// How many times as wide as its labels are high a picture is: on a phone that shows it 360 pixels
/// wide, they have 15.
const WIDTH_IN_LABELS: i32 = 24;

/// A label's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// Its middle.
    pub(super) at: Point,
    /// How high its letters are.
    pub(super) size: i32,
}

impl Label {
    /// What it covers.
    fn frame(self, text: &str) -> Frame {
        let half_width = self.size * width_in_hundredths(text) / 200 + 1;
        Frame::of(self.at, half_width, self.size * 3 / 5)
    }
}

/// How wide a text is in bold letters, in hundredths of its size: rather too wide than too narrow, as
/// nobody knows the font.
fn width_in_hundredths(text: &str) -> i32 {
    let letters = text.chars().map(|c| match c {
        // Chinese, Japanese, Korean and much that is rarer.
        '\u{1100}'.. => 100,
        c if c.is_uppercase() => 80,
        _ => 62,
    });
    letters.sum::<i32>().max(62)
}

/// The labels of a picture.
pub(super) struct Labels {
    /// The largest size.
    size: i32,
    /// What the picture shows.
    frame: Frame,
    objects: Vec<Option<Label>>,
    areas: BTreeMap<PartId, Label>,
    sections: Vec<Option<Label>>,
}

impl Labels {
    /// Finds their places, in a picture of the whole map or of one section.
    pub(super) fn new(layout: &Layout, only: Option<usize>) -> Self {
        let map = layout.map();
        let frame = match only.and_then(|at| Frame::of_section(layout, at)) {
            Some(section) => section.grown(map.seat_size),
            None => Frame::of_map(map),
        };
        let size = (frame.width() / WIDTH_IN_LABELS).max(1);
        let mut room = Room::new(layout, only, frame);
        let mut labels = Self {
            size,
            frame,
            objects: Vec::new(),
            areas: BTreeMap::new(),
            sections: Vec::new(),
        };
        for area in shown_areas(layout, only) {
            let label = room.inside(&area.outline, &area.label, size);
            labels.areas.extend(label.map(|label| (area.id, label)));
        }
        if only.is_none() {
            for object in &map.objects {
                labels.objects.push(room.on_object(object, size));
            }
            labels.sections = room.beside_sections(size);
            // Those at the edges may stand above the map or below it.
            for (label, section) in labels.sections.iter().zip(&map.sections) {
                let frame = label.map(|label| label.frame(&section.label));
                labels.frame = frame.map_or(labels.frame, |frame| labels.frame.with(frame));
            }
        }
        labels
    }

    /// What the picture shows.
    pub(super) const fn frame(&self) -> Frame {
        self.frame
    }

    pub(super) fn of_object(&self, number: usize) -> Option<Label> {
        self.objects.get(number).copied().flatten()
    }

    pub(super) fn of_section(&self, number: usize) -> Option<Label> {
        self.sections.get(number).copied().flatten()
    }

    pub(super) fn of_area(&self, id: PartId) -> Option<Label> {
        self.areas.get(&id).copied()
    }

    /// A table's label is on it; chairs stand around.
    pub(super) fn in_table(&self, table: &SeatTable) -> Label {
        let frame = Frame::of_table(table);
        let tenths = match table.shape {
            TableShape::Round => 7,
            TableShape::Rectangle => 9,
        };
        let width = frame.width() * tenths / 10;
        let height = frame.height() * tenths / 10;
        Label {
            at: frame.middle(),
            size: fitting(width, height, &table.label, self.size),
        }
    }
}

/// The largest size in which a text fits into a rectangle.
fn fitting(width: i32, height: i32, text: &str, largest: i32) -> i32 {
    let by_width = width * 100 / width_in_hundredths(text);
    largest.min(by_width).min(height * 4 / 5).max(1)
}

fn shown_areas(layout: &Layout, only: Option<usize>) -> impl Iterator<Item = &StandingArea> {
    let sections = layout.map().sections.iter().enumerate();
    let shown = sections.filter(move |(at, _)| only.is_none_or(|only| only == *at));
    shown.flat_map(|(_, section)| &section.areas)
}

/// A section that is to have a label.
#[derive(Clone, Copy)]
struct Named<'a> {
    frame: Frame,
    label: &'a str,
}

/// Where labels of sections may stand.
#[derive(Clone, Copy)]
struct Rules {
    /// How many of the places beside a section are tried.
    places: usize,
    /// Whether they may stand in an area or on an object.
    may_cover: bool,
}

impl Rules {
    const ABOVE: Self = Self {
        places: 1,
        may_cover: false,
    };
    const BESIDE: Self = Self {
        places: 9,
        may_cover: false,
    };
    const ANYWHERE: Self = Self {
        places: 9,
        may_cover: true,
    };
}

/// What room there is for labels.
struct Room<'a> {
    layout: &'a Layout,
    window: Frame,
    /// Seats and tables.
    seats: Ground,
    /// Seats, tables and standing areas.
    all: Ground,
    objects: Vec<Frame>,
    /// The labels of objects.
    labels: Vec<Frame>,
}

impl<'a> Room<'a> {
    fn new(layout: &'a Layout, only: Option<usize>, window: Frame) -> Self {
        let map = layout.map();
        let radius = seat_radius(map);
        let shown = |at: usize| only.is_none_or(|only| only == at);
        let seats = layout.places().iter().filter(|seat| shown(seat.section));
        let mut things: Vec<Frame> = seats
            .map(|seat| Frame::of(seat.at, radius, radius))
            .collect();
        for (_, section) in map.sections.iter().enumerate().filter(|(at, _)| shown(*at)) {
            things.extend(section.tables.iter().map(Frame::of_table));
        }
        let fine = map.seat_size / 5;
        let seats = Ground::new(window, fine, &things);
        let areas = shown_areas(layout, only);
        things.extend(areas.filter_map(|area| Frame::around(&area.outline)));
        let objects = map.objects.iter();
        Self {
            layout,
            window,
            seats,
            all: Ground::new(window, fine, &things),
            objects: objects
                .filter_map(|object| Frame::around(&object.outline))
                .collect(),
            labels: Vec::new(),
        }
    }

    /// In the middle of an outline, or at its upper or lower edge if somebody sits there.
    fn inside(&self, outline: &[Point], text: &str, largest: i32) -> Option<Label> {
        let frame = Frame::around(outline)?;
        let middle = frame.middle();
        let fits = fitting(frame.width() * 9 / 10, frame.height(), text, largest);
        let sizes = [fits, fits * 3 / 4, fits / 2];
        sizes.into_iter().filter(|size| *size > 0).find_map(|size| {
            let half = size * 3 / 5 + 1;
            let heights = [middle.y, frame.top + half, frame.bottom - half];
            let labels = heights.map(|y| Label {
                at: Point { x: middle.x, y },
                size,
            });
            let mut labels = labels.into_iter();
            labels.find(|label| self.has_no_seats(label.frame(text), &self.labels))
        })
    }

    fn on_object(&mut self, object: &MapObject, largest: i32) -> Option<Label> {
        let text = object.label.as_ref()?;
        let label = self.inside(&object.outline, text, largest)?;
        self.labels.push(label.frame(text));
        Some(label)
    }

    /// Beside each section that has seats, all in one size, in which there is room for most.
    fn beside_sections(&self, largest: i32) -> Vec<Option<Label>> {
        let sections = self.layout.map().sections.iter().enumerate();
        let sections: Vec<Option<Named<'_>>> = sections
            .map(|(at, section)| {
                let frame = Frame::of_section(self.layout, at);
                let frame = frame.filter(|_| section.seats() > 0)?;
                let label = section.label.as_str();
                Some(Named { frame, label })
            })
            .collect();
        let wanted = sections.iter().flatten().count();
        let least = seat_radius(self.layout.map()).min(largest);
        let smaller = |size: &i32| Some(size * 5 / 6).filter(|size| *size >= least);
        let sizes = std::iter::successors(Some(largest), smaller);

        let (mut best, mut most) = (vec![None; sections.len()], 0);
        for (least, rules) in [
            // Where all stand above their sections, nobody wonders whose they are.
            (largest * 3 / 5, Rules::ABOVE),
            (least, Rules::BESIDE),
            (least, Rules::ANYWHERE),
        ] {
            for size in sizes.clone().take_while(|size| *size >= least) {
                let placed = self.placed(&sections, size, rules);
                let count = placed.iter().flatten().count();
                if count > most {
                    (best, most) = (placed, count);
                }
                if most == wanted {
                    return best;
                }
            }
        }
        best
    }

    /// The labels of sections in a size; none where there is no room.
    fn placed(
        &self,
        sections: &[Option<Named<'_>>],
        size: i32,
        rules: Rules,
    ) -> Vec<Option<Label>> {
        let mut labels = self.labels.clone();
        let mut placed = Vec::with_capacity(sections.len());
        for section in sections {
            let label = section.and_then(|section| {
                let mut tried = beside(section, size).into_iter().take(rules.places);
                tried.find(|label| {
                    let frame = label.frame(section.label);
                    self.has_no_seats(frame, &labels)
                        && (rules.may_cover || self.has_nothing(frame, section))
                })
            });
            if let (Some(label), Some(section)) = (label, section) {
                labels.push(label.frame(section.label));
            }
            placed.push(label);
        }
        placed
    }

    /// Whether there is neither seat nor table nor one of these labels in a rectangle, which may be above
    /// or below the picture, but not at its sides.
    fn has_no_seats(&self, frame: Frame, labels: &[Frame]) -> bool {
        frame.left >= self.window.left
            && frame.right <= self.window.right
            && self.seats.is_free(frame)
            && !labels.iter().any(|label| label.meets(frame))
    }

    /// Whether there is neither an area nor an object in a rectangle, unless a section is on it, too.
    fn has_nothing(&self, frame: Frame, section: Named<'_>) -> bool {
        let is_under = |object: &&Frame| !object.covers(section.frame);
        self.all.is_free(frame)
            && !self
                .objects
                .iter()
                .filter(is_under)
                .any(|object| object.meets(frame))
    }
}

/// Where a section's label could stand, the best place first: above it, below it, beyond the ends of its
/// rows, or in its middle, if that is empty.
fn beside(section: Named<'_>, size: i32) -> [Label; 9] {
    let frame = section.frame;
    let middle = frame.middle();
    let label = Label { at: middle, size }.frame(section.label);
    let gap = size / 5 + 1;
    let half = label.width() / 2;
    let (first, last) = (frame.left + half, frame.right - half);
    let above = frame.top - label.height() / 2 - gap;
    let below = frame.bottom + label.height() / 2 + gap;
    [
        (middle.x, above),
        (first, above),
        (last, above),
        (middle.x, below),
        (first, below),
        (last, below),
        (frame.left - half - gap, middle.y),
        (frame.right + half + gap, middle.y),
        (middle.x, middle.y),
    ]
    .map(|(x, y)| Label {
        at: Point { x, y },
        size,
    })
}
