//! Use cases of transfers: offered, taken back, accepted, declined, forgotten.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;

use super::model::*;
use super::store::{self, TransferRow};
use crate::app::App;
use crate::catalog::policy::{TicketFacts, may_transfer};
use crate::catalog::{self, EventDetail, EventId, EventState};
use crate::events::{self, DomainEvent};
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, IdentityError, Tenant};
use crate::platform::Vault;
use crate::sales;
use crate::tickets::service::{
    TicketError, advance, opened, raise, sealed_holder, sign, ticket_of,
};
use crate::tickets::{Ticket, TicketId, TicketState, store as tickets};

// Addresses and secrets

/// For what the receiver of a transfer is sealed.
pub(in crate::tickets) fn receiver_purpose(transfer: impl std::fmt::Display) -> String {
    format!("transfer receiver {transfer}")
}

fn lookup(app: &App, email_lookup: &str) -> [u8; 32] {
    app.vault.blind_index("transfer receiver", email_lookup)
}

/// The secret by which a receiver answers an offer and sees the ticket; derived, so it is stored nowhere.
pub fn token(app: &App, id: TransferId) -> String {
    app.vault.mac("transfer token", &[id.as_bytes()])[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The path of a page of a transfer, which begins with `/` or is empty, with the receiver's secret.
pub fn path(app: &App, id: TransferId, page: &str) -> String {
    format!("/transfers/{id}{page}?token={}", token(app, id))
}

/// Fails as if there were no such transfer unless this is its secret.
fn authorise(app: &App, id: TransferId, given: &str) -> Result<(), TicketError> {
    if Vault::equal(token(app, id).as_bytes(), given.as_bytes()) {
        Ok(())
    } else {
        Err(TicketError::TransferNotFound)
    }
}

/// Where a transfer stands: one that is over may not be marked so yet.
fn standing(row: &TransferRow, now: Timestamp) -> TransferState {
    match row.state {
        TransferState::Pending if row.expires_at <= now => TransferState::Expired,
        state @ (TransferState::Pending
        | TransferState::Accepted
        | TransferState::Declined
        | TransferState::Cancelled
        | TransferState::Expired) => state,
    }
}

fn receiver(app: &App, row: &TransferRow) -> Result<String, DbError> {
    if row.sealed_receiver.is_empty() {
        return Ok(String::new());
    }
    let purpose = receiver_purpose(row.id);
    Ok(app.vault.open_text(&purpose, &row.sealed_receiver)?)
}

fn shown(app: &App, row: &TransferRow, now: Timestamp) -> Result<Transfer, DbError> {
    Ok(Transfer {
        id: row.id,
        ticket_id: row.ticket_id,
        event_id: row.event_id,
        ticket_version: row.ticket_version,
        state: standing(row, now),
        email: receiver(app, row)?,
        expires_at: row.expires_at,
        created_at: row.created_at,
        settled_at: row.settled_at,
    })
}

/// Sends a mail, if and only if this write is committed.
async fn send(
    app: &App,
    c: &mut Conn,
    to: &Email,
    template: MailTemplate,
) -> Result<(), TicketError> {
    mail::send_in(app, c, to, template)
        .await
        .map_err(|error| TicketError::Db(mail_fault(error)))
}

fn mail_fault(error: IdentityError) -> DbError {
    if let IdentityError::Db(error) = error {
        return error;
    }
    DbError::Fault {
        at: "tickets::transfers: mail",
        detail: error.to_string(),
    }
}

// The rules

async fn ticket_in(app: &App, c: &mut Conn, id: TicketId) -> Result<Ticket, TicketError> {
    let row = tickets::ticket(c, id).await?;
    Ok(opened(app, row.ok_or(TicketError::NotFound)?)?)
}

async fn event_in(c: &mut Conn, id: EventId) -> Result<EventDetail, TicketError> {
    catalog::detail_in(c, id)
        .await?
        .ok_or(TicketError::NotFound)
}

/// When the doors open that a ticket is for: of the first date while it is valid; where that is not
/// known, when it begins to be valid.
fn doors_at(event: &EventDetail, ticket: &Ticket) -> Timestamp {
    let valid = i64::from(ticket.valid_from) * 1_000..i64::from(ticket.valid_until) * 1_000;
    event
        .occurrences
        .iter()
        .map(|date| date.doors_at.unwrap_or(date.starts_at))
        .filter(|doors| valid.contains(&doors.ms()))
        .min()
        .unwrap_or_else(|| Timestamp::from_ms(valid.start))
}

/// Whether a ticket may change hands now; until when an offer of it is open.
async fn check(
    c: &mut Conn,
    event: &EventDetail,
    ticket: &Ticket,
    now: Timestamp,
) -> Result<Timestamp, TicketError> {
    let policy = catalog::policy_of(c, event.event.id).await?;
    let doors_at = doors_at(event, ticket);
    let facts = TicketFacts {
        doors_at,
        country: event.event.details.country,
        passed_on: ticket.passed_on,
        is_used: events::was_let_in(c, ticket.id).await?,
        is_valid: ticket.state == TicketState::Valid && event.event.state == EventState::Published,
        paid_minor: 0,
    };
    may_transfer(&policy, &facts, now).map_err(TicketError::Transfer)?;
    Ok(open_until(&policy, doors_at, now))
}

// Offering

/// Offers a ticket to an address, by mail.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn offer(
    app: &App,
    by: Holding,
    ticket: TicketId,
    email: &str,
) -> Result<Transfer, TicketError> {
    let Ok(email) = email.parse::<Email>() else {
        return Err(TicketError::Invalid(vec![FieldError {
            field: "email".to_owned(),
            code: "email".into(),
            detail: "Please give an e-mail address such as ana@example.com.".to_owned(),
        }]));
    };
    let now = app.now();
    let id = TransferId::new(&*app.clock, &*app.random);
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let ticket = held(&app, c, by, ticket).await?;
                let event = event_in(c, ticket.event_id).await?;
                let expires_at = check(c, &event, &ticket, now).await?;
                if store::count(c, ticket.id).await? >= MAX_OFFERS {
                    return Err(TicketError::OfferedTooOften);
                }
                // One that is over is not in the way of another.
                store::expire_of(c, ticket.id, now).await?;
                let purpose = receiver_purpose(id);
                let sealed = app.vault.seal_text(&purpose, email.as_str(), &*app.random);
                let row = TransferRow {
                    id,
                    ticket_id: ticket.id,
                    event_id: ticket.event_id,
                    ticket_version: ticket.version,
                    from_transfer_id: ticket.transfer_id,
                    state: TransferState::Pending,
                    sealed_receiver: sealed.map_err(DbError::from)?,
                    expires_at,
                    created_at: now,
                    settled_at: None,
                };
                if !store::insert(c, &row, lookup(&app, &email.lookup())).await? {
                    return Err(TicketError::OfferedAlready);
                }
                let offered = MailTemplate::TicketOffered {
                    event: event.event.name,
                    link: mail::link(&app, &path(&app, id, "")),
                    expires_at,
                };
                send(&app, c, &email, offered).await?;
                Ok(shown(&app, &row, now)?)
            })
        })
        .await
}

