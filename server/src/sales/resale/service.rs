//! Use cases of resale: listing and withdrawing, showing, holding.

use bilten_core::price::{PriceReason, PriceSnapshot};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Money;

use super::ResaleError;
use super::law::{self, Paid, most_of};
use super::model::*;
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog::policy::{self, PassOnRefusal, Policy, TicketFacts};
use crate::catalog::{self, CatalogError, EventDetail, EventId, EventState};
use crate::events;
use crate::identity::Tenant;
use crate::sales::service as sales;
use crate::sales::store as orders;
use crate::sales::store::NewHold;
use crate::sales::{
    HOLD_MS, HeldSeat, HeldSeats, Hold, HoldId, NewOrder, OrderId, OrderItem, OrderState,
    SalesError, tickets_due, waitlist,
};
use crate::tickets::TicketId;
use crate::tickets::transfers::TransferId;

// What it cost

/// What was paid for a ticket of an order that came by itself: its part of its line.
async fn paid_for(
    c: &mut Conn,
    event: &EventDetail,
    ticket: &TicketToSell,
) -> Result<Paid, ResaleError> {
    let items = orders::order_items(c, ticket.order).await?;
    let item = item_of(event, &items, ticket).ok_or(ResaleError::PartOfBundle)?;
    let fees_minor = match orders::order_snapshot(c, ticket.order).await? {
        Some(text) => {
            let snapshot: PriceSnapshot =
                serde_json::from_str(&text).map_err(|error| DbError::Fault {
                    at: "sales::resale",
                    detail: error.to_string(),
                })?;
            fees_of(&snapshot, item)
        }
        None => 0,
    };
    let each = i64::from(item.quantity.max(1));
    let (all, fees_minor) = (item.total_minor / each, fees_minor / each);
    Ok(Paid {
        price_minor: all.saturating_sub(fees_minor),
        fees_minor,
    })
}

/// The line of an order that a ticket is of; none if it came with others as one thing.
fn item_of<'a>(
    event: &EventDetail,
    items: &'a [OrderItem],
    ticket: &TicketToSell,
) -> Option<&'a OrderItem> {
    let mut number = 0;
    for item in items {
        for _ in tickets_due(event, std::slice::from_ref(item)) {
            if TicketId::of_order(ticket.order, number) == ticket.id {
                return Some(item).filter(|item| item.tier_id == ticket.tier);
            }
            number += 1;
        }
    }
    None
}

/// The fees that the buyer paid for a line.
fn fees_of(snapshot: &PriceSnapshot, item: &OrderItem) -> i64 {
    let tier = item.tier_id.to_string();
    let place = usize::try_from(item.line).unwrap_or(0).checked_sub(1);
    let line = place.and_then(|place| snapshot.quote.lines.get(place));
    let line = line.filter(|line| line.item == tier && line.total_minor == item.total_minor);
    line.map_or(0, |line| {
        let passed_on = line.fees.iter();
        let passed_on = passed_on.filter(|fee| fee.reason == PriceReason::FeePassedOn);
        passed_on.map(|fee| fee.minor).sum()
    })
}

// Listing

/// All that decides about selling a ticket.
struct Decision {
    policy: Policy,
    paid: Paid,
    base: Paid,
    most_minor: Option<i64>,
    closes_at: Timestamp,
}

async fn decide(
    c: &mut Conn,
    event: &EventDetail,
    ticket: &TicketToSell,
) -> Result<Decision, ResaleError> {
    let policy = catalog::policy_of(c, event.event.id).await?;
    let paid = paid_for(c, event, ticket).await?;
    let base = store::base_of(c, ticket.order).await?.unwrap_or(paid);
    Ok(Decision {
        most_minor: most_of(&policy, &ticket.facts, paid, base),
        closes_at: law::closes_at(&policy, ticket.facts.doors_at),
        policy,
        paid,
        base,
    })
}

