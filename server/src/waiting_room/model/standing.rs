//! What somebody who waits is answered.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::Serialize;
use utoipa::ToSchema;

use super::{InLine, PlaceId, ms_until, poll_after_ms};

text_enum! {
    /// Where somebody stands in a waiting room.
    pub enum StandingState {
        /// The draw is still to come, and they take part.
        Gathering = "gathering",
        /// The draw is being held.
        Drawing = "drawing",
        /// They have a number, and others are before them.
        Waiting = "waiting",
        /// It is their turn.
        Called = "called",
        /// Everything is sold. They keep their place, for something may come back.
        SoldOut = "sold_out",
        /// They let their time pass, and may join again.
        Missed = "missed",
        /// They are inside.
        Entered = "entered",
        /// They were inside, and are done.
        Left = "left",
        /// Nobody waits.
        Open = "open",
        /// There is nothing left to wait for.
        Ended = "ended",
    }
}

/// How long a room that is sold out has nothing new to say, most likely, in milliseconds.
const SOLD_OUT_POLL_MS: u64 = 60_000;

/// How it stands for somebody in line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingStanding {
    /// Where they stand.
    pub state: StandingState,
    /// Their number, once it is drawn.
    pub number: Option<u64>,
    /// How many are before them, while they wait.
    pub ahead: Option<u64>,
    /// In how many minutes their turn comes at the earliest, most likely; absent while it is too early to say.
    pub from_minutes: Option<u64>,
    /// In how many minutes it has come at the latest, most likely.
    pub to_minutes: Option<u64>,
    /// When the draw is held, before it.
    pub opens_at: Option<Timestamp>,
    /// Until when they may come, when it is their turn.
    pub until: Option<Timestamp>,
    /// Where to wait for what comes back, if everything is sold and one can: the path of a page.
    pub waitlist: Option<String>,
    /// The same in words, whole sentences.
    pub text: String,
    /// After how many milliseconds it is worth to ask again.
    pub poll_after_ms: u64,
}

impl WaitingStanding {
    /// How it stands for a place.
    pub fn of(place: PlaceId, number: Option<u64>, line: &InLine, now: Timestamp) -> Self {
        let (mut ahead, mut estimate, mut opens_at, mut until, mut until_ms) =
            (None, None, None, None, 0);
        let state = match line {
            InLine::Gathering { opens_at: at } => {
                (opens_at, until_ms) = (Some(*at), ms_until(*at, now));
                StandingState::Gathering
            }
            InLine::Drawing => StandingState::Drawing,
            InLine::Waiting {
                ahead: before,
                estimate: told,
                ..
            } => {
                (ahead, estimate) = (Some(*before), *told);
                until_ms = told.map_or(0, |told| told.from_minutes.saturating_mul(60_000));
                StandingState::Waiting
            }
            InLine::Called { until: at } => {
                until = Some(*at);
                StandingState::Called
            }
            InLine::SoldOut => {
                until_ms = SOLD_OUT_POLL_MS;
                StandingState::SoldOut
            }
            InLine::Missed => StandingState::Missed,
            InLine::Entered => StandingState::Entered,
            InLine::Left => StandingState::Left,
            InLine::Open => StandingState::Open,
            InLine::Ended => StandingState::Ended,
        };
        Self {
            state,
            number,
            ahead,
            from_minutes: estimate.map(|told| told.from_minutes),
            to_minutes: estimate.map(|told| told.to_minutes),
            opens_at,
            until,
            waitlist: None,
            text: line.text(),
            poll_after_ms: poll_after_ms(place, until_ms),
        }
    }
}

/// A place in a waiting room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingPlace {
    /// Its id, by which it is found in the roster of the draw.
    pub id: PlaceId,
    /// The secret by which it is known again: the header `Waiting-Place`. Browsers have it as a cookie.
    pub token: String,
    /// How it stands for it.
    pub standing: WaitingStanding,
}

/// The right to start one purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitingPass {
    /// The pass: the header `Waiting-Pass`, beside `Waiting-Place`. Browsers have it as a cookie.
    pub pass: String,
    /// Until when it is good.
    pub until: Timestamp,
}
