//! What staff writes about orders: notes, tags, and how they came to be.

use std::collections::BTreeSet;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::sales::model::*;

record! {
    /// A note as it is stored.
    pub(in crate::sales) struct NoteRow {
        pub(in crate::sales) id: OrderNoteId,
        pub(in crate::sales) order_id: OrderId,
        pub(in crate::sales) sealed_text: Vec<u8>,
        pub(in crate::sales) author: String,
        pub(in crate::sales) created_at: Timestamp,
    }
}

/// Adds a note, unless the order has `most` already; says whether it did.
pub(in crate::sales) async fn insert_note(
    c: &mut Conn,
    note: &NoteRow,
    most: i64,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO order_notes (id, order_id, sealed_text, author, created_at) \
                 SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM order_notes WHERE order_id = $2) < $6"
            ),
            vals![
                note.id,
                note.order_id,
                &note.sealed_text,
                &note.author,
                note.created_at,
                most
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// An order's notes, newest first, after one of them.
pub(in crate::sales) async fn notes(
    c: &mut Conn,
    order: OrderId,
    before: Option<OrderNoteId>,
    limit: i64,
) -> Result<Vec<NoteRow>, DbError> {
    // Ids sort by age and `~` after all of them.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    c.all(
        sql!(
            "SELECT id, order_id, sealed_text, author, created_at FROM order_notes \
             WHERE order_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        ),
        vals![order, before, limit],
    )
    .await
}

/// Deletes a note; says whether there was one.
pub(in crate::sales) async fn delete_note(
    c: &mut Conn,
    order: OrderId,
    note: OrderNoteId,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!("DELETE FROM order_notes WHERE order_id = $1 AND id = $2"),
            vals![order, note],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives an order these tags and no others.
pub(in crate::sales) async fn set_tags(
    c: &mut Conn,
    event: EventId,
    order: OrderId,
    tags: &BTreeSet<String>,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM order_tags WHERE order_id = $1"),
        vals![order],
    )
    .await?;
    c.insert_many(
        sql!("INSERT INTO order_tags (order_id, event_id, tag) VALUES ($1, $2, $3)"),
        tags.iter().map(|tag| vals![order, event, tag]).collect(),
    )
    .await?;
    Ok(())
}

/// The tags of orders, in order.
pub(in crate::sales) async fn tags(
    c: &mut Conn,
    orders: Val,
) -> Result<Vec<(OrderId, String)>, DbError> {
    c.all(
        sql!(
            "SELECT order_id, tag FROM order_tags WHERE order_id IN (SELECT value FROM list($1)) \
             ORDER BY order_id, tag"
        ),
        vals![orders],
    )
    .await
}

/// Locks an order's row for the rest of the write; says whether it is there.
pub(in crate::sales) async fn lock(c: &mut Conn, order: OrderId) -> Result<bool, DbError> {
    let found: Option<String> = c
        .scalar_opt(
            sql!("SELECT id FROM orders WHERE id = $1 FOR UPDATE"),
            vals![order],
        )
        .await?;
    Ok(found.is_some())
}

/// Keeps how orders came to be that staff made.
pub(in crate::sales) async fn insert_origins(
    c: &mut Conn,
    orders: &[&NewOrder],
) -> Result<(), DbError> {
    let rows = orders.iter().filter_map(|new| {
        let staff = new.staff.as_ref()?;
        Some(vals![
            new.id,
            new.event,
            staff.channel,
            staff.method,
            &staff.reason,
            &staff.actor,
            new.at
        ])
    });
    c.insert_many(
        sql!(
            "INSERT INTO order_origins (order_id, event_id, channel, method, reason, actor, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        rows.collect(),
    )
    .await?;
    Ok(())
}
