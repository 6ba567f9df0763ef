//! Who may do what. For now: organisations, and API keys that the command line makes for them.
//!
//! Owns the tables `organisations` and `api_keys`.
//!
//! Invariants: a key belongs to one organisation and acts only for it; only the hash of a key is
//! stored, so it can be shown once and never again.

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub use routes::Organiser;
pub(crate) use routes::bearer;
pub use service::*;
