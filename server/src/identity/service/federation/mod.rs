//! Sign-in by other identity providers: OpenID Connect for everybody or for an organisation, SAML
//! for organisations.
//!
//! | file | holds |
//! |---|---|
//! | `connections.rs` | setting connections up, and which are offered to whom |
//! | `settings.rs` | what a connection may be set up with, and what the clients make of it |
//! | `domains.rs` | whose word counts for which mail domain |
//! | `flow.rs` | out to the provider and back, bound to one browser |
//! | `accounts.rs` | whose account that is: linked, found, made, or refused |
//! | `confirm.rs` | addresses for which no provider vouches |
//! | `links.rs` | a person's own links |
//!
//! Invariants:
//! - an address alone never opens an account: the provider must be trusted with it (a platform-wide
//!   one that verifies addresses, or an organisation's for a domain that the platform confirmed),
//!   and the account's own address must be verified;
//! - what was begun in one browser ends in that browser, once;
//! - an organisation's provider makes nobody an owner, and gives nothing outside the organisation.

mod accounts;
mod clients;
mod confirm;
mod connections;
mod domains;
mod error;
mod flow;
mod links;
mod settings;

pub use clients::Sso;
pub use confirm::confirm_federated;
pub use connections::*;
pub use domains::confirm_sso_domain;
pub use error::FederationError;
pub(in crate::identity) use flow::state_purpose;
pub use flow::{
    Arrived, Landing, OidcCallback, accept_saml, begin_federated, finish_oidc, finish_saml,
    tidy_federation,
};
pub use links::*;
pub(in crate::identity) use settings::connection_purpose;