/// A ticket that is theirs who offer it.
async fn held(app: &App, c: &mut Conn, by: Holding, id: TicketId) -> Result<Ticket, TicketError> {
    let ticket = ticket_in(app, c, id).await?;
    if by.holds(&ticket) {
        return Ok(ticket);
    }
    Err(match by {
        // Of another order there is no such ticket.
        Holding::Order(order) if ticket.order_id != order => TicketError::NotFound,
        Holding::Order(_) | Holding::Transfer(_) | Holding::Staff => TicketError::PassedOn,
    })
}

/// Offers a ticket of one of the organisation's events for whoever holds it.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn offer_by_staff(
    app: &App,
    tenant: &Tenant,
    ticket: TicketId,
    email: &str,
) -> Result<Transfer, TicketError> {
    ticket_of(app, tenant, ticket).await?;
    offer(app, Holding::Staff, ticket, email).await
}

/// Offers the ticket on that somebody got by a transfer.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn offer_onward(
    app: &App,
    id: TransferId,
    given: &str,
    email: &str,
) -> Result<Transfer, TicketError> {
    let ticket = received(app, id, given).await?;
    offer(app, Holding::Transfer(id), ticket, email).await
}

/// Which ticket a transfer is about, for whoever knows its secret.
async fn received(app: &App, id: TransferId, given: &str) -> Result<TicketId, TicketError> {
    authorise(app, id, given)?;
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::transfer(c, id).await }))
        .await?;
    Ok(row.ok_or(TicketError::TransferNotFound)?.ticket_id)
}

