//! What is on offer: events, their occurrences (dates) and tiers (kinds of ticket with a price).
//!
//! Seat maps are in [`seating`], which is pure: no table, store or route stands upon it yet.
//!
//! Owns the tables `events`, `event_versions`, `occurrences` and `tiers`.
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
//! resale), [`venue`] and [`brand`].

mod model;
mod routes;
pub mod seating;
mod service;
mod store;

pub use model::*;
pub use routes::routes;
pub use service::*;
