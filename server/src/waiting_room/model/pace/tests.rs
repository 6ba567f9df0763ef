//! A house with people in it, second by second.

use std::collections::VecDeque;

use bilten_kernel::random::{self, SeededRandom};
use proptest::prelude::*;

use super::*;

const START_MS: i64 = 1_800_000_000_000;

/// What a house is like.
#[derive(Clone, Copy, Debug)]
struct House {
    policy: PacePolicy,
    people: u64,
    /// How many of a thousand come when they are called.
    come_permille: u64,
    /// How long one stays, in seconds.
    stay: u64,
    /// How many holds it makes a second.
    holds: u32,
    /// How long one has to come, in seconds.
    patience: u64,
}

/// What happened in it.
#[derive(Default)]
struct Told {
    seconds: u64,
    called: Vec<u32>,
    most_inside: u32,
    most_promised: u32,
    served: u64,
    missed: u64,
}

/// Lets people come until nobody waits, or `most_seconds` are over.
fn live(house: &House, seed: u64, most_seconds: u64) -> Told {
    let random = SeededRandom::new(seed);
    let mut pace = Pace::start(&house.policy, Timestamp::from_ms(START_MS));
    let mut told = Told::default();
    let mut waiting = house.people;
    // When each comes, or until when they are waited for in vain.
    let (mut coming, mut absent) = (Vec::<u64>::new(), Vec::<u64>::new());
    let mut leaving = VecDeque::<u64>::new();
    let mut backlog = 0u32;
    while told.seconds < most_seconds
        && (waiting > 0 || !coming.is_empty() || !leaving.is_empty() || !absent.is_empty())
    {
        told.seconds += 1;
        let now = told.seconds;
        while leaving.front().is_some_and(|at| *at <= now) {
            leaving.pop_front();
            told.served += 1;
        }
        let (mut came, mut missed) = (0, 0);
        absent.retain(|until| {
            let is_over = *until <= now;
            missed += u32::from(is_over);
            !is_over
        });
        coming.retain(|at| {
            let inside = u32::try_from(leaving.len()).unwrap();
            let enters = *at <= now && may_enter(&house.policy, inside);
            if enters {
                leaving.push_back(now + house.stay);
                came += 1;
            }
            !enters
        });
        backlog += came;
        let held = backlog.min(house.holds);
        backlog -= held;
        told.missed += u64::from(missed);
        let measured = Measured {
            at: Timestamp::from_ms(START_MS + i64::try_from(now).unwrap() * 1_000),
            waiting,
            called: u32::try_from(coming.len() + absent.len()).unwrap(),
            inside: u32::try_from(leaving.len()).unwrap(),
            held,
            came,
            missed,
            is_strained: backlog > (house.holds / 2).max(1),
            stock_left: None,
        };
        let next = step(&house.policy, &pace, &measured);
        pace = next.pace;
        waiting = waiting.checked_sub(u64::from(next.call)).unwrap();
        for _ in 0..next.call {
            if random::below(&random, 1_000) < house.come_permille {
                coming.push(now + 1 + random::below(&random, house.patience));
            } else {
                absent.push(now + house.patience);
            }
        }
        told.called.push(next.call);
        let inside = u32::try_from(leaving.len()).unwrap();
        told.most_inside = told.most_inside.max(inside);
        let promised = inside + u32::try_from(coming.len() + absent.len()).unwrap();
        told.most_promised = told.most_promised.max(promised);
    }
    told
}

fn policy(most_inside: u32, overbook_permille: u32) -> PacePolicy {
    PacePolicy {
        most_inside,
        floor_per_minute: 60,
        ceiling_per_minute: 60_000,
        overbook_permille,
    }
}

