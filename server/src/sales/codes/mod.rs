//! Promo codes: texts that make an order cheaper, or that show what others do not see.
//!
//! What a code does and what it comes to is `bilten_core::price`'s; here is who has which codes, and
//! how often each may be used. Owns the tables `promo_codes`, `promo_code_batches`,
//! `promo_code_buyers` and `promo_code_uses`.
//!
//! Invariants:
//! - texts that read alike are one code of an organisation (`price::canonical`);
//! - a code is counted once for each hold or order that has it, and given back once, however often
//!   either is asked for: `used` and `spent_minor` are what the uses that are not returned come to;
//! - what a change adds to an order that has a code is no further use of it (`uses` is 0 until it is
//!   paid for, then it is a part of the order's use), and orders that an order is split into share its use;
//! - no limit and no budget is ever exceeded: it is decided inside the UPDATE that counts, and
//!   promised by the table itself;
//! - codes are counted in the order of their ids, each before its buyers, so that two writes never
//!   wait for each other.
//!
//! # For who sells
//!
//! All of it runs inside the caller's read or write. [`facts`] gives what [`price`] needs; in a write
//! that holds, call [`lock`] before it, so that what was priced is what is counted. Then
//! [`reserve`] with the `codes` of the quote, for the id of the hold; [`rename`] when the hold
//! becomes an order, [`name_buyer`] as soon as it is known who buys, [`confirm`] when the order is
//! paid, and [`give_back`] when hold or order ends in another way, also by a refund. An order that
//! is paid late takes its codes anew by [`reserve`]. Changes of orders ask [`had`],
//! [`reserve_more`] and [`shift`]. Routes by which strangers try codes ask
//! [`may_try`] first, and tell [`was_wrong`].
//!
//! [`price`]: bilten_core::price::price

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub use routes::routes;
pub use service::*;
