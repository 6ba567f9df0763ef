//! Use cases of tickets.

use std::sync::Arc;

use bilten_core::key::PublicKey;
use bilten_core::ticket::Issuer;
use bilten_kernel::db::{Conn, Db, DbError};

use super::model::*;
use super::store;
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId, EventState};
use crate::events::{self, DomainEvent, PaidOrder, Refused};
use crate::identity::OrganisationId;
use crate::payments::{self, PaymentError, PurchaseRequest, Purchased};
use crate::platform::{Vault, VaultError};
use crate::sales::{self, OrderId, OrderState, SalesError};

/// Gates accept an event's key from this long before it was made, in seconds: clocks differ.
const KEY_EARLY_S: u32 = 86_400;

/// Why something about tickets was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// There is no such ticket, or the caller may not see it.
    #[error("there is no such ticket")]
    NotFound,
    /// The ticket's state does not allow it.
    #[error("the ticket is {0}")]
    State(TicketState),
    /// The ticket was changed by somebody else in this very moment.
    #[error("the ticket was changed in the meantime")]
    Conflict,
    /// The new holder's name cannot be used.
    #[error("a holder's name has 1 to 200 characters and no control characters")]
    Holder,
    /// The ticket was reissued 65,534 times.
    #[error("the ticket cannot be reissued any more")]
    Versions,
    /// The event has no key in force.
    #[error("the event has no key to sign with")]
    NoKey,
    /// Buying was refused.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// A key cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<SalesError> for TicketError {
    fn from(error: SalesError) -> Self {
        Self::Payment(error.into())
    }
}

impl From<CatalogError> for TicketError {
    fn from(error: CatalogError) -> Self {
        Self::Payment(SalesError::from(error).into())
    }
}

impl From<Refused> for TicketError {
    fn from(refused: Refused) -> Self {
        Self::Payment(SalesError::from(refused).into())
    }
}

// Keys

/// A fault of ours inside a write.
fn fault(at: &'static str, error: impl std::fmt::Display) -> DbError {
    DbError::Fault {
        at,
        detail: error.to_string(),
    }
}

fn sealed_for(event: EventId) -> String {
    format!("event key {event}")
}

/// Gives a new event its key and its feed, and kills the tickets of a cancelled one.
pub(crate) async fn on_event_saved(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
    change: &str,
) -> Result<(), DbError> {
    let event = detail.event.id;
    if change == "created" {
        let now = app.now();
        let epoch = i64::try_from(bilten_kernel::random::u64(&*app.random) >> 33).unwrap_or(0);
        store::insert_feed(c, event, epoch).await?;
        new_key(app, c, event, now).await?;
    }
    if change == EventState::Cancelled.as_str() {
        let ids = store::ids_of_event(c, event).await?;
        end_all(app, c, event, &ids).await?;
    }
    Ok(())
}

async fn new_key(
    app: &App,
    c: &mut Conn,
    event: EventId,
    now: bilten_kernel::clock::Timestamp,
) -> Result<EventKeyRow, DbError> {
    let mut secret = [0; 32];
    app.random.fill(&mut secret);
    let issuer = Issuer::from_secret(&secret);
    let sealed = app.vault.seal(&sealed_for(event), &secret, &*app.random);
    let seconds = u32::try_from(now.ms() / 1_000).unwrap_or(0);
    let row = EventKeyRow {
        key_id: issuer.public_key().id().to_string(),
        public_key: issuer.public_key().as_bytes().to_vec(),
        sealed_secret: sealed.map_err(|error| fault("tickets::new_key", error))?,
        valid_from: seconds.saturating_sub(KEY_EARLY_S),
        valid_until: u32::MAX,
        revoked_at: None,
    };
    store::insert_key(c, event, &row, now).await?;
    Ok(row)
}

/// Drops the key and the feed of a deleted draft.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_draft(c, event).await
}

/// An event's keys, newest first, as gates should know them.
///
/// # Errors
/// A fault of the database.
pub async fn keys_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<bilten_core::key::EventKey>, DbError> {
    let name = bilten_core::id::EventId::new(event.to_string())
        .map_err(|error| fault("tickets::keys_in", error))?;
    let rows = store::keys(c, event).await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let public_key =
                PublicKey::from_bytes(row.public_key.as_slice().try_into().ok()?).ok()?;
            Some(bilten_core::key::EventKey {
                event: name.clone(),
                public_key,
                validity: bilten_core::time::Validity {
                    from: row.valid_from,
                    until: row.valid_until,
                },
                revoked: row.revoked_at.is_some(),
            })
        })
        .collect())
}

fn issuer_name(event: EventId, key_id: &str) -> String {
    format!("{event} {key_id}")
}

