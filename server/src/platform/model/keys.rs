//! Data keys and how far they are replaced.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, text_enum};
use serde::Serialize;
use utoipa::ToSchema;

text_enum! {
    /// What a data key is for.
    pub enum KeyPurpose {
        /// It seals secrets.
        Seal = "seal",
        /// It makes tokens and look-ups; the same for ever.
        Mac = "mac",
        /// It opens what was sealed before there were data keys.
        Bare = "bare",
    }
}

record! {
    /// A data key as it is stored.
    #[derive(Clone, Debug)]
    pub struct DataKeyRow {
        /// Its number.
        pub id: u32,
        /// What it is for.
        pub purpose: KeyPurpose,
        /// The key, wrapped.
        pub wrapped: Vec<u8>,
        /// The fingerprint of the master key that wrapped it.
        pub master: [u8; 4],
        /// When it was made.
        pub created_at: Timestamp,
        /// From when on it seals.
        pub active_from: Timestamp,
        /// Since when nothing is sealed by it any more.
        pub retired_at: Option<Timestamp>,
    }
}

text_enum! {
    /// Where a data key stands.
    pub enum KeyState {
        /// It will seal soon; every node learns of it first.
        Coming = "coming",
        /// It is in use.
        Active = "active",
        /// It only opens what it sealed, which is being sealed again.
        Old = "old",
        /// Nothing is sealed by it any more.
        Retired = "retired",
    }
}

/// A data key as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DataKey {
    /// Its number.
    pub id: u32,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Where it stands.
    pub state: KeyState,
    /// The fingerprint of the master key that wraps it.
    pub master: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it seals.
    pub active_from: Timestamp,
    /// Since when nothing is sealed by it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

/// How many sealed texts a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SealedCount {
    /// Table and column.
    pub column: String,
    /// How many there are.
    pub total: i64,
    /// How many of them the active key did not seal.
    pub older: i64,
}

/// Where the keys of an installation stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeysReport {
    /// The fingerprint of the master key by which this node wraps.
    pub master: String,
    /// All data keys.
    pub keys: Vec<DataKey>,
    /// What they have sealed.
    pub sealed: Vec<SealedCount>,
}

/// What sealing again has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Resealed {
    /// How many texts the active key has sealed again.
    pub moved: u64,
    /// How many could not be opened, and were left as they are.
    pub unreadable: u64,
    /// Whether nothing is left to do.
    pub is_done: bool,
}