/// What a resale at this price comes to, or why there is none.
fn resale_at(
    decision: &Decision,
    ticket: &TicketToSell,
    price: Money,
    now: Timestamp,
) -> Result<policy::Resale, ResaleError> {
    let facts = TicketFacts {
        paid_minor: decision.paid.all_minor(),
        ..ticket.facts
    };
    let found = policy::may_resell(&decision.policy, &facts, price.minor, now);
    let resale = match (found, decision.most_minor) {
        (Err(PassOnRefusal::AboveCap), Some(most)) => {
            return Err(ResaleError::AboveCap(Money::new(most, price.currency)));
        }
        (Err(refusal), _) => return Err(ResaleError::Refused(refusal)),
        (Ok(resale), _) => resale,
    };
    match decision.most_minor {
        Some(most) if price.minor > most => {
            Err(ResaleError::AboveCap(Money::new(most, price.currency)))
        }
        Some(_) | None => Ok(resale),
    }
}

async fn event_in(c: &mut Conn, id: EventId) -> Result<EventDetail, ResaleError> {
    let found = catalog::detail_in(c, id).await?;
    Ok(found.ok_or(SalesError::EventNotFound)?)
}

/// The order that a ticket is of, if it is paid.
async fn paid_order(c: &mut Conn, id: OrderId) -> Result<orders::OrderRow, ResaleError> {
    let order = orders::order(c, id).await?;
    order
        .filter(|order| order.state == OrderState::Paid)
        .ok_or(ResaleError::Refused(PassOnRefusal::NotValid))
}

/// At what price a ticket can be listed.
///
/// # Errors
/// [`ResaleError`] by why it cannot be.
pub async fn terms_in(
    c: &mut Conn,
    ticket: &TicketToSell,
    now: Timestamp,
) -> Result<ResaleTerms, ResaleError> {
    let event = event_in(c, ticket.event).await?;
    let currency = paid_order(c, ticket.order).await?.currency;
    let decision = decide(c, &event, ticket).await?;
    resale_at(&decision, ticket, Money::zero(currency), now)?;
    Ok(ResaleTerms {
        currency,
        most_minor: decision.most_minor,
        fee_basis_points: decision.policy.resale.fee_basis_points,
        closes_at: decision.closes_at,
    })
}

/// Lists a ticket for whoever holds it, inside a write.
///
/// # Errors
/// [`ResaleError`] by what was refused.
pub async fn list_in(
    app: &App,
    c: &mut Conn,
    ticket: TicketToSell,
    price_minor: i64,
    now: Timestamp,
) -> Result<ResaleListing, ResaleError> {
    if !(0..=MAX_PRICE).contains(&price_minor) {
        return Err(ResaleError::Invalid(vec![FieldError {
            field: "price_minor".to_owned(),
            code: "out_of_range".into(),
            detail: format!("Must be from 0 to {MAX_PRICE}."),
        }]));
    }
    let event = event_in(c, ticket.event).await?;
    let currency = paid_order(c, ticket.order).await?.currency;
    let decision = decide(c, &event, &ticket).await?;
    let resale = resale_at(&decision, &ticket, Money::new(price_minor, currency), now)?;
    if store::count(c, ticket.id).await? >= MAX_LISTINGS {
        return Err(ResaleError::TooOften);
    }
    let tier = event.tier(ticket.tier);
    let by_date = ticket
        .occurrence
        .filter(|_| tier.is_some_and(|tier| tier.per_date));
    let (seat_id, seat_label) = match ticket.seat {
        Some(seat) => (Some(seat.id), Some(seat.label)),
        None => (None, None),
    };
    let row = ListingRow {
        id: ListingId::new(&*app.clock, &*app.random),
        event_id: ticket.event,
        ticket_id: ticket.id,
        order_id: ticket.order,
        transfer_id: ticket.transfer,
        tier_id: ticket.tier,
        occurrence_id: ticket.occurrence,
        sold_by_date: by_date.map_or_else(String::new, |date| date.to_string()),
        seat_id,
        seat_label,
        label: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
        state: ListingState::Listed,
        currency,
        price_minor,
        fee_minor: resale.fee_minor,
        paid_price_minor: decision.paid.price_minor,
        paid_fees_minor: decision.paid.fees_minor,
        base_price_minor: decision.base.price_minor,
        base_fees_minor: decision.base.fees_minor,
        listed_at: now,
        closes_at: decision.closes_at,
        settled_at: None,
    };
    // Those who wait are asked before everybody sees it.
    let is_waited_for = waitlist::is_waited_for(c, row.tier_id, &row.sold_by_date).await?;
    if !store::insert(c, &row, !is_waited_for).await? {
        return Err(ResaleError::Listed);
    }
    Ok(row.shown())
}

