//! Whom it makes no sense to ask just now.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;

/// How many of those who fail are remembered.
const MOST: usize = 10_000;

/// When somebody is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// After how many failures in a row.
    pub failures: u32,
    /// For how long at first; twice as long each time a try after it fails.
    pub pause: Duration,
    /// … and for how long at most.
    pub longest: Duration,
}

/// Leaves alone who failed several times in a row; after a pause, one try says whether that is over.
///
/// ```text
/// closed ──(failures in a row)──▶ open ──(pause)──▶ one try ──(works)──▶ closed
///                                  ▲                   └──(fails; twice the pause)──▶ open
/// ```
///
/// One for each name that the caller gives: what belongs to one tenant never stops another.
#[derive(Default)]
pub(super) struct Breakers(Mutex<HashMap<String, Failing>>);

#[derive(Clone, Copy, Debug)]
struct Failing {
    /// What whoever fails is to us.
    peer: &'static str,
    failures: u32,
    /// How often it was opened since it last worked.
    opened: u32,
    /// Until when nobody asks, if it is open.
    until: Option<Timestamp>,
    /// Whether somebody tries just now, although it is open.
    is_tried: bool,
    last_at: Timestamp,
    /// For how long it is remembered.
    longest: Duration,
}

/// The right to ask once. Whoever drops it without a word has learned nothing.
pub(super) struct Pass<'b> {
    breakers: &'b Breakers,
    key: String,
    peer: &'static str,
    rules: BreakerRules,
    /// Whether it is the one try of an open one.
    is_try: bool,
    is_told: bool,
}

impl Breakers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failing>> {
        // Whoever panicked while holding it had changed one entry, or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when nobody asks, if that is so.
    pub(super) fn open_until(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        let failing = self.lock();
        let state = failing.get(key)?;
        match state.until {
            Some(until) if now < until => Some(until),
            // Somebody finds out just now.
            Some(_) if state.is_tried => Some(now + Duration::from_secs(1)),
            Some(_) | None => None,
        }
    }

    /// Whether only one may ask, to find out.
    pub(super) fn is_doubtful(&self, key: &str) -> bool {
        self.lock()
            .get(key)
            .is_some_and(|state| state.until.is_some())
    }

    /// How many of those who failed are left alone, and how many had their pause a while ago and wait
    /// for somebody to try, by what they are to us.
    pub(super) fn states(&self, peer: &str, now: Timestamp) -> (usize, usize) {
        let failing = self.lock();
        let (mut open, mut half_open) = (0, 0);
        for state in failing.values().filter(|state| state.peer == peer) {
            match state.until {
                Some(until) if now < until => open += 1,
                // If nobody has asked for long, nobody knows any more.
                Some(until) if now.since(until) < state.longest => half_open += 1,
                Some(_) | None => {}
            }
        }
        (open, half_open)
    }

    /// Asks for the right to ask somebody who is `peer` to us.
    pub(super) fn admit(
        &self,
        peer: &'static str,
        key: String,
        rules: BreakerRules,
        now: Timestamp,
    ) -> Result<Pass<'_>, Timestamp> {
        if let Some(until) = self.open_until(&key, now) {
            return Err(until);
        }
        let mut failing = self.lock();
        let is_try = match failing.get_mut(&key) {
            // Between the two looks somebody else may have begun to try.
            Some(state) if state.until.is_some() && state.is_tried => {
                return Err(now + Duration::from_secs(1));
            }
            Some(state) if state.until.is_some() => {
                state.is_tried = true;
                true
            }
            Some(_) | None => false,
        };
        drop(failing);
        Ok(Pass {
            breakers: self,
            key,
            peer,
            rules,
            is_try,
            is_told: false,
        })
    }

    fn failed(&self, peer: &'static str, key: &str, rules: BreakerRules, now: Timestamp) {
        let mut failing = self.lock();
        if failing.len() >= MOST && !failing.contains_key(key) {
            failing.retain(|_, state| now.since(state.last_at) < state.longest);
            if failing.len() >= MOST {
                return;
            }
        }
        let state = failing.entry(key.to_owned()).or_insert(Failing {
            peer,
            failures: 0,
            opened: 0,
            until: None,
            is_tried: false,
            last_at: now,
            longest: rules.longest,
        });
        state.failures = state.failures.saturating_add(1);
        state.last_at = now;
        // What was under way when it opened says nothing new.
        let is_open = state.until.is_some_and(|until| now < until);
        if state.failures >= rules.failures && !is_open {
            let twice = 1 << state.opened.min(20);
            let pause = rules.pause.saturating_mul(twice).min(rules.longest);
            state.opened = state.opened.saturating_add(1);
            state.until = Some(now + pause);
            let (failures, pause_s) = (state.failures, pause.as_secs());
            tracing::warn!(peer, failures, pause_s, "left alone after failures");
        }
        state.is_tried = false;
    }
}

