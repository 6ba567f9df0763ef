//! Holds: capacity and seats that wait for a buyer, at a price that is decided; a file for making them, one
//! for what goes back of them, one for those that have run out, two for writing many together.

mod make;
mod many;
mod returned;
mod sweep;
mod together;

pub use make::*;
pub(super) use returned::Returned;
pub use sweep::*;
pub use together::{HoldLanes, HoldWork, hold_lanes};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Val};
use bilten_kernel::money::Money;

use super::super::model::*;
use super::super::resale;
use super::super::store;
use super::seats::seats_of;
use super::{SalesError, json_fault, stock_of_hold};
use crate::app::App;
use crate::catalog::EventId;

async fn hold_from(c: &mut Conn, row: store::HoldRow) -> Result<Hold, SalesError> {
    if row.state != "active" {
        return Err(SalesError::HoldGone);
    }
    let items = store::hold_items(c, row.id).await?;
    Ok(Hold {
        id: row.id,
        event_id: row.event_id,
        expires_at: row.expires_at,
        items: items.into_iter().map(HeldItem::from).collect(),
        currency: row.currency,
        total_minor: row.total_minor,
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
                let row = active_row(c, id, now).await?;
                hold_from(c, row).await
            })
        })
        .await
}

async fn active_row(
    c: &mut Conn,
    id: HoldId,
    now: Timestamp,
) -> Result<store::HoldRow, SalesError> {
    store::hold(c, id)
        .await?
        .filter(|row| row.state == "active" && row.expires_at > now)
        .ok_or(SalesError::HoldGone)
}

/// An active hold of an event as an order takes it over.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended, never was, or is of another event; a fault of the database.
pub async fn held_cart(app: &App, event: EventId, id: HoldId) -> Result<HeldCart, SalesError> {
    let now = app.now();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = active_row(c, id, now).await?;
                if row.event_id != event {
                    return Err(SalesError::HoldGone);
                }
                let items = store::hold_items(c, id).await?;
                Ok(HeldCart {
                    id,
                    stock: stock_of_hold(c, id, &items).await?,
                    items,
                    total: Money::new(row.total_minor, row.currency),
                    snapshot: store::hold_snapshot(c, id).await?,
                    has_codes: row.has_codes,
                })
            })
        })
        .await
}

/// How the price of an active hold comes about; none of holds from before that was kept.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn hold_price(app: &App, id: HoldId) -> Result<Option<PriceParts>, SalesError> {
    let now = app.now();
    let snapshot = app
        .db
        .read(move |c| {
            Box::pin(async move {
                active_row(c, id, now).await?;
                Ok::<_, SalesError>(store::hold_snapshot(c, id).await?)
            })
        })
        .await?;
    Ok(match snapshot {
        Some(text) => {
            let snapshot: bilten_core::price::PriceSnapshot =
                serde_json::from_str(&text).map_err(|error| json_fault(&error))?;
            Some(snapshot.quote.into())
        }
        None => None,
    })
}

/// Lets an active hold go on for as long as a new one would, up to 30 minutes in all; one that was offered
/// for longer stays as it is. Asking again changes no more than the time.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn extend_hold(app: &App, id: HoldId) -> Result<Hold, SalesError> {
    let now = app.now();
    let until = Timestamp::from_ms(now.ms() + HOLD_MS);
    app.db
        .write_again(move |c| {
            Box::pin(async move {
                if !store::extend_hold(c, id, until, HOLD_MOST_MS, now).await? {
                    return Err(SalesError::HoldGone);
                }
                let row = store::hold(c, id).await?.ok_or(SalesError::HoldGone)?;
                let seats = seats_of(&store::hold_items(c, id).await?);
                let (event, until) = (row.event_id, row.expires_at);
                let holder = id.to_string();
                let stock = store::hold_stock(c, id).await?.unwrap_or_default();
                let listings = resale::listings_of(c, Some(id), &stock).await?;
                if !listings.is_empty() {
                    // Their seats are their sellers' until they are paid.
                    if !resale::keep(c, &listings, id, until).await? {
                        return Err(SalesError::HoldGone);
                    }
                } else if !seats.is_empty()
                    && !store::seats::extend(c, event, &holder, &seats, until, now).await?
                {
                    return Err(SalesError::HoldGone);
                }
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
    give_up(app, id, false).await
}

/// The same for a hold that an order made for itself and cannot use: the same request may make it anew.
///
/// # Errors
/// A fault of the database.
pub async fn forget_hold(app: &App, id: HoldId) -> Result<(), SalesError> {
    give_up(app, id, true).await
}

async fn give_up(app: &App, id: HoldId, is_key_free: bool) -> Result<(), SalesError> {
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::hold(c, id).await }))
        .await?;
    if let Some(hold) = found.filter(|hold| hold.state == "active") {
        let work = HoldWork::give_up(id, is_key_free, app.now());
        app.holds.submit(hold.event_id, work).await?;
    }
    Ok(())
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
