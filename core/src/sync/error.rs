//! What can go wrong between a device and its server.

use super::page::PageFault;
use crate::store::StoreError;
use std::time::Duration;

/// Why a step of sync did not succeed. Nothing is lost by any of them: every step can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The server cannot be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Offline(#[source] reqwest::Error),
    /// The answer is not what the protocol says: torn, too large, or from somebody else, such as
    /// the log-in page of a wireless network.
    #[error("the server's answer cannot be read: {0}")]
    Garbled(&'static str),
    /// The session is over.
    #[error("the session is over")]
    Unauthorised,
    /// The organiser revoked this device.
    #[error("the device was revoked")]
    Revoked,
    /// The server wants to be left alone for a while, or is out of order.
    #[error("the server is busy (status {status})")]
    Busy {
        /// The status of its answer.
        status: u16,
        /// For how long, if it said so.
        retry_after: Option<Duration>,
    },
    /// The server does not know our cursor any more.
    #[error("the server does not know the cursor")]
    CursorUnknown,
    /// The server refused for a reason that trying again will not mend.
    #[error("the server refused: {code} (status {status})")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// The stable name of its reason.
        code: String,
    },
    /// A feed page is not taken.
    #[error(transparent)]
    Page(#[from] PageFault),
    /// The device's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An order to wipe came that nobody who may give it has signed.
    #[error("the order to wipe is not genuine")]
    ForgedWipe,
    /// The address or a setting is not one that a connection can be made with.
    #[error("no connection can be made with this address")]
    Address,
    /// Something on this device broke off the work; a fault of ours.
    #[error("the work was broken off")]
    BrokenOff,
}

impl SyncError {
    /// The stable name of this error; for a refusal it is the server's.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Offline(_) => "offline",
            Self::Garbled(_) => "garbled_answer",
            Self::Unauthorised => "session_over",
            Self::Revoked => "revoked",
            Self::Busy { .. } => "server_busy",
            Self::CursorUnknown => "cursor_unknown",
            Self::Refused { code, .. } => code,
            Self::Page(fault) => fault.code(),
            Self::Store(error) => error.code(),
            Self::ForgedWipe => "forged_wipe",
            Self::Address => "bad_address",
            Self::BrokenOff => "broken_off",
        }
    }
}

impl From<reqwest::Error> for SyncError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Address
        } else if error.is_decode() {
            Self::Garbled("the body is torn")
        } else {
            // Addresses may hold a cursor; they do not belong into logs.
            Self::Offline(error.without_url())
        }
    }
}
