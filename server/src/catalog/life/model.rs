//! What is said and shown when something is done to an event as a whole.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::catalog::model::{EventDetail, OccurrenceId};

record! {
    /// A change of an event.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct EventVersion {
        /// The version that it led to.
        pub version: i64,
        /// What was done, such as `created`, `updated` or `published`.
        pub change: String,
        /// Who did it, as the audit log names them.
        pub actor: String,
        /// When.
        pub at: Timestamp,
    }
}

/// A change of an event, with the event as it was after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventSnapshot {
    /// The change.
    #[serde(flatten)]
    pub change: EventVersion,
    /// The event as it was after it, in the words of that time.
    #[schema(value_type = EventDetail)]
    pub event: Value,
}

/// When a date takes place from now on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MovedDate {
    /// Which date.
    pub occurrence: OccurrenceId,
    /// When the doors open, if that is known.
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// When the dates of an event take place from now on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleInput {
    /// The dates that are moved; the others stay as they are.
    pub dates: Vec<MovedDate>,
}

/// How an event is copied.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateInput {
    /// When the first date of the copy starts: all other times keep their distance from it, by the
    /// clock on the wall.
    pub starts_at: Timestamp,
    /// The name of the copy in the event's own language; without it, the same.
    pub name: Option<String>,
    /// The last part of its page's address; without it, made from the name.
    pub slug: Option<String>,
}
