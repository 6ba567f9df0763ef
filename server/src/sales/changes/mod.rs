//! Changes of paid orders: other tiers, dates, seats and holders; less, more; split and merged. Each is one
//! operation that is priced and checked against the stock, all of it or nothing.
//!
//! Owns the table `order_changes`, and the columns of `orders` and `order_items` that `0148` and `0150` add.
//!
//! What stays costs what it cost; what comes costs what it costs now. What goes for something else counts
//! in full for that, and what is left of it goes back as the refund policy says, like what is cancelled.
//! [`ChangeMoney`] says how: `paid = total + kept + refunded`, always.
//!
//! The codes of an order hold for what comes as if all of it were bought at once, by their rules of today;
//! what they were used for follows the units. `codes` says how.
//!
//! A change that costs something waits as a `pending` supplement, an order of its own that holds what is to
//! come. Whoever pays it gets the change; if it cannot be made any more, the money goes back. Until then
//! the order is as it was.
//!
//! Invariants:
//! - a change is made at the version of the order that the caller has seen, decided inside the UPDATE
//!   that raises it, or not at all;
//! - a split and a merge move units with what they cost, their tickets and their payments, and touch no
//!   stock;
//! - orders that came of one another share what was paid (`paid_with`);
//! - tickets change last, under the lock of the event's feed: one that let somebody in, or belongs to
//!   somebody else, makes the whole change fail.

mod codes;
mod draft;
mod error;
mod model;
mod money;
mod paid;
mod plan;
mod routes;
mod service;
mod store;
mod units;

pub use error::*;
pub use model::*;
pub(in crate::sales) use paid::paid_for_in;
pub(in crate::sales) use routes::OrderSecret;
pub use routes::routes;
pub(crate) use service::on_event_deleted;
pub use service::{
    Caller, Changeable, ChangeableUnit, change, change_shown, changeable, changes_of,
    is_part_of_another, paid_together_in, preview, reasons_in, waiting_change,
};
pub(super) use service::{
    added_by_supplement, on_buyers_erased, reason_purpose, return_codes, settle,
};
