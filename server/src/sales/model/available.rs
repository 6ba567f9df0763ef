//! What is left of tiers, as everybody may be told: in steps, so that nobody reads sales from it.

use bilten_kernel::text_enum;
use serde::Serialize;
use utoipa::ToSchema;

use super::Availability;
use crate::catalog::{EventId, TierId};

/// Up to how many are told exactly: so few that a buyer should know.
const EXACT: i64 = 10;
/// The steps above.
const STEPS: &[i64] = &[
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
];

text_enum! {
    /// How much is left, in a word.
    pub enum AvailabilityLevel {
        /// Enough.
        Available = "available",
        /// Not many.
        Few = "few",
        /// None.
        SoldOut = "sold_out",
    }
}

/// What is left of a tier, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TierLeft {
    /// The tier.
    pub tier: TierId,
    /// How much is left, in a word.
    pub level: AvailabilityLevel,
    /// At least so many are left; exactly so many if that is at most 10.
    pub left_at_least: i64,
}

impl TierLeft {
    /// What is told of what is left of a tier.
    pub fn of(exact: &Availability) -> Self {
        let left = exact.left.max(0);
        let level = match left {
            0 => AvailabilityLevel::SoldOut,
            1..=EXACT => AvailabilityLevel::Few,
            _ => AvailabilityLevel::Available,
        };
        let step = STEPS.iter().rev().find(|step| **step <= left);
        Self {
            tier: exact.tier,
            level,
            left_at_least: if left <= EXACT {
                left
            } else {
                step.copied().unwrap_or(left)
            },
        }
    }
}

/// What is left of an event's tiers, in steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventLeft {
    /// The event.
    pub event_id: EventId,
    /// Its tiers.
    pub tiers: Vec<TierLeft>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_told_in_steps_and_small_ones_exactly() {
        let told = |left: i64| {
            let told = TierLeft::of(&Availability {
                tier: TierId::from_bytes([1; 16]),
                left,
            });
            (told.left_at_least, told.level)
        };
        for (left, least) in [
            (0, 0),
            (1, 1),
            (10, 10),
            (11, 10),
            (19, 10),
            (20, 20),
            (99, 50),
            (100, 100),
            (999_999, 100_000),
        ] {
            assert_eq!(told(left).0, least, "{left}");
        }
        assert_eq!(told(0).1, AvailabilityLevel::SoldOut);
        assert_eq!(told(10).1, AvailabilityLevel::Few);
        assert_eq!(told(11).1, AvailabilityLevel::Available);
        assert_eq!(told(-3).0, 0);
    }
}
