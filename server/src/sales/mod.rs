//! Stock and orders: who gets which tickets at what price, and never more than there are.
//!
//! Owns the tables `stock`, `event_sales`, `taken_seats`, `holds`, `hold_items`, `orders`, `order_items`,
//! `attendees` and `answers`, and those of `migrations/0147_buyers.sql`: purchase limits and counts, scores,
//! notes, tags and origins of orders.
//!
//! Stock is kept in counters: one for each tier and pool, and for each date if it is sold by dates. A
//! unit takes one of each counter that it is counted in. Whoever takes several things takes them in one
//! order: files of answers, holds and orders that are taken over or end, purchase counts, seats, counters
//! (pools before tiers), codes, each sorted by its id, and the waiting room last.
//!
//! Invariants:
//! - `held + sold <= capacity` for each counter, decided inside the UPDATE that takes the stock and
//!   promised by the table itself;
//! - a seat of a date has one row at most, and a hold that has run out is as good as none;
//! - stock is taken at the version of the event that the buyer was shown, or not at all;
//! - a hold decides the price for good; its order costs that, and keeps all that it came from;
//! - whatever is held belongs to exactly one active hold or pending order, and comes back when
//!   that ends otherwise than in a paid order;
//! - an order is made once per idempotency key, however often it is asked for;
//! - nobody has more tickets of an event than its limits say, decided inside the statement that counts;
//! - an order that somebody has to look at is not paid before that, and one person decides about it;
//! - who buys, who comes and what they answered is stored sealed, and so is what staff writes about them;
//! - an order is thrown away only with the sandbox that it was made in.
//!
//! `codes`, `files`, `waitlist` and `resale` have tables and services of their own. `limits` and `fraud` are pure
//! rules that `service/limits.rs` and `service/review.rs` obey.
//! `changes` is what happens to orders that are paid.

pub mod changes;
pub mod codes;
pub mod files;
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
    crate::sealed_column!("order_changes", "id", "sealed_reason", "id" => |id| changes::reason_purpose(id)),
    crate::sealed_column!("attendees", "id", "sealed_person", "id" => |id| service::part_purpose(id)),
    crate::sealed_column!("answers", "id", "sealed_answers", "id" => |id| service::part_purpose(id)),
    crate::sealed_column!("answer_files", "id", "sealed_about", "id" => |id| files::about_purpose(id)),
    crate::sealed_column!("waitlist_entries", "id", "sealed_person", "id" => |id| waitlist::person_purpose(id)),
];
