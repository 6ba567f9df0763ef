//! How requests are kept for developers: section `[inspector]`.

use serde::Deserialize;

/// How requests are kept for developers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InspectorConfig {
    /// Whether requests of programs are kept at all.
    pub enabled: bool,
    /// For how long.
    pub keep_hours: u32,
    /// How large a body is kept; of larger ones only the size.
    pub body_limit_bytes: usize,
    /// How many requests of an organisation are kept within a minute before only some are; those that
    /// were refused or failed always are.
    pub per_minute: u32,
    /// How many requests wait to be written at most.
    pub queue: usize,
}
