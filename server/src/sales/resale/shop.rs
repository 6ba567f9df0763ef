//! Showing and holding what is for sale.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Violation};
use bilten_kernel::money::Money;

use super::ResaleError;
use super::law::most_of;
use super::model::*;
use super::service::{allow_tier, event_in};
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog::policy::{self, PassOnRefusal, TicketFacts};
use crate::catalog::state::Kept;
use crate::catalog::{self, CatalogError, EventDetail, EventId, EventState};
use crate::events;
use crate::identity::Tenant;
use crate::sales::service as sales;
use crate::sales::store::NewHold;
use crate::sales::{HOLD_MS, HeldSeat, HeldSeats, Hold, HoldId, NewOrder, OrderItem, SalesError};
use crate::waiting_room::{self, EnterRefusal, PassShown};

// Showing

/// What everybody can buy of an event's tickets, the cheapest first, after a place in that order.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn for_sale(
    app: &App,
    event: EventId,
    after: Option<(i64, ListingId)>,
    limit: i64,
) -> Result<Vec<ShopListing>, ResaleError> {
    let offer = sales::public_event(app, &event.to_string()).await?;
    // While its sale is paused nothing of it is sold, by nobody.
    if offer.event.kept() != Kept::Published {
        return Ok(Vec::new());
    }
    let now = app.now();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let found = store::for_all(c, event, after, limit, now).await?;
                if found.is_empty() || catalog::policy_of(c, event).await?.resale.allowed {
                    Ok(found)
                } else {
                    Ok(Vec::new())
                }
            })
        })
        .await
}

/// The listings of one of the organisation's events after one, oldest first.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn listings_of_event(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    after: Option<ListingId>,
    limit: i64,
) -> Result<Vec<ResaleListing>, ResaleError> {
    own_event(app, tenant, event).await?;
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::of_event(c, event, after, limit).await }))
        .await?)
}

/// What sellers of one of the organisation's events are owed, or were, after one, oldest first.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn payouts(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    after: Option<ResalePayoutId>,
    limit: i64,
) -> Result<Vec<ResalePayout>, ResaleError> {
    own_event(app, tenant, event).await?;
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::payouts(c, event, after, limit).await }))
        .await?)
}

async fn own_event(app: &App, tenant: &Tenant, event: EventId) -> Result<(), ResaleError> {
    match catalog::event_of(app, tenant, event).await {
        Ok(_) => Ok(()),
        Err(CatalogError::NotFound) => Err(SalesError::EventNotFound.into()),
        Err(other) => Err(other.into()),
    }
}

// Holding

/// Fails while the sale of the event is paused: nothing of it is sold, by nobody. What is for sale stays so.
pub(super) fn allow_selling(event: &EventDetail, row: &ListingRow) -> Result<(), ResaleError> {
    if matches!(event.event.kept(), Kept::Paused | Kept::Postponed) {
        return Err(ResaleError::Sales(SalesError::OffSale {
            tier: row.tier_id,
            not_yet: false,
        }));
    }
    Ok(())
}

/// Why a listing cannot be bought now, by policy, law and the ticket itself, whatever they were when it
/// was listed.
pub(super) async fn check(
    c: &mut Conn,
    event: &EventDetail,
    row: &ListingRow,
    now: Timestamp,
) -> Result<(), ResaleError> {
    allow_tier(event, row.tier_id)?;
    let policy = catalog::policy_of(c, row.event_id).await?;
    let facts = TicketFacts {
        // What the listing was given when it was made.
        doors_at: Timestamp::from_ms(i64::MAX),
        country: event.event.details.country,
        passed_on: 0,
        is_used: events::was_let_in(c, row.ticket_id).await?,
        is_valid: event.event.state == EventState::Published,
        paid_minor: row.paid().all_minor(),
    };
    policy::may_resell(&policy, &facts, row.price_minor, now).map_err(ResaleError::Refused)?;
    let most = most_of(&policy, &facts, row.paid(), row.base());
    if most.is_some_and(|most| row.price_minor > most) {
        return Err(ResaleError::Refused(PassOnRefusal::AboveCap));
    }
    if now >= row.closes_at {
        return Err(ResaleError::Refused(PassOnRefusal::Frozen));
    }
    Ok(())
}

