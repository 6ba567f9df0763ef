//! The picture of a map, as SVG.
//!
//! The same input gives the same bytes. Nothing in it is a colour: classes say what things are and
//! a style sheet (`seat-map.css` beside this file, or the shop's own) says how they look, in light
//! and dark; how a seat stands is its shape too, so it can be told without colours. Left and right
//! are those of the house, also where people write from right to left.
//!
//! Three views:
//! - [`View::Still`]: an image with a title and a description, for mails and print;
//! - [`View::Sections`]: sections can be chosen, seats are dots, many in one path (60,000 of them in
//!   under 1 MB);
//! - [`View::Seats`]: one section, each seat an element of its own with role, label and state.
//!   One seat can be reached by the tabulator, a script moves on with the arrow keys (a roving
//!   `tabindex`); without a script the list serves (see [`list`](fn@super::list)).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::ids::PartId;
use super::layout::{Layout, Place};
use super::model::{ObjectKind, Point, SeatKind, SeatTable, StandingArea, TableShape};
use super::occupancy::{Occupancy, SeatState};
use super::set::SeatSet;
use super::words::Words;

/// A style sheet for these pictures.
pub const STYLE: &str = include_str!("seat-map.css");

/// What can be done in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Nothing: it is an image.
    Still,
    /// Sections can be chosen.
    Sections,
    /// Seats of this section, and its standing areas, can be chosen.
    Seats(PartId),
}

/// What a picture shows, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The map.
    pub layout: &'a Layout,
    /// What is taken.
    pub occupancy: &'a Occupancy,
    /// What the one who looks has chosen.
    pub chosen: &'a SeatSet,
    /// How many places are left in standing areas; those not named show no number.
    pub standing: &'a [(PartId, u32)],
    /// The words.
    pub words: &'a Words<'a>,
    /// What ids in the document start with, so that two pictures fit in one page: letters only.
    pub prefix: &'a str,
    /// What can be done in it.
    pub view: View,
}

/// Draws a map; none if it does not have the section of the view.
///
/// The size is bounded by the limits of a map: in `Seats` by
/// [`MAX_SECTION_SEATS`](super::MAX_SECTION_SEATS).
pub fn render(picture: &Picture<'_>) -> Option<String> {
    let map = picture.layout.map();
    let section = match picture.view {
        View::Still | View::Sections => None,
        View::Seats(id) => Some(map.sections.iter().position(|known| known.id == id)?),
    };
    let mut drawing = Drawing {
        picture,
        out: String::new(),
        is_first: true,
    };
    drawing.open(section);
    if section.is_none() {
        drawing.objects();
    }
    for (at, shown) in map.sections.iter().enumerate() {
        if section.is_some_and(|only| only != at) {
            continue;
        }
        drawing.open_section(at);
        for table in &shown.tables {
            drawing.table(table);
        }
        for area in &shown.areas {
            drawing.area(area);
        }
        if section.is_some() {
            drawing.seats(at);
        } else {
            drawing.dots(at);
            drawing.section_label(at);
        }
        drawing.out.push_str("</g>\n");
    }
    drawing.out.push_str("</svg>\n");
    Some(drawing.out)
}

/// Writes a text so that it can be the content of an element or of a quoted attribute; what XML
/// cannot hold is left out.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}

struct Drawing<'a> {
    picture: &'a Picture<'a>,
    out: String,
    /// Whether no seat has been the one that the tabulator reaches.
    is_first: bool,
}

/// Adds to the picture; writing to a text cannot fail.
macro_rules! put {
    ($drawing:expr, $($what:tt)+) => {
        let _ = write!($drawing.out, $($what)+);
    };
}