pub(super) fn open(
    app: &App,
    event: EventId,
    row: &EventKeyRow,
) -> Result<Arc<Issuer>, VaultError> {
    let name = issuer_name(event, &row.key_id);
    if let Some(issuer) = app.issuers.get(&name) {
        return Ok(issuer);
    }
    let secret = app.vault.open(&sealed_for(event), &row.sealed_secret)?;
    let secret: [u8; 32] = secret
        .as_slice()
        .try_into()
        .map_err(|_| VaultError::Sealed)?;
    let issuer = Arc::new(Issuer::from_secret(&secret));
    app.issuers.put(name, Arc::clone(&issuer));
    Ok(issuer)
}

/// Whether this vault opens the newest event key of a database, which no vault at all does not;
/// nothing if there is no key yet.
///
/// # Errors
/// A fault of the database.
pub async fn opens_keys(db: &Db, vault: Option<&Vault>) -> Result<Option<bool>, DbError> {
    let key = db
        .read(|c| Box::pin(async move { store::newest_key(c).await }))
        .await?;
    Ok(key.map(|(event, sealed)| {
        vault.is_some_and(|vault| vault.open(&sealed_for(event), &sealed).is_ok())
    }))
}

/// The key with which an event signs now.
///
/// # Errors
/// [`TicketError::NoKey`], [`TicketError::Vault`], or a fault of the database.
pub async fn issuer_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
) -> Result<Arc<Issuer>, TicketError> {
    let rows = store::keys(c, event).await?;
    let row = rows
        .iter()
        .find(|row| row.revoked_at.is_none())
        .ok_or(TicketError::NoKey)?;
    Ok(open(app, event, row)?)
}

/// The key of an event with this id, opened; most often it is open already.
async fn issuer(app: &App, event: EventId, key_id: &str) -> Result<Arc<Issuer>, TicketError> {
    if let Some(issuer) = app.issuers.get(&issuer_name(event, key_id)) {
        return Ok(issuer);
    }
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::keys(c, event).await }))
        .await?;
    let row = rows
        .iter()
        .find(|row| row.key_id == key_id)
        .ok_or(TicketError::NoKey)?;
    Ok(open(app, event, row)?)
}

/// Gives an event a new key for tickets from now on; codes by its older keys stay valid.
///
/// # Errors
/// [`TicketError::NotFound`] if the event has no such key, or a fault of the database.
pub async fn rotate_key(
    app: &App,
    organisation: OrganisationId,
    event: EventId,
) -> Result<String, TicketError> {
    catalog::event_of(app, organisation, event).await?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let fresh = new_key(&app, c, event, now).await?;
                let detail = catalog::detail_in(c, event)
                    .await?
                    .ok_or(TicketError::NotFound)?;
                let change = "key_added".to_owned();
                events::publish(
                    &app,
                    c,
                    vec![DomainEvent::EventSaved {
                        detail: Box::new(detail),
                        change,
                    }],
                )
                .await?;
                Ok(fresh.key_id)
            })
        })
        .await
}

// Issuing

/// Issues the tickets of orders that were paid in this write.
pub(crate) async fn on_orders_paid(
    app: &App,
    c: &mut Conn,
    orders: &[PaidOrder],
) -> Result<(), DbError> {
    // A batch is of one event nearly always; the feed's row is taken once for each.
    let mut by_event: std::collections::BTreeMap<EventId, Vec<&PaidOrder>> =
        std::collections::BTreeMap::new();
    for order in orders {
        by_event.entry(order.event).or_default().push(order);
    }
    for (event, orders) in by_event {
        let detail = catalog::detail_in(c, event).await?.ok_or(DbError::NoRow {
            at: "tickets::on_orders_paid",
        })?;
        let keys = store::keys(c, event).await?;
        let key = keys.iter().find(|key| key.revoked_at.is_none());
        let key = key.ok_or(DbError::NoRow {
            at: "tickets::on_orders_paid: key",
        })?;
        let tickets: Vec<_> = orders
            .iter()
            .flat_map(|order| of_paid(order, &detail, &key.key_id))
            .collect();
        let last = advance(app, c, event, tickets.len()).await?;
        store::insert(c, &tickets, last).await?;
    }
    Ok(())
}

/// The tickets of a paid order.
fn of_paid(order: &PaidOrder, detail: &EventDetail, key_id: &str) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for &(tier_id, quantity) in &order.items {
        let Some(tier) = detail.tier(tier_id) else {
            continue;
        };
        let (valid_from, valid_until) = detail.validity(tier);
        for _ in 0..quantity {
            let index = u32::try_from(tickets.len()).unwrap_or(u32::MAX);
            tickets.push(Ticket {
                id: TicketId::of_order(order.order, index),
                event_id: order.event,
                order_id: order.order,
                tier_id,
                tier_number: tier.number,
                version: 1,
                state: TicketState::Valid,
                key_id: key_id.to_owned(),
                valid_from,
                valid_until,
                holder_name: order.name.clone(),
                order_reference: order.reference.clone(),
                revoked_below: 0,
                created_at: order.paid_at,
            });
        }
    }
    tickets
}

