//! Seat maps as they are kept, listed and changed; what is on them is in
//! [`seating`](crate::catalog::seating).

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::http::Place;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::VenueId;
use super::venue::given;
use crate::catalog::seating::{
    Layout, ListedGroup, MapChanges, MapIdError, PartId, SeatId, SeatMap, templates,
};

typed_id!(pub SeatMapId, "map", "Names a seat map, in all its versions.");

/// How large a body with a seat map may be; the largest map is some 5 MB.
pub const MAX_SEAT_MAP_BYTES: usize = 16 * 1024 * 1024;
/// How addresses begin that take bodies of that size.
pub const SEAT_MAP_PATHS: &str = "/api/v1/seat-maps";
/// The most seat maps of one organisation.
pub const MAX_SEAT_MAPS: i64 = 2_000;
/// The most seats that one edit may take away or call otherwise, each counted for every date that
/// uses the map: they are all written down for a moment, so that nobody buys one meanwhile.
pub const MAX_TOUCHED: usize = 200_000;

/// A version of a seat map.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct SeatMapRef {
    /// The map.
    pub id: SeatMapId,
    /// Its version.
    pub version: i64,
}

record! {
    /// A seat map without what is on it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct SeatMapSummary {
        /// Its id.
        pub id: SeatMapId,
        /// The venue whose hall it shows, if that is said.
        pub venue_id: Option<VenueId>,
        /// What it is called.
        pub name: String,
        /// How many seats it has.
        pub seats: i64,
        /// For how many people there is room in its standing areas.
        pub standing: i64,
        /// Raised by each change; a change must name the version it started from.
        pub version: i64,
        /// When the map was made.
        pub created_at: Timestamp,
        /// When this version was made.
        pub updated_at: Timestamp,
    }
}

impl SeatMapSummary {
    /// This version of it.
    pub const fn reference(&self) -> SeatMapRef {
        SeatMapRef {
            id: self.id,
            version: self.version,
        }
    }
}

/// A version of a seat map, with what is on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeatMapDetail {
    /// The map and its version.
    #[serde(flatten)]
    pub summary: SeatMapSummary,
    /// What is on it.
    pub map: SeatMap,
}

record! {
    /// A version of a seat map, as the list of versions shows it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct SeatMapVersion {
        /// Its number.
        pub version: i64,
        /// What the map was called.
        pub name: String,
        /// How many seats it has.
        pub seats: i64,
        /// For how many people there is room in its standing areas.
        pub standing: i64,
        /// The id of who made it.
        pub created_by: String,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

text_enum! {
    /// How a list of seat maps is ordered.
    #[derive(Default)]
    pub enum SeatMapSort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// By name, letter by letter.
        Name = "name",
    }
}

impl SeatMapSort {
    /// Where a map stands in this order.
    pub fn place(self, map: &SeatMapSummary) -> Place {
        match self {
            Self::Newest => Place::of_id(map.id),
            Self::Name => Place::of_text(&map.name, map.id),
        }
    }
}

text_enum! {
    /// A house to start from.
    pub enum SeatMapTemplate {
        /// Stalls and a balcony; 446 seats.
        Theatre = "theatre",
        /// Blocks around a pitch, as many and as large as is said.
        Arena = "arena",
        /// Tables, a floor and a gallery to stand on.
        Club = "club",
    }
}

impl SeatMapTemplate {
    /// Whether it can be said how large it is.
    pub const fn is_sizable(self) -> bool {
        match self {
            Self::Arena => true,
            Self::Theatre | Self::Club => false,
        }
    }
}

/// A template, and how large it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateInput {
    /// Which one.
    pub template: SeatMapTemplate,
    /// For an arena, how many blocks; 20 if absent.
    #[schema(minimum = 1, maximum = 400)]
    pub sections: Option<u32>,
    /// For an arena, how many rows a block has; 10 if absent.
    #[schema(minimum = 1, maximum = 60)]
    pub rows: Option<u32>,
    /// For an arena, how many seats a row has; 25 if absent.
    #[schema(minimum = 1, maximum = 50)]
    pub seats: Option<u32>,
}

