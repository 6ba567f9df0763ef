//! All SQL of files that answer questions.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::questions::{FileType, QuestionId};
use crate::catalog::{EventId, FileId};
use crate::sales::OrderId;

record! {
    /// What is known of a file to decide whether it can be somebody's answer.
    pub(super) struct FileRow {
        pub(super) id: FileId,
        pub(super) event_id: EventId,
        pub(super) question_id: QuestionId,
        pub(super) order_id: Option<OrderId>,
        pub(super) expires_at: Timestamp,
    }
}

record! {
    /// A file of an order.
    pub(super) struct AboutRow {
        pub(super) id: FileId,
        pub(super) question_id: QuestionId,
        pub(super) ticket: i64,
        pub(super) file_type: FileType,
        pub(super) size_bytes: i64,
        pub(super) sealed_about: Vec<u8>,
    }
}

record! {
    /// How many files of an event may never be paid for, and how large they are together: in all, and those
    /// of one sender.
    pub(super) struct Waiting {
        pub(super) files: i64,
        pub(super) bytes: i64,
        pub(super) own_files: i64,
        pub(super) own_bytes: i64,
    }
}

/// A file as it is stored.
pub(super) struct NewFile {
    pub(super) id: FileId,
    pub(super) event: EventId,
    pub(super) question: QuestionId,
    /// Empty: this machine.
    pub(super) sender: Vec<u8>,
    pub(super) file_type: FileType,
    pub(super) size_bytes: i64,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) sealed_about: Vec<u8>,
    pub(super) content: Vec<u8>,
}

/// Waits until nobody else sends a file for this event, and lets others wait until the end of the write.
pub(super) async fn take_turn(c: &mut Conn, event: EventId, now: Timestamp) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO answer_file_turns (event_id, taken_at) VALUES ($1, $2) \
             ON CONFLICT (event_id) DO UPDATE SET taken_at = excluded.taken_at"
        ),
        vals![event, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn waiting(
    c: &mut Conn,
    event: EventId,
    sender: &[u8],
) -> Result<Waiting, DbError> {
    c.one(
        sql!(
            "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(CASE WHEN sender = $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS own_files, \
             CAST(COALESCE(SUM(CASE WHEN sender = $2 THEN size_bytes ELSE 0 END), 0) AS BIGINT) AS own_bytes \
             FROM answer_files WHERE event_id = $1 AND is_waiting"
        ),
        vals![event, sender],
    )
    .await
}

pub(super) async fn insert(c: &mut Conn, new: NewFile) -> Result<(), DbError> {
    c.exec(
        sql!(
            "INSERT INTO answer_files (id, event_id, question_id, sender, file_type, size_bytes, created_at, \
             expires_at, sealed_about) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        vals![
            new.id,
            new.event,
            new.question,
            new.sender,
            new.file_type,
            new.size_bytes,
            new.created_at,
            new.expires_at,
            new.sealed_about
        ],
    )
    .await?;
    c.exec(
        sql!("INSERT INTO answer_file_contents (file_id, content) VALUES ($1, $2)"),
        vals![new.id, new.content],
    )
    .await?;
    Ok(())
}

/// The files with these ids.
pub(super) async fn files(c: &mut Conn, ids: Val) -> Result<Vec<FileRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, question_id, order_id, expires_at FROM answer_files \
             WHERE id IN (SELECT value FROM list($1))"
        ),
        vals![ids],
    )
    .await
}

/// The same, locked in the order of their ids until the end of the write.
pub(super) async fn lock_files(c: &mut Conn, ids: Val) -> Result<Vec<FileRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, question_id, order_id, expires_at FROM answer_files \
             WHERE id IN (SELECT value FROM list($1)) ORDER BY id FOR UPDATE"
        ),
        vals![ids],
    )
    .await
}

/// Makes a file the answer of an order, or of another ticket than before.
pub(super) async fn give(
    c: &mut Conn,
    file: FileId,
    order: OrderId,
    ticket: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE answer_files SET order_id = $2, ticket = $3 WHERE id = $1"),
        vals![file, order, ticket],
    )
    .await?;
    Ok(())
}

