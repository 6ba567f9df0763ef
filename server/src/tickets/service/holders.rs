//! Who holds a ticket: sealed as it is stored.

use bilten_kernel::db::DbError;

use super::super::model::*;
use super::super::store::{FedRow, TicketRow};
use crate::app::App;
use crate::sales::ERASED_NAME;

/// For what the holder of a ticket is sealed.
pub(in crate::tickets) fn holder_purpose(ticket: impl std::fmt::Display) -> String {
    format!("holder {ticket}")
}

/// A holder as their ticket is to store them.
pub(in crate::tickets) fn sealed_holder(app: &App, ticket: &Ticket) -> Result<Vec<u8>, DbError> {
    let purpose = holder_purpose(ticket.id);
    Ok(app
        .vault
        .seal_text(&purpose, &ticket.holder_name, &*app.random)?)
}

/// Who holds a ticket.
pub(in crate::tickets) fn holder(
    app: &App,
    ticket: TicketId,
    sealed: &[u8],
) -> Result<String, DbError> {
    if sealed.is_empty() {
        return Ok(ERASED_NAME.to_owned());
    }
    Ok(app.vault.open_text(&holder_purpose(ticket), sealed)?)
}

/// A ticket with its holder.
pub(in crate::tickets) fn opened(app: &App, row: TicketRow) -> Result<Ticket, DbError> {
    Ok(Ticket {
        holder_name: holder(app, row.id, &row.sealed_holder)?,
        id: row.id,
        event_id: row.event_id,
        order_id: row.order_id,
        tier_id: row.tier_id,
        tier_number: row.tier_number,
        version: row.version,
        state: row.state,
        key_id: row.key_id,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        order_reference: row.order_reference,
        revoked_below: row.revoked_below,
        transfer_id: row.transfer_id,
        passed_on: row.passed_on,
        sandbox: row.sandbox,
        occurrence_id: row.occurrence_id,
        seat_id: row.seat_id,
        seat_label: row.seat_label,
        created_at: row.created_at,
    })
}

/// What the feed holds of a ticket, with its holder.
pub(super) fn fed(app: &App, row: FedRow) -> Result<FedTicket, DbError> {
    Ok(FedTicket {
        holder_name: holder(app, row.id, &row.sealed_holder)?,
        id: row.id,
        tier_number: row.tier_number,
        version: row.version,
        state: row.state,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        order_reference: row.order_reference,
        revoked_below: row.revoked_below,
        feed_position: row.feed_position,
    })
}
