//! Tickets: issued when an order is paid, signed when they are shown, fed to the gates.
//!
//! Owns the tables `event_keys`, `feeds` and `tickets`; [`transfers`] owns its own.
//!
//! Invariants:
//! - a ticket's id follows from its order and its place in it, so issuing twice makes no second one;
//! - a code is not stored: Ed25519 gives the same signature for the same statement;
//! - private keys are stored only sealed, and leave the server never;
//! - each change of a ticket moves it to a new, highest position of its event's feed, in the order
//!   in which changes are committed.

mod door;
mod issued;
mod issuers;
mod model;
mod routes;
mod service;
mod store;
pub mod transfers;

use crate::platform::SealedColumn;
pub(crate) use crate::qr::draw_aside;
pub use crate::qr::{QrFormat, render_qr};
pub use door::*;
pub use issued::Issued;
pub use issuers::Issuers;
pub use model::*;
pub use routes::routes;
pub use service::*;

/// The columns of tickets that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("event_keys", ("event_id", "key_id"), "sealed_secret",
        "event_id" => |event| service::sealed_for(event)),
    crate::sealed_column!("tickets", "id", "sealed_holder", "id" => |id| service::holder_purpose(id)),
    crate::sealed_column!("ticket_transfers", "id", "sealed_receiver",
        "id" => |id| transfers::receiver_purpose(id)),
];