fn measured(at_ms: i64) -> Measured {
    Measured {
        at: Timestamp::from_ms(START_MS + at_ms),
        waiting: 1_000,
        called: 0,
        inside: 0,
        held: 0,
        came: 0,
        missed: 0,
        is_strained: false,
        stock_left: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Never more inside than fit, never more promised than is said, and everybody is called.
    #[test]
    fn nobody_is_too_many_and_nobody_is_forgotten(
        most_inside in 1u32..100,
        overbook in 0u32..=500,
        people in 1u64..300,
        come_permille in 0u64..=1_000,
        stay in 1u64..30,
        holds in 1u32..30,
        seed: u64,
    ) {
        let policy = policy(most_inside, overbook);
        let house = House { policy, people, come_permille, stay, holds, patience: 10 };
        // Even one by one: each is called, comes in ten seconds or not, and stays.
        let told = live(&house, seed, 100 + people * (stay + 15));
        prop_assert!(told.most_inside <= most_inside);
        let promised = (u64::from(most_inside) * 1_000).div_ceil(1_000 - u64::from(overbook));
        prop_assert!(u64::from(told.most_promised) <= promised, "{} > {}", told.most_promised, promised);
        prop_assert_eq!(told.served + told.missed, people);
        prop_assert_eq!(told.called.iter().map(|n| u64::from(*n)).sum::<u64>(), people);
    }

    /// Whatever is measured, the figures stay within what they are for.
    #[test]
    fn no_figure_breaks_it(
        steps in proptest::collection::vec(
            (-10_000i64..100_000, any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), any::<Option<u64>>()),
            1..50,
        ),
        most_inside in 1u32.., floor in 1u32..1_000, overbook in 0u32..=500, waiting: u64,
    ) {
        let policy = PacePolicy {
            most_inside,
            floor_per_minute: floor,
            ceiling_per_minute: 1_000_000,
            overbook_permille: overbook,
        };
        prop_assert_eq!(policy.check(), Ok(()));
        let mut pace = Pace::start(&policy, Timestamp::from_ms(START_MS));
        let mut at_ms = 0;
        for (later, called, inside, counted, is_strained, stock_left) in steps {
            at_ms += later;
            let now = Measured {
                waiting, called, inside, held: counted, came: counted, missed: called, is_strained, stock_left,
                ..measured(at_ms)
            };
            let next = step(&policy, &pace, &now);
            prop_assert_eq!(next, step(&policy, &pace, &now));
            prop_assert!(u64::from(next.call) <= waiting);
            prop_assert!(u64::from(next.call) + u64::from(inside) <= u64::from(most_inside.max(inside)));
            prop_assert!(next.pace.per_minute() <= 1_000_000);
            prop_assert!(next.pace.per_minute() + 1 >= u64::from(floor));
            pace = next.pace;
        }
    }
}

/// With plenty of room the rate comes to what the house serves, fast or slow, and stays there.
#[test]
fn the_rate_finds_what_the_house_serves() {
    for holds in [2, 10, 50, 200] {
        let house = House {
            policy: policy(u32::MAX, 0),
            people: u64::MAX,
            come_permille: 1_000,
            stay: 1,
            holds,
            patience: 1,
        };
        let told = live(&house, 1, 600);
        let late = &told.called[300..];
        let mean = f64::from(late.iter().sum::<u32>()) / 300.0;
        let wanted = f64::from(holds);
        assert!(
            (wanted * 0.7..=wanted * 1.1).contains(&mean),
            "{holds}: {mean}"
        );
        assert!(late.iter().all(|n| *n <= holds * 2), "{holds}");
    }
}

/// With little room the house stays full, also when half of the people do not come.
#[test]
fn absence_is_made_up_for() {
    let served = |overbook| {
        let house = House {
            policy: policy(100, overbook),
            people: u64::MAX,
            come_permille: 500,
            stay: 20,
            holds: 1_000,
            patience: 60,
        };
        live(&house, 1, 2_000).served
    };
    let (strict, overbooked) = (served(0), served(500));
    assert!(overbooked * 10 > strict * 12, "{strict} {overbooked}");
}

