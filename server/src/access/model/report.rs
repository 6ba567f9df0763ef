//! What happened at the door.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Counting, DeviceId, ScanId, UnplacedCode, Way};
use crate::catalog::EventId;
use crate::tickets::TicketId;

/// The most conflicts and the most unplaced scans that a report names; it counts all.
pub const MAX_NAMED: i64 = 1_000;

/// What happened at the door of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DoorReport {
    /// The event.
    pub event_id: EventId,
    /// Its name.
    pub event_name: String,
    /// When the report was made.
    pub made_at: Timestamp,
    /// What happened on each check-in list.
    pub lists: Vec<ListReport>,
    /// Tickets that let in more people than they may, by devices that could not talk; the earliest
    /// 1,000.
    pub conflicts: Vec<ConflictReport>,
    /// How many scans could not be placed.
    pub unplaced_count: i64,
    /// Scans that could not be placed, for a person to look at; the earliest 1,000.
    pub unplaced: Vec<UnplacedScan>,
}

/// What happened on one check-in list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListReport {
    /// The list, as devices called it.
    pub list_id: String,
    /// What staff call it.
    pub name: String,
    /// How many valid tickets may enter by it.
    pub expected: i64,
    /// Entries that count.
    pub entries: i64,
    /// Exits that count.
    pub exits: i64,
    /// How many people are inside.
    pub inside: i64,
    /// Passages that do not count, because an earlier one does.
    pub conflicts: i64,
    /// Refused scans by reason, the most frequent first.
    pub refused: Vec<RefusedCount>,
    /// What happened at which gate, by which device.
    pub places: Vec<PlaceReport>,
}

/// How often somebody was refused for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedCount {
    /// The reason's stable name.
    pub reason: String,
    /// How often.
    pub count: i64,
}

/// What one device did at one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlaceReport {
    /// The gate, as the device called it, if it said so.
    pub gate_id: Option<String>,
    /// What staff call the gate.
    pub gate_name: Option<String>,
    /// The device.
    pub device_id: DeviceId,
    /// What staff call the device.
    pub device_name: String,
    /// Entries that count.
    pub entries: i64,
    /// Exits that count.
    pub exits: i64,
    /// Passages that do not count.
    pub conflicts: i64,
    /// Refused scans.
    pub refused: i64,
}

/// One ticket let in more people than it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConflictReport {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who holds it, if it is known here.
    pub holder: Option<String>,
    /// What people call its order.
    pub order_reference: Option<String>,
    /// The check-in list.
    pub list_id: String,
    /// Which way they went.
    #[schema(value_type = String)]
    pub direction: Way,
    /// The scan that does not count.
    pub lost: PassageReport,
    /// The scan that counts instead; an exit without an entry has none.
    pub counted: Option<PassageReport>,
}

/// Somebody passed a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PassageReport {
    /// The scan.
    pub scan_id: ScanId,
    /// When.
    pub at: Timestamp,
    /// The device.
    pub device_id: DeviceId,
    /// What staff call the device.
    pub device_name: String,
    /// The gate, as the device called it.
    pub gate_id: Option<String>,
    /// What staff call the gate.
    pub gate_name: Option<String>,
}

record! {
    /// A scan that could not be placed.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct UnplacedScan {
        /// The scan.
        pub id: ScanId,
        /// Why, as a stable code.
        pub unplaced: UnplacedCode,
        /// When.
        pub at: Timestamp,
        /// The device.
        pub device_id: DeviceId,
        /// The check-in list, as the device called it.
        pub list_id: String,
        /// The ticket, if the code told of one.
        pub ticket_id: Option<TicketId>,
        /// The version that was presented.
        pub version: Option<u16>,
    }
}

record! {
    /// Scans that have all this in common.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(in crate::access) struct ScanCount {
        pub(in crate::access) list_id: String,
        pub(in crate::access) gate_id: Option<String>,
        pub(in crate::access) device_id: DeviceId,
        pub(in crate::access) direction: Way,
        pub(in crate::access) standing: Option<Counting>,
        pub(in crate::access) refused: Option<String>,
        pub(in crate::access) scans: i64,
    }
}
