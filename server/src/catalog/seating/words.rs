//! The words that pictures and lists of seats are made with, in the language of who reads them.

use super::layout::{Layout, Place};
use super::model::SeatKind;
use super::occupancy::SeatState;

/// The words of one language. Labels of the map itself are the organiser's and stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<'a> {
    /// Before the label of a row.
    pub row: &'a str,
    /// Before the label of a table.
    pub table: &'a str,
    /// Before the number of a seat.
    pub seat: &'a str,
    /// What a step-free seat is called.
    pub step_free: &'a str,
    /// What a wheelchair space is called.
    pub wheelchair: &'a str,
    /// What a companion's seat is called.
    pub companion: &'a str,
    /// Said of a seat with something in the view.
    pub obstructed: &'a str,
    /// Said of a standing area.
    pub standing: &'a str,
    /// After the number of seats or places that are free.
    pub places_free: &'a str,
    /// Said of a free seat.
    pub free: &'a str,
    /// Said of a seat that the reader has chosen.
    pub chosen: &'a str,
    /// Said of a seat that somebody else is buying.
    pub held: &'a str,
    /// Said of a sold seat.
    pub sold: &'a str,
    /// Said of a seat that is not sold at all.
    pub not_for_sale: &'a str,
}

impl Words<'static> {
    /// English.
    pub const ENGLISH: Self = Self {
        row: "row",
        table: "table",
        seat: "seat",
        step_free: "step-free",
        wheelchair: "wheelchair space",
        companion: "companion seat",
        obstructed: "restricted view",
        standing: "standing",
        places_free: "free",
        free: "free",
        chosen: "chosen",
        held: "somebody is buying it",
        sold: "sold",
        not_for_sale: "not for sale",
    };
}

impl Words<'_> {
    /// The word for how a seat stands.
    pub const fn state(&self, state: SeatState) -> &str {
        match state {
            SeatState::Free => self.free,
            SeatState::Chosen => self.chosen,
            SeatState::Held => self.held,
            SeatState::Sold => self.sold,
            SeatState::NotForSale => self.not_for_sale,
        }
    }

    /// `Stalls, row 3`.
    pub fn group(&self, layout: &Layout, group: usize) -> String {
        let Some(group) = layout.groups().get(group) else {
            return String::new();
        };
        let section = layout.map().sections.get(group.section);
        let section = section.map_or("", |section| section.label.as_str());
        let word = if group.is_table { self.table } else { self.row };
        format!("{section}, {word} {}", group.label)
    }

    /// `Stalls, row 3, seat 12`, as it stands on tickets and in orders.
    pub fn seat(&self, layout: &Layout, place: &Place) -> String {
        let group = self.group(layout, place.group);
        format!("{group}, {} {}", self.seat, place.label)
    }

    /// All that a seat is apart from its name: category, kind, view.
    pub fn features<'b>(&'b self, layout: &'b Layout, place: &Place) -> Vec<&'b str> {
        let mut features = Vec::new();
        if let Some(category) = layout.map().categories.get(place.category) {
            features.push(category.label.as_str());
        }
        match place.kind {
            SeatKind::Ordinary => {}
            SeatKind::StepFree => features.push(self.step_free),
            SeatKind::Wheelchair => features.push(self.wheelchair),
            SeatKind::Companion => features.push(self.companion),
        }
        if place.obstructed {
            features.push(self.obstructed);
        }
        features
    }

    /// A seat with all that is to be known of it, for those who hear it read out.
    pub fn spoken(&self, layout: &Layout, place: &Place, state: SeatState) -> String {
        let mut text = self.seat(layout, place);
        let features = self.features(layout, place);
        for part in features.into_iter().chain([self.state(state)]) {
            text.push_str(", ");
            text.push_str(part);
        }
        text
    }
}
