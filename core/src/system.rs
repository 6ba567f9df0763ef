//! What the core asks of the machine it runs on: the time, and random bytes.
//!
//! Both are parameters, so that tests can be at any hour and repeat themselves. Phones pass their
//! own; everybody else takes [`SystemClock`] and [`SystemRandomness`].

use crate::id::ScanId;
use crate::time::Timestamp;

/// Says what time the machine believes it is; the error against the server's clock is corrected elsewhere.
pub trait Clock: Send + Sync {
    /// The machine's wall clock.
    fn now(&self) -> Timestamp;
}

/// The machine's source of random bytes failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the machine gives no random bytes")]
pub struct RandomnessError;

/// Gives bytes that nobody can foretell.
pub trait Randomness: Send + Sync {
    /// Fills `bytes` with them.
    ///
    /// # Errors
    /// [`RandomnessError`] if the source fails; the bytes must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The machine's own wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the core learns the time; everything else takes a Clock"
        )]
        let now = std::time::SystemTime::now();
        // A machine whose clock stands before 1970 is off by hours anyway.
        let since = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(bytes).map_err(|_| RandomnessError)
    }
}

impl ScanId {
    /// Makes a new id (UUID version 7): scans sort by the time at which they were made.
    ///
    /// # Errors
    /// [`RandomnessError`] if there are no random bytes.
    pub fn generate(at: Timestamp, randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes[6..])?;
        bytes[..6].copy_from_slice(&at.ms().max(0).to_be_bytes()[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scan_ids_are_version_7_and_sort_by_time() {
        let earlier = ScanId::generate(Timestamp(1_700_000_000_000), &SystemRandomness).unwrap();
        let later = ScanId::generate(Timestamp(1_700_000_000_001), &SystemRandomness).unwrap();
        assert!(earlier < later);
        assert_eq!((later.0[6] >> 4, later.0[8] >> 6), (7, 2));
        assert_eq!(later.0[..6], 1_700_000_000_001i64.to_be_bytes()[2..]);
    }

    #[test]
    fn the_system_clock_is_past_2023() {
        assert!(SystemClock.now() > Timestamp(1_672_531_200_000));
    }
}
