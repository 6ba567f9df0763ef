//! The picture of a map, as SVG.
//!
//! The same input gives the same bytes. Nothing in it is a colour: classes say what things are and
//! a style sheet (`seat-map.css` beside this file, or the shop's own) says how they look, in light
//! and dark; how a seat stands is its shape too, so it can be told without colours. Left and right
//! are those of the house, also where people write from right to left.
//!
//! What is written stands where there are no seats, in a size that a phone can show: if there is no
//! room for a section's name at the edges of the map, the picture is higher than the map.
//!
//! Three views:
//! - [`View::Still`]: an image with a title and a description, for mails and print;
//! - [`View::Sections`]: sections can be chosen, seats are dots, many in one path (60,000 of them in
//!   under 1 MB);
//! - [`View::Seats`]: one section, each seat an element of its own with role, label and state.
//!   One seat can be reached by the tabulator, a script moves on with the arrow keys (a roving
//!   `tabindex`); without a script the list serves (see [`list`](fn@super::list)).

/// Adds to the picture; writing to a text cannot fail.
macro_rules! put {
    ($drawing:expr, $($what:tt)+) => {
        let _ = write!($drawing.out, $($what)+);
    };
}

mod drawing;
mod frame;
mod ground;
mod labels;
mod seats;

use super::ids::PartId;
use super::layout::Layout;
use super::occupancy::Occupancy;
use super::set::SeatSet;
use super::words::Words;
use drawing::Drawing;

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
    let mut drawing = Drawing::new(picture, section);
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
