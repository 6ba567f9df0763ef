//! Organisations and their API keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;

use super::OrganisationId;

/// What every API key starts with, so that leaked ones are found by scanners.
pub const API_KEY_PREFIX: &str = "bilten_";

record! {
    /// A tenant: it sells.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Organisation {
        /// Its id.
        pub id: OrganisationId,
        /// Its short name in addresses.
        pub slug: String,
        /// Its name.
        pub name: String,
        /// Whether its members must sign in with a second factor.
        pub requires_mfa: bool,
        /// When it was made.
        pub created_at: Timestamp,
    }
}
