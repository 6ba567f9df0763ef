//! Randomness as a parameter.
//!
//! Ids, tokens and jitter draw from a [`Random`], never from a global, so that a test can repeat
//! exactly what happened: it hands in a [`SeededRandom`]. The server hands in [`OsRandom`].

use std::sync::Mutex;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Where random bytes come from.
pub trait Random: Send + Sync {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// A random number of the full range.
pub fn u64(random: &dyn Random) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A random number in `0..end` (0 if `end` is 0); the bias is below `end` / 2⁶⁴.
pub fn below(random: &dyn Random, end: u64) -> u64 {
    let wide = u128::from(u64(random)) * u128::from(end);
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// A secret of `length` characters from `0-9a-z` without `i l o u`: 5 random bits each, safe in
/// URLs, file names and when read aloud. Use 26 or more for what must not be guessed.
pub fn token(random: &dyn Random, length: usize) -> String {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(crate::id::ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// Cryptographically secure randomness, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, buf: &mut [u8]) {
        rand::rng().fill_bytes(buf);
    }
}

/// The same bytes for the same seed: for tests and demonstrations only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// A source that repeats itself for the same `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buf: &mut [u8]) {
        // A panic elsewhere cannot leave the generator half changed, so a poisoned lock is fine.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_another_differs() {
        let texts = [1, 1, 2].map(|seed| token(&SeededRandom::new(seed), 26));
        assert_eq!(texts[0], texts[1]);
        assert_ne!(texts[0], texts[2]);
        assert!(
            texts[0]
                .bytes()
                .all(|byte| crate::id::ALPHABET.contains(&byte))
        );
    }

    #[test]
    fn below_stays_below() {
        let random = SeededRandom::new(7);
        assert!((0..1000).all(|_| below(&random, 6) < 6));
        assert_eq!(below(&random, 0), 0);
        assert_ne!(u64(&OsRandom), u64(&OsRandom));
    }
}
