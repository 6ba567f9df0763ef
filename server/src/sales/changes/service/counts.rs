//! Purchase limits: whoever adds is counted like whoever buys, and what is given back is not counted any
//! more.
//!
//! An order may be counted by several keys of one kind: it was paid by several means of payment, or merged
//! of orders of one buyer. Each of its tickets is counted by one of them.

use bilten_kernel::db::{Conn, DbError};

use super::super::error::ChangeError;
use super::super::store;
use super::{BUYER, Prepared};
use crate::catalog::EventId;
use crate::sales::limits::{LimitKind, LimitMet};
use crate::sales::store::limits::{self as counted, CountedRow};
use crate::sales::{OrderId, SalesError};

/// By what an order is counted, in the order in which everybody takes the rows of keys.
async fn rows_of(c: &mut Conn, order: OrderId) -> Result<Vec<CountedRow>, DbError> {
    let mut rows = counted::order_counts(c, order, true).await?;
    rows.sort_by(|a, b| (a.kind, &a.key_hash).cmp(&(b.kind, &b.key_hash)));
    Ok(rows)
}

/// Locks what an order is counted by before any seats and stock, as whoever buys takes them. The order is
/// locked before.
pub(super) async fn lock_counts(c: &mut Conn, order: OrderId) -> Result<(), DbError> {
    for row in rows_of(c, order).await? {
        counted::uncount(c, row.event_id, row.kind, &row.key_hash, 0).await?;
    }
    Ok(())
}

/// How so many tickets more, or fewer, spread over the rows of an order: of each kind what comes is counted by
/// the first, and what goes is given back by one after the other, no more than each was counted by.
fn spread(rows: &[CountedRow], tickets: i64) -> Vec<(&CountedRow, i64)> {
    let mut spread = Vec::with_capacity(rows.len());
    let (mut kind, mut left) = (None, tickets);
    for row in rows {
        if kind != Some(row.kind) {
            (kind, left) = (Some(row.kind), tickets);
        }
        let own = left.max(-row.tickets);
        left -= own;
        spread.push((row, own));
    }
    spread
}

/// Counts what is added by these rows: buyers within the limits, staff as it likes.
async fn count_by(
    c: &mut Conn,
    prepared: &Prepared,
    rows: &[(&CountedRow, i64)],
) -> Result<(), ChangeError> {
    let event = prepared.offer.event.id;
    let limits = counted::limits(c, event).await?.unwrap_or_default();
    for (row, tickets) in rows {
        let limit = limits.most(row.kind).filter(|_| prepared.caller.is_buyer());
        let most = limit.map_or(i64::MAX, i64::from);
        if counted::count(c, event, row.kind, &row.key_hash, *tickets, most).await? {
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

/// Counts what is added at once by what the order was counted by; its rows follow with [`count_change`].
pub(super) async fn count_added(
    c: &mut Conn,
    prepared: &Prepared,
    tickets: i64,
) -> Result<(), ChangeError> {
    let rows = rows_of(c, prepared.id).await?;
    let mut added = spread(&rows, tickets);
    added.retain(|(_, own)| *own > 0);
    count_by(c, prepared, &added).await
}

/// Counts what is added once it is paid, in the name of its supplement: given back with it. By which means of
/// payment is known when it is paid.
pub(super) async fn count_supplement(
    c: &mut Conn,
    prepared: &Prepared,
    tickets: i64,
) -> Result<(), ChangeError> {
    let mut rows = rows_of(c, prepared.id).await?;
    rows.retain(|row| row.kind != LimitKind::Payment);
    let mut added = spread(&rows, tickets);
    added.retain(|(_, own)| *own > 0);
    count_by(c, prepared, &added).await?;
    store::add_counts(c, prepared.side, &added).await?;
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
    let rows = rows_of(c, order).await?;
    for (row, own) in spread(&rows, tickets) {
        if own < 0 {
            counted::uncount(c, event, row.kind, &row.key_hash, -own).await?;
        }
        if own != 0 {
            store::shift_count(c, order, row, own).await?;
        }
    }
    Ok(())
}

/// Lets so many tickets of an order be counted with a new one from now on, or all that it has.
pub(super) async fn count_split(
    c: &mut Conn,
    order: OrderId,
    new: OrderId,
    tickets: i64,
) -> Result<(), DbError> {
    let rows = rows_of(c, order).await?;
    let mut moved = Vec::with_capacity(rows.len());
    for (row, own) in spread(&rows, -tickets) {
        if own < 0 {
            store::shift_count(c, order, row, own).await?;
        }
        // What lets nobody in yet is counted by what comes to it.
        moved.push((row, -own));
    }
    store::add_counts(c, new, &moved).await
}

/// Lets what an order is counted by be another one's, each key for its part.
pub(super) async fn count_merge(c: &mut Conn, from: OrderId, into: OrderId) -> Result<(), DbError> {
    let rows = rows_of(c, from).await?;
    let moved: Vec<_> = rows.iter().map(|row| (row, row.tickets)).collect();
    store::add_counts(c, into, &moved).await?;
    store::drop_counts(c, from).await
}

/// What a supplement adds to its order once it is paid.
#[derive(Clone, Copy, Debug)]
pub(in crate::sales) struct Added {
    /// To which order.
    pub(in crate::sales) order: OrderId,
    /// How many tickets.
    pub(in crate::sales) tickets: i64,
    /// Whether the buyer wants it, not staff.
    pub(in crate::sales) is_of_buyer: bool,
}

/// What a supplement adds to its order; none if the order is no supplement.
pub(in crate::sales) async fn added_by_supplement(
    c: &mut Conn,
    supplement: OrderId,
) -> Result<Option<Added>, DbError> {
    let terms = store::supplement_terms(c, supplement).await?;
    Ok(terms.map(|terms| Added {
        order: terms.order_id,
        tickets: terms.plan.0.map_or(0, |plan| plan.tickets.more().max(0)),
        is_of_buyer: terms.actor == BUYER,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: LimitKind, tickets: i64) -> CountedRow {
        CountedRow {
            event_id: EventId::from_bytes([1; 16]),
            kind,
            key_hash: vec![1],
            tickets,
        }
    }

    /// covers: BE-2, PAY-3
    #[test]
    fn tickets_spread_over_the_keys_of_each_kind() {
        let rows = [
            row(LimitKind::Email, 3),
            row(LimitKind::Payment, 2),
            row(LimitKind::Payment, 1),
        ];
        for (tickets, wanted) in [
            (2, [2, 2, 0]),
            (-1, [-1, -1, 0]),
            (-3, [-3, -2, -1]),
            // No more than each was counted by.
            (-9, [-3, -2, -1]),
        ] {
            let own: Vec<i64> = spread(&rows, tickets).iter().map(|(_, own)| *own).collect();
            assert_eq!(own, wanted, "{tickets}");
        }
    }
}
