//! Paying: one order, one amount, through a provider; for now the sandbox, which moves no money.
//!
//! Owns the tables `payments` and `refunds`.
//!
//! Invariants:
//! - money is asked for only after the stock is taken, and an order's stock is never given to
//!   somebody else while its payment may still succeed in time;
//! - a payment that succeeds too late, with no stock left, is paid back, never lost;
//! - what has bought all that it may is asked for no money: the write that begins a payment decides it;
//! - asking again with the same key asks the provider once;
//! - nobody is asked for money for an order that somebody has to look at first;
//! - what staff sells is paid when it is made, and taken from the same stock;
//! - what goes back of a payment is never more than was paid, decided inside the UPDATE; what no payment
//!   can give back is owed;
//! - in a sandbox no way to pay moves money, whatever else is set up.

mod import;
mod manual;
mod model;
mod refund;
mod routes;
mod sandbox;
mod service;
mod store;

pub use import::*;
pub use manual::*;
pub use model::*;
pub(crate) use refund::{on_partly_refunded, on_supplement_placed};
pub use refund::{refund, refunds_of};
pub use routes::routes;
pub use service::*;
