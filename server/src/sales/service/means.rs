//! Purchase limits by means of payment: counted when a payment by it begins, not any more when that is
//! declined. What an order is placed with is counted with it, in `limits`.

use bilten_kernel::db::{Conn, DbError};

use super::super::changes;
use super::super::limits::{BuyerKeys, CountingKey, LimitKind, counting_keys};
use super::super::model::*;
use super::super::store::{self, limits as counts};
use super::limits::count_in;
use super::{SalesError, ticket_count};
use crate::app::App;
use crate::catalog::{self, EventId};

/// The means by which an order is to be paid, and for how many tickets.
#[derive(Clone, Copy, Debug)]
pub struct MeansUsed {
    event: EventId,
    key: CountingKey,
    tickets: i64,
    /// What staff adds to an order is theirs to decide: it is counted, and not limited.
    is_limited: bool,
    /// The order that changes once it is paid, if it is a supplement.
    changes: Option<OrderId>,
}

/// What is to be counted when an order is paid by the means of payment that its provider names so; none if
/// its event does not limit that. Asked before the write.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn means_used(
    app: &App,
    order: OrderId,
    fingerprint: &str,
) -> Result<Option<MeansUsed>, SalesError> {
    let (work, fingerprint) = (app.clone(), fingerprint.to_owned());
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = store::order(c, order)
                    .await?
                    .ok_or(SalesError::OrderNotFound)?;
                let event = row.event_id;
                let limits = counts::limits(c, event).await?.unwrap_or_default();
                let buyer = BuyerKeys {
                    email: None,
                    account: None,
                    payment: Some(fingerprint.as_str()),
                    address: None,
                };
                let key = counting_keys(&work.vault, event, &buyer).pop();
                let Some(key) = key.filter(|_| limits.per_payment.is_some()) else {
                    return Ok(None);
                };
                let added = changes::added_by_supplement(c, order).await?;
                let (tickets, is_limited) = match &added {
                    Some(added) => (added.tickets, added.is_of_buyer),
                    None => {
                        let offer = catalog::kept_detail_in(&work, c, event)
                            .await?
                            .ok_or(SalesError::EventNotFound)?;
                        let items = store::order_items(c, order).await?;
                        let units = items.iter().map(|item| (item.tier_id, item.quantity));
                        (i64::from(ticket_count(&offer, units)), true)
                    }
                };
                Ok::<_, SalesError>(Some(MeansUsed {
                    event,
                    key,
                    tickets,
                    is_limited,
                    changes: added.map(|added| added.order),
                }))
            })
        })
        .await
}

/// Counts the means of payment by which an order is paid from now on, instead of what was to pay it before,
/// inside the write that begins the payment. The order is locked before.
///
/// # Errors
/// [`SalesError::PurchaseLimit`] if that has bought too much, which undoes the write; a fault of the
/// database.
pub async fn count_means_in(
    c: &mut Conn,
    order: OrderId,
    used: &MeansUsed,
) -> Result<(), SalesError> {
    if let Some(changed) = used.changes {
        lock_changed(c, changed, used).await?;
    }
    give_up(c, order).await?;
    let (event, key) = (used.event, used.key);
    let limits = counts::limits(c, event).await?.unwrap_or_default();
    if limits.per_payment.is_none() {
        return Ok(());
    }
    if used.is_limited {
        count_in(c, event, &[key], used.tickets, &limits)
            .await?
            .map_err(SalesError::PurchaseLimit)?;
    } else {
        counts::count(c, event, key.kind, &key.hash, used.tickets, i64::MAX).await?;
    }
    counts::insert_order_counts(c, event, &[(order, vec![key], used.tickets)]).await?;
    Ok(())
}

/// Locks the order that a supplement changes, and then all that both are counted by: so does whoever pays
/// that order back, or changes it, and neither waits for the other for ever.
async fn lock_changed(c: &mut Conn, changed: OrderId, used: &MeansUsed) -> Result<(), DbError> {
    store::move_order(c, changed, OrderState::Paid, OrderState::Paid, None).await?;
    let mut keys = vec![used.key];
    for row in counts::order_counts(c, changed, true).await? {
        if let Ok(hash) = row.key_hash.try_into() {
            let kind = row.kind;
            keys.push(CountingKey { kind, hash });
        }
    }
    keys.sort_unstable();
    keys.dedup();
    counts::touch(c, used.event, &keys).await
}

/// Forgets the means by which an order was to be paid, since its payment is declined, inside the write that
/// says so: what was declined has bought nothing.
///
/// # Errors
/// A fault of the database.
pub async fn forget_means_in(c: &mut Conn, order: OrderId) -> Result<(), DbError> {
    // Locked first: whoever ends it in this moment has given its counts back before, or does so after.
    store::move_order(c, order, OrderState::Pending, OrderState::Pending, None).await?;
    give_up(c, order).await
}

async fn give_up(c: &mut Conn, order: OrderId) -> Result<(), DbError> {
    for row in counts::order_counts(c, order, true).await? {
        if row.kind == LimitKind::Payment {
            counts::uncount(c, row.event_id, row.kind, &row.key_hash, row.tickets).await?;
        }
    }
    counts::drop_kind(c, order, LimitKind::Payment).await
}
