//! Seat maps with all their versions; dates of events name a map and a version.
//!
//! Owns the tables `seat_maps` and `seat_map_versions`.
//!
//! Invariants:
//! - a version is written once and never changed, so whatever names one goes on to mean the same;
//! - a new version takes the place of the one before on all dates that are not over, in the same write,
//!   or is refused: nobody who has a seat is left without it, on another one, or on one that is called
//!   otherwise (`sales` says who has one, see [`events`](crate::events));
//! - that raises the versions of these dates' events, so that nobody buys by the map before;
//! - a map is the organisation's, so whoever may do something with single events only sees those that
//!   their dates use, and changes none;
//! - a map that a date uses is not deleted.
//!
//! | file | holds |
//! |---|---|
//! | `service/` | making and changing maps; reading, listing and drawing them |
//! | `cache.rs` | [`Layouts`]: maps in use, checked and with their indexes |
//! | `answer.rs` | pictures as answers |

mod answer;
mod cache;
mod routes;
mod service;
mod store;

pub use answer::{knows_tag, svg_answer};
pub use cache::{Layouts, layout};
pub(super) use routes::routes;
pub use service::*;
