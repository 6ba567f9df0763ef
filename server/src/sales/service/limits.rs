//! Purchase limits: set by organisers, counted in the write that places an order.

use std::collections::BTreeMap;

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::http::IfMatch;

use super::super::limits::{
    BuyerKeys, CountingKey, LimitKind, LimitMet, PurchaseLimits, counting_keys,
};
use super::super::model::*;
use super::super::store::limits::{self as store, CountedRow};
use super::{SalesError, StartsFrom};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;
use crate::platform::{self, AuditRecord};

/// How many tickets of an event one person may have.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn purchase_limits(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<EventPurchaseLimits, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let limits = app
        .db
        .read(move |c| Box::pin(async move { store::event_limits(c, event).await }))
        .await?;
    Ok(limits.unwrap_or_default())
}

/// Sets how many tickets of an event one person may have from now on; who has more keeps them.
///
/// # Errors
/// [`SalesError::EventNotFound`], [`SalesError::Invalid`], [`SalesError::VersionConflict`],
/// [`SalesError::Stale`], or a fault of the database.
pub async fn set_purchase_limits(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    seen: IfMatch,
    input: PurchaseLimitsInput,
    actor: String,
) -> Result<EventPurchaseLimits, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let (limits, version) = (input.limits(), input.version);
    let from = StartsFrom { seen, version };
    let faults = limits.faults();
    if !faults.is_empty() {
        return Err(SalesError::Invalid(faults));
    }
    let (work, now, organisation) = (app.clone(), app.now(), tenant.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                let before = store::event_limits(c, event).await?;
                let current = before.map_or(0, |before| before.version);
                from.allow(current)?;
                let version = current + 1;
                let kept = EventPurchaseLimits { version, limits };
                if !store::put_limits(c, event, &kept, now).await? {
                    // Somebody else was a moment earlier.
                    return Err(from.missed(version));
                }
                let record = AuditRecord::new(actor, "events.purchase_limits", event)
                    .of(organisation)
                    .detail(serde_json::json!(limits));
                platform::audit(&work, c, record).await?;
                Ok::<_, SalesError>(kept)
            })
        })
        .await
}

/// By which keys the buyer of an order is counted: of those that are limited.
fn keys_of(app: &App, new: &NewOrder, limits: &PurchaseLimits) -> Vec<CountingKey> {
    let buyer = BuyerKeys {
        email: Some(new.buyer.email.as_str()),
        account: new.origin.account,
        payment: new.means.as_deref(),
        address: new.origin.network(),
    };
    let mut keys = counting_keys(&app.vault, new.event, &buyer);
    keys.retain(|key| limits.most(key.kind).is_some());
    keys.sort_unstable();
    keys
}

/// Counts tickets by all keys, or by none if that would be too many by one of them.
///
/// # Errors
/// A fault of the database; inside, the limit that was met.
pub(super) async fn count_in(
    c: &mut Conn,
    event: EventId,
    keys: &[CountingKey],
    tickets: i64,
    limits: &PurchaseLimits,
) -> Result<Result<(), LimitMet>, DbError> {
    let wanted = u32::try_from(tickets).unwrap_or(u32::MAX);
    for (i, key) in keys.iter().enumerate() {
        let Some(most) = limits.most(key.kind) else {
            continue;
        };
        // The INSERT of a new key asks nothing.
        let too_many = limits.check(&[(key.kind, 0)], wanted).err();
        // What lets nobody in is no matter of limits, even for who has more tickets than they say by now.
        let up_to = if tickets == 0 {
            i64::MAX
        } else {
            i64::from(most)
        };
        let met = if too_many.is_some() {
            too_many
        } else if store::count(c, event, key.kind, &key.hash, tickets, up_to).await? {
            None
        } else {
            let has = store::counted(c, event, key.kind, &key.hash).await?;
            let has = u32::try_from(has).unwrap_or(u32::MAX);
            Some(LimitMet {
                kind: key.kind,
                most,
                left: most.saturating_sub(has),
            })
        };
        if let Some(met) = met {
            for counted in keys.iter().take(i) {
                store::uncount(c, event, counted.kind, &counted.hash, tickets).await?;
            }
            return Ok(Err(met));
        }
    }
    Ok(Ok(()))
}

/// What the orders of a batch were counted by.
#[derive(Default)]
pub(super) struct Counted(Vec<(OrderId, Vec<CountingKey>, i64)>);

