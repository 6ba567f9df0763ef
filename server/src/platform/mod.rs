//! What everything stands on: secrets of the installation and how they are sealed.
//!
//! Owns no table yet.
//!
//! Invariant: a secret is stored only sealed by the master key, which is never in the database.

mod service;
mod store;
mod vault;

pub use service::ping;
pub(crate) use vault::token_hash;
pub use vault::{MasterKey, Vault, VaultError};
