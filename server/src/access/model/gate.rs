//! Gates.

use bilten_core::checkin::Gate as CoreGate;
use bilten_core::ticket::TierNumber;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use bilten_kernel::record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::given;
use super::{Faults, GateId, TierNumbers, opaque};
use crate::catalog::EventId;

/// The most gates of one event.
pub const MAX_GATES: i64 = 200;

record! {
    /// A place with staff.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Gate {
        /// Its id.
        pub id: GateId,
        /// The event that it belongs to.
        pub event_id: EventId,
        /// What staff call it.
        pub name: String,
        /// The numbers of the tiers that may pass here; without it, all that the list takes.
        pub tiers: Option<TierNumbers>,
        /// Raised by each change; a change can name the one that it starts from (`If-Match`).
        pub revision: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was removed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub removed_at: Option<Timestamp>,
    }
}

impl Gate {
    /// The gate as devices know it.
    ///
    /// # Errors
    /// A fault of ours if its id is none that a device would take.
    pub fn to_core(&self) -> Result<CoreGate, DbError> {
        Ok(CoreGate {
            id: opaque(self.id)?,
            name: self.name.clone(),
            tiers: self.tiers.clone().map(|tiers| tiers.0),
        })
    }
}

/// What an organiser says of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateInput {
    /// What staff call it.
    pub name: String,
    /// The numbers of the tiers that may pass here; without it, all that the list takes.
    pub tiers: Option<TierNumbers>,
}

/// A change of a gate; what is left out stays as it is, what is `null` is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatePatch {
    /// What staff call it.
    pub name: Option<String>,
    /// The numbers of the tiers that may pass here.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<TierNumbers>)]
    pub tiers: Option<Option<TierNumbers>>,
}

impl Faults {
    /// What is wrong with a gate; `known` are the numbers of the event's tiers.
    pub(in crate::access) fn gate(&mut self, gate: &Gate, known: &[TierNumber]) {
        self.line("name", &gate.name, 100);
        self.tiers(gate.tiers.as_ref(), known);
    }
}
