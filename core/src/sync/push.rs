//! What a device tells the server: every scan, accepted or not.
//!
//! A push is lines of JSON: a [`Header`] and one [`ScanReport`] a line. Sending it again changes
//! nothing, since scans are told apart by their ids.

use crate::checkin::{DenyReason, Direction};
use crate::id::{DeviceId, GateId, ListId, ScanId, TicketId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The first line of a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The device's corrected clock at the moment of sending; the server learns from it how far
    /// off the scan times may be.
    pub device_time: Timestamp,
    /// How many scans follow; at most [`super::MAX_PUSH`].
    pub count: u32,
}

/// One presentation of a code, as the device judged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Made by the device.
    pub id: ScanId,
    /// The check-in list it was judged by.
    pub list: ListId,
    /// The gate at which it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// When, by the device's corrected clock.
    pub at: Timestamp,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// Why it was refused; accepted scans have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<DenyReason>,
    /// The ticket, if the code told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The version that was presented, if the code told of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u16>,
    /// The code, where the ticket was not on the device's allowlist; cut to [`crate::ticket::MAX_CODE_LEN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The server's answer to a push.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Scans that were new.
    pub accepted: u32,
    /// Scans that had come before.
    pub repeated: u32,
    /// Scans of this push that do not count, and which one does.
    pub conflicts: Vec<Conflict>,
    /// Scans that the server could not place (an unknown list or ticket); kept there for a person to look at.
    pub unplaced: Vec<Unplaced>,
    /// The server's clock, by which the device corrects its own.
    pub server_time: Timestamp,
}

/// One ticket let somebody in at two devices that could not talk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The scan that does not count.
    pub scan: ScanId,
    /// Its ticket.
    pub ticket: TicketId,
    /// The scan that counts instead.
    pub counted: ScanId,
    /// The device that made it.
    pub device: DeviceId,
    /// When it was made.
    pub at: Timestamp,
}

/// A scan that the server kept without being able to place it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The scan.
    pub scan: ScanId,
    /// Why, as a stable code.
    pub code: String,
}
