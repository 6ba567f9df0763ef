//! What everything stands on: the audit log, the keys that seal secrets, settings, maintenance mode.
//!
//! Owns the tables `data_keys`, `audit_log`, `audit_head`, `audit_persons`, `settings`,
//! `settings_history`, `address_blocks` and `idempotent_answers`.
//!
//! Invariants:
//! - a secret is stored only sealed by a data key, and a data key only wrapped by the master key,
//!   which is never in the database;
//! - entries of the audit log are appended and never changed; each is bound to the one before by its
//!   hash, and the last one to this installation by a MAC;
//! - the log holds ids and words; what is personal in it is sealed by a key of that person, and
//!   deleting the key forgets them;
//! - how much is logged changes for a while only, on all nodes, and is audited as any setting is;
//! - a setting changes only from the version that was seen, and every change is kept.
//!
//! To add a setting or a flag: [`setting!`](crate::setting) in the domain that obeys it. To add a
//! column that holds sealed texts: [`sealed_column!`](crate::sealed_column) in its domain, and
//! `server::sealed_columns`.

mod cache;
mod chain;
mod model;
mod routes;
mod service;
mod store;
mod vault;

pub use cache::Settings;
pub use model::*;
pub use routes::routes;
pub use service::*;
pub(crate) use vault::token_hash;
pub use vault::{Fingerprint, KeysError, MasterKey, Masters, Vault, VaultError};

/// The columns of the platform that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("audit_persons", "person", "sealed_key", "person" => |person| service::person_key_of(person)),
    crate::sealed_column!("idempotent_answers", "id", "sealed_answer", "id" => |id| service::once_purpose(id)),
];