/// Takes `count` feed positions, gives the last one, and wakes waiting devices after the commit.
///
/// To be called last in a write: the feed's row is what all writers of an event meet at.
///
/// # Errors
/// A fault of the database.
pub async fn advance(
    app: &App,
    c: &mut Conn,
    event: EventId,
    count: usize,
) -> Result<i64, DbError> {
    let position = store::advance(c, event, i64::try_from(count).unwrap_or(i64::MAX)).await?;
    let app = app.clone();
    c.after_commit(move || app.hints.tell(event, position));
    Ok(position)
}

/// The feed's epoch and its last position.
///
/// # Errors
/// A fault of the database.
pub async fn feed_in(c: &mut Conn, event: EventId) -> Result<Option<(i64, i64)>, DbError> {
    store::feed(c, event).await
}

/// An event's tickets after a feed position, in the feed's order.
///
/// # Errors
/// A fault of the database.
pub async fn fed_after(
    c: &mut Conn,
    event: EventId,
    position: i64,
    limit: i64,
) -> Result<Vec<FedTicket>, DbError> {
    store::after(c, event, position, limit).await
}

// Ending

async fn end_all(app: &App, c: &mut Conn, event: EventId, ids: &[TicketId]) -> Result<(), DbError> {
    if ids.is_empty() {
        return Ok(());
    }
    let last = advance(app, c, event, ids.len()).await?;
    store::set_state(c, ids, TicketState::Cancelled, last).await
}

/// Kills the tickets of an order that was paid back.
pub(crate) async fn on_order_refunded(
    app: &App,
    c: &mut Conn,
    event: EventId,
    order: OrderId,
) -> Result<(), DbError> {
    let tickets = store::of_order(c, order).await?;
    let ids: Vec<_> = tickets
        .iter()
        .filter(|t| t.state != TicketState::Revoked)
        .map(|t| t.id)
        .collect();
    end_all(app, c, event, &ids).await
}

/// Declares a ticket dead.
///
/// # Errors
/// [`TicketError`] by what was refused; a ticket that is dead already stays so without an error.
pub async fn revoke(
    app: &App,
    organisation: OrganisationId,
    id: TicketId,
) -> Result<Ticket, TicketError> {
    change(app, organisation, id, "revoked", |ticket| {
        match ticket.state {
            TicketState::Revoked => Ok(false),
            TicketState::Valid
            | TicketState::Unpaid
            | TicketState::Blocked
            | TicketState::Cancelled => {
                ticket.state = TicketState::Revoked;
                ticket.revoked_below = ticket.version.saturating_add(1);
                Ok(true)
            }
        }
    })
    .await
}

/// Issues a ticket anew with a raised version, for a new holder if one is named: older codes die.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn reissue(
    app: &App,
    organisation: OrganisationId,
    id: TicketId,
    version: u16,
    holder: Option<String>,
) -> Result<SignedTicket, TicketError> {
    if holder
        .as_ref()
        .is_some_and(|name| name.chars().count() > 200 || name.chars().any(char::is_control))
    {
        return Err(TicketError::Holder);
    }
    let event = ticket_of(app, organisation, id).await?.event_id;
    let newest_key = app
        .db
        .read(move |c| Box::pin(async move { store::keys(c, event).await }))
        .await?
        .into_iter()
        .find(|key| key.revoked_at.is_none())
        .ok_or(TicketError::NoKey)?;
    let ticket = change(app, organisation, id, "reissued", move |ticket| {
        if ticket.version != version {
            return Err(TicketError::Conflict);
        }
        match ticket.state {
            TicketState::Valid => {}
            state @ (TicketState::Unpaid
            | TicketState::Blocked
            | TicketState::Cancelled
            | TicketState::Revoked) => {
                return Err(TicketError::State(state));
            }
        }
        // The last version is never reached, so that a revocation always has one above it.
        ticket.version = ticket
            .version
            .checked_add(1)
            .filter(|v| *v < u16::MAX)
            .ok_or(TicketError::Versions)?;
        ticket.revoked_below = ticket.version;
        ticket.key_id = newest_key.key_id;
        if let Some(holder) = holder {
            ticket.holder_name = holder;
        }
        Ok(true)
    })
    .await?;
    let mut signed = sign(app, vec![ticket]).await?;
    signed.pop().ok_or(TicketError::NotFound)
}

