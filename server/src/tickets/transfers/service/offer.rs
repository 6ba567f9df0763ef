//! Offering tickets, and taking offers back.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;

use super::{
    authorise, check, event_in, lookup, path, receiver_purpose, send, settle, shown, ticket_in,
};
use crate::app::App;
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, Tenant};
use crate::sales::resale::{self, ResaleError};
use crate::tickets::service::{TicketError, ticket_of};
use crate::tickets::transfers::model::*;
use crate::tickets::transfers::store::{self, TransferRow};
use crate::tickets::{Ticket, TicketId, store as tickets};

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
                if resale::is_for_sale(c, ticket.id).await? {
                    return Err(ResaleError::Listed.into());
                }
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
                    event: event.name,
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
pub(in crate::tickets) async fn held(
    app: &App,
    c: &mut Conn,
    by: Holding,
    id: TicketId,
) -> Result<Ticket, TicketError> {
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
pub(in crate::tickets) async fn received(
    app: &App,
    id: TransferId,
    given: &str,
) -> Result<TicketId, TicketError> {
    authorise(app, id, given)?;
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::transfer(c, id).await }))
        .await?;
    Ok(row.ok_or(TicketError::TransferNotFound)?.ticket_id)
}

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

/// Whether a ticket is offered to somebody.
pub(in crate::tickets) async fn is_pending(
    c: &mut Conn,
    ticket: TicketId,
    now: Timestamp,
) -> Result<bool, DbError> {
    Ok(store::pending(c, ticket, now).await?.is_some())
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
