//! Purchase limits: whoever adds is counted like whoever buys, and what is given back is not counted any
//! more.

use bilten_kernel::db::{Conn, DbError};

use super::super::error::ChangeError;
use super::super::store;
use super::Prepared;
use crate::catalog::EventId;
use crate::sales::limits::LimitMet;
use crate::sales::store::limits::{self as counted, CountedRow};
use crate::sales::{OrderId, SalesError};

/// By what an order is counted, in the order in which everybody takes the rows of keys.
async fn rows_of(c: &mut Conn, order: OrderId) -> Result<Vec<CountedRow>, DbError> {
    let mut rows = counted::order_counts(c, order, true).await?;
    rows.sort_by(|a, b| (a.kind, &a.key_hash).cmp(&(b.kind, &b.key_hash)));
    Ok(rows)
}

/// Counts what is added by what the order was counted by; buyers within the limits, staff as it likes.
pub(super) async fn count_added(
    c: &mut Conn,
    prepared: &Prepared,
    tickets: i64,
) -> Result<(), ChangeError> {
    let event = prepared.offer.event.id;
    let limits = counted::limits(c, event).await?.unwrap_or_default();
    for row in rows_of(c, prepared.id).await? {
        let limit = limits.most(row.kind).filter(|_| prepared.caller.is_buyer());
        let most = limit.map_or(i64::MAX, i64::from);
        if counted::count(c, event, row.kind, &row.key_hash, tickets, most).await? {
            continue;
        }
        let most = limit.unwrap_or(u32::MAX);
        let has = counted::counted(c, event, row.kind, &row.key_hash).await?;
        let met = LimitMet {
            kind: row.kind,
            most,
            left: most.saturating_sub(u32::try_from(has).unwrap_or(u32::MAX)),
        };
        return Err(SalesError::PurchaseLimit(met).into());
    }
    Ok(())
}

/// Counts an order by so many tickets more, which are counted already, or fewer: no more than it was counted
/// by, however that was reckoned when it was placed.
pub(super) async fn count_change(
    c: &mut Conn,
    event: EventId,
    order: OrderId,
    tickets: i64,
) -> Result<(), DbError> {
    if tickets == 0 {
        return Ok(());
    }
    if tickets < 0 {
        for row in rows_of(c, order).await? {
            let back = row.tickets.min(-tickets);
            counted::uncount(c, event, row.kind, &row.key_hash, back).await?;
        }
    }
    store::shift_counts(c, order, tickets).await
}

/// Lets so many tickets of an order be counted with a new one from now on.
pub(super) async fn count_split(
    c: &mut Conn,
    order: OrderId,
    new: OrderId,
    tickets: i64,
) -> Result<(), DbError> {
    store::split_counts(c, order, new, tickets).await?;
    store::shift_counts(c, order, -tickets).await
}

/// Lets what an order is counted by be another one's, as far as both were counted by the same.
pub(super) async fn count_merge(c: &mut Conn, from: OrderId, into: OrderId) -> Result<(), DbError> {
    let own = rows_of(c, into).await?;
    for row in rows_of(c, from).await? {
        match own.iter().find(|one| one.kind == row.kind) {
            Some(same) if same.key_hash == row.key_hash => {
                store::shift_count(c, into, row.kind, row.tickets).await?;
                store::drop_count(c, from, row.kind).await?;
            }
            Some(_) => {}
            None => store::move_count(c, from, into, row.kind).await?,
        }
    }
    Ok(())
}
