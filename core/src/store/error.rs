//! What can go wrong with a device's store.

use crate::system::RandomnessError;
use rusqlite::ErrorCode;

/// Why the store did not do what was asked; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the space that the store may use, is full. Free some and try again.
    #[error("no space is left for the store")]
    Full(#[source] rusqlite::Error),
    /// The file is no database at all, or another program's.
    #[error("the file is not a Bilten store")]
    NotAStore,
    /// The database is torn; it was left as it is.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Newer software wrote the store.
    #[error("the store has version {found}, this software knows up to {known}")]
    TooNew {
        /// The version of the store.
        found: i64,
        /// The newest version that this software knows.
        known: i64,
    },
    /// The key does not open the store; nothing was changed or removed.
    #[error("the key does not open this store")]
    WrongKey,
    /// Another process is writing and did not finish in time.
    #[error("the store is in use by another process")]
    Busy(#[source] rusqlite::Error),
    /// The file cannot be opened, read or written.
    #[error("the store's file cannot be used")]
    Unavailable(#[source] rusqlite::Error),
    /// Something in the store does not fit this software; a fault of ours.
    #[error("the store holds what this software cannot read: {0}")]
    Unreadable(String),
    /// Any other answer of the database; a fault of ours.
    #[error("the database refused a statement")]
    Database(#[source] rusqlite::Error),
    /// The machine gives no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The device belongs to no event.
    #[error("the device is not paired")]
    NotPaired,
    /// The device belongs to an event already.
    #[error("the device is paired already")]
    AlreadyPaired,
    /// The device was revoked: it may only push what it has and wipe itself.
    #[error("the device was revoked")]
    Revoked,
    /// No check-in list is chosen, or the chosen one is gone.
    #[error("no check-in list is chosen")]
    NoList,
    /// There is no such check-in list.
    #[error("the check-in list is not known here")]
    UnknownList,
    /// There is no such gate.
    #[error("the gate is not known here")]
    UnknownGate,
    /// Scans wait to be sent and would be lost.
    #[error("{0} scans were not sent yet")]
    Unsent(u64),
    /// A feed page does not follow on what is known.
    #[error("the page starts at {from}, the store stands at {position}")]
    FeedGap {
        /// Where the page starts.
        from: u64,
        /// How far the store is.
        position: u64,
    },
    /// The page belongs to another incarnation of the feed: start again at 0.
    #[error("the feed began anew")]
    FeedEpoch,
    /// The page begins another incarnation of the feed, but is older than what is known.
    #[error("the page is older than what is known")]
    FeedReplayed,
    /// The page belongs to another event.
    #[error("the page belongs to another event")]
    FeedEvent,
}

impl StoreError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Full(_) => "storage_full",
            Self::NotAStore => "not_a_store",
            Self::Damaged(_) => "store_damaged",
            Self::TooNew { .. } => "store_too_new",
            Self::WrongKey => "wrong_key",
            Self::Busy(_) => "store_busy",
            Self::Unavailable(_) => "store_unavailable",
            Self::Unreadable(_) => "store_unreadable",
            Self::Database(_) => "store_failed",
            Self::Randomness(_) => "no_randomness",
            Self::NotPaired => "not_paired",
            Self::AlreadyPaired => "already_paired",
            Self::Revoked => "revoked",
            Self::NoList => "no_list",
            Self::UnknownList => "unknown_list",
            Self::UnknownGate => "unknown_gate",
            Self::Unsent(_) => "unsent_scans",
            Self::FeedGap { .. } => "feed_gap",
            Self::FeedEpoch => "feed_epoch",
            Self::FeedReplayed => "feed_replayed",
            Self::FeedEvent => "feed_wrong_event",
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly,
            ) => Self::Unavailable(error),
            Some(_) | None => Self::Database(error),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<crate::id::IdError> for StoreError {
    fn from(error: crate::id::IdError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