/// A line of a hold that is of a listing.
fn item_of(line: u32, row: &ListingRow) -> OrderItem {
    let seats = match (row.seat_id, &row.seat_label) {
        (Some(id), Some(label)) => vec![HeldSeat {
            id,
            label: label.clone(),
        }],
        (Some(_) | None, _) => Vec::new(),
    };
    OrderItem {
        line,
        tier_id: row.tier_id,
        label: row.label.clone(),
        occurrence_id: row.occurrence_id,
        quantity: 1,
        unit_price_minor: row.price_minor,
        total_minor: row.price_minor,
        seats: HeldSeats(seats),
    }
}

/// The hold of a listing, and of others of its event in the same currency, a line each, as it is written: no
/// stock and no seat of its own.
pub(super) fn new_hold(
    (first, others): (&ListingRow, &[ListingRow]),
    id: HoldId,
    key: Option<String>,
    request_hash: [u8; 32],
    expires_at: Timestamp,
) -> NewHold {
    let mut total_minor = first.price_minor;
    let mut items = vec![item_of(1, first)];
    for (line, row) in (2..).zip(others) {
        total_minor = total_minor.saturating_add(row.price_minor);
        items.push(item_of(line, row));
    }
    NewHold {
        id,
        event: first.event_id,
        key,
        request_hash,
        items,
        total: Money::new(total_minor, first.currency),
        snapshot: None,
        stock: Vec::new(),
        has_codes: false,
        expires_at,
    }
}

/// Holds a listed ticket for somebody who wants to buy it, as long as a hold of other tickets: one at a
/// time. Where people wait for an event, it is for those who show that it is their turn. Asking again with
/// the same key gives the same hold.
///
/// # Errors
/// [`ResaleError`] by what was refused.
pub async fn hold(
    app: &App,
    event: EventId,
    listing: ListingId,
    key: String,
    shown: &PassShown,
) -> Result<Hold, ResaleError> {
    sales::public_event(app, &event.to_string()).await?;
    let request_hash = NewOrder::hash_of(&(event, listing));
    let gate = match waiting_room::gate(app, event, shown).await? {
        Ok(gate) => gate,
        // What was granted before is answered as before, whatever has become of the pass.
        Err(refusal) => {
            let before = sales::seen_before(app, event, key, request_hash).await?;
            return before.ok_or(SalesError::WaitingRoom { event, refusal }.into());
        }
    };
    let now = app.now();
    let until = Timestamp::from_ms(now.ms().saturating_add(HOLD_MS));
    let id = HoldId::new(&*app.clock, &*app.random);
    let held = app
        .db
        .write_again(move |c| {
            let key = key.clone();
            Box::pin(async move {
                if let Some(hold) = sales::held_before(c, event, &key, request_hash).await? {
                    return Ok(hold);
                }
                let row = store::listing(c, listing)
                    .await?
                    .filter(|row| row.event_id == event)
                    .ok_or(ResaleError::NotFound)?;
                let detail = event_in(c, event).await?;
                allow_selling(&detail, &row)?;
                if !store::hold(c, row.id, id, until, (1, true), now).await? {
                    // Perhaps the same request was a moment faster.
                    return match sales::held_before(c, event, &key, request_hash).await? {
                        Some(hold) => Ok(hold),
                        None => Err(ResaleError::Gone),
                    };
                }
                check(c, &detail, &row, now).await?;
                let new = new_hold((&row, &[]), id, Some(key), request_hash, until);
                Ok(sales::written(c, new, &gate, now).await?)
            })
        })
        .await;
    match held {
        // The key was used for another listing in this very moment.
        Err(ResaleError::Sales(SalesError::Db(error))) if error.violates(Violation::Unique) => {
            Err(SalesError::KeyReused.into())
        }
        // Their turn is kept: nothing of what was refused was written.
        Err(ResaleError::Sales(SalesError::WaitingRoom {
            event,
            refusal: EnterRefusal::Full,
        })) => {
            waiting_room::wait_at_door(app, &gate).await?;
            let refusal = EnterRefusal::Full;
            Err(SalesError::WaitingRoom { event, refusal }.into())
        }
        other => other,
    }
}
