//! Drawing seat maps.

use std::sync::Arc;

use bilten_kernel::text_enum;

use super::aside;
use crate::catalog::model::texts::Language;
use crate::catalog::seating::svg::{self, Picture, View};
use crate::catalog::seating::{ColorScheme, Layout, Occupancy, PartId, SeatSet, Words, standalone};
use crate::catalog::service::CatalogError;
use crate::catalog::venues::HouseError;

text_enum! {
    /// What can be done in a picture of a whole map.
    #[derive(Default)]
    pub enum MapView {
        /// Nothing: it is an image, for mails and print.
        #[default]
        Still = "still",
        /// Sections can be chosen.
        Sections = "sections",
    }
}

/// How a map is to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// What can be done in the picture.
    pub view: MapView,
    /// Only this section, with each of its seats an element of its own.
    pub section: Option<PartId>,
    /// The language of its words; English if there are none of it.
    pub language: Option<Language>,
    /// Whether it is light or dark, if that is not left to whoever looks.
    pub theme: Option<ColorScheme>,
}

/// Draws a map, with what is taken on a date; with nothing taken if there is none.
///
/// # Errors
/// [`HouseError::SectionNotFound`], or a fault of ours.
pub async fn draw_seat_map(
    layout: Arc<Layout>,
    occupancy: Option<Occupancy>,
    how: Drawing,
) -> Result<String, CatalogError> {
    let drawn = aside(move || {
        let language = how.language.as_ref().map_or("en", Language::primary);
        let (language, words) = Words::of(language);
        let occupancy = occupancy.unwrap_or_else(|| Occupancy::new(&layout));
        let picture = Picture {
            layout: &layout,
            occupancy: &occupancy,
            chosen: &SeatSet::empty(layout.places().len()),
            standing: &[],
            words: &words,
            prefix: "m",
            view: match (how.section, how.view) {
                (Some(section), _) => View::Seats(section),
                (None, MapView::Still) => View::Still,
                (None, MapView::Sections) => View::Sections,
            },
        };
        svg::render(&picture).map(|picture| standalone(&picture, language, how.theme))
    })
    .await?;
    Ok(drawn.ok_or(HouseError::SectionNotFound)?)
}
