//! Use cases of transfers: what all share; a file for offering and taking back, one for answering, one
//! for reading and forgetting.

mod answer;
mod offer;
mod read;

pub use answer::*;
pub use offer::*;
pub use read::*;

pub(in crate::tickets) use offer::{end_pending, held, is_pending, received};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};

use super::model::*;
use super::store::{self, TransferRow};
use crate::app::App;
use crate::catalog::policy::{TicketFacts, may_transfer};
use crate::catalog::{self, Event, EventId, EventState};
use crate::events;
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, IdentityError};
use crate::platform::Vault;
use crate::tickets::service::{TicketError, opened};
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

pub(in crate::tickets) async fn event_in(c: &mut Conn, id: EventId) -> Result<Event, TicketError> {
    catalog::event_in(c, id).await?.ok_or(TicketError::NotFound)
}

/// When the doors open that a ticket is for: of its own date, or of the first one that takes place while it
/// is valid; where that is not known, when it begins to be valid.
pub(in crate::tickets) async fn doors_at(
    c: &mut Conn,
    ticket: &Ticket,
) -> Result<Timestamp, DbError> {
    let at = |seconds: u32| Timestamp::from_ms(i64::from(seconds) * 1_000);
    let valid = (at(ticket.valid_from), at(ticket.valid_until));
    let doors = catalog::doors_in(c, ticket.event_id, ticket.occurrence_id, valid).await?;
    Ok(doors.unwrap_or(valid.0))
}

/// Whether a ticket may change hands now; until when an offer of it is open.
async fn check(
    c: &mut Conn,
    event: &Event,
    ticket: &Ticket,
    now: Timestamp,
) -> Result<Timestamp, TicketError> {
    let policy = catalog::policy_of(c, event.id).await?;
    let doors_at = doors_at(c, ticket).await?;
    let facts = TicketFacts {
        doors_at,
        country: event.details.country,
        passed_on: ticket.passed_on,
        is_used: events::was_let_in(c, ticket.id).await?,
        is_valid: ticket.state == TicketState::Valid && event.state == EventState::Published,
        paid_minor: 0,
    };
    may_transfer(&policy, &facts, now).map_err(TicketError::Transfer)?;
    Ok(open_until(&policy, doors_at, now))
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
