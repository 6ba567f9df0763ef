//! What somebody in line is told, in figures and in words.
//!
//! An estimate is two times, not one: how fast others are called is counted, and a count of `n` is known
//! to about `2√n` (95 of 100 times, if calls are as irregular as chance); the same holds for the people
//! ahead. Both errors go into the bounds, which are rounded outwards to minutes. With too few calls to
//! go by nothing is said.
//!
//! A screen reader is told what changed, not every figure: when the state changes, and when the people
//! ahead fall below the next of 1, 2, 5, 10, 20, 50, 100 … The page puts [`InLine::text`] into a live
//! region (`role="status"`, polite; the turn itself `role="alert"`), never moves the focus, and the
//! figures that count down for the eye are hidden from it.

use bilten_kernel::clock::Timestamp;
use serde::Serialize;

/// With fewer calls than these nothing can be said.
const FEWEST: u64 = 9;

/// Between which times the turn comes, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Hardly before so many minutes.
    pub from_minutes: u64,
    /// Hardly after so many minutes; at least 1.
    pub to_minutes: u64,
}

/// When somebody with so many people ahead is called, if `called` were called in the last `seconds`.
pub fn estimate(ahead: u64, called: u64, seconds: u64) -> Option<Estimate> {
    if called < FEWEST || seconds == 0 {
        return None;
    }
    // Rounded up, so that the bounds are never too narrow.
    let spread = |count: u64| count.isqrt().saturating_add(1).saturating_mul(2);
    let (few, many) = (
        called.saturating_sub(spread(called)).max(1),
        called.saturating_add(spread(called)),
    );
    let (least, most) = (
        ahead.saturating_sub(spread(ahead)),
        ahead.saturating_add(spread(ahead)),
    );
    let minutes = |people: u64, calls: u64, up: u128| {
        let divisor = u128::from(calls) * 60;
        let wide = u128::from(people) * u128::from(seconds);
        u64::try_from(wide.saturating_add(up * (divisor - 1)) / divisor).unwrap_or(u64::MAX)
    };
    Some(Estimate {
        from_minutes: minutes(least, many, 0),
        to_minutes: minutes(most, few, 1).max(1),
    })
}

/// How it stands for somebody in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InLine {
    /// The draw is still to come, and they take part.
    Gathering {
        /// When it is held.
        opens_at: Timestamp,
    },
    /// The draw is being held.
    Drawing,
    /// They have a number, and others are before them.
    Waiting {
        /// Their number.
        number: u64,
        /// How many are before them.
        ahead: u64,
        /// When their turn comes.
        estimate: Option<Estimate>,
    },
    /// It is their turn.
    Called {
        /// Until when they may come.
        until: Timestamp,
    },
    /// Everything is sold; they keep their place.
    SoldOut,
    /// They let their time pass, and may ask for the next free moment.
    Missed,
    /// They are inside: what they chose is reserved, or being paid.
    Entered,
    /// They were inside, and are done.
    Left,
    /// Nobody waits any more: they may buy at once.
    Open,
    /// There is nothing left.
    Ended,
}

impl InLine {
    /// How it stands for a number, when so many are called.
    pub fn waiting(number: u64, called: u64, lately: u64, seconds: u64) -> Option<Self> {
        let ahead = number.checked_sub(called)?.checked_sub(1)?;
        Some(Self::Waiting {
            number,
            ahead,
            estimate: estimate(ahead, lately, seconds),
        })
    }

    /// The name of its text in translations.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Gathering { .. } => "waiting.gathering",
            Self::Drawing => "waiting.drawing",
            Self::Waiting { .. } => "waiting.waiting",
            Self::Called { .. } => "waiting.called",
            Self::SoldOut => "waiting.sold_out",
            Self::Missed => "waiting.missed",
            Self::Entered => "waiting.entered",
            Self::Left => "waiting.left",
            Self::Open => "waiting.open",
            Self::Ended => "waiting.ended",
        }
    }

    /// Its text in English, whole sentences for the ear. Times of the day are for the page to say, in
    /// the reader's own zone.
    pub fn text(&self) -> String {
        match self {
            Self::Gathering { .. } => {
                "You are in the draw. It makes no difference when you came, and you need not reload \
                 this page."
                    .to_owned()
            }
            Self::Drawing => "The draw is being held. Your number follows in a moment.".to_owned(),
            Self::Waiting {
                number,
                ahead,
                estimate,
            } => {
                let people = match ahead {
                    0 => "You are next.".to_owned(),
                    1 => "One person is before you.".to_owned(),
                    _ => format!("{ahead} people are before you."),
                };
                let times = match estimate {
                    None => "It is too early to say how long that takes.".to_owned(),
                    Some(Estimate {
                        from_minutes: 0,
                        to_minutes: 1,
                    }) => "Your turn comes within a minute.".to_owned(),
                    Some(Estimate {
                        from_minutes: 0,
                        to_minutes,
                    }) => format!("Your turn comes within {to_minutes} minutes, most likely."),
                    Some(Estimate {
                        from_minutes,
                        to_minutes,
                    }) => format!(
                        "Your turn comes in {from_minutes} to {to_minutes} minutes, most likely."
                    ),
                };
                format!("Your number is {number}. {people} {times}")
            }
            Self::Called { .. } => {
                "It is your turn. Follow the link on this page to choose your tickets.".to_owned()
            }
            Self::SoldOut => {
                "All tickets are sold. You keep your place: if some come back soon, it goes on here."
                    .to_owned()
            }
            Self::Missed => {
                "Your turn is over. You can ask for the next free moment on this page.".to_owned()
            }
            Self::Entered => "Your turn is being used: tickets are reserved for you.".to_owned(),
            Self::Left => "Your turn was used. Thank you for waiting.".to_owned(),
            Self::Open => "Nobody has to wait any more. You can choose your tickets now.".to_owned(),
            Self::Ended => "There are no more tickets. You need not wait any longer.".to_owned(),
        }
    }

    /// Whether somebody who was told `last` is to be told this, aloud.
    pub fn is_news_after(&self, last: &Self) -> bool {
        match (last, self) {
            (Self::Waiting { ahead: then, .. }, Self::Waiting { ahead: now, .. }) => {
                step_of(*then) != step_of(*now)
            }
            (Self::Gathering { opens_at: then }, Self::Gathering { opens_at: now }) => then != now,
            _ => last.key() != self.key(),
        }
    }
}

