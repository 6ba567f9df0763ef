//! Organisations, their API keys and their names.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::Place;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiKeyId, OrganisationId, Permission};
use crate::catalog::EventId;

/// What every API key starts with, so that leaked ones are found by scanners.
pub const API_KEY_PREFIX: &str = "bilten_";
/// How much of a key's random part is stored in clear, so that people know which one it is.
pub const API_KEY_SHOWN: usize = 4;

text_enum! {
    /// Whether an organisation sells or only tries things out; given when it is made, for ever.
    pub enum OrganisationMode {
        /// It sells.
        Live = "live",
        /// It tries things out: no money moves, its tickets are marked, and it is in no total.
        Sandbox = "sandbox",
    }
}

impl OrganisationMode {
    /// Whether it is a sandbox.
    pub const fn is_sandbox(self) -> bool {
        matches!(self, Self::Sandbox)
    }

    /// How the keys of such an organisation begin.
    pub const fn key_prefix(self) -> &'static str {
        match self {
            Self::Live => "bilten_live_",
            Self::Sandbox => "bilten_test_",
        }
    }
}

record! {
    /// A tenant: it sells.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Organisation {
        /// Its id.
        pub id: OrganisationId,
        /// Its short name in addresses.
        pub slug: String,
        /// Its name.
        pub name: String,
        /// Whether it sells or only tries things out.
        pub mode: OrganisationMode,
        /// Whether its members must sign in with a second factor.
        pub requires_mfa: bool,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// An organisation that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationInput {
    /// Its name, of 1 to 200 characters.
    pub name: String,
    /// Whether it sells or only tries things out; it stays that. Without this, it sells.
    pub mode: Option<OrganisationMode>,
}

/// A change of an organisation; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationPatch {
    /// Its name, of 1 to 200 characters.
    pub name: Option<String>,
    /// Whether its members must sign in with a second factor. To change this, the caller must have
    /// proved only just who they are, and to switch it on, have a second factor themselves.
    pub requires_mfa: Option<bool>,
}

/// An API key as people see it: never its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// How its text begins; empty for keys of old.
    pub prefix: String,
    /// What it may do; absent: all that programs may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Permission>>,
    /// The only event that it may touch, if it is bound to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Raised by each change; a change can name the one that it starts from (`If-Match`).
    pub revision: i64,
}

text_enum! {
    /// How a list of API keys is sorted.
    #[derive(Default)]
    pub enum ApiKeySort {
        /// As they were made, the newest first.
        #[default]
        Newest = "-created",
        /// As they were made, the oldest first.
        Oldest = "created",
        /// By when they were last used, those first that never were.
        LongestUnused = "last_used",
        /// By when they were last used, the latest first.
        LastUsed = "-last_used",
    }
}

impl ApiKeySort {
    /// Where a key stands in this order.
    pub fn place(self, key: &ApiKey) -> Place {
        match self {
            Self::Newest | Self::Oldest => Place::of_id(key.id),
            Self::LongestUnused | Self::LastUsed => {
                Place::of_number(key.last_used_at.map_or(0, Timestamp::ms), key.id)
            }
        }
    }
}

/// An API key that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// What it is for, in 1 to 100 characters.
    pub name: String,
    /// What it may do: at least one thing, each of which its maker may do too.
    pub scopes: Vec<Permission>,
    /// The only event that it may touch.
    pub event: Option<EventId>,
    /// When it ends by itself; without this it lives until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// An API key with its secret, which is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// Its text, for `Authorization: Bearer …`.
    pub token: String,
}

/// Whether a text can name something to people: not empty, not longer than `most` characters, and
/// without characters that are not seen.
pub fn is_name(text: &str, most: usize) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}