impl TemplateInput {
    /// What is wrong with its sizes.
    fn faults(self) -> Vec<FieldError> {
        let (sections, rows, seats) = templates::MOST;
        let mut faults = Vec::new();
        for (name, value, most) in [
            ("sections", self.sections, sections),
            ("rows", self.rows, rows),
            ("seats", self.seats, seats),
        ] {
            let Some(value) = value else { continue };
            let is_ok = (1..=most).contains(&usize::try_from(value).unwrap_or(usize::MAX));
            let fault = if !self.template.is_sizable() {
                Some((
                    "not_sizable",
                    format!("a {} has a size of its own", self.template),
                ))
            } else if is_ok {
                None
            } else {
                Some(("out_of_range", format!("must be between 1 and {most}")))
            };
            if let Some((code, detail)) = fault {
                faults.push(FieldError {
                    field: format!("template.{name}"),
                    code: code.into(),
                    detail,
                });
            }
        }
        faults
    }

    /// The map of the template.
    ///
    /// # Errors
    /// Never, as tests show.
    pub(in crate::catalog) fn map(self) -> Result<SeatMap, MapIdError> {
        let size = |said: Option<u32>, usual: usize| {
            said.map_or(usual, |said| usize::try_from(said).unwrap_or(usual))
        };
        match self.template {
            SeatMapTemplate::Theatre => templates::theatre(),
            SeatMapTemplate::Club => templates::club(),
            SeatMapTemplate::Arena => templates::arena(
                size(self.sections, 20),
                size(self.rows, 10),
                size(self.seats, 25),
            ),
        }
    }
}

/// A template as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedTemplate {
    /// Which one.
    pub template: SeatMapTemplate,
    /// What its map is called.
    pub name: String,
    /// How many seats it has, if nothing is said of its size.
    pub seats: i64,
    /// For how many people there is room in its standing areas.
    pub standing: i64,
    /// Whether it can be said how large it is.
    pub is_sizable: bool,
}

/// A new seat map: a map, or a template to start from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMapInput {
    /// The venue whose hall it shows.
    pub venue: Option<VenueId>,
    /// What it is called, if not as the map or the template is.
    pub name: Option<String>,
    /// The template, if there is no `map`.
    pub template: Option<TemplateInput>,
    /// What is on it, if there is no `template`.
    pub map: Option<SeatMap>,
}

impl SeatMapInput {
    /// What is wrong with it, apart from the map itself.
    pub(in crate::catalog) fn faults(&self) -> Vec<FieldError> {
        match (&self.template, &self.map) {
            (Some(template), None) => template.faults(),
            (None, Some(_)) => Vec::new(),
            (None, None) | (Some(_), Some(_)) => vec![FieldError {
                field: "map".to_owned(),
                code: "one_of_two".into(),
                detail: "say either a map or a template".to_owned(),
            }],
        }
    }
}

/// A new version of a seat map.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMapEdit {
    /// The version that it starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// The venue whose hall it shows; null for none, left out to keep it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<VenueId>)]
    pub venue: Option<Option<VenueId>>,
    /// All that is on the map now. Seats that keep their id are the same seats.
    pub map: SeatMap,
}

/// A map as it might be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMapDraft {
    /// All that would be on the map.
    pub map: SeatMap,
}

/// What an edit of a seat map would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeatMapComparison {
    /// The version that it is compared with: the newest.
    pub version: i64,
    /// How many dates that are not over use that version, and would use the new one.
    pub dates: usize,
    /// Whether it could be saved now.
    pub is_allowed: bool,
    /// What changes; none if it is not allowed.
    pub changes: Option<MapChanges>,
    /// What it would do to somebody who has a seat already, at most a hundred, by seat; and which price
    /// categories would be gone while tiers sell them.
    pub refusals: Vec<FieldError>,
}

/// A row or table of a seat map, as its list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedRow {
    /// The section that it is in.
    pub section: PartId,
    /// What the section is called.
    pub section_label: String,
    /// The door that leads there, if people are to know.
    pub entrance: Option<String>,
    /// The row or table with its seats.
    pub row: ListedGroup,
}

/// Two versions of a seat map and what is between them.
#[derive(Clone, Debug)]
pub struct MapEdit {
    /// The version there is.
    pub old: Arc<Layout>,
    /// The one that is to take its place.
    pub new: Arc<Layout>,
    /// What changes, were no seat taken.
    pub changes: MapChanges,
}

impl MapEdit {
    /// The seats that nobody may take while the edit is made, sorted: those that are gone after it or
    /// called otherwise.
    pub fn renamed_or_gone(&self) -> Vec<SeatId> {
        let mut seats = [&self.changes.removed[..], &self.changes.relabelled[..]].concat();
        seats.sort_unstable();
        seats
    }

    /// The seats whose takers have a say, sorted: those above, and those that become others.
    pub fn touched(&self) -> Vec<SeatId> {
        let mut seats = self.renamed_or_gone();
        seats.extend(&self.changes.reclassified);
        seats.sort_unstable();
        seats.dedup();
        seats
    }
}
