//! Money goes back: of an order as a whole, or a part of it.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::money::Money;

use super::model::*;
use super::service::{PaymentError, new_payment};
use super::store;
use crate::app::App;
use crate::identity::Tenant;
use crate::sales::{self, Order, OrderDetail, OrderId, SalesError};

/// Pays an order back and undoes it.
///
/// # Errors
/// [`PaymentError::Sales`] if there is no such order or it is not paid; a fault of the database.
pub async fn refund(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
) -> Result<OrderDetail, PaymentError> {
    sales::order_of(app, tenant, order).await?;
    let work = app.clone();
    app.db
        .write_again(move |c| {
            let app = work.clone();
            Box::pin(async move {
                sales::mark_refunded(&app, c, order).await?;
                // What it costs is read once it is locked: changes of it are done before, or not at all.
                let detail = sales::detail_in(&app, c, order).await?;
                let refunded = detail.ok_or(SalesError::OrderNotFound)?.order;
                let amount = Money::new(refunded.total_minor, refunded.currency);
                store::refunds::refund_nothing(c, order, app.now()).await?;
                give_back(&app, c, order, amount).await?;
                Ok::<_, PaymentError>(())
            })
        })
        .await?;
    Ok(sales::order(app, order).await?)
}

/// Lets a part of what was paid for an order go back.
pub(crate) async fn on_partly_refunded(
    app: &App,
    c: &mut Conn,
    order: OrderId,
    amount: Money,
) -> Result<(), DbError> {
    give_back(app, c, order, amount).await
}

/// Gives an amount back from the newest of the payments that an order shares with those that came of it;
/// what none of them can give back is owed.
///
/// The sandbox gives back at once, and so happens inside the write.
async fn give_back(app: &App, c: &mut Conn, order: OrderId, amount: Money) -> Result<(), DbError> {
    let together = sales::changes::paid_together_in(c, order).await?;
    let (now, mut left) = (app.now(), amount.minor);
    let mut refunds = Vec::new();
    let mut add = |payment_id: Option<PaymentId>, amount_minor: i64| {
        refunds.push(Refund {
            id: RefundId::new(&*app.clock, &*app.random),
            order_id: order,
            payment_id,
            amount_minor,
            currency: amount.currency,
            state: if payment_id.is_some() {
                RefundState::Succeeded
            } else {
                RefundState::Owed
            },
            created_at: now,
        });
    };
    for payment in store::refunds::refundable(c, &together).await? {
        let part = payment.left_minor.min(left);
        if part > 0 && store::refunds::give_back(c, payment.id, part, now).await? {
            add(Some(payment.id), part);
            left -= part;
        }
    }
    if left > 0 {
        add(None, left);
    }
    store::refunds::insert(c, &refunds).await
}

/// The refunds of an order of one of the organisation's events after one of them, oldest first.
///
/// # Errors
/// [`PaymentError::Sales`] if there is no such order; a fault of the database.
pub async fn refunds_of(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    after: Option<RefundId>,
    limit: i64,
) -> Result<Vec<Refund>, PaymentError> {
    sales::order_of(app, tenant, order).await?;
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::refunds::of_order(c, order, after, limit).await })
        })
        .await?)
}

/// Notes of an order that has to be paid before another one is changed that its amount is due.
pub(crate) async fn on_supplement_placed(
    app: &App,
    c: &mut Conn,
    order: &Order,
) -> Result<(), DbError> {
    let id = PaymentId::new(&*app.clock, &*app.random);
    let amount = Money::new(order.total_minor, order.currency);
    let payment = new_payment(id, order.id, &PaymentMethod::Free, amount, app.now());
    let row = store::NewPayment {
        payment: &payment,
        idempotency_key: "supplement",
        request_hash: store::hash_with_order(order.id),
    };
    store::insert(c, vec![row]).await
}
