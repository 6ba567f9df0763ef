//! Use cases of the waiting room; a file for what a node keeps, one for the organiser, one for what
//! everybody may know, one for joining, one for turns and passes, one for the steps that call people.

mod error;
mod join;
mod kept;
mod manage;
mod shown;
mod steps;
mod turns;

use bilten_kernel::metric;

pub use error::{EnterRefusal, WaitingError};
pub use join::{Join, JoinLanes, Joiner, join, join_lanes};
pub use kept::{RoomNow, Rooms};
pub use manage::*;
pub use shown::*;
pub use steps::*;
pub use turns::*;

metric! {
    /// People in all waiting rooms, by state: waiting, called (and not here yet), inside.
    PEOPLE: Gauge = "bilten_waiting_people"
}
metric! {
    /// Places that were asked for, by outcome: `new`, `known` (whoever has one already), or by what there were too many.
    JOINS: Counter = "bilten_waiting_joins_total"
}
metric! {
    /// People who were called.
    CALLED: Counter = "bilten_waiting_called_total"
}
metric! {
    /// Passes, by outcome: `given`, `used`, `missed`, `full`, or why they were not honoured.
    PASSES: Counter = "bilten_waiting_passes_total"
}
metric! {
    /// How many people are called a minute, in all rooms.
    RATE: Gauge = "bilten_waiting_rate_per_minute"
}
metric! {
    /// How long people waited from the opening to their first pass.
    WAITED: Histogram = "bilten_waiting_wait_seconds", limits: WAITS
}

/// Limits for waiting, in seconds: up to half a day.
const WAITS: &[f64] = &[
    1.0, 10.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 43_200.0,
];

/// For what the seed of a room is sealed.
pub(in crate::waiting_room) fn seed_purpose(room: impl std::fmt::Display) -> String {
    format!("waiting room seed {room}")
}
