//! What a device does next, as a pure function: state and event in, state and effects out.
//!
//! Pull and push are two lanes that share a session and nothing else: one may wait for a busy
//! server while the other works. Each lane goes
//!
//! ```text
//!              wake, session open                        finished, nothing new
//!   Idle ─────────────────────────────▶ Running ─────────────────────────────────▶ Idle
//!    │                                    ▲  │ finished, woken meanwhile: run again
//!    │ wake, no session                   │  │
//!    ▼            session opened          │  │ 401, 403 revoked, once: close the session
//!   Wanted ───────────────────────────────┘  │ feed lost, once: restart the feed, run again
//!    ▲   │ session failed                    │ anything else, or again
//!    │   ▼                                   ▼
//!    └─ Waiting ◀────────────────────────────┘
//!        elapsed, or an urgent wake
//! ```
//!
//! and the device itself goes
//!
//! ```text
//!   Active ──session opened with a genuine order to wipe──▶ Revoked: only push runs
//!   Revoked ──push finished, refused, or failed LAST_PUSH_TRIES times──▶ Wiping ──wiped──▶ Wiped
//!                                                          again after a wait ◀┘ wipe failed
//! ```
//!
//! Nothing leaves `Wiped` but a new pairing, which starts a new machine. To add a step: an event,
//! its arm in [`transition`], its line in the picture.

use std::time::Duration;

/// How often a revoked device tries to hand over its last scans before it wipes itself.
pub const LAST_PUSH_TRIES: u32 = 5;
/// The first wait after a failure; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait after failures that may mend themselves.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The wait after a refusal that somebody has to mend.
const REFUSED_WAIT: Duration = Duration::from_secs(300);

/// The two directions of sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Changes from the server.
    Pull,
    /// Scans to the server.
    Push,
}

/// What one lane is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaneState {
    /// Nothing to do.
    #[default]
    Idle,
    /// It waits for a session.
    Wanted,
    /// It works; `again` if something new came meanwhile.
    Running {
        /// Whether to run once more afterwards.
        again: bool,
    },
    /// It waits after a failure.
    Waiting,
}

/// A lane, and how often in a row it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneProgress {
    /// What it is doing.
    pub state: LaneState,
    /// Failures since it last succeeded.
    pub failures: u32,
}

/// Whether the device may still take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// It may.
    #[default]
    Active,
    /// It was revoked, and hands over what it has.
    Revoked,
    /// It is forgetting everything.
    Wiping,
    /// It has forgotten everything.
    Wiped,
}

/// Whether there is a session with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// There is none.
    #[default]
    Closed,
    /// One is being opened.
    Opening,
    /// There is one.
    Open,
}

/// All that decides what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether the device may still take part.
    pub membership: Membership,
    /// Whether there is a session.
    pub link: Link,
    /// The lane of changes.
    pub pull: LaneProgress,
    /// The lane of scans.
    pub push: LaneProgress,
}

/// Why something failed, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No server, or an answer that makes no sense: it may mend itself.
    Passing,
    /// The server asked for time.
    Busy(Option<Duration>),
    /// The session is over.
    SessionOver,
    /// The organiser revoked this device.
    Revoked,
    /// What the device knows of the feed does not fit the server's any more.
    FeedLost,
    /// Somebody has to mend it.
    Refused,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There may be work for a lane. Urgent wakes (a hint, a person) end its waiting.
    Wake {
        /// The lane.
        lane: Lane,
        /// Whether to try even while it waits after a failure.
        urgent: bool,
    },
    /// A lane has waited long enough.
    Elapsed(Lane),
    /// A session was opened.
    Opened {
        /// Whether it came with a genuine order to wipe.
        revoked: bool,
    },
    /// No session could be opened.
    OpenFailed(Trouble),
    /// A lane did all its work.
    Finished(Lane),
    /// A lane could not do its work.
    Failed(Lane, Trouble),
    /// The store forgot everything.
    Wiped,
    /// The store could not forget everything.
    WipeFailed(Trouble),
}

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open a session.
    Open,
    /// Let a lane work.
    Run(Lane),
    /// Forget how far the feed is known, so that it is read from the start.
    RestartFeed,
    /// Say [`Event::Elapsed`] after this time.
    Wait(Lane, Duration),
    /// Forget everything.
    Wipe,
}

