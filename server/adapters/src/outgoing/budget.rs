//! How often calls may be repeated: few of all, so that repeats never make an outage worse.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;

/// What one repeat costs.
const REPEAT: u64 = 100;
/// How many repeats can be saved up.
const MOST: u64 = 10 * REPEAT;
/// How long it takes until one more is allowed, however few calls there are.
const FLOOR: Duration = Duration::from_secs(1);

/// A budget of repeats: each call pays a part of one in, and time does a little.
#[derive(Debug)]
pub(super) struct Budget {
    saved: u64,
    at: Timestamp,
}

impl Budget {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            saved: MOST,
            at: now,
        }
    }

    /// A call that was made by itself.
    pub(super) fn deposit(&mut self, percent: u32, now: Timestamp) {
        self.wait(now);
        self.saved = (self.saved + u64::from(percent)).min(MOST);
    }

    /// Whether a call may be repeated; it is paid for then.
    pub(super) fn withdraw(&mut self, now: Timestamp) -> bool {
        self.wait(now);
        let left = self.saved.checked_sub(REPEAT);
        self.saved = left.unwrap_or(self.saved);
        left.is_some()
    }

    fn wait(&mut self, now: Timestamp) {
        let passed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        let floor = u64::try_from(FLOOR.as_millis()).unwrap_or(u64::MAX);
        let earned = passed.saturating_mul(REPEAT) / floor;
        if earned > 0 || now < self.at {
            self.at = now;
            self.saved = self.saved.saturating_add(earned).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-6
    #[test]
    fn a_tenth_of_all_calls_may_be_repeats_and_one_a_second_in_any_case() {
        let at = Timestamp::from_ms;
        let mut budget = Budget::new(at(0));
        let saved_up = (0..100).filter(|_| budget.withdraw(at(0))).count();
        assert_eq!(saved_up, 10);
        let mut repeats = 0;
        for _ in 0..1_000 {
            budget.deposit(10, at(1));
            repeats += u32::from(budget.withdraw(at(1)));
        }
        assert_eq!(repeats, 100);
        assert!(!budget.withdraw(at(500)));
        assert!(budget.withdraw(at(1_500)) && !budget.withdraw(at(1_500)));
        // Nothing is saved up without end, and a clock that is set back takes nothing away.
        let day = 86_400_000;
        assert_eq!((0..100).filter(|_| budget.withdraw(at(day))).count(), 10);
        assert!(!budget.withdraw(at(0)));
        assert!(budget.withdraw(at(1_000)));
    }

    #[test]
    fn without_a_share_only_time_pays() {
        let at = Timestamp::from_ms;
        let mut budget = Budget::new(at(0));
        while budget.withdraw(at(0)) {}
        for _ in 0..1_000 {
            budget.deposit(0, at(0));
        }
        assert!(!budget.withdraw(at(0)));
    }
}
