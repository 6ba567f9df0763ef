//! Organisations and their keys.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, typed_id};

typed_id!(pub OrganisationId, "org", "Names an organisation.");
typed_id!(pub ApiKeyId, "key", "Names an API key.");

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
        /// When it was made.
        pub created_at: Timestamp,
    }
}
