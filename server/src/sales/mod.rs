//! Stock and orders: who gets which tickets at what price, and never more than there are.
//!
//! Owns the tables `tier_stock`, `holds`, `hold_items`, `orders` and `order_items`.
//!
//! Invariants:
//! - `held + sold <= capacity` for each tier, decided inside the UPDATE that takes the stock and
//!   promised by the table itself;
//! - stock is taken at the version of the event that the buyer was shown, or not at all;
//! - whatever is held belongs to exactly one active hold or pending order, and comes back when
//!   that ends otherwise than in a paid order;
//! - an order is made once per idempotency key, however often it is asked for;
//! - who buys is stored sealed;
//! - an order is thrown away only with the sandbox that it was made in.
//!
//! `codes` has tables of its own, and is what holds and orders ask for promo codes.
//!
//! [`waitlist`] has tables and services of its own. `resale`, `limits` and `fraud` are pure rules, each with what a service that obeys them
//! needs: nothing calls them yet.

pub mod codes;
pub mod fraud;
pub mod limits;
mod model;
pub mod resale;
mod routes;
mod service;
mod store;
pub mod waitlist;

use crate::platform::SealedColumn;
pub use model::*;
pub use routes::routes;
pub use service::*;

/// The columns of sales that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("orders", "id", "sealed_buyer", "id" => |id| service::buyer_purpose(id)),
    crate::sealed_column!("waitlist_entries", "id", "sealed_person", "id" => |id| waitlist::person_purpose(id)),
];
