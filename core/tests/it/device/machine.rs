//! The state machine of sync, by example and by every order of events.

use bilten_core::sync::machine::{
    Effect, Event, LAST_PUSH_TRIES, Lane, LaneState, Link, Membership, State, Trouble, transition,
};
use proptest::prelude::*;
use std::time::Duration;

fn play(state: &mut State, event: Event) -> Vec<Effect> {
    let (next, effects) = transition(*state, event, 128);
    *state = next;
    effects
}

fn wake(lane: Lane) -> Event {
    Event::Wake {
        lane,
        urgent: false,
    }
}

fn open() -> State {
    State {
        link: Link::Open,
        ..State::default()
    }
}

/// covers: SCAN-4
#[test]
fn two_lanes_share_one_session() {
    let mut state = State::default();
    assert_eq!(play(&mut state, wake(Lane::Pull)), [Effect::Open]);
    assert_eq!(play(&mut state, wake(Lane::Push)), []);
    let both = [Effect::Run(Lane::Pull), Effect::Run(Lane::Push)];
    assert_eq!(play(&mut state, Event::Opened { revoked: false }), both);
    // New work while it runs: once more afterwards.
    assert_eq!(play(&mut state, wake(Lane::Push)), []);
    assert_eq!(
        play(&mut state, Event::Finished(Lane::Push)),
        [Effect::Run(Lane::Push)]
    );
    assert_eq!(play(&mut state, Event::Finished(Lane::Push)), []);
    assert_eq!(play(&mut state, Event::Finished(Lane::Pull)), []);
    assert_eq!(state, open());
}

/// covers: SCAN-4
#[test]
fn waits_grow_up_to_a_minute_and_a_hint_ends_them() {
    let mut state = open();
    let mut waits = Vec::new();
    play(&mut state, wake(Lane::Pull));
    for _ in 0..10 {
        let effects = play(&mut state, Event::Failed(Lane::Pull, Trouble::Passing));
        let [Effect::Wait(Lane::Pull, wait)] = effects[..] else {
            panic!("{effects:?}")
        };
        waits.push(wait);
        assert_eq!(
            play(&mut state, wake(Lane::Pull)),
            [],
            "a new scan is no reason to hurry"
        );
        assert_eq!(
            play(&mut state, Event::Elapsed(Lane::Pull)),
            [Effect::Run(Lane::Pull)]
        );
    }
    assert!(waits.is_sorted());
    assert_eq!(
        (waits[0], waits[9]),
        (Duration::from_millis(1_500), Duration::from_secs(45))
    );
    play(&mut state, Event::Failed(Lane::Pull, Trouble::Passing));
    let hint = Event::Wake {
        lane: Lane::Pull,
        urgent: true,
    };
    assert_eq!(play(&mut state, hint), [Effect::Run(Lane::Pull)]);
    play(&mut state, Event::Finished(Lane::Pull));
    assert_eq!(state.pull.failures, 0);

    play(&mut state, wake(Lane::Push));
    let busy = Trouble::Busy(Some(Duration::from_secs(100)));
    let effects = play(&mut state, Event::Failed(Lane::Push, busy));
    assert_eq!(
        effects,
        [Effect::Wait(Lane::Push, Duration::from_secs(101))]
    );
}