// Taking back

/// Takes an offer back. Doing it again changes nothing.
///
/// # Errors
/// [`TicketError::TransferState`] if it was answered; [`TicketError::TransferNotFound`]; a fault of
/// the database.
pub async fn cancel(
    app: &App,
    by: Holding,
    ticket: TicketId,
    id: TransferId,
) -> Result<(), TicketError> {
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = store::transfer(c, id)
                    .await?
                    .filter(|row| row.ticket_id == ticket)
                    .ok_or(TicketError::TransferNotFound)?;
                let order = tickets::ticket(c, ticket)
                    .await?
                    .ok_or(TicketError::NotFound)?
                    .order_id;
                let is_theirs = match by {
                    Holding::Order(own) => own == order && row.from_transfer_id.is_none(),
                    Holding::Transfer(own) => row.from_transfer_id == Some(own),
                    Holding::Staff => true,
                };
                if !is_theirs {
                    return Err(TicketError::TransferNotFound);
                }
                match settle(c, id, TransferState::Cancelled, now).await {
                    Err(TicketError::TransferState(TransferState::Cancelled)) => Ok(()),
                    other => other,
                }
            })
        })
        .await
}

/// Takes an offer of a ticket of one of the organisation's events back.
///
/// # Errors
/// As [`cancel`].
pub async fn cancel_by_staff(
    app: &App,
    tenant: &Tenant,
    ticket: TicketId,
    id: TransferId,
) -> Result<(), TicketError> {
    ticket_of(app, tenant, ticket).await?;
    cancel(app, Holding::Staff, ticket, id).await
}

/// Takes the offer back by which a receiver wanted to pass a ticket on.
///
/// # Errors
/// [`TicketError::TransferNotFound`] if there is none that waits; a fault of the database.
pub async fn cancel_onward(app: &App, id: TransferId, given: &str) -> Result<(), TicketError> {
    let (ticket, now) = (received(app, id, given).await?, app.now());
    let waiting = app
        .db
        .read(move |c| Box::pin(async move { store::pending(c, ticket, now).await }))
        .await?;
    let waiting = waiting.ok_or(TicketError::TransferNotFound)?;
    cancel(app, Holding::Transfer(id), ticket, waiting.id).await
}

/// Settles a transfer that waits, or says why that cannot be.
async fn settle(
    c: &mut Conn,
    id: TransferId,
    to: TransferState,
    now: Timestamp,
) -> Result<(), TicketError> {
    if store::settle(c, id, to, now).await? {
        return Ok(());
    }
    let row = store::transfer(c, id).await?;
    let row = row.ok_or(TicketError::TransferNotFound)?;
    Err(TicketError::TransferState(standing(&row, now)))
}

/// Ends what waits for tickets that have ended or changed otherwise.
pub(in crate::tickets) async fn end_pending(
    c: &mut Conn,
    ids: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    store::end_pending(c, ids, now).await
}

/// Ends what nobody answered in time.
///
/// # Errors
/// A fault of the database.
pub async fn expire(app: &App) -> Result<(), TicketError> {
    let now = app.now();
    app.db
        .write(move |c| Box::pin(async move { store::expire(c, now).await }))
        .await?;
    Ok(())
}

// Answering

