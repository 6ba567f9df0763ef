//! The seats of a section: as dots, or each an element of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::drawing::Drawing;
use crate::catalog::seating::layout::Place;
use crate::catalog::seating::model::{Point, SeatKind};
use crate::catalog::seating::occupancy::SeatState;

impl Drawing<'_> {
    /// One shape for each state, so that a seat is a reference to it; drawn around their origin.
    pub(super) fn shapes(&mut self) {
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

    /// The seats of a section as dots, one path for each state and category.
    pub(super) fn dots(&mut self, at: usize) {
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
    pub(super) fn seats(&mut self, at: usize) {
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
