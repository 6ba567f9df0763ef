//! When which numbers were called: from it follow whose time is over, and how fast it goes.

use std::collections::VecDeque;

use bilten_kernel::clock::Timestamp;

use super::PASS_MS;

/// The calls of a room that still matter, oldest first; a row of `waiting_calls` each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Up to which number everybody's time is over.
    lapsed: u64,
    /// Up to which number was called, and when.
    log: VecDeque<(u64, Timestamp)>,
}

impl Calls {
    /// The calls of a room where everybody's time up to `lapsed` is over, from its rows in order.
    pub fn of(lapsed: u64, rows: impl IntoIterator<Item = (u64, Timestamp)>) -> Self {
        let mut calls = Self {
            lapsed,
            log: VecDeque::new(),
        };
        for (upto, at) in rows {
            calls.push(upto, at);
        }
        calls
    }

    /// Up to which number everybody is called.
    pub fn called(&self) -> u64 {
        self.log.back().map_or(self.lapsed, |(upto, _)| *upto)
    }

    /// Notes a call. Numbers and times only grow: what is not beyond the last call is none, and a clock
    /// that went back does not shorten anybody's time.
    pub fn push(&mut self, upto: u64, at: Timestamp) {
        if upto > self.called() {
            let at = self.log.back().map_or(at, |(_, last)| at.max(*last));
            self.log.push_back((upto, at));
        }
    }

    /// Until when a number may come, exclusive; `None` if it is not called, or its time is over and
    /// forgotten.
    pub fn until(&self, number: u64) -> Option<Timestamp> {
        if number <= self.lapsed {
            return None;
        }
        let place = self.log.partition_point(|(upto, _)| *upto < number);
        self.log
            .get(place)
            .map(|(_, at)| Timestamp::from_ms(at.ms().saturating_add(PASS_MS)))
    }

    /// Forgets calls whose time is over; gives the numbers that this ends: after the first, up to and
    /// with the second. Who of them did not come has missed their turn.
    pub fn lapse(&mut self, now: Timestamp) -> (u64, u64) {
        let before = self.lapsed;
        while let Some((upto, at)) = self.log.front().copied() {
            if now.ms() < at.ms().saturating_add(PASS_MS) {
                break;
            }
            self.lapsed = upto;
            self.log.pop_front();
        }
        (before, self.lapsed)
    }

    /// How many were called within the last `seconds`, for estimates; at most as far back as a pass is
    /// good.
    pub fn lately(&self, now: Timestamp, seconds: u64) -> u64 {
        let span_ms = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let since = now.ms().saturating_sub(span_ms);
        let place = self.log.partition_point(|(_, at)| at.ms() <= since);
        let before = match place.checked_sub(1) {
            None => self.lapsed,
            Some(last) => self.log.get(last).map_or(self.lapsed, |(upto, _)| *upto),
        };
        self.called().saturating_sub(before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(seconds * 1_000)
    }

    #[test]
    fn everybody_has_the_same_time() {
        let pass = PASS_MS / 1_000;
        let mut calls = Calls::of(0, [(10, at(0)), (30, at(1)), (30, at(2)), (35, at(3))]);
        assert_eq!(calls.called(), 35);
        for (number, wanted) in [
            (0, None),
            (1, Some(at(pass))),
            (10, Some(at(pass))),
            (11, Some(at(pass + 1))),
            (30, Some(at(pass + 1))),
            (31, Some(at(pass + 3))),
            (36, None),
        ] {
            assert_eq!(calls.until(number), wanted, "{number}");
        }
        assert_eq!(calls.lapse(at(pass - 1)), (0, 0));
        assert_eq!(calls.lapse(at(pass + 2)), (0, 30));
        assert_eq!((calls.until(30), calls.called()), (None, 35));
        assert_eq!(calls.lapse(at(pass + 3)), (30, 35));
        assert_eq!((calls.lapse(at(pass + 9)), calls.called()), ((35, 35), 35));
        assert_eq!(calls, Calls::of(35, []));
    }

    #[test]
    fn a_clock_that_goes_back_takes_nobodys_time() {
        let mut calls = Calls::of(0, [(1, at(100))]);
        calls.push(2, at(50));
        assert_eq!(calls.until(2), calls.until(1));
    }

    #[test]
    fn what_was_called_lately_is_counted() {
        let calls = Calls::of(5, [(10, at(100)), (30, at(110)), (35, at(120))]);
        for (now, seconds, wanted) in [
            (120, 0, 0),
            (120, 1, 5),
            (120, 10, 5),
            (120, 11, 25),
            (120, 1_000, 30),
            (130, 5, 0),
        ] {
            assert_eq!(calls.lately(at(now), seconds), wanted, "{now} {seconds}");
        }
        assert_eq!(Calls::default().lately(at(0), u64::MAX), 0);
    }

    proptest! {
        /// Every number that is called lapses once, and not before its time.
        #[test]
        fn every_number_lapses_once(
            steps in proptest::collection::vec((0u64..50, 0i64..400), 1..60),
        ) {
            let (mut calls, mut upto, mut now, mut ended) = (Calls::default(), 0, 0, 0);
            for (more, later) in steps {
                now += later;
                let until = calls.until(ended + 1);
                let (after, last) = calls.lapse(at(now));
                prop_assert_eq!(after, ended);
                if last > after {
                    prop_assert!(until.is_some_and(|until| until <= at(now)));
                }
                ended = last;
                upto += more;
                calls.push(upto, at(now));
                prop_assert_eq!(calls.called(), upto);
            }
            calls.lapse(at(now + PASS_MS));
            prop_assert_eq!(calls.called(), upto);
            prop_assert_eq!(calls.until(upto), None);
        }
    }
}
