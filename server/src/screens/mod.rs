//! What a screen shows, in one read: parts of several domains, taken from one snapshot.
//!
//! Owns no table and has no store: it calls the domains' services, after all of them in their order.
//!
//! Invariants:
//! - a part is there if its reader holds the permission that it needs, and absent if not;
//! - no part names a buyer or a holder, so looking at a screen is no reading of personal data;
//! - a screen takes a fixed number of statements, however much there is.
//!
//! To add a part: a field in `model.rs` that says its permission, a line in `service.rs`.

mod model;
mod routes;
mod service;

pub use model::*;
pub use routes::routes;
pub use service::*;
