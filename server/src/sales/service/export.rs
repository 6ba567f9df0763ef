//! Orders for files, a page at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bilten_kernel::db::{Conn, DbError, Val};

use super::super::model::*;
use super::super::store::{desk, find};
use super::SalesError;
use super::buyers::opened;
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId, TierId};
use crate::identity::Tenant;
use crate::sheet::{Column, number, text};

/// How many orders of a file are in memory at once.
pub const EXPORT_PAGE: i64 = 500;

/// The columns of the file of orders.
pub(crate) const ORDER_COLUMNS: &[Column] = &[
    text("reference"),
    text("order"),
    text("state"),
    text("created_at"),
    text("paid_at"),
    text("name"),
    text("email"),
    text("items"),
    number("tickets"),
    text("currency"),
    number("total_minor"),
    text("tags"),
    text("paid_by"),
    text("reason"),
    text("sandbox"),
];

/// An event whose orders are to be downloaded, and how many there are.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn export_of(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<(Arc<EventDetail>, usize), SalesError> {
    let detail = catalog::detail_of(app, tenant, event).await?;
    let count = app
        .db
        .read_long(move |c| Box::pin(async move { find::count(c, event).await }))
        .await?;
    Ok((detail, usize::try_from(count).unwrap_or(0)))
}

/// The ids of an event's orders after one of them, oldest first, inside a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn order_ids_in(
    c: &mut Conn,
    event: EventId,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderId>, DbError> {
    find::ids(c, event, after, limit).await
}

/// What was ordered, in words.
fn in_words(detail: &EventDetail, items: &[(TierId, u32)]) -> String {
    let words: Vec<String> = items
        .iter()
        .map(|(tier, quantity)| {
            let name = detail
                .tier(*tier)
                .map_or_else(|| tier.to_string(), |tier| tier.name.clone());
            format!("{quantity} × {name}")
        })
        .collect();
    words.join("; ")
}

/// The next rows of the file of orders after one of them, with the last one; none at its end.
///
/// # Errors
/// A fault of the database.
pub async fn order_rows(
    app: &App,
    detail: &EventDetail,
    after: Option<OrderId>,
) -> Result<Option<(OrderId, Vec<Vec<String>>)>, SalesError> {
    let event = detail.event.id;
    let work = app.clone();
    let (orders, items, tags, origins) = app
        .db
        .read_long(move |c| {
            Box::pin(async move {
                let rows = find::page(c, event, after, EXPORT_PAGE).await?;
                let ids = Val::texts(rows.iter().map(|row| row.id));
                let items = find::items(c, ids.clone()).await?;
                let tags = desk::tags(c, ids.clone()).await?;
                let origins = find::origins(c, ids).await?;
                let orders: Vec<Order> = rows
                    .into_iter()
                    .map(|row| opened(&work, row))
                    .collect::<Result<_, DbError>>()?;
                Ok::<_, SalesError>((orders, items, tags, origins))
            })
        })
        .await?;
    let Some(last) = orders.last().map(|order| order.id) else {
        return Ok(None);
    };
    let mut items_of: HashMap<OrderId, BTreeMap<TierId, u32>> = HashMap::new();
    for item in items {
        let quantity = items_of
            .entry(item.order_id)
            .or_default()
            .entry(item.tier_id)
            .or_default();
        *quantity = quantity.saturating_add(item.quantity);
    }
    let mut tags_of: HashMap<OrderId, Vec<String>> = HashMap::new();
    for (order, tag) in tags {
        tags_of.entry(order).or_default().push(tag);
    }
    let mut origin_of: HashMap<OrderId, (StaffPayment, String)> = HashMap::new();
    for origin in origins {
        origin_of.insert(origin.order_id, (origin.method, origin.reason));
    }
    let rows = orders.into_iter().map(|order| {
        let items: Vec<(TierId, u32)> = items_of
            .remove(&order.id)
            .unwrap_or_default()
            .into_iter()
            .collect();
        let (paid_by, reason) = origin_of.remove(&order.id).map_or_else(
            || (String::new(), String::new()),
            |(method, reason)| (method.to_string(), reason),
        );
        vec![
            order.reference,
            order.id.to_string(),
            order.state.to_string(),
            order.created_at.to_string(),
            order.paid_at.map_or_else(String::new, |at| at.to_string()),
            order.name,
            order.email,
            in_words(detail, &items),
            items
                .iter()
                .map(|(_, n)| u64::from(*n))
                .sum::<u64>()
                .to_string(),
            order.currency.to_string(),
            order.total_minor.to_string(),
            tags_of.remove(&order.id).unwrap_or_default().join(", "),
            paid_by,
            reason,
            order.sandbox.to_string(),
        ]
    });
    Ok(Some((last, rows.collect())))
}
