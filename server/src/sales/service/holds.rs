//! Holds: capacity that waits for a buyer.

use bilten_kernel::db::{Conn, DbError, Val};

use super::super::model::*;
use super::super::store::{self, Take};
use super::{HOLDS, SalesError, end_pending, price, take_all};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::waiting_room::{self, EnterRefusal, Gate, PassShown};

/// How many holds or orders one sweep ends in one write.
const SWEEP: i64 = 200;

/// Reserves capacity for a buyer until a time. Where people wait for an event, it is for those who show
/// that it is their turn.
///
/// # Errors
/// [`SalesError`] by what was refused.
pub async fn hold(
    app: &App,
    event: EventId,
    wanted: Vec<ItemRequest>,
    idempotency_key: Option<String>,
    shown: PassShown,
) -> Result<Hold, SalesError> {
    let request_hash = NewOrder::hash_of(&(event, &wanted));
    let gate = waiting_room::gate(app, event, &shown).await?;
    let gate = match (gate, &idempotency_key) {
        (Ok(gate), _) => gate,
        (Err(refusal), None) => return Err(SalesError::WaitingRoom { event, refusal }),
        // What was granted before is answered as before, whatever has become of the pass.
        (Err(refusal), Some(key)) => {
            return held_before(app, event, key.clone(), request_hash)
                .await?
                .ok_or(SalesError::WaitingRoom { event, refusal });
        }
    };
    match try_hold(
        app,
        event,
        &wanted,
        idempotency_key.clone(),
        request_hash,
        gate,
    )
    .await
    {
        // What was shown a moment ago has changed: look again, once.
        Err(SalesError::OfferChanged) => {
            catalog::fresh_offer(app, event).await?;
            try_hold(app, event, &wanted, idempotency_key, request_hash, gate).await
        }
        // Their turn is kept: nothing of what was refused was written.
        Err(SalesError::WaitingRoom {
            event,
            refusal: refusal @ EnterRefusal::Full,
        }) => {
            waiting_room::wait_at_door(app, &gate).await?;
            Err(SalesError::WaitingRoom { event, refusal })
        }
        // Another request with this key was faster; it is there now.
        Err(SalesError::Db(error)) if error.violates(bilten_kernel::db::Violation::Unique) => {
            try_hold(app, event, &wanted, idempotency_key, request_hash, gate).await
        }
        other => other,
    }
}

/// The hold that an earlier request with this key made.
async fn held_before(
    app: &App,
    event: EventId,
    key: String,
    request_hash: [u8; 32],
) -> Result<Option<Hold>, SalesError> {
    app.db
        .read(move |c| {
            Box::pin(async move {
                match store::hold_by_key(c, event, &key).await? {
                    Some(row) if row.request_hash.as_deref() == Some(&request_hash) => {
                        Ok(Some(hold_from(c, row).await?))
                    }
                    Some(_) | None => Ok(None),
                }
            })
        })
        .await
}

async fn try_hold(
    app: &App,
    event: EventId,
    wanted: &[ItemRequest],
    key: Option<String>,
    request_hash: [u8; 32],
    gate: Gate,
) -> Result<Hold, SalesError> {
    let offer = catalog::offer(app, event).await?;
    let (items, _) = price(app, &offer, wanted)?;
    let now = app.now();
    let hold = Hold {
        id: HoldId::new(&*app.clock, &*app.random),
        event_id: event,
        expires_at: bilten_kernel::clock::Timestamp::from_ms(now.ms() + HOLD_MS),
        items: items
            .iter()
            .map(|item| ItemRequest {
                tier: item.tier_id,
                quantity: item.quantity,
            })
            .collect(),
    };
    let version = offer.event.version;
    app.db
        .write(move |c| {
            Box::pin(async move {
                if let Some(key) = &key
                    && let Some(row) = store::hold_by_key(c, event, key).await?
                {
                    if row.request_hash.as_deref() != Some(&request_hash) {
                        return Err(SalesError::KeyReused);
                    }
                    return hold_from(c, row).await;
                }
                let stock: Vec<_> = hold
                    .items
                    .iter()
                    .map(|i| (i.tier, i64::from(i.quantity)))
                    .collect();
                take_all(c, Take::Held, &stock, version).await??;
                store::insert_hold(c, &hold, key.as_deref(), request_hash, now).await?;
                if let Err(refusal) = waiting_room::enter(c, &gate, hold.id, now).await? {
                    return Err(SalesError::WaitingRoom { event, refusal });
                }
                c.after_commit(|| HOLDS.add(&[("state", "made")], 1));
                Ok(hold)
            })
        })
        .await
}