/// Accepts an offered ticket in somebody's name: it is theirs from now on, and codes until now let
/// nobody in.
///
/// # Errors
/// [`TicketError`] by what was refused; of several who accept at once, one is first.
pub async fn accept(
    app: &App,
    id: TransferId,
    given: &str,
    name: &str,
) -> Result<OfferedTicket, TicketError> {
    authorise(app, id, given)?;
    let name = name.trim().to_owned();
    let length = name.chars().count();
    if !(1..=200).contains(&length) || name.chars().any(char::is_control) {
        return Err(TicketError::Holder);
    }
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| Box::pin(async move { accept_in(&work, c, id, name, now).await }))
        .await?;
    offered(app, id, given).await
}

async fn accept_in(
    app: &App,
    c: &mut Conn,
    id: TransferId,
    name: String,
    now: Timestamp,
) -> Result<(), TicketError> {
    // Decides between all who answer, take back or end it at once; then the feed, as whoever ends
    // tickets takes them.
    settle(c, id, TransferState::Accepted, now).await?;
    let row = store::transfer(c, id).await?;
    let row = row.ok_or(TicketError::TransferNotFound)?;
    let position = advance(app, c, row.event_id, 1).await?;
    let mut ticket = ticket_in(app, c, row.ticket_id).await?;
    if ticket.version != row.ticket_version {
        return Err(TicketError::Conflict);
    }
    let event = event_in(c, ticket.event_id).await?;
    check(c, &event, &ticket, now).await?;
    let sender = address_of_holder(app, c, &ticket).await?;
    let keys = tickets::keys(c, ticket.event_id).await?;
    let newest = keys.into_iter().find(|key| key.revoked_at.is_none());
    let from = (ticket.version, ticket.state);
    raise(&mut ticket, newest.ok_or(TicketError::NoKey)?.key_id)?;
    ticket.holder_name = name;
    ticket.transfer_id = Some(id);
    ticket.passed_on = ticket.passed_on.saturating_add(1);
    let changed = DomainEvent::TicketChanged {
        event: ticket.event_id,
        ticket: ticket.id,
        change: "transferred".to_owned(),
    };
    events::publish(app, c, vec![changed]).await?;
    let holder = sealed_holder(app, &ticket)?;
    if !tickets::change(c, &ticket, holder, from, position).await? {
        return Err(TicketError::Conflict);
    }
    let (kept, order) = (app.clone(), ticket.order_id);
    c.after_commit(move || kept.issued.forget(order));
    let name = event.event.name;
    if let Ok(to) = receiver(app, &row)?.parse::<Email>() {
        let got = MailTemplate::TicketReceived {
            event: name.clone(),
            link: mail::link(app, &path(app, id, "")),
        };
        send(app, c, &to, got).await?;
    }
    tell_sender(app, c, sender, name, true).await
}

/// Declines an offered ticket.
///
/// # Errors
/// [`TicketError`] by what was refused.
pub async fn decline(app: &App, id: TransferId, given: &str) -> Result<OfferedTicket, TicketError> {
    authorise(app, id, given)?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                settle(c, id, TransferState::Declined, now).await?;
                let row = store::transfer(c, id).await?;
                let row = row.ok_or(TicketError::TransferNotFound)?;
                let ticket = ticket_in(&app, c, row.ticket_id).await?;
                let event = event_in(c, ticket.event_id).await?;
                let sender = address_of_holder(&app, c, &ticket).await?;
                tell_sender(&app, c, sender, event.event.name, false).await
            })
        })
        .await?;
    offered(app, id, given).await
}

/// Where whoever holds a ticket reads mail, if that is known.
async fn address_of_holder(
    app: &App,
    c: &mut Conn,
    ticket: &Ticket,
) -> Result<Option<Email>, TicketError> {
    let address = match ticket.transfer_id {
        Some(id) => match store::transfer(c, id).await? {
            Some(row) => receiver(app, &row)?,
            None => String::new(),
        },
        None => sales::detail_in(app, c, ticket.order_id)
            .await?
            .map_or_else(String::new, |detail| detail.order.email),
    };
    Ok(address.parse().ok())
}

async fn tell_sender(
    app: &App,
    c: &mut Conn,
    to: Option<Email>,
    event: String,
    accepted: bool,
) -> Result<(), TicketError> {
    let Some(to) = to else { return Ok(()) };
    send(
        app,
        c,
        &to,
        MailTemplate::TransferAnswered { event, accepted },
    )
    .await
}

