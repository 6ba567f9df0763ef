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
//! | `routes/noted.rs` | what they find out, for the layers around the route |
//! | `service/principal.rs` | from a credential to a [`Principal`] |
//! | `service/finish.rs` | the last steps of every sign-in: devices, notices, the second factor |
//! | `service/factors/` | second factors and passkeys: added, shown, removed |
//! | `service/flags.rs` | accounts with unusual sign-ins, for the platform's administrators |
//! | `service/throttle.rs` | progressive delay, which strangers cannot use against an owner |
//! | `service/access_tokens.rs`, `service/refresh.rs` | tokens of apps |
//! | `service/one_time.rs` | links and codes that count once |
//! | `service/tell.rs` | mail to those of an organisation who look after something |
//! | `passwords.rs` | hashing, away from the threads that serve requests |
//! | `principals.rs`, `sightings.rs`, `token_keys.rs` | what a node remembers for a moment, so that a request writes nothing |
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
mod passwords;
mod principals;
mod routes;
mod service;
mod sightings;
mod store;
mod token_keys;

use crate::platform::SealedColumn;
pub use config::{ConsentVersions, IdentityConfig};
pub use model::*;
pub use passwords::{HashError, Passwords, Verified};
pub use principals::Principals;
pub use routes::{
    Authenticated, KeptNext, Organiser, PageVisitor, PlatformAdmin, RecentlyAuthenticated,
    SignedIn, next_cookie, routes, safe_next, sign_in_cookies, sign_out_cookie,
};
pub(crate) use routes::{Noted, bearer, caller, cookie, is_same_site, set_cookie};
pub use service::*;
pub use sightings::Sightings;
pub use token_keys::TokenKeys;

/// The columns of identity that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("users", "id", "sealed_profile", "id" => |id| service::profile_purpose(id)),
    crate::sealed_column!("invitations", "id", "sealed_email", "id" => |id| service::invitation_purpose(id)),
    crate::sealed_column!("sso_connections", "id", "sealed_config", "id" => |id| service::connection_purpose(id)),
    crate::sealed_column!("sso_states", "state_hash", "sealed_content",
        "connection_id" => |connection| service::state_purpose(connection)),
    crate::sealed_column!("sessions", "id", "sealed_origin", "user_id" => |user| service::origin_purpose(user)),
    crate::sealed_column!("known_devices", ("user_id", "device_hash"), "sealed_origin",
        "user_id" => |user| service::origin_purpose(user)),
    crate::sealed_column!("sign_in_attempts", "id", "sealed_origin",
        "COALESCE(user_id, 'nobody')" => |user| service::origin_purpose(user)),
    crate::sealed_column!("one_time_tokens", "token_hash", "sealed_content",
        "purpose" => |purpose| service::one_time_purpose(purpose)),
    crate::sealed_column!("token_keys", "key_id", "sealed_secret",
        "key_id" => |id| service::token_key_purpose(id)),
    crate::sealed_column!("email_changes", "id", "sealed_content", "id" => |id| service::email_change_purpose(id)),
    crate::sealed_column!("data_exports", "id", "sealed_archive", "id" => |id| service::export_purpose(id)),
    crate::sealed_column!("mfa_methods", "id", "sealed_secret", "id" => |id| service::factor_purpose(id)),
    crate::sealed_column!("passkeys", "id", "sealed_credential", "id" => |id| service::passkey_purpose(id)),
];
