//! Webhooks: organisations have others told of what happens.
//!
//! Owns the tables `webhook_endpoints`, `webhook_messages`, `webhook_deliveries` and
//! `webhook_attempts`.
//!
//! Invariants:
//! - each entry of the outbox becomes one message at most, with one id and one text for all
//!   attempts; a message is sent at least once to each endpoint that wants it, in no promised order;
//! - a message holds nothing personal, no secret and no code of a ticket, and nobody has more told
//!   than they may read;
//! - what is sent is signed by the endpoint's secret (Standard Webhooks), and during a day after a
//!   rotation by the one before as well;
//! - an address is looked at again when the connection is made, and nobody is followed elsewhere;
//! - a receiver that is slow or away holds up nobody but itself.
//!
//! To have one more thing told: a type in `model/event_type.rs`, what it says in `model/data.rs`,
//! and which domain event it comes from in `model/public.rs`; the build fails until all agree.

mod config;
mod model;
mod receivers;
mod routes;
mod service;
mod store;

use crate::platform::SealedColumn;
pub use config::WebhooksConfig;
pub use model::*;
pub use receivers::Receivers;
pub use routes::routes;
pub use service::*;

/// The columns of webhooks that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("webhook_endpoints", "id", "sealed_url", "id" => |id| service::url_purpose(id)),
    crate::sealed_column!("webhook_endpoints", "id", "sealed_secret", "id" => |id| service::secret_purpose(id)),
    crate::sealed_column!("webhook_endpoints", "id", "sealed_previous_secret", "id" => |id| service::secret_purpose(id)),
];
