//! Venues, which events and seat maps name.
//!
//! Owns the table `venues` and the column `events.venue_id`.
//!
//! Invariants:
//! - a venue is the organisation's, so whoever may do something with single events only sees those
//!   that their events name, and changes none;
//! - a change that names an old version changes nothing;
//! - a venue that is named is not deleted: the tables refuse it.

mod error;
mod routes;
mod service;
mod store;

pub use error::HouseError;
pub(super) use routes::routes;
pub use service::*;
