//! Pools, prices, taxes and fees: what tiers share, and the rules by which an event is priced.
//!
//! A tier keeps how its price comes about ([`TierPricing`](crate::catalog::TierPricing)); fees, group
//! rates, place and rounding are settings of the organisation and of the event; taxes are rules of the
//! organisation, in force for an event by the day of its first date that takes place. [`price_book`]
//! puts them together, with the tiers' ids as items and the prices that single dates have. All of it
//! is checked when it is stored, so that what is stored can be priced.
//!
//! What the platform charges is the setting `fees.plans`, which its administrators change with the
//! others: plans by name, and which organisation has which. Without it: 2.9 % and 0.30, absorbed.

mod book;
mod check;
mod pools;
mod prices;
mod routes;
mod store;

pub use book::{Books, FEE_PLANS, FeePlans, price_book};
pub(in crate::catalog) use check::check;
pub(in crate::catalog) use routes::routes;

use bilten_kernel::db::{Conn, DbError};

use super::model::*;

/// The pools of an event, inside a read or write that is under way.
pub(in crate::catalog) async fn pools_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<CapacityPool>, DbError> {
    store::pools(c, event).await
}

/// What an event says of prices, inside a read or write that is under way.
pub(in crate::catalog) async fn event_prices_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<PriceSettings>, DbError> {
    store::event_prices(c, event).await
}
