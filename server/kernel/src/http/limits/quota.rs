//! How often something may be done, and the rule that decides it.
//!
//! The rule is GCRA, a token bucket that is one number: the moment at which the bucket will be full
//! again. A bucket that is full is the same as none, so what was not seen for a while is forgotten
//! without anybody noticing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// So many times in so many seconds: all at once if one likes, then as time refills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    seconds: u32,
}

/// The text is not a quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a number of requests and a number of seconds, such as 600/60, at most 1000000/86400"
)]
pub struct QuotaError;

/// How many times at most.
const MOST_COUNT: u32 = 1_000_000;
/// In how many seconds at most.
const MOST_SECONDS: u32 = 86_400;

impl Quota {
    /// So many in so many seconds; nothing if one is zero or too large.
    pub const fn new(count: u32, seconds: u32) -> Option<Self> {
        let is_one = count > 0 && count <= MOST_COUNT && seconds > 0 && seconds <= MOST_SECONDS;
        if is_one {
            Some(Self { count, seconds })
        } else {
            None
        }
    }

    /// How many times.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// In how many seconds.
    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// How long the whole bucket takes to fill, in microseconds.
    pub const fn window_us(self) -> u64 {
        self.seconds as u64 * 1_000_000
    }

    /// How long one place takes to fill, in microseconds: at least one, since 1,000,000 a second
    /// are the most.
    pub const fn interval_us(self) -> u64 {
        let interval = self.window_us() / self.count as u64;
        if interval == 0 { 1 } else { interval }
    }
}

impl FromStr for Quota {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let (count, seconds) = text.split_once('/').ok_or(QuotaError)?;
        let number = |text: &str| text.trim().parse().map_err(|_| QuotaError);
        Self::new(number(count)?, number(seconds)?).ok_or(QuotaError)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.seconds)
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::id::text_from(deserializer)
    }
}

impl serde::Serialize for Quota {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a quota, or an empty text as none.
pub(in crate::http) fn or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Quota>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// What came of asking once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether there was room.
    pub is_allowed: bool,
    /// For how many more there is room now.
    pub left: u32,
    /// When there is room again, in microseconds from now; 0 if there was.
    pub retry_us: u64,
    /// When all room is there again, in microseconds from now.
    pub full_us: u64,
}

impl Quota {
    /// Asks for one place at `now` of a bucket that is full again at `full_at`, both in
    /// microseconds; gives when it is full again after that.
    pub fn take(self, full_at: u64, now: u64) -> (u64, Outcome) {
        let (window, interval) = (self.window_us(), self.interval_us());
        // Never fuller than full, and never emptier than empty: a clock that was set back, or a
        // quota that was made smaller, must not shut anybody out for long.
        let before = full_at.max(now).min(now.saturating_add(window));
        let after = before + interval;
        let is_allowed = after - now <= window;
        let full_at = if is_allowed { after } else { before };
        let retry_us = if is_allowed { 0 } else { after - now - window };
        let outcome = self.outcome(is_allowed, full_at - now, retry_us);
        (full_at, outcome)
    }

    /// What came of asking, by whoever keeps the bucket: when it will be full, and when there is
    /// room again.
    pub fn outcome(self, is_allowed: bool, full_us: u64, retry_us: u64) -> Outcome {
        let left = self.window_us().saturating_sub(full_us) / self.interval_us();
        Outcome {
            is_allowed,
            left: u32::try_from(left).unwrap_or(u32::MAX).min(self.count),
            retry_us,
            full_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_text() {
        let quota: Quota = "600/60".parse().unwrap();
        assert_eq!((quota.count(), quota.seconds()), (600, 60));
        assert_eq!(quota.to_string().parse(), Ok(quota));
        for text in [
            "",
            "600",
            "0/60",
            "6/0",
            "-1/6",
            "1/86401",
            "1000001/1",
            "a/b",
            "1/2/3",
        ] {
            assert_eq!(text.parse::<Quota>(), Err(QuotaError), "{text}");
        }
    }

    /// covers: GW-2
    #[test]
    fn a_bucket_empties_refills_and_says_when() {
        let quota: Quota = "3/6".parse().unwrap();
        let second = 1_000_000;
        let (mut full_at, start) = (0, 50 * second);
        for left in [2, 1, 0] {
            let (next, outcome) = quota.take(full_at, start);
            full_at = next;
            assert!(outcome.is_allowed);
            assert_eq!((outcome.left, outcome.retry_us), (left, 0));
        }
        let (same, refused) = quota.take(full_at, start);
        assert_eq!(same, full_at, "a refusal costs nothing");
        assert_eq!(
            (refused.is_allowed, refused.retry_us, refused.full_us),
            (false, 2 * second, 6 * second)
        );
        let (_, later) = quota.take(full_at, start + 2 * second);
        assert!(later.is_allowed && later.left == 0);
        let (_, much_later) = quota.take(full_at, start + 60 * second);
        assert_eq!((much_later.is_allowed, much_later.left), (true, 2));
    }

    #[test]
    fn a_clock_that_was_set_back_shuts_nobody_out() {
        let quota: Quota = "3/6".parse().unwrap();
        let (full_at, outcome) = quota.take(1_000_000_000, 5);
        assert!(!outcome.is_allowed);
        assert_eq!((full_at, outcome.retry_us), (6_000_005, 2_000_000));
    }

    proptest::proptest! {
        /// In any stretch of time nobody gets more than what the bucket holds and what it refills.
        #[test]
        fn nobody_gets_more_than_the_quota(
            count in 1u32..50, seconds in 1u32..100,
            steps in proptest::collection::vec(0u64..5_000_000, 1..300),
        ) {
            let quota = Quota::new(count, seconds).unwrap();
            let (mut full_at, mut now, mut taken) = (0, 1_000_000_000u64, 0u64);
            let start = now;
            for step in steps {
                now += step;
                let (next, outcome) = quota.take(full_at, now);
                full_at = next;
                taken += u64::from(outcome.is_allowed);
                proptest::prop_assert!(outcome.left <= count);
                proptest::prop_assert!(taken <= u64::from(count) + (now - start) / quota.interval_us() + 1);
                if !outcome.is_allowed {
                    proptest::prop_assert!(quota.take(full_at, now + outcome.retry_us).1.is_allowed);
                }
            }
        }
    }
}
