//! What the door asks of tickets, inside a read or write that is under way.

use std::collections::HashMap;
use std::sync::Arc;

use bilten_core::ticket::Issuer;
use bilten_kernel::db::{Conn, DbError};

use super::model::*;
use super::service::{TicketError, holder, open, opened};
use super::store;
use crate::app::App;
use crate::catalog::EventId;

/// The key that signs what devices are told: the oldest one in force, which even a device knows that
/// was away while the event got new ones.
///
/// # Errors
/// [`TicketError::NoKey`], [`TicketError::Vault`], or a fault of the database.
pub async fn feed_issuer_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
) -> Result<Arc<Issuer>, TicketError> {
    let now = app.now().ms() / 1_000;
    let rows = store::keys(c, event).await?;
    let oldest = rows
        .iter()
        .rev()
        .find(|row| row.revoked_at.is_none() && now < i64::from(row.valid_until));
    Ok(open(app, event, oldest.ok_or(TicketError::NoKey)?)?)
}

/// The newest versions of those of these tickets that the event has.
///
/// # Errors
/// A fault of the database.
pub async fn versions_in(
    c: &mut Conn,
    event: EventId,
    ids: &[TicketId],
) -> Result<HashMap<TicketId, u16>, DbError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = store::versions(c, ids).await?;
    Ok(found
        .into_iter()
        .filter(|(_, of, _)| *of == event)
        .map(|(id, _, version)| (id, version))
        .collect())
}

/// A ticket.
///
/// # Errors
/// A fault of the database.
pub async fn ticket_in(app: &App, c: &mut Conn, id: TicketId) -> Result<Option<Ticket>, DbError> {
    let row = store::ticket(c, id).await?;
    row.map(|row| opened(app, row)).transpose()
}

/// How many valid tickets of each tier number there are.
///
/// # Errors
/// A fault of the database.
pub async fn valid_by_tier_in(c: &mut Conn, event: EventId) -> Result<Vec<(u16, i64)>, DbError> {
    store::valid_by_tier(c, event).await
}

/// Who holds these tickets, and what people call their orders.
///
/// # Errors
/// A fault of the database.
pub async fn holders_in(
    app: &App,
    c: &mut Conn,
    ids: &[TicketId],
) -> Result<HashMap<TicketId, (String, String)>, DbError> {
    let rows = store::holders(c, ids).await?;
    rows.into_iter()
        .map(|(id, sealed, reference)| Ok((id, (holder(app, id, &sealed)?, reference))))
        .collect()
}
