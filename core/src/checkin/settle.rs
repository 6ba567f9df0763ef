//! Which passages count, once everything is known.
//!
//! Passages are only ever added, and what counts follows from the whole set by a pure rule: so
//! devices that exchange their passages, in any order and over any route, come to the same answer.

use super::{DenyReason, Direction, Policy};
use crate::id::{DeviceId, GateId, ScanId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An accepted scan of one ticket on one check-in list: a redemption, or the exit after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The scan that let it happen.
    pub scan: ScanId,
    /// When, by the device's corrected clock.
    pub at: Timestamp,
    /// Which way.
    pub direction: Direction,
    /// Which device said so.
    pub device: DeviceId,
    /// At which gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
}

/// Whether a passage counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It counts.
    Counted,
    /// Another device had let somebody in before: kept and named, but not counted.
    Conflict,
}

/// How often one ticket went in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) entries: u32,
    exits: u32,
}

impl Tally {
    /// Counts one more passage if the policy allows it.
    pub(super) fn pass(&mut self, policy: Policy, direction: Direction) -> Result<(), DenyReason> {
        match direction {
            Direction::Exit if self.entries > self.exits => self.exits += 1,
            Direction::Exit => return Err(DenyReason::NotInside),
            Direction::Entry => {
                let may_enter = match policy {
                    Policy::Single => self.entries == 0,
                    Policy::Multiple { max } => max == 0 || self.entries < u32::from(max),
                    Policy::ReEntry => self.entries == self.exits,
                };
                if !may_enter {
                    return Err(DenyReason::AlreadyRedeemed);
                }
                self.entries += 1;
            }
        }
        Ok(())
    }

    pub(super) fn of<'a>(policy: Policy, passages: impl IntoIterator<Item = &'a Passage>) -> Self {
        let mut tally = Self::default();
        for passage in in_order(passages) {
            // What does not count changes nothing.
            let _ = tally.pass(policy, passage.direction);
        }
        tally
    }
}

fn in_order<'a>(passages: impl IntoIterator<Item = &'a Passage>) -> Vec<&'a Passage> {
    let mut sorted: Vec<_> = passages.into_iter().collect();
    // One scan counts once, even where it came back with another time: its earliest report holds.
    sorted.sort_by_key(|p| (p.scan, p.at, p.direction == Direction::Exit));
    sorted.dedup_by_key(|p| p.scan);
    sorted.sort_by_key(|p| (p.at, p.scan));
    sorted
}

/// Says of each passage of one ticket on one list whether it counts: the earliest scan wins, the
/// scan's id where times are equal. The order of the input does not matter.
#[must_use]
pub fn settle(policy: Policy, passages: &[Passage]) -> Vec<(ScanId, Standing)> {
    let mut tally = Tally::default();
    in_order(passages)
        .into_iter()
        .map(|passage| {
            let counted = tally.pass(policy, passage.direction).is_ok();
            (
                passage.scan,
                if counted {
                    Standing::Counted
                } else {
                    Standing::Conflict
                },
            )
        })
        .collect()
}
