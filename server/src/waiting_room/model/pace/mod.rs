//! How many are called each second: as fast as the house can serve, and never more than fit.
//!
//! Two rules, both in whole numbers, so that every node computes the same:
//!
//! - **The rate** follows what is measured. While nothing is strained and the rate is what limits, it
//!   grows by an eighth a second. When the house is strained (holds take too long, or are refused for
//!   load) it falls to seven eighths of the holds that were really made per second, at most by a little
//!   more than half, and then is left alone for two seconds so that the fall can be felt.
//! - **The room** is what `most_inside` leaves after who is inside and who was called and is expected to
//!   come. Not everybody comes; how many do is measured, and believed only down to `overbook_permille`.
//!   So if everybody came after all, `inside + called` would be at most `most_inside × 1000 / (1000 −
//!   overbook_permille)`; whoever then finds the house full waits at its door with a pass that stays good.
//!
//! The rate never falls to nothing, and what it does not use up adds up to whole people: whoever waits is
//! called, however slow it goes.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// One person, in the millionths that rates are counted in.
const ONE: u64 = 1_000_000;
/// The longest time that one step makes up for, in milliseconds: a pause is not followed by a rush.
const LONGEST_STEP_MS: u64 = 5_000;
/// How long after a fall the rate does not fall again, in milliseconds.
const FELT_MS: u64 = 2_000;
/// In how many milliseconds a growing rate would double, if it grew evenly.
const DOUBLE_MS: u64 = 8_000;
/// As how many people who came the belief that everybody comes counts.
const BELIEF: u64 = 16;
/// From how many on older experience counts half.
const MEMORY: u64 = 1_024;

/// How a room calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacePolicy {
    /// How many may be inside at once.
    pub most_inside: u32,
    /// How many are called a minute, however strained the house is.
    pub floor_per_minute: u32,
    /// How many are called a minute at most.
    pub ceiling_per_minute: u32,
    /// How many of a thousand who were called are at most expected not to come.
    pub overbook_permille: u32,
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Nobody would ever be let in.
    #[error("at least one person must fit in")]
    NobodyFits,
    /// Nobody would ever be called when it is busy.
    #[error("at least one person a minute must be called")]
    NoFloor,
    /// The ceiling is below the floor, or beyond what any house serves.
    #[error("the ceiling must be from the floor to 1,000,000 a minute")]
    Ceiling,
    /// More than half of those who were called would be taken for absent.
    #[error("overbooking must be at most 500 in a thousand")]
    Overbooked,
}

impl PacePolicy {
    /// Whether a room can call by this.
    ///
    /// # Errors
    /// What is wrong with it.
    pub const fn check(&self) -> Result<(), PolicyError> {
        if self.most_inside == 0 {
            Err(PolicyError::NobodyFits)
        } else if self.floor_per_minute == 0 {
            Err(PolicyError::NoFloor)
        } else if self.ceiling_per_minute < self.floor_per_minute
            || self.ceiling_per_minute > 1_000_000
        {
            Err(PolicyError::Ceiling)
        } else if self.overbook_permille > 500 {
            Err(PolicyError::Overbooked)
        } else {
            Ok(())
        }
    }

    fn floor(&self) -> u64 {
        per_second(self.floor_per_minute).max(1)
    }

    fn ceiling(&self) -> u64 {
        per_second(self.ceiling_per_minute).max(self.floor())
    }
}

fn per_second(per_minute: u32) -> u64 {
    u64::from(per_minute) * ONE / 60
}

/// How many of those who were called came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    came: u64,
    missed: u64,
}

impl Shown {
    fn with(self, came: u32, missed: u32) -> Self {
        let (mut came, mut missed) = (
            self.came.saturating_add(u64::from(came)),
            self.missed.saturating_add(u64::from(missed)),
        );
        while came.saturating_add(missed) > MEMORY {
            (came, missed) = (came / 2, missed / 2);
        }
        Self { came, missed }
    }

    /// How many of a thousand come; all until shown otherwise.
    pub fn permille(self) -> u64 {
        (self.came + BELIEF) * 1_000 / (self.came + self.missed + BELIEF)
    }

    /// How many of those who are called are expected, believing in no more than so many absent ones.
    fn expected(self, called: u32, overbook_permille: u32) -> u64 {
        let least = 1_000 - u64::from(overbook_permille.min(500));
        (u64::from(called) * self.permille().max(least)).div_ceil(1_000)
    }
}

