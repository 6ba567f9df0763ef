//! Answering offers.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;

use super::{authorise, check, event_in, offered, path, receiver, send, settle, ticket_in};
use crate::app::App;
use crate::events::{self, DomainEvent};
use crate::identity::Email;
use crate::identity::mail::{self, MailTemplate};
use crate::sales::{self, resale};
use crate::tickets::service::{TicketError, advance, raise, sealed_holder};
use crate::tickets::transfers::model::*;
use crate::tickets::transfers::store;
use crate::tickets::{Ticket, store as tickets};

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
    // Listed in the moment in which it was offered: whoever accepts is before whoever buys.
    if let Some(row) = store::transfer(c, id).await? {
        resale::end_of_tickets(c, &[row.ticket_id], now).await?;
    }
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
    let name = event.name;
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
                tell_sender(&app, c, sender, event.name, false).await
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
