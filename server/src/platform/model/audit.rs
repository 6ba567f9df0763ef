//! Entries of the audit log.

use std::net::IpAddr;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, text_enum};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a user agent is kept, in characters.
const MOST_USER_AGENT: usize = 300;

/// What is recorded.
///
/// `detail` holds ids and words and never anything personal: the log cannot forget it.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Whose audit trail it belongs to, besides the platform's.
    pub organisation: Option<String>,
    /// The id of who did it.
    pub actor: String,
    /// What was done, `area.what`.
    pub action: &'static str,
    /// The id of what it was done to.
    pub subject: String,
    /// What else is to be known.
    pub detail: serde_json::Value,
}

impl AuditRecord {
    /// Somebody did something to something.
    pub fn new(actor: impl ToString, action: &'static str, subject: impl ToString) -> Self {
        Self {
            organisation: None,
            actor: actor.to_string(),
            action,
            subject: subject.to_string(),
            detail: serde_json::json!({}),
        }
    }

    /// It is of the trail of this organisation.
    #[must_use]
    pub fn of(mut self, organisation: impl ToString) -> Self {
        self.organisation = Some(organisation.to_string());
        self
    }

    /// With what else is to be known: ids and words, nothing personal.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}

/// From where somebody acted: personal, and forgotten with the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The address.
    #[schema(value_type = String)]
    pub ip: IpAddr,
    /// What the program says it is.
    pub user_agent: String,
}

impl Origin {
    /// An address and what a program says it is, cut short if it says too much.
    pub fn new(ip: IpAddr, user_agent: &str) -> Self {
        Self {
            ip,
            user_agent: user_agent.chars().take(MOST_USER_AGENT).collect(),
        }
    }
}

record! {
    /// An entry as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct AuditRow {
        pub seq: i64,
        pub at: Timestamp,
        pub organisation_id: Option<String>,
        pub actor: String,
        pub action: String,
        pub subject: String,
        pub detail: String,
        pub request_id: Option<String>,
        pub person: Option<String>,
        pub origin: Option<Vec<u8>>,
        pub previous_hash: Vec<u8>,
        pub hash: Vec<u8>,
    }
}

record! {
    /// Where the log ends.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct AuditHead {
        pub seq: i64,
        pub hash: Vec<u8>,
        pub mac: Vec<u8>,
    }
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place, counted from 1 without gaps.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The organisation whose trail it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The id of who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// What else is to be known.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// The id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whose origin it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// From where, where it was asked for and the person has not been forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The hash that the next entry is bound to, in hexadecimal digits.
    pub hash: String,
}

/// Which entries are wanted; all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this organisation's trail.
    pub organisation: Option<String>,
    /// Done by this actor.
    pub actor: Option<String>,
    /// Done to this.
    pub subject: Option<String>,
    /// With an origin of this person.
    pub person: Option<String>,
    /// Whose action begins so.
    pub action: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

text_enum! {
    /// What of the audit log does not hold.
    pub enum AuditCheck {
        /// An entry's content is not what its hash was taken of.
        Hash = "hash",
        /// An entry is not bound to the one before it.
        Link = "link",
        /// Entries are missing.
        Gap = "gap",
        /// The end of the log is missing.
        Tail = "tail",
        /// The head was not written by this installation.
        Head = "head",
        /// The entry that somebody remembered is another one now.
        Anchor = "anchor",
    }
}

/// The first thing in the audit log that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenLink {
    /// At which entry.
    pub seq: i64,
    /// What does not hold.
    pub check: AuditCheck,
}

/// What the verifier found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditVerdict {
    /// How many entries were looked at.
    pub entries: i64,
    /// The last entry and its hash, `SEQ:HASH`; keep it elsewhere, and give it to the next verification.
    pub head: String,
    /// What does not hold, if something does not.
    pub broken: Option<BrokenLink>,
}

/// An entry that somebody has seen and remembers: `SEQ:HASH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub seq: i64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

impl std::str::FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = "expected SEQ:HASH, as an earlier verification printed it";
        let (seq, hash) = text.split_once(':').ok_or(wanted)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seq = seq.parse().ok().filter(|seq| *seq >= 0 && is_hash);
        Ok(Self {
            seq: seq.ok_or(wanted)?,
            hash: hash.to_ascii_lowercase(),
        })
    }
}
