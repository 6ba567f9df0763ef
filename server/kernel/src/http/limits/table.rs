//! Buckets in memory: a table of fixed size, 16 bytes a bucket.
//!
//! Keys are 64-bit hashes under a secret of this process, so nobody can choose keys that meet. A
//! key may stand in one of eight places; where all are taken, the bucket that is nearest to full
//! goes, which is the one whose loss gives the least away. There is nothing to sweep and nothing
//! grows, whatever strangers send. The memory is the system's until a place is used.
//!
//! Why not the crate governor: it keeps a map that grows with its keys until it is swept, with the
//! keys themselves; `edge_bench` measures what this table takes.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::{Outcome, Quota};

/// How many places a key may stand in.
const WAYS: usize = 8;
/// How many parts can be used at once.
const SHARDS: usize = 64;

#[derive(Clone, Copy)]
struct Slot {
    hash: u64,
    full_at: u64,
}

/// Buckets by keys.
pub struct Table {
    shards: Box<[Mutex<Box<[Slot]>>]>,
    hasher: RandomState,
}

impl Table {
    /// A table for about so many keys that are in use at once.
    pub fn new(keys: usize) -> Self {
        // Half full, a key is hardly ever without a place.
        let slots = keys.clamp(1_024, 1 << 28).saturating_mul(2);
        let each = slots.div_ceil(SHARDS).next_power_of_two().max(WAYS);
        let shard = || {
            let empty = Slot {
                hash: 0,
                full_at: 0,
            };
            Mutex::new(vec![empty; each].into_boxed_slice())
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::new(),
        }
    }

    /// How many bytes it takes at most.
    pub fn size(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::size_of_val(&**shard)
            })
            .sum()
    }

    /// Asks for one place of a key's bucket.
    #[expect(clippy::cast_possible_truncation, reason = "parts of a hash")]
    pub fn take(&self, key: &str, quota: Quota, now_us: u64) -> Outcome {
        // Zero is an empty place.
        let hash = self.hasher.hash_one(key).max(1);
        let shard = &self.shards[hash as usize % SHARDS];
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let sets = slots.len() / WAYS;
        let first = (hash >> 32) as usize % sets * WAYS;
        let set = &mut slots[first..first + WAYS];
        let place = set.iter().position(|slot| slot.hash == hash);
        let place = place.unwrap_or_else(|| {
            let nearest = (0..WAYS).min_by_key(|at| set[*at].full_at).unwrap_or(0);
            set[nearest] = Slot { hash, full_at: 0 };
            nearest
        });
        let (full_at, outcome) = quota.take(set[place].full_at, now_us);
        set[place].full_at = full_at;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000_000_000;

    /// covers: GW-2
    #[test]
    fn keys_do_not_share_and_memory_is_bounded() {
        let table = Table::new(100_000);
        assert!(table.size() <= 100_000 * 64, "{}", table.size());
        let quota: Quota = "2/60".parse().unwrap();
        for key in 0..50_000 {
            assert!(table.take(&format!("a{key}"), quota, START).is_allowed);
        }
        let mut forgotten = 0;
        for key in 0..50_000 {
            let key = format!("a{key}");
            assert!(table.take(&key, quota, START).is_allowed);
            forgotten += u32::from(table.take(&key, quota, START).is_allowed);
        }
        assert!(forgotten < 50, "{forgotten} of 50,000 were forgotten");
    }

    #[test]
    fn a_flood_of_strangers_does_not_free_who_was_refused() {
        let table = Table::new(1_024);
        let hard: Quota = "5/3600".parse().unwrap();
        while table.take("attacker", hard, START).is_allowed {}
        // Each stranger's bucket is nearly full: theirs go first.
        for key in 0..100_000 {
            table.take(&format!("s{key}"), "100/60".parse().unwrap(), START);
        }
        assert!(!table.take("attacker", hard, START).is_allowed);
    }

    #[test]
    fn threads_take_no_more_than_there_is() {
        let table = Table::new(1_024);
        let quota: Quota = "1000/3600".parse().unwrap();
        let taken: usize = std::thread::scope(|scope| {
            let many = || {
                (0..1_000)
                    .filter(|_| table.take("k", quota, START).is_allowed)
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 1_000);
    }
}
