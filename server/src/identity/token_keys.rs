//! The keys that sign access tokens, as this node knows them.

use std::sync::{Arc, PoisonError, RwLock};

use bilten_kernel::clock::Timestamp;
use ed25519_dalek::{SigningKey, VerifyingKey};

/// How long what was read is believed, in milliseconds.
const KEEP_MS: i64 = 60_000;
/// How often an unknown key makes us look again, in milliseconds.
const LOOK_AGAIN_MS: i64 = 1_000;

/// A key that signs access tokens.
#[derive(Clone)]
pub(super) struct TokenKey {
    pub(super) id: String,
    pub(super) verifying: VerifyingKey,
    pub(super) signing: SigningKey,
    pub(super) signs_until: Timestamp,
    pub(super) trusted_until: Timestamp,
}

/// The keys that were in the database a moment ago.
#[derive(Default)]
pub struct TokenKeys(RwLock<Known>);

#[derive(Clone, Default)]
struct Known {
    keys: Arc<[TokenKey]>,
    read_at: Option<Timestamp>,
}

impl TokenKeys {
    fn known(&self) -> Known {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn age_ms(known: &Known, now: Timestamp) -> i64 {
        known.read_at.map_or(i64::MAX, |at| {
            // A clock that was set back makes what was read old.
            u64::try_from(now.ms().saturating_sub(at.ms()))
                .map_or(i64::MAX, |age| i64::try_from(age).unwrap_or(i64::MAX))
        })
    }

    /// All keys, if they were read not long ago.
    pub(super) fn all(&self, now: Timestamp) -> Option<Arc<[TokenKey]>> {
        let known = self.known();
        (Self::age_ms(&known, now) < KEEP_MS).then_some(known.keys)
    }

    /// Whether it is worth looking again for a key that is not among them: strangers can name keys
    /// as often as they like.
    pub(super) fn may_look_again(&self, now: Timestamp) -> bool {
        Self::age_ms(&self.known(), now) >= LOOK_AGAIN_MS
    }

    /// Remembers what was read.
    pub(super) fn put(&self, keys: Arc<[TokenKey]>, now: Timestamp) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known {
            keys,
            read_at: Some(now),
        };
    }

    /// Forgets what was read.
    pub(super) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }
}
