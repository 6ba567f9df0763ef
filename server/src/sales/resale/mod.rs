//! Resale: whoever holds a ticket sells it on, through the platform, for no more than policy and law allow.
//!
//! A listing names a ticket and a price. Those who wait for its tier are asked first, in their order, by
//! a hold that is theirs for some hours, of as many listings as they want; then it is shown in the shop. A hold of a listing is a hold like
//! others, but takes no stock and no seat: the ticket's unit is sold already, to the seller. Order and
//! payment are the ordinary ones. When the order is paid, in the same write, the seller's ticket dies, its
//! unit and its seat go from the seller's order to the buyer's, a new ticket is issued, and what the seller
//! is owed is written down.
//!
//! | file | holds |
//! |---|---|
//! | `law.rs` | caps: pure rules |
//! | `sale.rs` | what holds, orders and payments ask, inside their writes |
//! | `service.rs` | listing and taking back |
//! | `shop.rs` `offers.rs` | showing and holding; asking those who wait |
//!
//! Whoever holds the ticket lists it by the routes of tickets (`tickets/resale`), which come after sales.
//!
//! Owns the tables `resale_listings`, `resale_holds` and `resale_payouts`.
//!
//! Invariants:
//! - a ticket is for sale once at a time (a partial unique index); it stays valid until it is sold, and
//!   letting somebody in, reissuing, passing on or ending it ends the listing;
//! - what is held together is sold together: an order of several listings gets all of them, or none;
//! - one buyer at a time: a listing is held, kept, sold, let go and withdrawn inside one UPDATE each that
//!   asks for its state, by the server's clock;
//! - the sum of what is sold does not change by a resale: what a refund of either order gives back is what
//!   that order has by then;
//! - where people wait for an event, what others sell of it is held by a pass, too;
//! - a price above the cap is neither listed nor held, whatever policy and law were when it was listed;
//! - rows are taken in this order: order of the buyer, order of the seller, stock, listing, transfers of
//!   the ticket, feed of the event.
//!
//! # What sellers are owed
//!
//! A row of `resale_payouts` for each ticket that was resold: the price less the organiser's fee. Nothing
//! here moves money to sellers: payments settles what is `owed` (a refund in part to the payment of
//! `seller_order_id` is the natural way, unless `seller_transfer_id` says that somebody else sold it) by
//! `UPDATE resale_payouts SET state = 'settled', settled_at = $2 WHERE id = $1 AND state = 'owed'`. Paying
//! the whole order of a seller back makes what they are owed void, and is refused once it is settled.
//! Paying the buyer's order back changes nothing of it: the organiser has the ticket's unit again.

mod error;
mod law;
mod model;
mod offers;
mod routes;
mod sale;
mod service;
mod shop;
mod store;

pub use error::ResaleError;
pub use law::*;
pub use model::*;
pub use offers::offer_listings;
pub(in crate::sales) use routes::routes;
pub(crate) use sale::{end_of_tickets, is_for_sale, on_let_in};
pub(in crate::sales) use sale::{
    keep, let_go, listings_of, on_event_deleted, on_order_refunded, sell,
};
pub use service::*;
pub use shop::*;
