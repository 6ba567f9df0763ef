//! Stock and orders: who gets which tickets at what price, and never more than there are.
//!
//! Owns the tables `tier_stock`, `holds`, `hold_items`, `orders` and `order_items`, and those of
//! `migrations/0147_buyers.sql`: purchase limits and counts, scores, notes, tags and origins of orders.
//!
//! Invariants:
//! - `held + sold <= capacity` for each tier, decided inside the UPDATE that takes the stock and
//!   promised by the table itself;
//! - stock is taken at the version of the event that the buyer was shown, or not at all;
//! - whatever is held belongs to exactly one active hold or pending order, and comes back when
//!   that ends otherwise than in a paid order;
//! - an order is made once per idempotency key, however often it is asked for;
//! - nobody has more tickets of an event than its limits say, decided inside the statement that counts;
//! - an order that somebody has to look at is not paid before that, and one person decides about it;
//! - who buys is stored sealed, and so is what staff writes about them;
//! - an order is thrown away only with the sandbox that it was made in.
//!
//! `limits` and `fraud` are pure rules that `service/limits.rs` and `service/review.rs` obey; `waitlist` and
//! `resale` are pure rules, each with what a service that obeys them needs.

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
pub use routes::{BuyerFrom, routes};
pub use service::*;

/// The columns of sales that hold sealed texts.
pub static SEALED: &[SealedColumn] = &[
    crate::sealed_column!("orders", "id", "sealed_buyer", "id" => |id| service::buyer_purpose(id)),
    crate::sealed_column!("order_notes", "id", "sealed_text", "id" => |id| service::note_purpose(id)),
];
