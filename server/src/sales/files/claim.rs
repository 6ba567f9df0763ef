//! Files as answers: whether an order may have them, and whose they are from then on.

use std::collections::{HashMap, HashSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::error::FieldError;

use super::model::{NamedFile, named};
use super::store::{self, FileRow};
use crate::app::App;
use crate::catalog::questions::AnsweredForm;
use crate::catalog::{EventId, FileId};
use crate::sales::{OrderId, SalesError};

fn ids<'a>(named: impl IntoIterator<Item = &'a NamedFile>) -> Val {
    Val::texts(named.into_iter().map(|one| one.file))
}

fn by_id(rows: Vec<FileRow>) -> HashMap<FileId, FileRow> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

fn fault(one: &NamedFile, code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field: one.field.clone(),
        code: code.into(),
        detail: detail.to_owned(),
    }
}

/// What is wrong with a file as an answer, whoever else has it; `seen` are those of the same order before it.
fn wrong(
    one: &NamedFile,
    row: Option<&FileRow>,
    event: EventId,
    now: Timestamp,
    seen: &mut HashSet<FileId>,
) -> Option<FieldError> {
    let is_there = row.is_some_and(|row| {
        row.event_id == event
            && row.question_id == one.question
            && (row.order_id.is_some() || now < row.expires_at)
    });
    if !is_there {
        let detail = "no such file was sent for this question, or too long ago: send it again";
        return Some(fault(one, "file_unknown", detail));
    }
    (!seen.insert(one.file)).then(|| taken(one))
}

fn taken(one: &NamedFile) -> FieldError {
    fault(one, "file_taken", "this file is another answer already")
}

/// What is wrong with the files that answers name, as far as can be said before they are anybody's: whether
/// another order has them is decided by [`lock`].
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn faults_of(
    app: &App,
    event: EventId,
    answers: &AnsweredForm,
) -> Result<Vec<FieldError>, DbError> {
    let named = named(answers);
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = ids(&named);
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::files(c, wanted).await }))
        .await?;
    let (rows, now, mut seen) = (by_id(rows), app.now(), HashSet::new());
    let faults = named
        .iter()
        .filter_map(|one| wrong(one, rows.get(&one.file), event, now, &mut seen));
    Ok(faults.collect())
}

/// Locks the files that orders of an event name until the end of the write, which [`give`] makes theirs; gives
/// those orders that may not have theirs, and why. Of two orders that name one file, the first has it.
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn lock(
    c: &mut Conn,
    event: EventId,
    orders: &[(usize, Vec<NamedFile>)],
    now: Timestamp,
) -> Result<Vec<(usize, SalesError)>, DbError> {
    if orders.iter().all(|(_, named)| named.is_empty()) {
        return Ok(Vec::new());
    }
    let all = ids(orders.iter().flat_map(|(_, named)| named));
    let rows = by_id(store::lock_files(c, all).await?);
    let (mut given, mut refused) = (HashSet::new(), Vec::new());
    for (order, named) in orders {
        let mut seen = HashSet::new();
        let mut faults = Vec::new();
        for one in named {
            let row = rows.get(&one.file);
            let is_anothers = row.is_some_and(|row| row.order_id.is_some());
            if let Some(fault) = wrong(one, row, event, now, &mut seen) {
                faults.push(fault);
            } else if is_anothers || given.contains(&one.file) {
                faults.push(taken(one));
            }
        }
        if faults.is_empty() {
            given.extend(seen);
        } else {
            refused.push((*order, SalesError::Invalid(faults)));
        }
    }
    Ok(refused)
}

/// The same for what comes to one order.
///
/// # Errors
/// [`SalesError::Invalid`] by what it may not have; a fault of the database.
pub(in crate::sales) async fn lock_for_one(
    c: &mut Conn,
    event: EventId,
    answers: &AnsweredForm,
    now: Timestamp,
) -> Result<(), SalesError> {
    let refused = lock(c, event, &[(0, named(answers))], now).await?;
    match refused.into_iter().next() {
        Some((_, refused)) => Err(refused),
        None => Ok(()),
    }
}

/// Makes the files that answers name those of an order, by the numbers of its tickets: locked ones that were
/// nobody's, and those of answers that move from one order or ticket to another.
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn give(
    c: &mut Conn,
    order: OrderId,
    answers: &AnsweredForm,
) -> Result<(), DbError> {
    for one in named(answers) {
        store::give(c, one.file, order, one.ticket).await?;
    }
    Ok(())
}

/// Deletes the files of orders whose answers are forgotten.
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn erase_of_orders(
    c: &mut Conn,
    orders: &[OrderId],
) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    store::delete_of_orders(c, orders).await
}

/// Deletes the files of a ticket whose answers are forgotten.
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn erase_of_ticket(
    c: &mut Conn,
    order: OrderId,
    ticket: i64,
) -> Result<(), DbError> {
    store::delete_of_ticket(c, order, ticket).await
}

/// Deletes all that was sent for an event that is deleted.
///
/// # Errors
/// A fault of the database.
pub(in crate::sales) async fn on_event_deleted(
    c: &mut Conn,
    event: EventId,
) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