impl Drawing<'_> {
    fn attribute(&mut self, name: &str, text: &str) {
        put!(self, " {name}=\"");
        escape(&mut self.out, text);
        self.out.push('"');
    }

    fn open(&mut self, section: Option<usize>) {
        let picture = self.picture;
        let (map, prefix) = (picture.layout.map(), picture.prefix);
        let (from, to) = match section {
            Some(at) => self.bounds(at),
            None => (
                Point { x: 0, y: 0 },
                Point {
                    x: map.width,
                    y: map.height,
                },
            ),
        };
        let role = match picture.view {
            View::Still => "img",
            View::Sections | View::Seats(_) => "group",
        };
        put!(
            self,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"seat-map\" viewBox=\"{} {} {} {}\" \
             role=\"{role}\" aria-labelledby=\"{prefix}title {prefix}desc\">",
            from.x,
            from.y,
            to.x - from.x,
            to.y - from.y
        );
        put!(self, "\n<title id=\"{prefix}title\">");
        let shown = section.and_then(|at| map.sections.get(at));
        escape(&mut self.out, shown.map_or(&map.name, |shown| &shown.label));
        put!(self, "</title>\n<desc id=\"{prefix}desc\">");
        let seats = section.map_or(0..picture.layout.places().len(), |at| {
            picture.layout.section_seats(at)
        });
        let free = self.count_free(&seats);
        if !seats.is_empty() {
            put!(self, "{free}/{} ", seats.len());
            escape(&mut self.out, picture.words.places_free);
        }
        self.out.push_str("</desc>\n");
        if section.is_some() {
            self.shapes();
        }
    }

    /// One shape for each state, so that a seat is a reference to it; drawn around their origin.
    fn shapes(&mut self) {
        let (prefix, r) = (self.picture.prefix, self.radius());
        let (half, third) = (r / 2, (r / 3).max(1));
        put!(self, "<defs><circle id=\"{prefix}free\" r=\"{r}\"/>");
        put!(
            self,
            "<g id=\"{prefix}chosen\"><circle r=\"{r}\"/><path class=\"mark\" d=\"M-{half} 0L0 {half}L{half} -{half}\"/></g>"
        );
        put!(
            self,
            "<g id=\"{prefix}held\"><circle r=\"{r}\"/><path class=\"mark\" d=\"M-{half} 0H{half}\"/></g>"
        );
        put!(
            self,
            "<path id=\"{prefix}sold\" d=\"M-{half} -{half}L{half} {half}M-{half} {half}L{half} -{half}\"/>"
        );
        put!(self, "<circle id=\"{prefix}not_for_sale\" r=\"{third}\"/>");
        put!(
            self,
            "<rect id=\"{prefix}access\" x=\"-{r}\" y=\"-{r}\" width=\"{0}\" height=\"{0}\"/></defs>",
            2 * r
        );
        self.out.push('\n');
    }

    fn radius(&self) -> i32 {
        (self.picture.layout.map().seat_size * 2 / 5).max(1)
    }

    fn count_free(&self, seats: &Range<usize>) -> usize {
        let free = |seat: &usize| self.state(*seat) == SeatState::Free;
        seats.clone().filter(free).count()
    }

    fn state(&self, seat: usize) -> SeatState {
        let picture = self.picture;
        picture
            .occupancy
            .state(picture.layout, picture.chosen, seat)
    }

    /// What a section covers, with a seat's width around it.
    fn bounds(&self, at: usize) -> (Point, Point) {
        let layout = self.picture.layout;
        let size = layout.map().seat_size;
        let seats = layout.places().get(layout.section_seats(at));
        let seats = seats.unwrap_or_default().iter().map(|place| place.at);
        let section = layout.map().sections.get(at);
        let areas = section.into_iter().flat_map(|section| &section.areas);
        let corners = areas.flat_map(|area| area.outline.iter().copied());
        let tables = section.into_iter().flat_map(|section| &section.tables);
        let tables = tables.flat_map(|table| {
            let (w, h) = (table.width / 2, table.height / 2);
            [(-w, -h), (w, h)].map(|(dx, dy)| Point {
                x: table.x + dx,
                y: table.y + dy,
            })
        });
        let (mut from, mut to) = (None::<Point>, None::<Point>);
        for p in seats.chain(corners).chain(tables) {
            let (a, b) = (from.unwrap_or(p), to.unwrap_or(p));
            from = Some(Point {
                x: a.x.min(p.x),
                y: a.y.min(p.y),
            });
            to = Some(Point {
                x: b.x.max(p.x),
                y: b.y.max(p.y),
            });
        }
        let (a, b) = (
            from.unwrap_or(Point { x: 0, y: 0 }),
            to.unwrap_or(Point { x: 0, y: 0 }),
        );
        (
            Point {
                x: a.x - size,
                y: a.y - size,
            },
            Point {
                x: b.x + size,
                y: b.y + size,
            },
        )
    }

    fn polygon(&mut self, outline: &[Point]) {
        self.out.push_str("<polygon points=\"");
        for (at, p) in outline.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            put!(self, "{space}{},{}", p.x, p.y);
        }
        self.out.push_str("\"/>");
    }

    fn text(&mut self, class: &str, at: Point, text: &str) {
        put!(
            self,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\" dominant-baseline=\"central\" aria-hidden=\"true\">",
            at.x,
            at.y
        );
        escape(&mut self.out, text);
        self.out.push_str("</text>");
    }

    fn objects(&mut self) {
        let picture = self.picture;
        for object in &picture.layout.map().objects {
            let kind: ObjectKind = object.kind;
            put!(self, "<g class=\"object o-{kind}\">");
            self.polygon(&object.outline);
            if let (Some(label), Some(at)) = (&object.label, middle(&object.outline)) {
                self.text("label", at, label);
            }
            self.out.push_str("</g>\n");
        }
    }

    fn open_section(&mut self, at: usize) {
        let picture = self.picture;
        let Some(section) = picture.layout.map().sections.get(at) else {
            self.out.push_str("<g>");
            return;
        };
        put!(self, "<g class=\"section\" data-section=\"{}\"", section.id);
        if picture.view == View::Sections {
            let seats = picture.layout.section_seats(at);
            let mut free = self.count_free(&seats);
            for area in &section.areas {
                free += self.places_left(area).map_or(0, |left| left as usize);
            }
            let label = format!("{}, {free} {}", section.label, picture.words.places_free);
            self.out.push_str(" role=\"button\" tabindex=\"0\"");
            self.attribute("aria-label", &label);
        }
        self.out.push_str(">\n");
    }

    fn section_label(&mut self, at: usize) {
        let layout = self.picture.layout;
        let seats = layout.section_seats(at);
        let points: Vec<Point> = layout
            .places()
            .get(seats)
            .unwrap_or_default()
            .iter()
            .map(|place| place.at)
            .collect();
        if let (Some(section), Some(middle)) = (layout.map().sections.get(at), middle(&points)) {
            self.text("section-label", middle, &section.label);
        }
    }

    fn table(&mut self, table: &SeatTable) {
        let at = Point {
            x: table.x,
            y: table.y,
        };
        match table.shape {
            TableShape::Round => {
                put!(
                    self,
                    "<ellipse class=\"table\" cx=\"{}\" cy=\"{}\" rx=\"{}\" ry=\"{}\"/>",
                    at.x,
                    at.y,
                    table.width / 2,
                    table.height / 2
                );
            }
            TableShape::Rectangle => {
                put!(
                    self,
                    "<rect class=\"table\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                    at.x - table.width / 2,
                    at.y - table.height / 2,
                    table.width,
                    table.height
                );
            }
        }
        self.text("label", at, &table.label);
        self.out.push('\n');
    }

    /// How many places of an area are left, if that is known.
    fn places_left(&self, area: &StandingArea) -> Option<u32> {
        let mut known = self.picture.standing.iter();
        known.find(|(id, _)| *id == area.id).map(|(_, left)| *left)
    }

    fn area(&mut self, area: &StandingArea) {
        let picture = self.picture;
        put!(self, "<g class=\"area\" data-area=\"{}\"", area.id);
        let mut label = format!("{}, {}", area.label, picture.words.standing);
        if let Some(left) = self.places_left(area) {
            let _ = write!(label, ", {left} {}", picture.words.places_free);
        }
        match picture.view {
            View::Still | View::Sections => self.out.push_str(" role=\"img\""),
            View::Seats(_) => self.out.push_str(" role=\"button\" tabindex=\"0\""),
        }
        self.attribute("aria-label", &label);
        self.out.push('>');
        self.polygon(&area.outline);
        if let Some(at) = middle(&area.outline) {
            self.text("label", at, &area.label);
        }
        self.out.push_str("</g>\n");
    }

    /// The seats of a section as dots, one path for each state and category.
    fn dots(&mut self, at: usize) {
        let picture = self.picture;
        let mut paths: BTreeMap<(SeatState, usize), Vec<Point>> = BTreeMap::new();
        for seat in picture.layout.section_seats(at) {
            if let Some(place) = picture.layout.places().get(seat) {
                let key = (self.state(seat), place.category);
                paths.entry(key).or_default().push(place.at);
            }
        }
        let width = 2 * self.radius();
        for ((state, category), points) in paths {
            put!(
                self,
                "<path class=\"dots s-{state} c{category}\" stroke-width=\"{width}\" stroke-linecap=\"round\" d=\""
            );
            let mut last = Point { x: 0, y: 0 };
            for (number, p) in points.into_iter().enumerate() {
                let command = if number == 0 { 'M' } else { 'm' };
                put!(self, "{command}{} {}h0", p.x - last.x, p.y - last.y);
                last = p;
            }
            self.out.push_str("\"/>\n");
        }
    }

    /// The seats of a section, row by row, each an element of its own.
    fn seats(&mut self, at: usize) {
        let picture = self.picture;
        let layout = picture.layout;
        let groups = layout.groups().iter().enumerate();
        for (number, group) in groups.filter(|(_, group)| group.section == at) {
            self.out.push_str("<g role=\"group\"");
            self.attribute("aria-label", &picture.words.group(layout, number));
            self.out.push_str(">\n");
            for seat in group.seats.clone() {
                if let Some(place) = layout.places().get(seat) {
                    self.seat(seat, place);
                }
            }
            self.out.push_str("</g>\n");
        }
    }

    fn seat(&mut self, seat: usize, place: &Place) {
        let picture = self.picture;
        let (state, prefix) = (self.state(seat), picture.prefix);
        let is_open = matches!(state, SeatState::Free | SeatState::Chosen);
        match place.kind {
            SeatKind::Wheelchair | SeatKind::StepFree => {
                put!(
                    self,
                    "<use class=\"access a-{}\" href=\"#{prefix}access\" x=\"{}\" y=\"{}\"/>",
                    place.kind,
                    place.at.x,
                    place.at.y
                );
            }
            SeatKind::Ordinary | SeatKind::Companion => {}
        }
        put!(
            self,
            "<use class=\"seat s-{state} c{}\" href=\"#{prefix}{state}\" x=\"{}\" y=\"{}\" \
             data-seat=\"{}\" role=\"checkbox\" aria-checked=\"{}\"",
            place.category,
            place.at.x,
            place.at.y,
            place.id,
            state == SeatState::Chosen
        );
        if !is_open {
            self.out.push_str(" aria-disabled=\"true\"");
        }
        let is_entry = self.is_first && is_open;
        self.is_first &= !is_entry;
        put!(self, " tabindex=\"{}\"", if is_entry { 0 } else { -1 });
        let label = picture.words.spoken(picture.layout, place, state);
        self.attribute("aria-label", &label);
        self.out.push_str("/>\n");
    }
}

/// The middle of the rectangle around some points.
fn middle(points: &[Point]) -> Option<Point> {
    let (left, right) = (
        points.iter().map(|p| p.x).min()?,
        points.iter().map(|p| p.x).max()?,
    );
    let (top, bottom) = (
        points.iter().map(|p| p.y).min()?,
        points.iter().map(|p| p.y).max()?,
    );
    Some(Point {
        x: left.midpoint(right),
        y: top.midpoint(bottom),
    })
}