/// The files of an order, oldest first.
pub(super) async fn of_order(c: &mut Conn, order: OrderId) -> Result<Vec<AboutRow>, DbError> {
    c.all(
        sql!(
            "SELECT id, question_id, ticket, file_type, size_bytes, sealed_about FROM answer_files \
             WHERE order_id = $1 ORDER BY id"
        ),
        vals![order],
    )
    .await
}

/// A file of an order.
pub(super) async fn about(
    c: &mut Conn,
    order: OrderId,
    file: FileId,
) -> Result<Option<AboutRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, question_id, ticket, file_type, size_bytes, sealed_about FROM answer_files \
             WHERE id = $1 AND order_id = $2"
        ),
        vals![file, order],
    )
    .await
}

pub(super) async fn content(c: &mut Conn, file: FileId) -> Result<Option<Vec<u8>>, DbError> {
    c.scalar_opt(
        sql!("SELECT content FROM answer_file_contents WHERE file_id = $1"),
        vals![file],
    )
    .await
}

/// Deletes the files of these orders.
pub(super) async fn delete_of_orders(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM answer_files WHERE order_id IN (SELECT value FROM list($1))"),
        vals![Val::texts(orders)],
    )
    .await?;
    Ok(())
}

/// Deletes the files of a ticket.
pub(super) async fn delete_of_ticket(
    c: &mut Conn,
    order: OrderId,
    ticket: i64,
) -> Result<(), DbError> {
    c.exec(
        sql!("DELETE FROM answer_files WHERE order_id = $1 AND ticket = $2"),
        vals![order, ticket],
    )
    .await?;
    Ok(())
}

/// Deletes all that was sent for an event.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM answer_files WHERE event_id = $1"),
        sql!("DELETE FROM answer_file_turns WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}

/// Files that wait, and whose orders are paid.
pub(super) async fn paid_for(c: &mut Conn, limit: i64) -> Result<Vec<FileId>, DbError> {
    c.scalars(
        sql!(
            "SELECT f.id FROM answer_files f JOIN orders o ON o.id = f.order_id \
             WHERE f.is_waiting AND o.state IN ('paid', 'refunded') ORDER BY f.id LIMIT $1"
        ),
        vals![limit],
    )
    .await
}

/// Lets files wait no more.
pub(super) async fn settle(c: &mut Conn, files: Val) -> Result<(), DbError> {
    c.exec(
        sql!("UPDATE answer_files SET is_waiting = FALSE WHERE id IN (SELECT value FROM list($1))"),
        vals![files],
    )
    .await?;
    Ok(())
}

/// Files that no order has named in time, or whose orders came to nothing long ago.
pub(super) async fn over(
    c: &mut Conn,
    now: Timestamp,
    unpaid: Timestamp,
    limit: i64,
) -> Result<Vec<FileId>, DbError> {
    c.scalars(
        sql!(
            "SELECT f.id FROM answer_files f LEFT JOIN orders o ON o.id = f.order_id \
             WHERE f.is_waiting AND ((f.order_id IS NULL AND f.expires_at <= $1) \
             OR (o.state IN ('cancelled', 'expired') AND f.expires_at <= $2)) ORDER BY f.id LIMIT $3"
        ),
        vals![now, unpaid, limit],
    )
    .await
}

/// Deletes those of these files that are over still: an order may name one in this moment.
pub(super) async fn delete_over(
    c: &mut Conn,
    files: Val,
    now: Timestamp,
    unpaid: Timestamp,
) -> Result<u64, DbError> {
    let unnamed = c
        .exec(
            sql!(
                "DELETE FROM answer_files WHERE order_id IS NULL AND expires_at <= $2 \
                 AND id IN (SELECT value FROM list($1))"
            ),
            vals![files.clone(), now],
        )
        .await?;
    let unpaid = c
        .exec(
            sql!(
                "DELETE FROM answer_files WHERE expires_at <= $2 AND id IN (SELECT value FROM list($1)) \
                 AND order_id IN (SELECT o.id FROM orders o WHERE o.state IN ('cancelled', 'expired'))"
            ),
            vals![files, unpaid],
        )
        .await?;
    Ok(unnamed.saturating_add(unpaid))
}
