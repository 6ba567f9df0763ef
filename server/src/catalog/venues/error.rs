//! Why something about venues and seat maps is refused.

use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use crate::catalog::model::venue::MAX_VENUES;
use crate::catalog::model::{MAX_SEAT_MAPS, MAX_TOUCHED};

/// Why something about a venue or a seat map was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HouseError {
    /// There is no such venue, or it belongs to another organisation.
    #[error("there is no such venue")]
    VenueNotFound,
    /// There is no such seat map or version, or it belongs to another organisation.
    #[error("there is no such seat map")]
    MapNotFound,
    /// The map has no such section.
    #[error("the seat map has no such section")]
    SectionNotFound,
    /// An event or a seat map names the venue.
    #[error("an event or a seat map is of this venue")]
    VenueInUse,
    /// A date uses the map.
    #[error("a date uses this seat map")]
    MapInUse,
    /// The organisation has the most venues it can have.
    #[error("an organisation has at most {MAX_VENUES} venues")]
    TooManyVenues,
    /// The organisation has the most seat maps it can have.
    #[error("an organisation has at most {MAX_SEAT_MAPS} seat maps")]
    TooManyMaps,
    /// The edit would do something to somebody who has a seat already, or take away what tiers sell.
    #[error("this would take away or change what somebody has, or what is on sale")]
    SeatsTaken(Vec<FieldError>),
    /// The edit takes away or renames too many seats on too many dates at once.
    #[error(
        "at most {MAX_TOUCHED} seats, counted for each date, can be taken away or renamed at once; \
         change fewer, or make a new map for the dates to come"
    )]
    EditTooLarge,
}

impl IntoProblem for HouseError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::VenueNotFound => Problem::not_found("catalog.venue_not_found", detail),
            Self::MapNotFound => Problem::not_found("catalog.seat_map_not_found", detail),
            Self::SectionNotFound => Problem::not_found("catalog.section_not_found", detail),
            Self::VenueInUse => Problem::conflict("catalog.venue_in_use", detail),
            Self::MapInUse => Problem::conflict("catalog.seat_map_in_use", detail),
            Self::TooManyVenues => Problem::conflict("catalog.too_many_venues", detail),
            Self::TooManyMaps => Problem::conflict("catalog.too_many_seat_maps", detail),
            Self::SeatsTaken(faults) => faults.into_iter().fold(
                Problem::conflict("catalog.seats_taken", detail),
                |problem, fault| problem.field(fault.field, fault.code, fault.detail),
            ),
            Self::EditTooLarge => Problem::conflict("catalog.seat_map_edit_too_large", detail),
        }
    }
}
