//! What administrators set while the platform runs: how much is logged, and what people are told.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::telemetry::Verbosity;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SettingValue;

/// How long another level than the configured one lasts at most, in minutes.
pub const MOST_LOG_MINUTES: u32 = 24 * 60;

/// Another level of the log than the configured one, for a while: what is looked for at length
/// fills disks, and what is hushed for ever is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemporaryLevel {
    /// From which importance on lines are written.
    pub level: Verbosity,
    /// Until when.
    pub until: Timestamp,
}

impl SettingValue for Option<TemporaryLevel> {
    const KIND: &'static str = "log level";
}

text_enum! {
    /// How far an incident is.
    pub enum NoticeState {
        /// Something is wrong, and we look for the cause.
        Investigating = "investigating",
        /// The cause is known and is being mended.
        Mending = "mending",
        /// It is mended, and we watch whether it stays so.
        Watching = "watching",
        /// It is over.
        Over = "over",
    }
}

/// What people read on the status page about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// How far it is.
    pub state: NoticeState,
    /// What it is about, in a line.
    pub title: String,
    /// What is known, and what people can do.
    pub message: String,
    /// When this was written.
    pub at: Timestamp,
}

/// How long a title and a message may be, in characters.
const MOST_TITLE: usize = 120;
const MOST_MESSAGE: usize = 2_000;

impl SettingValue for Option<Notice> {
    const KIND: &'static str = "notice";

    fn check(&self) -> Result<(), String> {
        let Some(notice) = self else {
            return Ok(());
        };
        let is_fit = |text: &str, most: usize| (1..=most).contains(&text.trim().chars().count());
        if !is_fit(&notice.title, MOST_TITLE) {
            return Err(format!("title has 1 to {MOST_TITLE} characters"));
        }
        if !is_fit(&notice.message, MOST_MESSAGE) {
            return Err(format!("message has 1 to {MOST_MESSAGE} characters"));
        }
        Ok(())
    }
}