// Reading

/// A transfer with its ticket, for whoever knows its secret.
///
/// # Errors
/// [`TicketError::TransferNotFound`], or a fault of the vault or the database.
pub async fn offered(app: &App, id: TransferId, given: &str) -> Result<OfferedTicket, TicketError> {
    authorise(app, id, given)?;
    let (work, now) = (app.clone(), app.now());
    let (mut offered, ticket) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let app = work;
                let row = store::transfer(c, id).await?;
                let row = row.ok_or(TicketError::TransferNotFound)?;
                let ticket = ticket_in(&app, c, row.ticket_id).await?;
                let event = event_in(c, ticket.event_id).await?;
                let is_theirs = ticket.transfer_id == Some(id);
                let onward = match store::pending(c, ticket.id, now).await? {
                    Some(onward) if is_theirs => Some(shown(&app, &onward, now)?),
                    Some(_) | None => None,
                };
                let tier = event.tier(ticket.tier_id);
                let offered = OfferedTicket {
                    id,
                    state: standing(&row, now),
                    event_id: event.event.id,
                    tier_name: tier.map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
                    event_name: event.event.name,
                    expires_at: row.expires_at,
                    ticket: None,
                    onward,
                };
                Ok::<_, TicketError>((offered, is_theirs.then_some(ticket)))
            })
        })
        .await?;
    if let Some(ticket) = ticket {
        offered.ticket = sign(app, vec![ticket]).await?.pop();
    }
    Ok(offered)
}

/// A ticket's transfers after one, oldest first: all of them for staff, those that its order's holder
/// offered for that holder.
///
/// # Errors
/// A fault of the database.
pub async fn transfers(
    app: &App,
    ticket: TicketId,
    by: Holding,
    after: Option<TransferId>,
    limit: i64,
) -> Result<Vec<Transfer>, TicketError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let order = tickets::ticket(c, ticket)
                    .await?
                    .ok_or(TicketError::NotFound)?
                    .order_id;
                if matches!(by, Holding::Order(own) if own != order) {
                    return Err(TicketError::NotFound);
                }
                let is_all = by == Holding::Staff;
                let rows = store::of_ticket(c, ticket, is_all, after, limit).await?;
                let shown: Result<Vec<_>, DbError> =
                    rows.iter().map(|row| shown(&work, row, now)).collect();
                Ok(shown?)
            })
        })
        .await
}

// What is held of people

/// What was offered to an address, oldest first, with the tickets that are still theirs.
///
/// # Errors
/// A fault of the database.
pub async fn of_receiver_in(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<Vec<(Transfer, Option<Ticket>)>, DbError> {
    let now = app.now();
    let mut found = Vec::new();
    for row in store::of_receiver(c, lookup(app, email_lookup)).await? {
        let ticket = tickets::ticket(c, row.ticket_id)
            .await?
            .filter(|ticket| ticket.transfer_id == Some(row.id))
            .map(|ticket| opened(app, ticket))
            .transpose()?;
        found.push((shown(app, &row, now)?, ticket));
    }
    Ok(found)
}

/// Forgets to whom tickets were offered: what waits for them ends, and what they have stays valid
/// without a name.
pub(crate) async fn on_person_erased(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<(), DbError> {
    let theirs = store::lock_of_receiver(c, lookup(app, email_lookup)).await?;
    let mut by_event: BTreeMap<EventId, Vec<TicketId>> = BTreeMap::new();
    for (id, ticket) in &theirs {
        store::settle(c, *id, TransferState::Cancelled, app.now()).await?;
        if let Some(row) = tickets::ticket(c, *ticket).await?
            && row.transfer_id == Some(*id)
        {
            by_event.entry(row.event_id).or_default().push(*ticket);
        }
    }
    store::forget_receiver(c, &theirs).await?;
    for (event, ids) in by_event {
        let last = advance(app, c, event, ids.len()).await?;
        tickets::erase_holder(c, &ids, last).await?;
    }
    Ok(())
}
