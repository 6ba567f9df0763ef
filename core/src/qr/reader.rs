//! The reader: which rung sees which frame, within a budget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::filter;
use super::finder::Pass;
use super::frame::{Frame, Plane};
use super::reading::{Corner, Reading};
use super::rung::{self, Rung};

/// A monotonic clock; `Instant::now` outside tests.
pub type Monotonic = fn() -> Instant;

/// Frames above this many pixels (1920 × 1080 and a little) are shrunk by a whole factor first.
const FULL_PIXELS: usize = 2_100_000;

/// How much time one call may take.
///
/// Looked at between rungs and between the codes of a rung: a call ends at most one such step after
/// it. The first rung always runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time for one call.
    pub time: Duration,
}

impl Budget {
    /// For a picture file: enough for all rungs.
    pub const PICTURE: Self = Self {
        time: Duration::from_millis(1_500),
    };

    /// For a camera frame: what leaves the preview fluent.
    pub const CAMERA: Self = Self {
        time: Duration::from_millis(60),
    };
}

impl Default for Budget {
    fn default() -> Self {
        Self::PICTURE
    }
}

/// Reads codes from pictures, and from the frames of a camera.
#[derive(Debug, Clone)]
pub struct Reader {
    budget: Budget,
    clock: Monotonic,
    turn: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(Budget::default())
    }
}

impl Reader {
    /// A reader with a budget for each call.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self::with_clock(budget, Instant::now)
    }

    /// A reader whose time comes from `clock`.
    #[must_use]
    pub fn with_clock(budget: Budget, clock: Monotonic) -> Self {
        Self {
            budget,
            clock,
            turn: 0,
        }
    }

    /// Reads one picture by all rungs, until one reads a code or the budget is used.
    ///
    /// A ticket is preferred to other codes; another code is returned when no ticket is found.
    #[must_use]
    pub fn read(&self, frame: &Frame) -> Option<Reading> {
        self.climb(frame, Rung::ALL.iter().copied())
    }

    /// Reads one frame of a camera: the first rung, and on a miss one of the others, in turn.
    ///
    /// The next frame comes soon and differs a little, so that no frame needs all rungs.
    pub fn read_next(&mut self, frame: &Frame) -> Option<Reading> {
        let other = Rung::CAMERA[self.turn % Rung::CAMERA.len()];
        let reading = self.climb(frame, [Rung::Plain, other].into_iter());
        // A rung that reads is likely to read the next frame of the same scene too.
        if reading.is_none() {
            self.turn = self.turn.wrapping_add(1);
        }
        reading
    }

    /// Reads one picture by one rung alone; for measuring.
    #[must_use]
    pub fn read_by(&self, frame: &Frame, rung: Rung) -> Option<Reading> {
        self.climb(frame, std::iter::once(rung))
    }

    /// Runs the rungs until one settles the picture or the time is up.
    fn climb(&self, frame: &Frame, rungs: impl Iterator<Item = Rung>) -> Option<Reading> {
        let end = (self.clock)() + self.budget.time;
        let stop = || (self.clock)() >= end;
        let (small, factor) = fit(frame);
        let work = small.as_ref().map_or(*frame, Plane::frame);
        let mut best: Option<Reading> = None;
        for (index, rung) in rungs.enumerate() {
            if index > 0 && stop() {
                break;
            }
            // rxing and rqrr index by what they read in the picture and may panic on odd ones. Such
            // a picture counts as a miss: a stranger's phone screen must not stop a gate.
            let step = || rung::run(rung, &work, &stop);
            let pass: Pass = catch_unwind(AssertUnwindSafe(step)).unwrap_or_default();
            let settled = pass.settled();
            if let Some(found) = pass.found {
                let corners = found.corners.map(|Corner { x, y }| Corner {
                    x: x * factor,
                    y: y * factor,
                });
                let reading = Reading {
                    payload: found.payload,
                    rung,
                    corners,
                };
                if best.is_none() || reading.looks_like_ticket() {
                    best = Some(reading);
                }
            }
            if settled {
                break;
            }
        }
        best
    }
}

/// Shrinks a frame that is too large to be read in time; also gives the factor.
fn fit(frame: &Frame) -> (Option<Plane>, f32) {
    let factor = (1..)
        .find(|f| frame.pixels() / (f * f) <= FULL_PIXELS)
        .unwrap_or(1);
    if factor == 1 {
        (None, 1.0)
    } else {
        (Some(filter::shrink(frame, factor)), factor as f32)
    }
}