async fn hold_from(c: &mut Conn, row: store::HoldRow) -> Result<Hold, SalesError> {
    if row.state != "active" {
        return Err(SalesError::HoldGone);
    }
    let items = store::hold_items(c, row.id).await?;
    let items = items
        .into_iter()
        .map(|(tier, quantity)| ItemRequest { tier, quantity })
        .collect();
    Ok(Hold {
        id: row.id,
        event_id: row.event_id,
        expires_at: row.expires_at,
        items,
    })
}

/// An active hold.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn active_hold(app: &App, id: HoldId) -> Result<Hold, SalesError> {
    let now = app.now();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = store::hold(c, id)
                    .await?
                    .filter(|row| row.expires_at > now)
                    .ok_or(SalesError::HoldGone)?;
                hold_from(c, row).await
            })
        })
        .await
}

/// Lets an active hold go on for as long as a new one would, up to 30 minutes in all. Asking again
/// changes no more than the time.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn extend_hold(app: &App, id: HoldId) -> Result<Hold, SalesError> {
    let now = app.now();
    let until = bilten_kernel::clock::Timestamp::from_ms(now.ms() + HOLD_MS);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::extend_hold(c, id, until, HOLD_MOST_MS, now).await? {
                    return Err(SalesError::HoldGone);
                }
                let row = store::hold(c, id).await?.ok_or(SalesError::HoldGone)?;
                hold_from(c, row).await
            })
        })
        .await
}

/// Gives up a hold; its capacity is free at once. Giving it up again changes nothing.
///
/// # Errors
/// A fault of the database.
pub async fn release_hold(app: &App, id: HoldId) -> Result<(), SalesError> {
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move {
                if end_hold(c, id, "released").await? {
                    waiting_room::choose_again(c, id.to_string(), now).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn end_hold(c: &mut Conn, id: HoldId, state: &'static str) -> Result<bool, DbError> {
    let items = store::hold_items(c, id).await?;
    if !store::end_hold(c, id, state, None).await? {
        return Ok(false);
    }
    for (tier, quantity) in items {
        store::give_back(c, Take::Held, tier, i64::from(quantity)).await?;
    }
    c.after_commit(move || HOLDS.add(&[("state", state)], 1));
    Ok(true)
}

/// What became of a hold, whatever its state: its event, and the order that was placed with the
/// hold's id as its idempotency key, as the storefront does.
///
/// # Errors
/// A fault of the database.
pub async fn after_hold(
    app: &App,
    id: HoldId,
) -> Result<Option<(EventId, Option<OrderId>)>, SalesError> {
    let key = Val::texts([id.to_string()]);
    app.db
        .read(move |c| {
            Box::pin(async move {
                let Some(hold) = store::hold(c, id).await? else {
                    return Ok(None);
                };
                let orders = store::orders_by_keys(c, hold.event_id, key).await?;
                Ok(Some((hold.event_id, orders.first().map(|order| order.id))))
            })
        })
        .await
}

/// Ends holds and pending orders whose time is over; says how many.
///
/// # Errors
/// A fault of the database.
pub async fn sweep(app: &App) -> Result<usize, SalesError> {
    let now = app.now();
    let (holds, orders) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                Ok::<_, DbError>((
                    store::due_holds(c, now, SWEEP).await?,
                    store::due_orders(c, now, SWEEP).await?,
                ))
            })
        })
        .await?;
    if holds.is_empty() && orders.is_empty() {
        return Ok(0);
    }
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut ended = Vec::new();
                for id in holds {
                    if end_hold(c, id, "expired").await? {
                        ended.push(id.to_string());
                    }
                }
                for id in orders {
                    if end_pending(c, id, OrderState::Expired).await? {
                        ended.push(id.to_string());
                    }
                }
                waiting_room::leave(c, &ended, now).await?;
                Ok(ended.len())
            })
        })
        .await
}
