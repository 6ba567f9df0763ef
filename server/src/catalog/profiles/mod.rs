//! What organisations say of themselves, and how their pages look.
//!
//! Owns the table `organisation_profiles`.
//!
//! Invariants:
//! - each change raises the profile's version, starts from a known one and is in the audit log;
//! - a brand that somebody could not read is never kept ([`Brand::check`](super::brand::Brand::check)).

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub(in crate::catalog) use routes::routes;
pub use service::*;
