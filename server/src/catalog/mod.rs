//! What is on offer: events, their occurrences (dates) and tiers (kinds of ticket with a price).
//!
//! Owns the tables `events`, `event_versions`, `occurrences` and `tiers`; the folders `venues` and
//! `seat_maps` own theirs, and what is on a seat map is in [`seating`], which is pure.
//!
//! Invariants:
//! - every event has at least one occurrence and at most one tier of each number;
//! - each change of an event or of its tiers raises `events.version` and leaves a row in
//!   `event_versions` with who did it and what the event looked like afterwards;
//! - a change that names an old version changes nothing;
//! - an event that was ever published is cancelled or archived, never dropped.
//!
//! Rules without tables yet, each with notes on the ones it suggests: [`state`] (the life of an event),
//! [`series`] (recurring dates), [`texts`] (languages), [`questions`], [`policy`] (refund, transfer,
//! resale) and [`brand`].

mod model;
mod routes;
mod seat_maps;
pub mod seating;
mod service;
mod store;
mod venues;

pub use model::*;
pub use routes::routes;
pub use seat_maps::*;
pub use service::*;
pub use venues::*;
