//! The check-in decision: who may pass, and why not.
//!
//! [`decide`] is the only place where Bilten makes this decision; phones, the box office and the
//! server all call it. It is pure: everything it knows is passed to it. [`settle`] says afterwards,
//! from the same rules, which of several passages count once devices that could not talk have met.
//!
//! To add a reason, see "How to add a deny reason" in the top-level README.

mod decide;
mod reason;
mod settle;

pub use decide::{Evidence, History, Presented, Scan, decide};
pub use reason::DenyReason;
pub use settle::{Passage, Standing, settle};

use crate::id::{EventId, GateId, ListId, TicketId};
use crate::ticket::TierNumber;
use crate::time::{Timestamp, Validity};
use serde::{Deserialize, Serialize};

/// The answer to a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Let them pass.
    Admit,
    /// Do not let them pass.
    Deny {
        /// Why not.
        reason: DenyReason,
    },
}

impl Verdict {
    /// Whether this is [`Verdict::Admit`].
    #[must_use]
    pub const fn is_admit(self) -> bool {
        matches!(self, Self::Admit)
    }
}

/// Which way somebody passes a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In.
    #[default]
    Entry,
    /// Out.
    Exit,
}

/// How often one ticket lets somebody in on one check-in list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Once, even after leaving.
    Single,
    /// Up to `max` times, as for a group ticket; 0 means without limit.
    Multiple {
        /// The most entries; 0 for no limit.
        max: u16,
    },
    /// Any number of times, but only after leaving.
    ReEntry,
}

/// The scope in which one entry counts once, for example a day or an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInList {
    /// Which list it is.
    pub id: ListId,
    /// The event whose tickets it takes.
    pub event: EventId,
    /// What staff call it.
    pub name: String,
    /// How often one ticket lets somebody in.
    pub policy: Policy,
    /// When entry begins; without it, entry is never too early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// When entry ends; without it, entry is never too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// The tiers that may enter; without it, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<TierNumber>>,
    /// How many people may be inside at once, as far as the device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Whether tickets that a box-office device signed are taken.
    pub accepts_delegated: bool,
    /// Whether a ticket must be on the allowlist; otherwise a true signature is enough.
    pub allowlist_only: bool,
}

/// A place with staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Which gate it is.
    pub id: GateId,
    /// What staff call it.
    pub name: String,
    /// The tiers that may pass here; without it, all that the list takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<TierNumber>>,
}

/// Where a ticket stands in its life, apart from being revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// It may be used.
    Valid,
    /// Its order is not paid.
    Unpaid,
    /// Its order, or its date, was cancelled.
    Cancelled,
    /// The organiser stopped it for the time being.
    Blocked,
}

/// What the allowlist says of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRecord {
    /// Which ticket it is.
    pub id: TicketId,
    /// Its newest version; older ones are dead.
    pub version: u16,
    /// The tier it was sold in.
    pub tier: TierNumber,
    /// Where it stands in its life.
    pub state: TicketState,
    /// When it may be used.
    #[serde(flatten)]
    pub validity: Validity,
    /// Who holds it; a device keeps this sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
}

/// Who holds a ticket: only what a gate needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name to compare with a photo ID.
    pub name: String,
    /// The order's reference, which people know from their mail.
    pub order: String,
    /// What staff should know, such as a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