impl State {
    /// Whether nothing is under way; what waits after a failure is not.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        const fn rests(lane: LaneProgress) -> bool {
            matches!(lane.state, LaneState::Idle | LaneState::Waiting)
        }
        let wipes = matches!(self.membership, Membership::Wiping)
            && !matches!(self.push.state, LaneState::Waiting);
        rests(self.pull) && rests(self.push) && !matches!(self.link, Link::Opening) && !wipes
    }

    const fn lane(&mut self, lane: Lane) -> &mut LaneProgress {
        match lane {
            Lane::Pull => &mut self.pull,
            Lane::Push => &mut self.push,
        }
    }

    /// Whether a lane has any business in this membership.
    const fn has_business(&self, lane: Lane) -> bool {
        match self.membership {
            Membership::Active => true,
            Membership::Revoked => matches!(lane, Lane::Push),
            Membership::Wiping | Membership::Wiped => false,
        }
    }

    fn start(&mut self, lane: Lane, effects: &mut Vec<Effect>) {
        let wipe_waits = lane == Lane::Push && self.push.state == LaneState::Waiting;
        if self.membership == Membership::Wiping && wipe_waits {
            self.wipe(effects);
            return;
        }
        if !self.has_business(lane) {
            self.lane(lane).state = LaneState::Idle;
            return;
        }
        match self.link {
            Link::Open => {
                self.lane(lane).state = LaneState::Running { again: false };
                effects.push(Effect::Run(lane));
            }
            Link::Opening => self.lane(lane).state = LaneState::Wanted,
            Link::Closed => {
                self.lane(lane).state = LaneState::Wanted;
                self.link = Link::Opening;
                effects.push(Effect::Open);
            }
        }
    }

    fn wait(&mut self, lane: Lane, trouble: Trouble, jitter: u8, effects: &mut Vec<Effect>) {
        let progress = self.lane(lane);
        progress.state = LaneState::Waiting;
        progress.failures = progress.failures.saturating_add(1);
        let wait = wait_after(progress.failures, trouble, jitter);
        effects.push(Effect::Wait(lane, wait));
    }

    fn wipe(&mut self, effects: &mut Vec<Effect>) {
        self.membership = Membership::Wiping;
        self.pull = LaneProgress::default();
        self.push = LaneProgress::default();
        effects.push(Effect::Wipe);
    }
}

/// How long to wait after the `failures`th failure in a row. Jitter spreads the devices of a venue
/// whose network came back: the wait is between half and all of what it could be.
fn wait_after(failures: u32, trouble: Trouble, jitter: u8) -> Duration {
    let whole = match trouble {
        // As long as was asked, and a little more, so that not all come back at once.
        Trouble::Busy(Some(asked)) => return asked + FIRST_WAIT * u32::from(jitter) / 256,
        Trouble::Refused => REFUSED_WAIT,
        Trouble::Passing
        | Trouble::Busy(None)
        | Trouble::SessionOver
        | Trouble::Revoked
        | Trouble::FeedLost => {
            (FIRST_WAIT * 2u32.saturating_pow(failures.saturating_sub(1).min(8))).min(LONGEST_WAIT)
        }
    };
    whole / 2 + whole / 2 * u32::from(jitter) / 256
}

/// Says what follows from an event; `jitter` is a random byte.
#[must_use]
pub fn transition(mut state: State, event: Event, jitter: u8) -> (State, Vec<Effect>) {
    let mut effects = Vec::new();
    match event {
        Event::Wake { lane, urgent } => match state.lane(lane).state {
            LaneState::Idle => state.start(lane, &mut effects),
            LaneState::Waiting if urgent => state.start(lane, &mut effects),
            LaneState::Waiting | LaneState::Wanted => {}
            LaneState::Running { .. } => {
                state.lane(lane).state = LaneState::Running { again: true };
            }
        },
        Event::Elapsed(lane) => match state.lane(lane).state {
            LaneState::Waiting => state.start(lane, &mut effects),
            LaneState::Idle | LaneState::Wanted | LaneState::Running { .. } => {}
        },
        Event::Opened { revoked } => opened(&mut state, revoked, &mut effects),
        Event::OpenFailed(trouble) => open_failed(&mut state, trouble, jitter, &mut effects),
        Event::Finished(lane) => finished(&mut state, lane, &mut effects),
        Event::Failed(lane, trouble) => failed(&mut state, lane, trouble, jitter, &mut effects),
        // The push lane has nothing else to do: it waits for the next try.
        Event::WipeFailed(trouble) => state.wait(Lane::Push, trouble, jitter, &mut effects),
        Event::Wiped => {
            state = State {
                membership: Membership::Wiped,
                ..State::default()
            };
        }
    }
    (state, effects)
}

