//! When sessions and keys were last used: noted in memory, written down once a minute.

use std::collections::HashMap;
use std::sync::Mutex;

use bilten_kernel::clock::Timestamp;

use super::{ApiKeyId, SessionId};

/// What was seen since the last time it was written down.
#[derive(Default)]
pub struct Sightings {
    sessions: Mutex<HashMap<SessionId, Timestamp>>,
    keys: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

/// What was seen, and when.
type Seen<Id> = Vec<(Id, Timestamp)>;

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere cannot leave a map of times half changed.
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Sightings {
    pub(super) fn session(&self, id: SessionId, at: Timestamp) {
        locked(&self.sessions).insert(id, at);
    }

    pub(super) fn key(&self, id: ApiKeyId, at: Timestamp) {
        locked(&self.keys).insert(id, at);
    }

    /// When a session was seen that is not written down yet.
    pub(super) fn session_seen(&self, id: SessionId) -> Option<Timestamp> {
        locked(&self.sessions).get(&id).copied()
    }

    pub(super) fn take(&self) -> (Seen<SessionId>, Seen<ApiKeyId>) {
        (
            locked(&self.sessions).drain().collect(),
            locked(&self.keys).drain().collect(),
        )
    }
}
