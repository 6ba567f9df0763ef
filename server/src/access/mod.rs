//! The door: check-in lists, gates, devices, and what they and the server tell each other.
//!
//! Owns the tables `check_in_lists`, `gates`, `pairings`, `devices`, `feed_marks` and `scans`.
//!
//! Invariants:
//! - a one-time code pairs one device; a device belongs to one event, and its key never leaves it;
//! - every scan that a device reports is stored once, refused and unplaceable ones too; what is
//!   stored of a scan never changes but for whether it counts;
//! - which passages of a ticket on a list count follows from all of them by the core's rule, so the
//!   order in which devices report does not matter;
//! - scans of one event are recorded one after the other, since each write takes the row of the
//!   event's feed before it looks at passages;
//! - whatever devices must know has a position in the event's feed, given in the order of commits:
//!   a ticket or a passage in its own row, everything else in `feed_marks` as it was last fed.
//!
//! To let the feed say something new: a kind in `store/marks.rs`, its change in `service/marks.rs`.

use bilten_kernel::busy::Busy;

mod hints;
mod model;
mod routes;
mod service;
mod store;

pub use hints::Hints;
pub use model::*;
pub use routes::routes;
pub use service::*;

/// What devices send and get is unpacked, verified and packed by all cores at most, away from
/// everything else.
static DOOR_WORK: Busy = Busy::new(|cores| cores);
