//! What is done to an event as a whole: it is shown, paused, moved, called off and put away; it is
//! looked back on; it is copied.
//!
//! Uses the tables `events`, `occurrences` and `event_versions`. Which action is possible in which
//! state is the table of [`state`](super::state); nothing here decides it a second time.
//!
//! What an action causes elsewhere is seen there by the name of the change in
//! [`EventSaved`](crate::events::DomainEvent::EventSaved): `published`, `paused`, `resumed`,
//! `postponed`, `rescheduled`, `cancelled`, `archived`.

mod copy;
mod dates;
mod model;
mod routes;
mod service;
pub(in crate::catalog) mod store;

pub use copy::duplicate;
pub use model::*;
pub(in crate::catalog) use routes::routes;
pub use service::*;