impl Pass<'_> {
    /// It worked.
    pub(super) fn worked(mut self) {
        self.is_told = true;
        let was = self.breakers.lock().remove(&self.key);
        if was.is_some_and(|state| state.until.is_some()) {
            tracing::info!(peer = self.peer, "works again");
        }
    }

    /// It did not.
    pub(super) fn failed(mut self, now: Timestamp) {
        self.is_told = true;
        self.breakers.failed(self.peer, &self.key, self.rules, now);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_try
            && !self.is_told
            && let Some(state) = self.breakers.lock().get_mut(&self.key)
        {
            state.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: BreakerRules = BreakerRules {
        failures: 3,
        pause: Duration::from_secs(10),
        longest: Duration::from_secs(30),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(seconds * 1_000)
    }

    fn admit<'b>(breakers: &'b Breakers, key: &str, now: Timestamp) -> Result<Pass<'b>, Timestamp> {
        breakers.admit("tests", key.to_owned(), RULES, now)
    }

    fn fail(breakers: &Breakers, now: Timestamp) {
        admit(breakers, "a", now).ok().unwrap().failed(now);
    }

    /// covers: GW-6
    #[test]
    fn who_fails_in_a_row_is_left_alone_longer_and_longer() {
        let breakers = Breakers::default();
        fail(&breakers, at(0));
        fail(&breakers, at(0));
        admit(&breakers, "a", at(0)).ok().unwrap().worked();
        for _ in 0..3 {
            assert_eq!(breakers.open_until("a", at(1)), None);
            fail(&breakers, at(1));
        }
        assert_eq!(breakers.open_until("a", at(2)), Some(at(11)));
        assert_eq!(breakers.states("tests", at(10)), (1, 0));
        assert_eq!(breakers.states("tests", at(11)), (0, 1));
        assert_eq!(breakers.states("others", at(10)), (0, 0));
        assert_eq!(breakers.states("tests", at(41)), (0, 0), "nobody knows");
        assert_eq!(admit(&breakers, "a", at(10)).err(), Some(at(11)));
        // Others are asked.
        assert!(admit(&breakers, "b", at(10)).is_ok());
        // One may try; while it does, nobody else.
        let first = admit(&breakers, "a", at(11)).ok().unwrap();
        assert!(breakers.is_doubtful("a") && admit(&breakers, "a", at(11)).is_err());
        first.failed(at(12));
        assert_eq!(breakers.open_until("a", at(12)), Some(at(32)));
        fail(&breakers, at(32));
        assert_eq!(
            breakers.open_until("a", at(33)),
            Some(at(62)),
            "no longer than that"
        );
        admit(&breakers, "a", at(62)).ok().unwrap().worked();
        assert!(!breakers.is_doubtful("a"));
        fail(&breakers, at(63));
        assert_eq!(breakers.open_until("a", at(63)), None);
    }

    /// covers: GW-6
    #[test]
    fn a_try_that_is_given_up_lets_another_one_try() {
        let breakers = Breakers::default();
        for _ in 0..3 {
            fail(&breakers, at(0));
        }
        drop(admit(&breakers, "a", at(10)).ok().unwrap());
        assert!(admit(&breakers, "a", at(10)).is_ok());
    }

    #[test]
    fn what_was_under_way_when_it_opened_makes_the_pause_no_longer() {
        let breakers = Breakers::default();
        let passes: Vec<_> = (0..8)
            .map(|_| admit(&breakers, "a", at(0)).ok().unwrap())
            .collect();
        for pass in passes {
            pass.failed(at(1));
        }
        assert_eq!(breakers.open_until("a", at(1)), Some(at(11)));
    }

    #[test]
    fn those_who_fail_are_not_remembered_without_end() {
        let breakers = Breakers::default();
        for n in 0..(MOST + 100) {
            breakers.failed("tests", &n.to_string(), RULES, at(0));
        }
        assert_eq!(breakers.lock().len(), MOST);
        breakers.failed("tests", "later", RULES, at(31));
        assert_eq!(breakers.lock().len(), 1);
    }
}