/// Loads a ticket, lets `edit` change it, saves it at a new feed position.
async fn change(
    app: &App,
    organisation: OrganisationId,
    id: TicketId,
    name: &'static str,
    edit: impl FnOnce(&mut Ticket) -> Result<bool, TicketError> + Send + 'static,
) -> Result<Ticket, TicketError> {
    ticket_of(app, organisation, id).await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let mut ticket = store::ticket(c, id).await?.ok_or(TicketError::NotFound)?;
                let from = ticket.version;
                if !edit(&mut ticket)? {
                    return Ok(ticket);
                }
                let event = ticket.event_id;
                let changed = DomainEvent::TicketChanged {
                    event,
                    ticket: id,
                    change: name.to_owned(),
                };
                events::publish(&app, c, vec![changed]).await?;
                let position = advance(&app, c, event, 1).await?;
                if !store::change(c, &ticket, from, position).await? {
                    return Err(TicketError::Conflict);
                }
                Ok(ticket)
            })
        })
        .await
}

// Showing

/// A ticket of one of the organisation's events.
///
/// # Errors
/// [`TicketError::NotFound`], or a fault of the database.
pub async fn ticket_of(
    app: &App,
    organisation: OrganisationId,
    id: TicketId,
) -> Result<Ticket, TicketError> {
    let ticket = ticket(app, id).await?;
    match catalog::event_of(app, organisation, ticket.event_id).await {
        Ok(_) => Ok(ticket),
        Err(CatalogError::NotFound) => Err(TicketError::NotFound),
        Err(other) => Err(other.into()),
    }
}

/// A ticket.
///
/// # Errors
/// [`TicketError::NotFound`], or a fault of the database.
pub async fn ticket(app: &App, id: TicketId) -> Result<Ticket, TicketError> {
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::ticket(c, id).await }))
        .await?;
    found.ok_or(TicketError::NotFound)
}

/// The tickets of an order with their codes.
///
/// # Errors
/// [`TicketError::Vault`], or a fault of the database.
pub async fn of_order(app: &App, order: OrderId) -> Result<Vec<SignedTicket>, TicketError> {
    let tickets = app
        .db
        .read(move |c| Box::pin(async move { store::of_order(c, order).await }))
        .await?;
    sign(app, tickets).await
}

/// Adds the codes to tickets of one event.
async fn sign(app: &App, tickets: Vec<Ticket>) -> Result<Vec<SignedTicket>, TicketError> {
    let mut signed = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        let issuer = issuer(app, ticket.event_id, &ticket.key_id).await?;
        let code = issuer
            .issue(ticket.payload())
            .map_err(|_| TicketError::State(ticket.state))?;
        signed.push(SignedTicket { ticket, code });
    }
    Ok(signed)
}

/// A purchase with the tickets it led to; none until it is paid.
#[derive(Clone, Debug)]
pub struct Bought {
    /// The order and its payment.
    pub purchased: Purchased,
    /// The tickets.
    pub tickets: Vec<SignedTicket>,
}

/// Buys tickets: the whole way from choice to codes in one request.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn buy(app: &App, request: PurchaseRequest, key: String) -> Result<Bought, TicketError> {
    let purchased = payments::purchase(app, request, key).await?;
    let tickets = match purchased.order.order.state {
        OrderState::Paid => of_order(app, purchased.order.order.id).await?,
        OrderState::Pending
        | OrderState::Cancelled
        | OrderState::Expired
        | OrderState::Refunded => Vec::new(),
    };
    Ok(Bought { purchased, tickets })
}

/// Pays for a pending order; gives its tickets if that succeeded.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn pay(
    app: &App,
    order: OrderId,
    request: payments::PaymentRequest,
    key: String,
) -> Result<Bought, TicketError> {
    let purchased = payments::pay(app, order, request, key).await?;
    let tickets = of_order(app, order).await?;
    Ok(Bought { purchased, tickets })
}

/// An order with its newest payment and its tickets, for whoever knows the order's token.
///
/// # Errors
/// [`SalesError::OrderNotFound`] if the token is not the order's; a fault of the database.
pub async fn bought(app: &App, order: OrderId, token: &str) -> Result<Bought, TicketError> {
    if !sales::is_order_token(app, order, token) {
        return Err(SalesError::OrderNotFound.into());
    }
    let detail = sales::order(app, order).await?;
    let payment = payments::latest(app, order)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let tickets = of_order(app, order).await?;
    Ok(Bought {
        purchased: Purchased {
            order: detail,
            payment,
            is_new: false,
        },
        tickets,
    })
}

/// How many tickets of an event are in each state.
///
/// # Errors
/// A fault of the database.
pub async fn counts(app: &App, event: EventId) -> Result<Vec<(TicketState, i64)>, TicketError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::counts(c, event).await }))
        .await?)
}
