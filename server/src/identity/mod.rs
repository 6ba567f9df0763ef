//! Who may do what: people, organisations and their members, programs.
//!
//! Owns the tables of `migrations/0102_identity.sql`, and `organisations` and `api_keys`.
//!
//! | file | holds |
//! |---|---|
//! | `model/permission.rs`, `model/role.rs` | what may be done, and who may by their role |
//! | `model/tenant.rs` | which part of whose data a request may touch |
//! | `model/principal.rs` | who makes a request, and how they proved it |
//! | `routes/extract.rs` | the extractors by which a route says who may call it |
//! | `service/principal.rs` | from a credential to a [`Principal`] |
//! | `principals.rs`, `sightings.rs` | what a node remembers for a moment, so that a request writes nothing |
//!
//! Invariants:
//! - a route that names no extractor of this domain, no device and no order's token is public, and
//!   a golden file lists all of those;
//! - a permission is held in an organisation, for all of its events or for some; what is outside
//!   does not exist for the caller (404);
//! - tokens, codes, PINs and passwords are stored as hashes only; what is personal is sealed;
//! - whoever has lost a right has lost it at once on this node, and within a second on others.
//!
//! To add a permission: a line in `model/permission.rs`, the roles that have it in
//! `model/role.rs`, `Organiser<permit::…>` in the route with the same word as its `x-permission`;
//! the walk over all routes fails until the two agree.

mod config;
mod model;
mod principals;
mod routes;
mod service;
mod sightings;
mod store;

use crate::platform::SealedColumn;
pub use config::IdentityConfig;
pub use model::*;
pub use principals::Principals;
pub use routes::{Organiser, PlatformAdmin, RecentlyAuthenticated, SignedIn, routes};
pub(crate) use routes::{bearer, is_same_site};
pub use service::*;
pub use sightings::Sightings;

/// The columns of identity that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("users", "id", "sealed_profile", "id" => |id| service::profile_purpose(id)),
    crate::sealed_column!("sessions", "id", "sealed_origin", "user_id" => |user| service::origin_purpose(user)),
];