/// Counts the orders of a batch with these indices, one after the other; gives those that are too many,
/// and why.
///
/// # Errors
/// A fault of the database.
pub(super) async fn count_batch_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
    batch: &[NewOrder],
    fresh: &[usize],
) -> Result<(Counted, Vec<(usize, SalesError)>), DbError> {
    let (mut counted, mut refused) = (Counted::default(), Vec::new());
    if fresh.is_empty() {
        return Ok((counted, refused));
    }
    let Some(limits) = store::limits(c, event)
        .await?
        .filter(PurchaseLimits::is_any)
    else {
        return Ok((counted, refused));
    };
    // What staff sells is theirs to decide.
    let mut orders = Vec::with_capacity(fresh.len());
    for &i in fresh {
        if let Some(new) = batch.get(i).filter(|new| new.staff.is_none()) {
            orders.push((
                i,
                new.id,
                keys_of(app, new, &limits),
                i64::from(new.tickets),
            ));
        }
    }
    let mut all: Vec<CountingKey> = orders
        .iter()
        .flat_map(|(_, _, keys, _)| keys.clone())
        .collect();
    all.sort_unstable();
    all.dedup();
    if orders.len() > 1 {
        store::touch(c, event, &all).await?;
    }
    for (i, id, keys, tickets) in orders {
        match count_in(c, event, &keys, tickets, &limits).await? {
            Ok(()) => counted.0.push((id, keys, tickets)),
            Err(met) => refused.push((i, SalesError::PurchaseLimit(met))),
        }
    }
    Ok((counted, refused))
}

impl Counted {
    /// Keeps by what the orders were counted that were placed; the others are not counted any more.
    ///
    /// # Errors
    /// A fault of the database.
    pub(super) async fn settle_in(
        self,
        c: &mut Conn,
        event: EventId,
        was_placed: impl Fn(OrderId) -> bool,
    ) -> Result<(), DbError> {
        let (placed, others): (Vec<_>, Vec<_>) = self
            .0
            .into_iter()
            .partition(|(order, ..)| was_placed(*order));
        for (_, keys, tickets) in &others {
            for key in keys {
                store::uncount(c, event, key.kind, &key.hash, *tickets).await?;
            }
        }
        store::insert_order_counts(c, event, &placed).await
    }
}

/// The order in which whoever counts takes the rows of keys.
fn in_order(mut rows: Vec<CountedRow>) -> Vec<CountedRow> {
    rows.sort_by(|a, b| (a.kind, &a.key_hash).cmp(&(b.kind, &b.key_hash)));
    rows
}

/// Locks the counts of orders that are about to end in one write, in the order in which everybody takes
/// them. The orders are locked before.
///
/// # Errors
/// A fault of the database.
pub(super) async fn lock_in(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    let mut by_event: BTreeMap<EventId, Vec<CountingKey>> = BTreeMap::new();
    for row in store::counts_of(c, Val::texts(orders)).await? {
        if let Ok(hash) = row.key_hash.try_into() {
            let kind = row.kind;
            let keys = by_event.entry(row.event_id).or_default();
            keys.push(CountingKey { kind, hash });
        }
    }
    for (event, mut keys) in by_event {
        keys.sort_unstable();
        keys.dedup();
        store::touch(c, event, &keys).await?;
    }
    Ok(())
}

/// Takes an order off the counts, since it has ended or was paid back. To be called once, by whoever
/// moved the order out of its state.
///
/// # Errors
/// A fault of the database.
pub(super) async fn give_back_in(c: &mut Conn, order: OrderId) -> Result<(), DbError> {
    let rows = in_order(store::order_counts(c, order, true).await?);
    if rows.is_empty() {
        return Ok(());
    }
    for row in &rows {
        store::uncount(c, row.event_id, row.kind, &row.key_hash, row.tickets).await?;
    }
    store::set_counted(c, order, false).await
}

/// Counts an order again that was paid after it had ended, whatever the limits are by now: who paid in
/// good faith is served if stock is left. Only what it was paid by must not have bought too much meanwhile,
/// since letting payments run late would be a way around; says whether it may.
///
/// # Errors
/// A fault of the database.
pub(super) async fn count_again_in(c: &mut Conn, order: OrderId) -> Result<bool, DbError> {
    let rows = in_order(store::order_counts(c, order, false).await?);
    for (i, row) in rows.iter().enumerate() {
        let (event, kind) = (row.event_id, row.kind);
        let most = if kind == LimitKind::Payment && row.tickets > 0 {
            let limits = store::limits(c, event).await?.unwrap_or_default();
            limits.most(kind).map_or(i64::MAX, i64::from)
        } else {
            i64::MAX
        };
        if store::count(c, event, kind, &row.key_hash, row.tickets, most).await? {
            continue;
        }
        for counted in rows.iter().take(i) {
            let (event, kind) = (counted.event_id, counted.kind);
            store::uncount(c, event, kind, &counted.key_hash, counted.tickets).await?;
        }
        return Ok(false);
    }
    if !rows.is_empty() {
        store::set_counted(c, order, true).await?;
    }
    Ok(true)
}
