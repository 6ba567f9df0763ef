//! How people sign in: section `[identity]`.

use std::path::PathBuf;

use serde::Deserialize;

/// How people sign in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// How long somebody may do nothing until they must sign in again, in seconds.
    pub session_idle_s: u64,
    /// How long a sign-in lasts at most, in seconds.
    pub session_absolute_s: u64,
    /// Whether identity providers may be in private networks, and need no encryption.
    pub sso_private_networks: bool,
    /// What hashing a password costs: memory in KiB; at least 8 for each lane.
    pub argon2_memory_kib: u32,
    /// … how often it is gone over.
    pub argon2_iterations: u32,
    /// … in how many lanes.
    pub argon2_lanes: u32,
    /// How many passwords a node hashes at once; 0: one fewer than it has cores.
    pub hashes_at_once: usize,
    /// A sorted list of the SHA-1 hashes of passwords that have leaked; empty: none.
    pub breached_passwords_file: PathBuf,
    /// How long an app's access token is good, in seconds.
    pub access_token_s: u64,
    /// How long a key signs access tokens, in seconds.
    pub token_key_s: u64,
    /// How long attempts to sign in are kept, in seconds.
    pub attempts_kept_s: u64,
    /// What people agree to.
    pub consents: ConsentVersions,
}

/// The texts that people agree to: section `[identity.consents]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentVersions {
    /// The terms of use.
    pub terms: String,
    /// How personal data is used.
    pub privacy: String,
    /// Mail about events.
    pub marketing: String,
    /// Looking at what people do.
    pub analytics: String,
    /// Where the terms of use can be read; empty: nowhere.
    pub terms_url: String,
    /// Where it can be read how personal data is used; empty: nowhere.
    pub privacy_url: String,
}
