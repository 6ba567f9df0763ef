//! The dates of an event.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

typed_id!(pub OccurrenceId, "occ", "Names one date of an event.");

/// The most dates of one event.
pub const MAX_OCCURRENCES: usize = 100;

record! {
    /// One date of an event.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct Occurrence {
        /// Its id.
        pub id: OccurrenceId,
        /// When the doors open, if that is known.
        pub doors_at: Option<Timestamp>,
        /// When it starts.
        pub starts_at: Timestamp,
        /// When it ends.
        pub ends_at: Timestamp,
    }
}

/// What an organiser says of a date.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OccurrenceInput {
    /// When the doors open, if that is known.
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}