fn opened(state: &mut State, revoked: bool, effects: &mut Vec<Effect>) {
    state.link = Link::Open;
    if revoked && state.membership == Membership::Active {
        state.membership = Membership::Revoked;
        state.pull = LaneProgress::default();
        // What is in the outbox goes now, whether or not somebody asked for it. A push that runs
        // still uses the session before this one: it may fail for that, and is to run again.
        state.push.state = match state.push.state {
            LaneState::Running { .. } => LaneState::Running { again: true },
            LaneState::Idle | LaneState::Wanted | LaneState::Waiting => LaneState::Wanted,
        };
    }
    for lane in [Lane::Pull, Lane::Push] {
        if state.lane(lane).state == LaneState::Wanted {
            state.start(lane, effects);
        }
    }
}

fn open_failed(state: &mut State, trouble: Trouble, jitter: u8, effects: &mut Vec<Effect>) {
    state.link = Link::Closed;
    let is_final = match trouble {
        Trouble::SessionOver | Trouble::Revoked | Trouble::Refused => true,
        Trouble::Passing | Trouble::Busy(_) | Trouble::FeedLost => {
            state.push.failures + 1 >= LAST_PUSH_TRIES
        }
    };
    if state.membership == Membership::Revoked && is_final {
        state.wipe(effects);
        return;
    }
    for lane in [Lane::Pull, Lane::Push] {
        if state.lane(lane).state == LaneState::Wanted {
            state.wait(lane, trouble, jitter, effects);
        }
    }
}

fn finished(state: &mut State, lane: Lane, effects: &mut Vec<Effect>) {
    let LaneState::Running { again } = state.lane(lane).state else {
        return;
    };
    *state.lane(lane) = LaneProgress::default();
    if again {
        state.start(lane, effects);
    } else if state.membership == Membership::Revoked && lane == Lane::Push {
        state.wipe(effects);
    }
}

fn failed(state: &mut State, lane: Lane, trouble: Trouble, jitter: u8, effects: &mut Vec<Effect>) {
    match state.membership {
        // What was under way before the wipe matters no more.
        Membership::Wiping | Membership::Wiped => return,
        Membership::Revoked if lane == Lane::Push => {
            let is_last_try = state.push.failures + 1 >= LAST_PUSH_TRIES;
            if state.push.state == (LaneState::Running { again: true }) && !is_last_try {
                state.push.failures += 1;
                state.start(lane, effects);
                return;
            }
            let is_final = match trouble {
                Trouble::SessionOver | Trouble::Revoked | Trouble::Refused => true,
                Trouble::Passing | Trouble::Busy(_) | Trouble::FeedLost => is_last_try,
            };
            if is_final {
                state.wipe(effects);
            } else {
                state.wait(lane, trouble, jitter, effects);
            }
            return;
        }
        Membership::Revoked => {
            state.pull = LaneProgress::default();
            return;
        }
        Membership::Active => {}
    }
    let is_first = state.lane(lane).failures == 0;
    match trouble {
        Trouble::SessionOver | Trouble::Revoked => {
            if state.link == Link::Open {
                state.link = Link::Closed;
            }
            if is_first {
                state.lane(lane).failures = 1;
                state.start(lane, effects);
            } else {
                state.wait(lane, trouble, jitter, effects);
            }
        }
        Trouble::FeedLost => {
            effects.push(Effect::RestartFeed);
            if is_first {
                state.lane(lane).failures = 1;
                state.start(lane, effects);
            } else {
                state.wait(lane, trouble, jitter, effects);
            }
        }
        Trouble::Passing | Trouble::Busy(_) | Trouble::Refused => {
            state.wait(lane, trouble, jitter, effects);
        }
    }
}
