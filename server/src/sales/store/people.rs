//! Who comes with the tickets of an order, and what was answered: stored sealed.

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::model::*;

/// The number under which answers of the order itself are stored.
pub(in crate::sales) const OF_ORDER: i64 = -1;

/// The name of a row about a ticket of an order, or about the order itself.
pub(in crate::sales) fn row_id(order: OrderId, ticket: i64) -> String {
    format!("{order}-{ticket}")
}

/// Somebody or something about a ticket of an order, as it is stored.
pub(in crate::sales) struct SealedPart {
    pub(in crate::sales) order: OrderId,
    pub(in crate::sales) ticket: i64,
    pub(in crate::sales) sealed: Vec<u8>,
}

/// An attendee with the index of their address; empty if they gave none.
pub(in crate::sales) struct SealedAttendee {
    pub(in crate::sales) part: SealedPart,
    pub(in crate::sales) email_lookup: Vec<u8>,
}

record! {
    /// What is stored about a ticket of an order.
    pub(in crate::sales) struct PartRow {
        pub(in crate::sales) ticket: i64,
        pub(in crate::sales) sealed: Vec<u8>,
    }
}

record! {
    /// An attendee who is to be forgotten.
    pub(in crate::sales) struct AttendeeRow {
        pub(in crate::sales) order_id: OrderId,
        pub(in crate::sales) event_id: EventId,
        pub(in crate::sales) ticket: i64,
        pub(in crate::sales) sealed: Vec<u8>,
    }
}

pub(in crate::sales) async fn insert_attendees(
    c: &mut Conn,
    attendees: Vec<SealedAttendee>,
) -> Result<(), DbError> {
    c.insert_many(
        sql!(
            "INSERT INTO attendees (id, order_id, ticket, sealed_person, email_lookup) VALUES ($1, $2, $3, $4, $5)"
        ),
        attendees
            .into_iter()
            .map(|one| {
                let part = one.part;
                vals![
                    row_id(part.order, part.ticket),
                    part.order,
                    part.ticket,
                    part.sealed,
                    one.email_lookup
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(in crate::sales) async fn insert_answers(
    c: &mut Conn,
    answers: Vec<SealedPart>,
) -> Result<(), DbError> {
    c.insert_many(
        sql!("INSERT INTO answers (id, order_id, ticket, sealed_answers) VALUES ($1, $2, $3, $4)"),
        answers
            .into_iter()
            .map(|part| {
                vals![
                    row_id(part.order, part.ticket),
                    part.order,
                    part.ticket,
                    part.sealed
                ]
            })
            .collect(),
    )
    .await?;
    Ok(())
}

pub(in crate::sales) async fn attendees(
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<PartRow>, DbError> {
    c.all(
        sql!("SELECT ticket, sealed_person AS sealed FROM attendees WHERE order_id = $1 ORDER BY ticket"),
        vals![order],
    )
    .await
}

pub(in crate::sales) async fn answers(
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<PartRow>, DbError> {
    c.all(
        sql!("SELECT ticket, sealed_answers AS sealed FROM answers WHERE order_id = $1 ORDER BY ticket"),
        vals![order],
    )
    .await
}

/// The tickets of others on which somebody is named, locked so that they can be taken out.
pub(in crate::sales) async fn lock_attendees_with_email(
    c: &mut Conn,
    email_lookup: [u8; 32],
) -> Result<Vec<AttendeeRow>, DbError> {
    c.all(
        sql!(
            "SELECT a.order_id, o.event_id, a.ticket, a.sealed_person AS sealed FROM attendees a \
             JOIN orders o ON o.id = a.order_id WHERE a.email_lookup = $1 \
             ORDER BY a.order_id, a.ticket FOR UPDATE"
        ),
        vals![email_lookup],
    )
    .await
}

/// Forgets one attendee and what they answered.
pub(in crate::sales) async fn delete_attendee(
    c: &mut Conn,
    order: OrderId,
    ticket: i64,
) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM attendees WHERE id = $1"),
        sql!("DELETE FROM answers WHERE id = $1"),
    ] {
        c.exec(statement, vals![row_id(order, ticket)]).await?;
    }
    Ok(())
}

/// Forgets who comes with these orders, and all that was answered.
pub(in crate::sales) async fn delete_people(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    for statement in [
        sql!("DELETE FROM attendees WHERE order_id IN (SELECT value FROM list($1))"),
        sql!("DELETE FROM answers WHERE order_id IN (SELECT value FROM list($1))"),
    ] {
        c.exec(statement, vals![Val::texts(orders)]).await?;
    }
    Ok(())
}
