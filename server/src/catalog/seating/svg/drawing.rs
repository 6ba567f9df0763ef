//! What a picture is made of, apart from its seats.

use std::fmt::Write as _;
use std::ops::Range;

use super::frame::seat_radius;
use super::labels::{Label, Labels};
use super::{Picture, View};
use crate::catalog::seating::model::{ObjectKind, Point, SeatTable, StandingArea, TableShape};
use crate::catalog::seating::occupancy::SeatState;

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

pub(super) struct Drawing<'a> {
    pub(super) picture: &'a Picture<'a>,
    pub(super) out: String,
    /// Whether no seat has been the one that the tabulator reaches.
    pub(super) is_first: bool,
    labels: Labels,
}

impl<'a> Drawing<'a> {
    /// Begins a picture: of the whole map, or of one section.
    pub(super) fn new(picture: &'a Picture<'a>, section: Option<usize>) -> Self {
        Self {
            picture,
            out: String::new(),
            is_first: true,
            labels: Labels::new(picture.layout, section),
        }
    }
}

impl Drawing<'_> {
    pub(super) fn attribute(&mut self, name: &str, text: &str) {
        put!(self, " {name}=\"");
        escape(&mut self.out, text);
        self.out.push('"');
    }

    pub(super) fn open(&mut self, section: Option<usize>) {
        let picture = self.picture;
        let (map, prefix) = (picture.layout.map(), picture.prefix);
        let frame = self.labels.frame();
        let role = match picture.view {
            View::Still => "img",
            View::Sections | View::Seats(_) => "group",
        };
        put!(
            self,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"seat-map\" viewBox=\"{} {} {} {}\" \
             role=\"{role}\" aria-labelledby=\"{prefix}title {prefix}desc\">",
            frame.left,
            frame.top,
            frame.width(),
            frame.height()
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

    pub(super) fn radius(&self) -> i32 {
        seat_radius(self.picture.layout.map())
    }

    fn count_free(&self, seats: &Range<usize>) -> usize {
        let free = |seat: &usize| self.state(*seat) == SeatState::Free;
        seats.clone().filter(free).count()
    }

    pub(super) fn state(&self, seat: usize) -> SeatState {
        let picture = self.picture;
        picture
            .occupancy
            .state(picture.layout, picture.chosen, seat)
    }

    fn polygon(&mut self, outline: &[Point]) {
        self.out.push_str("<polygon points=\"");
        for (at, p) in outline.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            put!(self, "{space}{},{}", p.x, p.y);
        }
        self.out.push_str("\"/>");
    }

    fn text(&mut self, class: &str, label: Label, text: &str) {
        put!(
            self,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"middle\" dominant-baseline=\"central\" aria-hidden=\"true\">",
            label.at.x,
            label.at.y,
            label.size
        );
        escape(&mut self.out, text);
        self.out.push_str("</text>");
    }

    pub(super) fn objects(&mut self) {
        let picture = self.picture;
        for (number, object) in picture.layout.map().objects.iter().enumerate() {
            let kind: ObjectKind = object.kind;
            put!(self, "<g class=\"object o-{kind}\">");
            self.polygon(&object.outline);
            if let (Some(text), Some(label)) = (&object.label, self.labels.of_object(number)) {
                self.text("label", label, text);
            }
            self.out.push_str("</g>\n");
        }
    }

    pub(super) fn open_section(&mut self, at: usize) {
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

    pub(super) fn section_label(&mut self, at: usize) {
        let layout = self.picture.layout;
        let section = layout.map().sections.get(at);
        if let (Some(section), Some(label)) = (section, self.labels.of_section(at)) {
            self.text("section-label", label, &section.label);
        }
    }

    pub(super) fn table(&mut self, table: &SeatTable) {
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
        let label = self.labels.in_table(table);
        self.text("label", label, &table.label);
        self.out.push('\n');
    }

    /// How many places of an area are left, if that is known.
    fn places_left(&self, area: &StandingArea) -> Option<u32> {
        let mut known = self.picture.standing.iter();
        known.find(|(id, _)| *id == area.id).map(|(_, left)| *left)
    }

    pub(super) fn area(&mut self, area: &StandingArea) {
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
        if let Some(label) = self.labels.of_area(area.id) {
            self.text("label", label, &area.label);
        }
        self.out.push_str("</g>\n");
    }
}