/// What a room remembers from step to step; a column of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// When the last step was.
    pub at: Timestamp,
    /// Who came of those who were called.
    pub shown: Shown,
    rate: u64,
    credit: u64,
    held: u64,
    felt_in_ms: u64,
    is_rate_bound: bool,
}

impl Pace {
    /// How a room begins: at its floor.
    pub fn start(policy: &PacePolicy, at: Timestamp) -> Self {
        Self {
            at,
            shown: Shown::default(),
            rate: policy.floor(),
            credit: 0,
            held: 0,
            felt_in_ms: 0,
            is_rate_bound: true,
        }
    }

    /// How many are called a minute at this rate.
    pub const fn per_minute(&self) -> u64 {
        self.rate * 60 / ONE
    }
}

/// What was measured since the last step, and what is the case now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Now.
    pub at: Timestamp,
    /// How many wait and are not called yet.
    pub waiting: u64,
    /// How many are called, not inside yet, and still have the time to come.
    pub called: u32,
    /// How many are inside.
    pub inside: u32,
    /// How many holds were made since the last step.
    pub held: u32,
    /// How many came in since the last step.
    pub came: u32,
    /// How many let their time pass since the last step.
    pub missed: u32,
    /// Whether the house is strained: holds take longer than they should, or some were refused for load.
    pub is_strained: bool,
    /// How many tickets are neither held nor sold; `None` if that is not known or does not matter.
    pub stock_left: Option<u64>,
}

/// What comes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many are called now.
    pub call: u32,
    /// What is remembered.
    pub pace: Pace,
}

/// Decides how many are called now.
pub fn step(policy: &PacePolicy, last: &Pace, now: &Measured) -> Step {
    let elapsed_ms = u64::try_from(now.at.since(last.at).as_millis())
        .unwrap_or(u64::MAX)
        .min(LONGEST_STEP_MS);
    let shown = last.shown.with(now.came, now.missed);
    // A step of no time measures nothing.
    let held = (u64::from(now.held) * ONE * 1_000)
        .checked_div(elapsed_ms)
        .map_or(last.held, |measured| (last.held * 3 + measured) / 4);

    let mut felt_in_ms = last.felt_in_ms.saturating_sub(elapsed_ms);
    let before = last.rate.clamp(policy.floor(), policy.ceiling());
    let mut rate = before;
    if now.is_strained {
        if felt_in_ms == 0 {
            rate = held.clamp(before / 2, before) * 7 / 8;
            felt_in_ms = FELT_MS;
        }
    } else if last.is_rate_bound {
        rate = before + (before * elapsed_ms / DOUBLE_MS).max(u64::from(elapsed_ms > 0));
    }
    let rate = rate.clamp(policy.floor(), policy.ceiling());

    // A clock that goes back a little does not give the same second twice; one that was far ahead
    // stops nobody.
    let is_far_ahead = last.at.since(now.at).as_millis() > u128::from(LONGEST_STEP_MS);
    let at = if is_far_ahead {
        now.at
    } else {
        last.at.max(now.at)
    };

    // At most a second's worth, but always a whole person.
    let credit = (last.credit + rate * elapsed_ms / 1_000).min(rate.max(ONE));
    let by_rate = credit / ONE;
    let expected = shown.expected(now.called, policy.overbook_permille);
    let within = u64::from(now.inside) + expected;
    let by_room = u64::from(policy.most_inside).saturating_sub(within);
    // Whoever would find nothing left is not called; if others give up, there is something.
    let by_stock = now.stock_left.map_or(u64::MAX, |left| {
        left.saturating_sub(u64::from(now.inside) + u64::from(now.called))
    });
    let others = by_room.min(by_stock).min(now.waiting);
    let call = by_rate.min(others);
    Step {
        call: u32::try_from(call).unwrap_or(u32::MAX),
        pace: Pace {
            at,
            shown,
            rate,
            credit: credit - call * ONE,
            held,
            felt_in_ms,
            // A house that is full says nothing about the rate.
            is_rate_bound: by_rate <= others && others > 0,
        },
    }
}

/// Whether one more may come in: what the UPDATE decides, for those who show it.
pub const fn may_enter(policy: &PacePolicy, inside: u32) -> bool {
    inside < policy.most_inside
}

#[cfg(test)]
mod tests;