/// Takes a listing of a ticket back, for who holds the ticket by its order or by a transfer. Doing it
/// again changes nothing.
///
/// # Errors
/// [`ResaleError::NotFound`]; [`ResaleError::State`] if it is sold, or somebody is buying it; a fault of
/// the database.
pub async fn withdraw_in(
    c: &mut Conn,
    ticket: TicketId,
    transfer: Option<TransferId>,
    id: ListingId,
    now: Timestamp,
) -> Result<(), ResaleError> {
    let row = store::listing(c, id)
        .await?
        .filter(|row| row.ticket_id == ticket && row.transfer_id == transfer)
        .ok_or(ResaleError::NotFound)?;
    if store::withdraw(c, row.id, now).await? {
        return Ok(());
    }
    let latest = store::listing(c, id).await?.ok_or(ResaleError::NotFound)?;
    match latest.state {
        ListingState::Withdrawn | ListingState::Ended => Ok(()),
        state @ (ListingState::Listed | ListingState::Held | ListingState::Sold) => {
            Err(ResaleError::State(state))
        }
    }
}

/// A ticket's listings after one, oldest first, of who holds it by its order or by a transfer.
///
/// # Errors
/// A fault of the database.
pub async fn listings_of_ticket(
    app: &App,
    ticket: TicketId,
    transfer: Option<TransferId>,
    after: Option<ListingId>,
    limit: i64,
) -> Result<Vec<ResaleListing>, ResaleError> {
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::of_ticket(c, ticket, transfer, after, limit).await })
        })
        .await?)
}

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
    if offer.event.state != EventState::Published {
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

/// Why a listing cannot be bought now, by policy, law and the ticket itself, whatever they were when it
/// was listed.
pub(super) async fn check(
    c: &mut Conn,
    event: &EventDetail,
    row: &ListingRow,
    now: Timestamp,
) -> Result<(), ResaleError> {
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

/// The hold of a listing as it is written: no stock and no seat of its own.
pub(super) fn new_hold(
    row: &ListingRow,
    id: HoldId,
    key: Option<String>,
    request_hash: [u8; 32],
    expires_at: Timestamp,
) -> NewHold {
    let seats = match (row.seat_id, &row.seat_label) {
        (Some(id), Some(label)) => vec![HeldSeat {
            id,
            label: label.clone(),
        }],
        (Some(_) | None, _) => Vec::new(),
    };
    NewHold {
        id,
        event: row.event_id,
        key,
        request_hash,
        items: vec![OrderItem {
            line: 1,
            tier_id: row.tier_id,
            label: row.label.clone(),
            occurrence_id: row.occurrence_id,
            quantity: 1,
            unit_price_minor: row.price_minor,
            total_minor: row.price_minor,
            seats: HeldSeats(seats),
        }],
        total: Money::new(row.price_minor, row.currency),
        snapshot: None,
        stock: Vec::new(),
        has_codes: false,
        expires_at,
    }
}

/// Holds a listed ticket for somebody who wants to buy it, as long as a hold of other tickets: one at a
/// time. Asking again with the same key gives the same hold.
///
/// # Errors
/// [`ResaleError`] by what was refused.
pub async fn hold(
    app: &App,
    event: EventId,
    listing: ListingId,
    key: String,
) -> Result<Hold, ResaleError> {
    sales::public_event(app, &event.to_string()).await?;
    let request_hash = NewOrder::hash_of(&(event, listing));
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
                if !store::hold(c, row.id, id, until, true, now).await? {
                    // Perhaps the same request was a moment faster.
                    return match sales::held_before(c, event, &key, request_hash).await? {
                        Some(hold) => Ok(hold),
                        None => Err(ResaleError::Gone),
                    };
                }
                check(c, &detail, &row, now).await?;
                let new = new_hold(&row, id, Some(key), request_hash, until);
                Ok(sales::written(c, new, now).await?)
            })
        })
        .await;
    match held {
        // The key was used for another listing in this very moment.
        Err(ResaleError::Sales(SalesError::Db(error))) if error.violates(Violation::Unique) => {
            Err(SalesError::KeyReused.into())
        }
        other => other,
    }
}
