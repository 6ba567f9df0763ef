//! Transfers: a ticket goes from one person to another.
//!
//! Whoever holds a ticket (by the page of its order, or by the transfer that brought it to them)
//! offers it to an address; whoever reads that mail accepts it in their own name. Accepting raises
//! the ticket's version, as reissuing does: all codes until then let nobody in, and the feed tells the
//! gates. The code is shown on the page of the transfer from then on, and nowhere else.
//!
//! Owns the table `ticket_transfers`, and of `tickets` the columns `transfer_id` and `passed_on`.
//!
//! Invariants:
//! - a ticket is offered to one at a time (a partial unique index), as one version, by whoever holds
//!   it now;
//! - an offer is settled once, inside one UPDATE that asks whether it is still pending and not over;
//!   whatever ends the ticket or reissues it ends the offer in the same write;
//! - whether the ticket may change hands is asked when it is offered and again when it is accepted,
//!   under the event's feed: whoever scans it in that moment is done before, or meets a dead code;
//! - the receiver's secret is told to nobody but the receiver, by mail.

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub(super) use routes::routes;
pub use service::*;

pub(in crate::tickets) use service::{end_pending, receiver_purpose};