/// The largest of 0, 1, 2, 5, 10, 20, 50 … that is not larger.
fn step_of(ahead: u64) -> u64 {
    let mut ten = 1u64;
    while ahead / ten >= 10 {
        ten *= 10;
    }
    match ahead / ten {
        0 => 0,
        1 => ten,
        2..5 => 2 * ten,
        _ => 5 * ten,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_hold_what_is_not_known() {
        for (ahead, called, seconds, wanted) in [
            (100, 8, 60, None),
            (100, 100, 0, None),
            // Ten a second: hardly anything is uncertain.
            (100_000, 6_000, 600, Some((161, 173))),
            // Nine in a minute: it may be a third of that, or twice as many.
            (90, 9, 60, Some((4, 110))),
            (0, 600, 60, Some((0, 1))),
        ] {
            let got = estimate(ahead, called, seconds);
            let got = got.map(|e| (e.from_minutes, e.to_minutes));
            assert_eq!(got, wanted, "{ahead} {called} {seconds}");
        }
    }

    #[test]
    fn a_number_that_is_called_does_not_wait() {
        assert_eq!(InLine::waiting(10, 10, 0, 0), None);
        assert_eq!(InLine::waiting(0, 0, 0, 0), None);
        let next = InLine::waiting(11, 10, 0, 0).unwrap();
        assert!(
            next.text().contains("You are next. It is too early"),
            "{}",
            next.text()
        );
        let later = InLine::waiting(112, 10, 600, 60).unwrap();
        assert_eq!(
            later.text(),
            "Your number is 112. 101 people are before you. Your turn comes within a minute."
        );
    }

    #[test]
    fn only_news_is_told() {
        let ahead = |ahead| InLine::waiting(ahead + 1, 0, 600, 60).unwrap();
        assert!(!ahead(99).is_news_after(&ahead(99)));
        assert!(!ahead(60).is_news_after(&ahead(99)));
        assert!(ahead(49).is_news_after(&ahead(60)));
        assert!(ahead(0).is_news_after(&ahead(1)));
        assert!(InLine::Drawing.is_news_after(&ahead(3)));
        assert!(InLine::SoldOut.is_news_after(&ahead(3)));
        assert!(!InLine::SoldOut.is_news_after(&InLine::SoldOut));
        let at = Timestamp::from_ms;
        let opens = |ms| InLine::Gathering { opens_at: at(ms) };
        assert!(!opens(1).is_news_after(&opens(1)));
        assert!(opens(2).is_news_after(&opens(1)));
        let called = |ms| InLine::Called { until: at(ms) };
        assert!(!called(2).is_news_after(&called(1)));
        // From 100,000 to the next: sixteen times, however often the page asks.
        let told = (0..100_000u64)
            .rev()
            .filter(|n| ahead(*n).is_news_after(&ahead(n + 1)))
            .count();
        assert_eq!(told, 16);
    }

    proptest! {
        #[test]
        fn bounds_are_in_order_and_hold_the_plain_guess(
            ahead in 0u64..1_000_000, called in 9u64..1_000_000, seconds in 1u64..100_000,
        ) {
            let got = estimate(ahead, called, seconds).unwrap();
            let guess = ahead * seconds / called / 60;
            prop_assert!(got.from_minutes <= guess && guess <= got.to_minutes);
        }

        #[test]
        fn no_figure_breaks_it(number: u64, called: u64, lately: u64, seconds: u64) {
            if let Some(line) = InLine::waiting(number, called, lately, seconds) {
                prop_assert!(!line.text().is_empty());
                prop_assert!(!line.is_news_after(&line));
            }
        }
    }
}