#[test]
fn jitter_spreads_the_devices() {
    let mut state = open();
    play(&mut state, wake(Lane::Pull));
    let wait = |jitter| {
        let failed = Event::Failed(Lane::Pull, Trouble::Passing);
        match transition(state, failed, jitter).1[..] {
            [Effect::Wait(Lane::Pull, wait)] => wait,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(0), Duration::from_secs(1));
    assert!(wait(255) > Duration::from_millis(1_990) && wait(255) < Duration::from_secs(2));
}

/// covers: SCAN-4
#[test]
fn a_lost_feed_is_read_again_once_and_then_waited_for() {
    let mut state = open();
    play(&mut state, wake(Lane::Pull));
    let lost = Event::Failed(Lane::Pull, Trouble::FeedLost);
    assert_eq!(
        play(&mut state, lost),
        [Effect::RestartFeed, Effect::Run(Lane::Pull)]
    );
    let effects = play(&mut state, lost);
    assert!(matches!(
        effects[..],
        [Effect::RestartFeed, Effect::Wait(Lane::Pull, _)]
    ));
}

/// covers: SCAN-5
#[test]
fn a_revoked_device_pushes_and_wipes_itself_whatever_happens() {
    let revoked = || {
        let mut state = open();
        play(&mut state, wake(Lane::Pull));
        let refused = Event::Failed(Lane::Pull, Trouble::Revoked);
        assert_eq!(play(&mut state, refused), [Effect::Open]);
        assert_eq!(
            play(&mut state, Event::Opened { revoked: true }),
            [Effect::Run(Lane::Push)]
        );
        assert_eq!(
            play(
                &mut state,
                Event::Wake {
                    lane: Lane::Pull,
                    urgent: true
                }
            ),
            []
        );
        state
    };
    let mut state = revoked();
    assert_eq!(
        play(&mut state, Event::Finished(Lane::Push)),
        [Effect::Wipe]
    );
    // The wipe itself may fail.
    assert_eq!(
        play(&mut state, Event::Failed(Lane::Pull, Trouble::Passing)),
        []
    );
    let failed = play(&mut state, Event::WipeFailed(Trouble::Passing));
    assert!(matches!(failed[..], [Effect::Wait(Lane::Push, _)]));
    assert_eq!(play(&mut state, Event::Elapsed(Lane::Push)), [Effect::Wipe]);
    play(&mut state, Event::Wiped);
    assert_eq!(state.membership, Membership::Wiped);
    assert_eq!(
        play(
            &mut state,
            Event::Wake {
                lane: Lane::Push,
                urgent: true
            }
        ),
        []
    );

    let mut state = revoked();
    assert_eq!(
        play(&mut state, Event::Failed(Lane::Push, Trouble::Revoked)),
        [Effect::Wipe]
    );

    let mut state = revoked();
    let mut tries = 0;
    loop {
        tries += 1;
        match play(&mut state, Event::Failed(Lane::Push, Trouble::Passing))[..] {
            [Effect::Wait(Lane::Push, _)] => play(&mut state, Event::Elapsed(Lane::Push)),
            [Effect::Wipe] => break,
            ref other => panic!("{other:?}"),
        };
    }
    assert_eq!(tries, LAST_PUSH_TRIES);
}

/// covers: SCAN-5
#[test]
fn a_push_that_fails_with_the_session_before_the_order_to_wipe_is_not_the_last_one() {
    let mut state = open();
    play(&mut state, wake(Lane::Pull));
    play(&mut state, wake(Lane::Push));
    play(&mut state, Event::Failed(Lane::Pull, Trouble::Revoked));
    assert_eq!(play(&mut state, Event::Opened { revoked: true }), []);
    let refused = Event::Failed(Lane::Push, Trouble::Revoked);
    assert_eq!(play(&mut state, refused), [Effect::Run(Lane::Push)]);
    assert_eq!(play(&mut state, refused), [Effect::Wipe]);
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::Passing),
        Just(Trouble::Busy(None)),
        Just(Trouble::Busy(Some(Duration::from_secs(9)))),
        Just(Trouble::SessionOver),
        Just(Trouble::Revoked),
        Just(Trouble::FeedLost),
        Just(Trouble::Refused),
    ]
}

/// A world in which every effect is done in the end, one way or the other.
#[derive(Default)]
struct Work {
    opening: usize,
    running: Vec<Lane>,
    waiting: Vec<Lane>,
    wiping: usize,
}

impl Work {
    fn take(&mut self, state: &State, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open => self.opening += 1,
                Effect::Run(lane) => {
                    assert!(!self.running.contains(&lane), "{lane:?} runs twice");
                    assert_eq!(state.link, Link::Open, "{lane:?} runs without a session");
                    assert!(state.membership != Membership::Revoked || lane == Lane::Push);
                    self.running.push(lane);
                }
                Effect::Wait(lane, wait) => {
                    assert!(wait <= Duration::from_secs(600));
                    self.waiting.push(lane);
                }
                Effect::RestartFeed => {}
                Effect::Wipe => self.wiping += 1,
            }
            assert!(self.opening <= 1 && self.wiping <= 1);
        }
        let works = |lane| {
            if self.running.contains(&lane) {
                "running"
            } else {
                "resting"
            }
        };
        for (lane, progress) in [(Lane::Pull, state.pull), (Lane::Push, state.push)] {
            if matches!(progress.state, LaneState::Running { .. }) {
                assert_eq!(works(lane), "running", "{lane:?} waits for nobody");
            }
            if progress.state == LaneState::Wanted {
                assert_eq!(
                    self.opening, 1,
                    "{lane:?} waits for a session that nobody opens"
                );
            }
            if progress.state == LaneState::Waiting {
                assert!(self.waiting.contains(&lane), "{lane:?} waits for ever");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// covers: SCAN-4
    #[test]
    fn no_order_of_events_runs_a_lane_twice_or_leaves_it_hanging(
        choices in prop::collection::vec((0usize..8, trouble(), any::<bool>(), any::<u8>()), 1..80),
    ) {
        let mut state = State::default();
        let mut work = Work::default();
        for (choice, trouble, flag, jitter) in choices {
            let event = match choice {
                0 => Event::Wake { lane: Lane::Pull, urgent: flag },
                1 => Event::Wake { lane: Lane::Push, urgent: flag },
                2 | 3 if work.opening > 0 => {
                    work.opening -= 1;
                    match (choice, flag) {
                        (2, _) => Event::Opened { revoked: false },
                        (_, true) => Event::OpenFailed(trouble),
                        (_, false) => Event::Opened { revoked: jitter < 60 },
                    }
                }
                4 | 5 if !work.running.is_empty() => {
                    let lane = work.running.remove(usize::from(jitter) % work.running.len());
                    if choice == 4 { Event::Finished(lane) } else { Event::Failed(lane, trouble) }
                }
                6 if !work.waiting.is_empty() => {
                    Event::Elapsed(work.waiting.remove(usize::from(jitter) % work.waiting.len()))
                }
                7 if work.wiping > 0 => {
                    work.wiping -= 1;
                    if flag { Event::Wiped } else { Event::WipeFailed(trouble) }
                }
                _ => continue,
            };
            let (next, effects) = transition(state, event, jitter);
            state = next;
            work.take(&state, effects);
        }
    }
}