#[test]
fn a_slow_rate_adds_up_to_people() {
    let policy = PacePolicy {
        floor_per_minute: 1,
        ceiling_per_minute: 1,
        ..policy(100, 0)
    };
    let mut pace = Pace::start(&policy, Timestamp::from_ms(START_MS));
    let mut calls = 0;
    // Ten minutes in steps of 10 ms, strained all the time.
    for tick in 1..=60_000 {
        let now = Measured {
            is_strained: true,
            ..measured(tick * 10)
        };
        let next = step(&policy, &pace, &now);
        calls += next.call;
        pace = next.pace;
    }
    assert!((9..=10).contains(&calls), "{calls}");
}

#[test]
fn a_pause_is_not_followed_by_a_rush() {
    let policy = policy(10_000, 0);
    let pace = Pace::start(&policy, Timestamp::from_ms(START_MS));
    let next = step(&policy, &pace, &measured(3_600_000));
    assert!((1..=2).contains(&next.call), "{}", next.call);
    // The same moment, or an earlier one, calls nobody.
    for at_ms in [3_600_000, 1_000] {
        assert_eq!(step(&policy, &next.pace, &measured(at_ms)).call, 0);
    }
}

#[test]
fn a_clock_that_was_far_ahead_stops_nobody() {
    let policy = policy(10_000, 0);
    let ahead = Pace::start(&policy, Timestamp::from_ms(START_MS + 3_600_000));
    let first = step(&policy, &ahead, &measured(0));
    assert_eq!((first.call, first.pace.at.ms()), (0, START_MS));
    assert_eq!(step(&policy, &first.pace, &measured(1_000)).call, 1);
    // A little: the second is not given twice.
    let little = Pace::start(&policy, Timestamp::from_ms(START_MS + 1_000));
    let first = step(&policy, &little, &measured(0));
    assert_eq!((first.call, first.pace.at), (0, little.at));
}

#[test]
fn nobody_is_called_for_what_is_not_there() {
    let policy = policy(10_000, 0);
    let pace = Pace::start(&policy, Timestamp::from_ms(START_MS));
    for (stock, inside, called, wanted) in [
        (0, 0, 0, 0),
        (5, 5, 0, 0),
        (5, 2, 3, 0),
        (5, 2, 2, 1),
        (5, 0, 0, 1),
    ] {
        let now = Measured {
            stock_left: Some(stock),
            inside,
            called,
            ..measured(1_000)
        };
        assert_eq!(
            step(&policy, &pace, &now).call,
            wanted,
            "{stock} {inside} {called}"
        );
    }
}

#[test]
fn everybody_is_expected_until_shown_otherwise() {
    let shown = Shown::default();
    assert_eq!(shown.permille(), 1_000);
    assert_eq!(shown.expected(10, 500), 10);
    let half = (0..100).fold(shown, |shown, _| shown.with(10, 10));
    assert!((500..530).contains(&half.permille()), "{}", half.permille());
    assert_eq!(half.expected(10, 0), 10);
    assert_eq!(half.expected(10, 100), 9);
    let none = (0..100).fold(shown, |shown, _| shown.with(0, 100));
    assert_eq!(none.expected(10, 500), 5);
}

#[test]
fn policies_that_would_call_nobody_are_refused() {
    let good = policy(10, 100);
    assert_eq!(good.check(), Ok(()));
    for (policy, wanted) in [
        (
            PacePolicy {
                most_inside: 0,
                ..good
            },
            PolicyError::NobodyFits,
        ),
        (
            PacePolicy {
                floor_per_minute: 0,
                ..good
            },
            PolicyError::NoFloor,
        ),
        (
            PacePolicy {
                ceiling_per_minute: 59,
                ..good
            },
            PolicyError::Ceiling,
        ),
        (
            PacePolicy {
                ceiling_per_minute: 1_000_001,
                ..good
            },
            PolicyError::Ceiling,
        ),
        (
            PacePolicy {
                overbook_permille: 501,
                ..good
            },
            PolicyError::Overbooked,
        ),
    ] {
        assert_eq!(policy.check(), Err(wanted));
    }
}
