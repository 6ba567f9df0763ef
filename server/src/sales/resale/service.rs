//! Listing tickets and taking them back: what they cost, and what can be asked for them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Money;

use super::ResaleError;
use super::law::{self, Paid, most_of};
use super::model::*;
use super::store::{self, ListingRow};
use crate::app::App;
use crate::catalog::policy::{self, PassOnRefusal, Policy, TicketFacts};
use crate::catalog::{self, EventDetail, EventId, TierId};
use crate::sales::store as orders;
use crate::sales::{OrderId, OrderState, SalesError, changes, waitlist};
use crate::tickets::TicketId;
use crate::tickets::transfers::TransferId;

// What it cost

/// What was paid for a ticket of an order that came by itself, and what its first buyer paid if its seller
/// bought it by resale: whatever was changed of the order, split or merged since.
async fn paid_for(
    c: &mut Conn,
    event: &EventDetail,
    ticket: &TicketToSell,
) -> Result<(Paid, Paid), ResaleError> {
    let unit = changes::paid_for_in(c, ticket.order, event, (ticket.id, ticket.tier)).await?;
    let unit = unit.ok_or(ResaleError::PartOfBundle)?;
    let paid = Paid {
        price_minor: unit.paid_minor.saturating_sub(unit.fees_minor),
        fees_minor: unit.fees_minor,
    };
    // What was added to an order that came by a resale was bought of the organiser: it has none.
    let (order, number) = (unit.ticket.first, unit.ticket.first_number);
    let base = store::base_of(c, order, ticket.tier, number).await?;
    Ok((paid, base.unwrap_or(paid)))
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
    allow_tier(event, ticket.tier)?;
    let policy = catalog::policy_of(c, event.event.id).await?;
    let (paid, base) = paid_for(c, event, ticket).await?;
    Ok(Decision {
        most_minor: most_of(&policy, &ticket.facts, paid, base),
        closes_at: law::closes_at(&policy, ticket.facts.doors_at),
        policy,
        paid,
        base,
    })
}

/// Fails for tickets of a tier that only a code opens: everybody would see it, and could have it without one.
pub(super) fn allow_tier(event: &EventDetail, tier: TierId) -> Result<(), ResaleError> {
    if event.tier(tier).is_some_and(|tier| tier.hidden) {
        return Err(ResaleError::Refused(PassOnRefusal::NotAllowed));
    }
    Ok(())
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

/// The event of a ticket, whose dates decide nothing here: when its doors open is told with it.
pub(super) async fn event_in(c: &mut Conn, id: EventId) -> Result<EventDetail, ResaleError> {
    let found = catalog::offer_without_dates_in(c, id).await?;
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
    // Those who wait are asked before everybody sees it, if there are as many as they want with it.
    let others = store::count_listed(c, row.tier_id, &row.sold_by_date, now).await?;
    let is_waited_for =
        waitlist::is_waited_for(c, row.tier_id, &row.sold_by_date, others + 1).await?;
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
