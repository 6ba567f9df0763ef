//! The request inspector: what programs of an organisation asked the API for within the last day, and
//! what they were answered, for the developers who write them.
//!
//! Owns the table `api_requests`.
//!
//! | file | holds |
//! |---|---|
//! | `model/mask/` | what is never shown: secrets and what is personal |
//! | `model/record.rs` | a request as it is taken down, as it is kept and as it is shown |
//! | `layer.rs` | the layer that takes requests down |
//! | `queue.rs` | what waits to be written, and which requests of a busy program are kept |
//! | `service/` | writing them, showing them, forgetting them |
//!
//! Invariants:
//! - only requests that were authenticated as an API key or as an OAuth client are kept, and those of
//!   the inspector itself are not;
//! - nothing is kept before secrets and what is personal are masked, and what is kept is sealed: a
//!   mask goes by names and looks, so it may miss something;
//! - no request waits for its record: what finds the queue full is counted and dropped;
//! - a program sees its own requests; people who may manage keys see those of the organisation.

mod config;
mod layer;
mod model;
mod queue;
mod routes;
mod service;
mod store;

use crate::platform::SealedColumn;
pub use config::InspectorConfig;
pub(crate) use layer::keep_request;
pub use model::*;
pub use queue::Inspector;
pub use routes::routes;
pub use service::*;

/// The columns of the inspector that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("api_requests", "id", "sealed_head", "id" => |id| service::head_purpose(id)),
    crate::sealed_column!("api_requests", "id", "sealed_detail", "id" => |id| service::detail_purpose(id)),
];
