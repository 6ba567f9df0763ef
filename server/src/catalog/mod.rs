//! What is on offer: events, their occurrences (dates) and tiers (kinds of ticket with a price).
//!
//! Pools, prices and fees are in [`offers`], recurring series and the settings of single dates in
//! [`dates`]. Seat maps are in [`seating`], which is pure: no table, store or route stands upon it yet.
//!
//! Owns the tables `events`, `event_versions`, `occurrences`, `tiers`, `capacity_pools`, `series`,
//! `price_settings` and `tax_rules`.
//!
//! Invariants:
//! - every event has at least one occurrence and at most one tier of each number;
//! - each change of an event or of its tiers raises `events.version` and leaves a row in
//!   `event_versions` with who did it and what the event looked like afterwards;
//! - a change that names an old version changes nothing;
//! - an event that was ever published is cancelled or archived, never dropped;
//! - JSON of an event (answers, its history, messages) carries its first 100 dates and how many there
//!   are; in memory it has all of them.
//!
//! Rules without tables yet, each with notes on the ones it suggests: [`state`] (the life of an event),
//! [`texts`] (languages), [`questions`], [`policy`] (refund, transfer,
//! resale), [`venue`] and [`brand`].

mod dates;
mod model;
mod offers;
mod routes;
pub mod seating;
mod service;
mod store;

pub use dates::*;
pub use model::*;
pub use offers::{Books, FEE_PLANS, FeePlans, price_book};
pub use routes::routes;
pub use service::*;
