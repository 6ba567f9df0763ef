//! How people sign in: section `[identity]`.

use serde::Deserialize;

/// How people sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// How long somebody may do nothing until they must sign in again, in seconds.
    pub session_idle_s: u64,
    /// How long a sign-in lasts at most, in seconds.
    pub session_absolute_s: u64,
}
