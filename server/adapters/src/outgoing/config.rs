//! How others are called: section `[outgoing]`.

use std::time::Duration;

use serde::Deserialize;

use super::{BreakerRules, Peer};

/// How others are called: section `[outgoing]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingConfig {
    /// How long a connection may take.
    pub connect_timeout_ms: u64,
    /// How long a whole call may take.
    pub timeout_ms: u64,
    /// … and if a person waits for it.
    pub awaited_timeout_ms: u64,
    /// How many calls one of them gets at once.
    pub at_once: usize,
    /// After how many failures in a row one of them is left alone.
    pub failures: u32,
    /// For how long at first.
    pub pause_ms: u64,
    /// … and for how long at most.
    pub longest_pause_ms: u64,
    /// How many of a hundred calls may be repeats.
    pub repeats_percent: u32,
}

impl Default for OutgoingConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 5_000,
            timeout_ms: 15_000,
            awaited_timeout_ms: 8_000,
            at_once: 16,
            failures: 5,
            pause_ms: 10_000,
            longest_pause_ms: 120_000,
            repeats_percent: 10,
        }
    }
}

/// The settings of outgoing calls make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("outgoing.{key} must be {range}")]
pub struct OutgoingConfigError {
    key: &'static str,
    range: &'static str,
}

impl OutgoingConfigError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        "outgoing.config"
    }
}

impl OutgoingConfig {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// [`OutgoingConfigError`] by the first that does not.
    pub fn check(&self) -> Result<(), OutgoingConfigError> {
        // A job that calls has 50 s, and mail takes two such times at most.
        const TIMES: &str = "from 10 to 20000";
        let times = 10..=20_000;
        let wrong = |key, range| Err(OutgoingConfigError { key, range });
        if !times.contains(&self.connect_timeout_ms) {
            return wrong("connect_timeout_ms", TIMES);
        }
        if !times.contains(&self.timeout_ms) {
            return wrong("timeout_ms", TIMES);
        }
        if !times.contains(&self.awaited_timeout_ms) {
            return wrong("awaited_timeout_ms", TIMES);
        }
        if !(1..=10_000).contains(&self.at_once) {
            return wrong("at_once", "from 1 to 10000");
        }
        if self.failures == 0 {
            return wrong("failures", "at least 1");
        }
        if self.pause_ms == 0 {
            return wrong("pause_ms", "at least 1");
        }
        if !(self.pause_ms..=86_400_000).contains(&self.longest_pause_ms) {
            return wrong("longest_pause_ms", "from outgoing.pause_ms to 86400000");
        }
        if self.repeats_percent > 100 {
            return wrong("repeats_percent", "from 0 to 100");
        }
        Ok(())
    }

    /// How long a connection may take.
    pub const fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// How long a whole call of one of these may take.
    pub const fn whole(&self, peer: &Peer) -> Duration {
        Duration::from_millis(if peer.is_awaited {
            self.awaited_timeout_ms
        } else {
            self.timeout_ms
        })
    }

    /// When one of these is left alone.
    pub(super) fn breaker(&self, peer: &Peer) -> BreakerRules {
        peer.breaker.unwrap_or(BreakerRules {
            failures: self.failures,
            pause: Duration::from_millis(self.pause_ms),
            longest: Duration::from_millis(self.longest_pause_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-6
    #[test]
    fn settings_that_make_no_sense_are_named() {
        let usual = OutgoingConfig::default();
        assert_eq!(usual.check(), Ok(()));
        for (config, key) in [
            (
                OutgoingConfig {
                    timeout_ms: 0,
                    ..usual
                },
                "timeout_ms",
            ),
            (
                OutgoingConfig {
                    connect_timeout_ms: 60_000,
                    ..usual
                },
                "connect_timeout_ms",
            ),
            (
                OutgoingConfig {
                    awaited_timeout_ms: 1,
                    ..usual
                },
                "awaited_timeout_ms",
            ),
            (
                OutgoingConfig {
                    at_once: 0,
                    ..usual
                },
                "at_once",
            ),
            (
                OutgoingConfig {
                    failures: 0,
                    ..usual
                },
                "failures",
            ),
            (
                OutgoingConfig {
                    longest_pause_ms: 9_999,
                    ..usual
                },
                "longest_pause_ms",
            ),
            (
                OutgoingConfig {
                    repeats_percent: 101,
                    ..usual
                },
                "repeats_percent",
            ),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("outgoing.{key} ")), "{error}");
        }
    }
}
