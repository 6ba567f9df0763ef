//! Pools, prices, taxes and fees: what tiers share, and the rules by which an event is priced.
//!
//! A tier keeps how its price comes about ([`TierPricing`](crate::catalog::TierPricing)); fees, group
//! rates, place and rounding are settings of the organisation and of the event; taxes are rules of the
//! organisation, in force for a unit by the day of its date, in the event's time zone, and for what is
//! for the whole event by the day of its first date that takes place. [`price_book`] puts them together,
//! with the tiers' ids as items and the prices that single dates have: each tax once, however many dates
//! there are. All of it is checked when it is stored, so that what is stored can be priced.
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

use std::collections::HashMap;

use bilten_kernel::db::{Conn, DbError};

use super::model::*;
use crate::app::App;

/// The pools of an event, inside a read or write that is under way.
pub(in crate::catalog) async fn pools_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<CapacityPool>, DbError> {
    store::pools(c, event).await
}

/// Gives the pools of a copied event ids of their own, and lets its tiers and prices name its own
/// tiers and pools instead of those of its model; `tiers` says which is which.
pub(in crate::catalog) fn rename(
    app: &App,
    detail: &mut EventDetail,
    tiers: &HashMap<TierId, TierId>,
) {
    let mut pools = HashMap::new();
    for pool in &mut detail.pools {
        let id = PoolId::new(&*app.clock, &*app.random);
        pools.insert(pool.id, id);
        pool.id = id;
    }
    let put = |id: &mut TierId| {
        if let Some(new) = tiers.get(id) {
            *id = *new;
        }
    };
    for tier in &mut detail.tiers {
        tier.pool_id = tier.pool_id.and_then(|id| pools.get(&id).copied());
        if let Some(pricing) = &mut tier.pricing {
            pricing.added_to.iter_mut().for_each(put);
            pricing
                .parts
                .iter_mut()
                .for_each(|part| put(&mut part.tier));
        }
    }
    for rate in detail
        .price_settings
        .iter_mut()
        .flat_map(|said| &mut said.groups)
    {
        for item in &mut rate.items {
            let new = item.parse::<TierId>().ok().and_then(|id| tiers.get(&id));
            if let Some(new) = new {
                *item = new.to_string();
            }
        }
    }
}

/// Writes the pools and price settings of an event that is new, inside a write.
pub(in crate::catalog) async fn insert_in(
    c: &mut Conn,
    detail: &EventDetail,
) -> Result<(), DbError> {
    let event = &detail.event;
    for pool in &detail.pools {
        store::insert_pool(c, event.id, pool, event.created_at).await?;
    }
    if let Some(settings) = &detail.price_settings {
        store::put_event_prices(c, event, settings).await?;
    }
    Ok(())
}

/// What an event says of prices, inside a read or write that is under way.
pub(in crate::catalog) async fn event_prices_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Option<PriceSettings>, DbError> {
    store::event_prices(c, event).await
}
