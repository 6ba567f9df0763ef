//! Who was authenticated a moment ago, so that a caller's next request asks the database nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bilten_kernel::clock::Timestamp;
use quick_cache::sync::Cache;

use super::Principal;

/// How long an answer is believed, in milliseconds: another node's revocation counts after that.
const KEEP_MS: i64 = 1_000;
/// How many callers are remembered at most.
const MOST: usize = 20_000;

/// The callers of the last second, by the hashes of their tokens.
pub struct Principals {
    cache: Cache<[u8; 32], Known>,
    epoch: AtomicU64,
}

#[derive(Clone)]
struct Known {
    principal: Arc<Principal>,
    at: Timestamp,
    epoch: u64,
}

impl Default for Principals {
    fn default() -> Self {
        Self {
            cache: Cache::new(MOST),
            epoch: AtomicU64::new(0),
        }
    }
}

impl Principals {
    /// Forgets everybody: to be called after the commit of whatever changes what somebody may do.
    pub fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// A number that changes when everybody is forgotten; to be read before the database is asked.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Whose token this is, if that was known within the last second.
    pub(super) fn get(&self, token_hash: &[u8; 32], now: Timestamp) -> Option<Arc<Principal>> {
        let known = self.cache.get(token_hash)?;
        let age = now.ms().saturating_sub(known.at.ms());
        (known.epoch == self.epoch() && (0..KEEP_MS).contains(&age)).then_some(known.principal)
    }

    /// Remembers whose token this is, as it was known at `epoch`.
    pub(super) fn put(
        &self,
        token_hash: [u8; 32],
        principal: &Arc<Principal>,
        now: Timestamp,
        epoch: u64,
    ) {
        let known = Known {
            principal: Arc::clone(principal),
            at: now,
            epoch,
        };
        self.cache.insert(token_hash, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{OrganisationId, Program};

    #[test]
    fn a_caller_is_known_for_a_second_and_until_something_changes() {
        let principals = Principals::default();
        let somebody = Arc::new(Principal::Program(Program {
            actor: "key".to_owned(),
            organisation: OrganisationId::from_bytes([1; 16]),
            scopes: None,
            event: None,
            on_behalf_of: None,
        }));
        let at = |ms: i64| Timestamp::from_ms(10_000 + ms);
        let before = principals.epoch();
        principals.put([1; 32], &somebody, at(0), before);
        assert!(principals.get(&[1; 32], at(999)).is_some());
        assert!(principals.get(&[2; 32], at(0)).is_none());
        assert!(principals.get(&[1; 32], at(1_000)).is_none(), "too old");
        assert!(
            principals.get(&[1; 32], at(-1)).is_none(),
            "the clock was set back"
        );
        principals.clear();
        assert!(
            principals.get(&[1; 32], at(1)).is_none(),
            "something changed"
        );
        // Somebody who asked before the change must not bring the old answer back.
        principals.put([1; 32], &somebody, at(1), before);
        assert!(principals.get(&[1; 32], at(2)).is_none());
    }
}
