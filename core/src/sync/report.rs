//! What a sync did, as plain data for screens and logs.

use super::SyncError;
use super::lanes::{Pulled, Pushed};
use super::machine::Trouble;
use crate::store::StoreError;

/// What a sync did. Either half may have failed alone; what it did before stands all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// What came in.
    pub pulled: Pulled,
    /// Why not everything came in.
    pub pull_problem: Option<Problem>,
    /// What went out.
    pub pushed: Pushed,
    /// Why not everything went out.
    pub push_problem: Option<Problem>,
    /// Whether the device was revoked and has wiped itself.
    pub wiped: bool,
}

/// A [`SyncError`] as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its stable name.
    pub code: String,
    /// What a person who mends it wants to know; no names, tickets or keys.
    pub detail: String,
}

impl SyncReport {
    /// Whether everything came in and went out.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.pull_problem.is_none() && self.push_problem.is_none()
    }
}

impl From<&SyncError> for Problem {
    fn from(error: &SyncError) -> Self {
        let mut detail = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            detail = format!("{detail}: {inner}");
            source = inner.source();
        }
        Self {
            code: error.code().to_owned(),
            detail,
        }
    }
}

/// What an error means for what to do next.
pub(super) const fn trouble(error: &SyncError) -> Trouble {
    match error {
        SyncError::Offline(_)
        | SyncError::Garbled(_)
        // Somebody in between may have altered or kept it; ask again.
        | SyncError::Page(_)
        | SyncError::BrokenOff => Trouble::Passing,
        SyncError::Unauthorised => Trouble::SessionOver,
        SyncError::Revoked => Trouble::Revoked,
        SyncError::Busy { retry_after, .. } => Trouble::Busy(*retry_after),
        SyncError::CursorUnknown
        | SyncError::Store(StoreError::FeedGap { .. } | StoreError::FeedEpoch) => Trouble::FeedLost,
        // Staff may free some space at any moment.
        SyncError::Store(
            StoreError::Full(_) | StoreError::Busy(_) | StoreError::FeedReplayed,
        ) => Trouble::Passing,
        SyncError::Refused { .. }
        | SyncError::Store(_)
        | SyncError::ForgedWipe
        | SyncError::Address => Trouble::Refused,
    }
}
