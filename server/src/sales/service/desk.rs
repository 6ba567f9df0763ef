//! What staff writes about orders: notes and tags.

use bilten_kernel::db::{Conn, DbError, Val};
use serde_json::json;

use super::super::model::*;
use super::super::store::desk::{self as store, NoteRow};
use super::super::store::find;
use super::{SalesError, order_of};
use crate::app::App;
use crate::identity::Tenant;
use crate::platform::{self, AuditRecord};

/// For what a note is sealed.
pub(in crate::sales) fn note_purpose(note: impl std::fmt::Display) -> String {
    format!("order note {note}")
}

fn opened(app: &App, row: NoteRow) -> Result<OrderNote, DbError> {
    Ok(OrderNote {
        text: app
            .vault
            .open_text(&note_purpose(row.id), &row.sealed_text)?,
        id: row.id,
        order_id: row.order_id,
        author: row.author,
        created_at: row.created_at,
    })
}

/// An order's notes, newest first, after one of them.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_notes(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    before: Option<OrderNoteId>,
    limit: i64,
) -> Result<Vec<OrderNote>, SalesError> {
    order_of(app, tenant, order).await?;
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::notes(c, order, before, limit).await }))
        .await?;
    let notes: Result<_, DbError> = rows.into_iter().map(|row| opened(app, row)).collect();
    Ok(notes?)
}

/// An order's notes inside a read that is under way, for a copy of what is held of its buyer.
///
/// # Errors
/// A fault of the database.
pub async fn order_notes_in(
    app: &App,
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<OrderNote>, DbError> {
    let rows = store::notes(c, order, None, MOST_NOTES).await?;
    rows.into_iter().map(|row| opened(app, row)).collect()
}

/// Writes a note about an order.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::Invalid`], [`SalesError::TooManyNotes`], or a fault of the
/// database.
pub async fn add_order_note(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    request: &NoteRequest,
    author: String,
) -> Result<OrderNote, SalesError> {
    order_of(app, tenant, order).await?;
    let text = request
        .checked()
        .map_err(|fault| SalesError::Invalid(vec![fault]))?;
    let note = OrderNote {
        id: OrderNoteId::new(&*app.clock, &*app.random),
        order_id: order,
        text,
        author,
        created_at: app.now(),
    };
    let purpose = note_purpose(note.id);
    let sealed_text = app
        .vault
        .seal_text(&purpose, &note.text, &*app.random)
        .map_err(DbError::from)?;
    let row = NoteRow {
        id: note.id,
        order_id: order,
        sealed_text,
        author: note.author.clone(),
        created_at: note.created_at,
    };
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Its sandbox may have been emptied in this very moment.
                if !store::lock(c, order).await? {
                    return Err(SalesError::OrderNotFound);
                }
                if store::insert_note(c, &row, MOST_NOTES).await? {
                    Ok(())
                } else {
                    Err(SalesError::TooManyNotes)
                }
            })
        })
        .await?;
    Ok(note)
}

/// Deletes a note of an order.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::NoteNotFound`], or a fault of the database.
pub async fn delete_order_note(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    note: OrderNoteId,
    actor: String,
) -> Result<(), SalesError> {
    order_of(app, tenant, order).await?;
    let (work, organisation) = (app.clone(), tenant.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::delete_note(c, order, note).await? {
                    return Err(SalesError::NoteNotFound);
                }
                let record = AuditRecord::new(actor, "orders.note_deleted", order)
                    .of(organisation)
                    .detail(json!({"note": note}));
                platform::audit(&work, c, record).await?;
                Ok(())
            })
        })
        .await
}

/// The tags of an order.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_tags(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
) -> Result<OrderTags, SalesError> {
    order_of(app, tenant, order).await?;
    let ids = Val::texts([order]);
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::tags(c, ids).await }))
        .await?;
    Ok(OrderTags {
        order_id: order,
        tags: rows.into_iter().map(|(_, tag)| tag).collect(),
    })
}

/// Gives an order these tags and no others.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::Invalid`], or a fault of the database.
pub async fn set_order_tags(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    request: &TagsRequest,
) -> Result<OrderTags, SalesError> {
    let event = order_of(app, tenant, order).await?.order.event_id;
    let tags = request.checked().map_err(SalesError::Invalid)?;
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Its sandbox may have been emptied in this very moment.
                if !store::lock(c, order).await? {
                    return Err(SalesError::OrderNotFound);
                }
                store::set_tags(c, event, order, &tags).await?;
                Ok(OrderTags {
                    order_id: order,
                    tags: tags.into_iter().collect(),
                })
            })
        })
        .await
}

/// How an order came to be, and what was thought of it.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_origin(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
) -> Result<OrderOrigin, SalesError> {
    order_of(app, tenant, order).await?;
    let (made, score) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let made = find::made(c, order).await?;
                Ok::<_, DbError>((made, find::score(c, order).await?))
            })
        })
        .await?;
    let mut origin = OrderOrigin {
        order_id: order,
        channel: None,
        paid_by: None,
        reason: None,
        actor: None,
        score: None,
        decision: None,
        reasons: Vec::new(),
        policy_version: None,
        outcome: None,
        decided_by: None,
        decided_at: None,
    };
    if let Some(made) = made {
        origin.channel = Some(made.channel);
        origin.paid_by = Some(made.method);
        origin.reason = Some(made.reason);
        origin.actor = Some(made.actor);
    }
    if let Some(score) = score {
        origin.score = Some(score.score);
        origin.decision = Some(score.decision);
        origin.reasons = score.reasons.0;
        origin.policy_version = Some(score.policy_version);
        origin.outcome = score.outcome;
        origin.decided_by = score.decided_by;
        origin.decided_at = score.decided_at;
    }
    Ok(origin)
}
