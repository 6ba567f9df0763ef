//! Maintenance mode.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest and the shortest time after which somebody is asked to come back, in seconds.
const RETRY: std::ops::RangeInclusive<i64> = 30..=3_600;

/// That the service is closed for maintenance, and what people are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// What people read.
    pub message: String,
    /// When it should be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Since when.
    pub since: Timestamp,
}

/// How long a message may be, in characters.
const MOST_MESSAGE: usize = 500;

impl Maintenance {
    /// Why it cannot be announced, if it cannot.
    pub(in crate::platform) fn check(&self) -> Result<(), String> {
        let length = self.message.trim().chars().count();
        if length == 0 || length > MOST_MESSAGE {
            return Err(format!("message has 1 to {MOST_MESSAGE} characters"));
        }
        if self.until.is_some_and(|until| until <= self.since) {
            return Err("until is after since".to_owned());
        }
        Ok(())
    }

    /// In how many seconds it is worth coming back.
    pub fn retry_after(&self, now: Timestamp) -> u32 {
        let left = self
            .until
            .map_or(300, |until| (until.ms() - now.ms()) / 1_000);
        u32::try_from(left.clamp(*RETRY.start(), *RETRY.end())).unwrap_or(300)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_asked_back_in_a_sensible_time() {
        let at = |until: Option<i64>| Maintenance {
            message: String::new(),
            until: until.map(|seconds| Timestamp::from_ms(seconds * 1_000)),
            since: Timestamp::from_ms(0),
        };
        for (until, wanted) in [
            (None, 300),
            (Some(1_100), 100),
            (Some(1_000_000), 3_600),
            (Some(10), 30),
        ] {
            assert_eq!(at(until).retry_after(Timestamp::from_ms(1_000_000)), wanted);
        }
    }
}
