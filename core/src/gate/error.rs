//! What an app is told when something cannot be done: one variant for each thing it does then.

use crate::store::StoreError;

/// Why a gate did not do what was asked. A refused ticket is not an error but a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Something has to be set up first: pair the device, choose a list.
    #[error("to be set up first: {code}")]
    SetUp {
        /// What is missing: `not_paired`, `already_paired`, `no_list`, `unknown_list`,
        /// `unknown_gate` or `unsent_scans`.
        code: &'static str,
    },
    /// The organiser revoked this device; it wipes itself.
    #[error("the device was revoked")]
    Revoked,
    /// The store cannot be used, or is full. Nobody may pass until it can.
    #[error("the store fails ({code}): {detail}")]
    Storage {
        /// The stable name, such as `storage_full`.
        code: &'static str,
        /// For whoever mends it.
        detail: String,
    },
    /// The server cannot be reached or is busy: try again later.
    #[error("no connection to the server ({code}): {detail}")]
    Offline {
        /// The stable name, such as `offline`.
        code: String,
        /// For whoever mends it.
        detail: String,
    },
    /// The server refused, for a reason that trying again will not mend.
    #[error("the server refused ({code})")]
    Refused {
        /// The stable name of the server's reason.
        code: String,
    },
    /// The text is not a pairing code.
    #[error("not a pairing code")]
    NotAPairingCode,
    /// The picture's measures do not fit its bytes.
    #[error("not a picture: {detail}")]
    NotAPicture {
        /// For whoever mends it.
        detail: String,
    },
}

impl GateError {
    /// The stable name of this error.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::SetUp { code } | Self::Storage { code, .. } => code,
            Self::Revoked => "revoked",
            Self::Offline { code, .. } | Self::Refused { code } => code,
            Self::NotAPairingCode => "not_a_pairing_code",
            Self::NotAPicture { .. } => "not_a_picture",
        }
    }
}

impl From<StoreError> for GateError {
    fn from(error: StoreError) -> Self {
        let code = error.code();
        match error {
            StoreError::NotPaired
            | StoreError::AlreadyPaired
            | StoreError::NoList
            | StoreError::UnknownList
            | StoreError::UnknownGate
            | StoreError::Unsent(_) => Self::SetUp { code },
            StoreError::Revoked => Self::Revoked,
            StoreError::Full(_)
            | StoreError::NotAStore
            | StoreError::Damaged(_)
            | StoreError::TooNew { .. }
            | StoreError::WrongKey
            | StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::Unreadable(_)
            | StoreError::Database(_)
            | StoreError::Randomness(_)
            | StoreError::FeedGap { .. }
            | StoreError::FeedEpoch
            | StoreError::FeedReplayed
            | StoreError::FeedEvent => Self::Storage {
                code,
                detail: described(&error),
            },
        }
    }
}

#[cfg(feature = "client")]
impl From<crate::sync::SyncError> for GateError {
    fn from(error: crate::sync::SyncError) -> Self {
        use crate::sync::SyncError;
        let code = error.code().to_owned();
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::Revoked => Self::Revoked,
            SyncError::Refused { .. } | SyncError::ForgedWipe | SyncError::Unauthorised => {
                Self::Refused { code }
            }
            SyncError::Offline(_)
            | SyncError::Garbled(_)
            | SyncError::Busy { .. }
            | SyncError::CursorUnknown
            | SyncError::Page(_)
            | SyncError::Address
            | SyncError::BrokenOff => Self::Offline {
                code,
                detail: described(&error),
            },
        }
    }
}

/// The error and what caused it, in one line.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
