//! The waitlist: who is offered what comes back, and for how long.
//!
//! Somebody joins for a tier with an address. A job looks at what is free of tiers for which somebody
//! waits, decides by the pure rules of [`model`] who is next, and reserves it: an offer is a hold that
//! lives longer than others, and the mail's link leads to its checkout. Whoever lets it pass waits on at
//! their own place, until that was once too often.
//!
//! What others sell ([`resale`](super::resale)) is offered in the same way and by the same rule, as many
//! tickets at once as somebody wants; but none of it is kept for those who want more than there are.
//!
//! Owns the tables `waitlist_entries` and `waitlist_offers`.
//!
//! Invariants:
//! - one person has one entry per tier and date, found by a keyed index of their address, which is
//!   stored sealed; joining answers the same whether they were on it or not;
//! - an entry has one open offer at most, and an open offer has a hold of its own: the key of the hold
//!   is the entry and its version, so that two nodes that offer at once make one hold;
//! - what becomes of an offer follows from its hold: ordered is accepted, released is declined, run out
//!   is expired. It is settled once, inside an UPDATE that asks whether it is still open;
//! - whoever changes both takes the row of the entry before that of its offer.

mod error;
mod model;
mod offers;
mod resold;
mod routes;
mod service;
mod store;

pub use error::WaitlistError;
pub use model::*;
pub use offers::*;
pub(in crate::sales) use resold::{
    NextEntry, claim, is_waited_for, next_waited_for, offer_held, pass_over, waiting,
};
pub(in crate::sales) use routes::routes;
pub(in crate::sales) use service::person_purpose;
pub use service::*;
