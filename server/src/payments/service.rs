//! Use cases of payments.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError, Violation};
use bilten_kernel::jobs;
use bilten_kernel::lane::Lanes;
use bilten_kernel::money::Money;
use bilten_kernel::telemetry::Cause;

use super::model::*;
use super::{sandbox, store};
use crate::app::{App, Parts};
use crate::catalog::{self, EventDetail, EventId, TierId};
use crate::sales::{
    self, Basis, HeldCart, HoldWish, ItemRequest, NewOrder, Order, OrderId, OrderItem, OrderState,
    PaidOutcome, Pays, Placed, SalesError,
};
use crate::waiting_room::{self, EnterRefusal, PassShown};

/// The job by which the sandbox calls back: the payment succeeded.
pub const CALL_BACK_JOB: &str = "payments.sandbox_call_back";
/// The job by which the sandbox calls back: the payment is declined.
pub const CALL_BACK_DECLINED_JOB: &str = "payments.sandbox_call_back_declined";

/// The decline code of a payment that was not begun, since somebody has to look at the order first.
pub const UNDER_REVIEW: &str = "under_review";

/// Why an order was not paid that costs something: nobody has tried to pay it yet.
pub const AMOUNT_DUE: &str = "amount_due";

/// Queues of purchases, one per event.
pub type PurchaseLanes = Lanes<EventId, Purchase, Purchased, PaymentError>;

/// Why something about payments was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PaymentError {
    /// Selling was refused.
    #[error(transparent)]
    Sales(#[from] SalesError),
    /// This order needs no further payment, or none any more.
    #[error("the order is {0}; it cannot be paid")]
    NotPayable(OrderState),
    /// In a sandbox nothing can be paid with money.
    #[error(
        "this is a sandbox: no money moves, so only the test payment and what is free exist here"
    )]
    SandboxOnly,
    /// An earlier payment of this order has not been answered yet.
    #[error("an earlier payment of this order is still under way")]
    UnderWay,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The lanes through which purchases are made.
///
/// The lanes live in the application they sell for, hence the weak reference.
pub fn purchase_lanes(db: Db, parts: Weak<Parts>) -> PurchaseLanes {
    Lanes::new(db, move |c: &mut Conn, batch: Vec<Purchase>| {
        let parts = parts.clone();
        Box::pin(async move {
            let Some(parts) = parts.upgrade() else {
                return Err(DbError::Closed("the server is shutting down").into());
            };
            purchase_batch(&App::from_parts(parts), c, batch).await
        })
    })
}

/// Buys: takes the stock, places the order and asks for the money, once per key.
///
/// # Errors
/// [`PaymentError`] by what was refused. A declined payment is not an error: the order stays
/// pending and can be paid again.
pub async fn purchase(
    app: &App,
    request: PurchaseRequest,
    key: String,
) -> Result<Purchased, PaymentError> {
    let faults = request.buyer.faults("buyer.");
    if !faults.is_empty() {
        return Err(SalesError::Invalid(faults).into());
    }
    let request_hash = NewOrder::hash_of(&request);
    let mut answer = try_purchase(app, &request, &key, request_hash).await;
    let is_tried_again = match &answer {
        // What was shown a moment ago has changed: look again, once.
        Err(PaymentError::Sales(SalesError::OfferChanged)) => {
            catalog::fresh_offer(app, request.event)
                .await
                .map_err(SalesError::from)?;
            true
        }
        // The same request was faster on another node; it is there now.
        Err(PaymentError::Db(error)) => error.violates(Violation::Unique),
        Ok(_) | Err(_) => false,
    };
    if is_tried_again {
        answer = try_purchase(app, &request, &key, request_hash).await;
    }
    if let (Err(PaymentError::Sales(SalesError::OrderRefused)), Some(hold)) =
        (&answer, request.hold)
    {
        // Who is refused for good keeps nothing from others.
        sales::release_hold(app, hold).await?;
    }
    match answer {
        // It may be refused now because it was granted before: then it is answered as before.
        Err(PaymentError::Sales(refusal)) => {
            match sales::order_by_key(app, request.event, &key, request_hash).await? {
                Some(order) => {
                    let payment = latest(app, order.order.id)
                        .await?
                        .ok_or(SalesError::OrderNotFound)?;
                    Ok(Purchased {
                        order,
                        payment,
                        is_new: false,
                    })
                }
                None => Err(refusal.into()),
            }
        }
        other => other,
    }
}

async fn try_purchase(
    app: &App,
    request: &PurchaseRequest,
    key: &str,
    request_hash: [u8; 32],
) -> Result<Purchased, PaymentError> {
    let offer = catalog::offer(app, request.event)
        .await
        .map_err(SalesError::from)?;
    if offer.event.sandbox && request.payment.moves_money() {
        return Err(PaymentError::SandboxOnly);
    }
    if request.hold.is_none() && waiting_room::is_waiting(app, request.event).await? {
        // Whoever has waited has a hold, which is what their pass was for.
        return Err(SalesError::WaitingRoom {
            event: request.event,
            refusal: EnterRefusal::NoPass,
        }
        .into());
    }
    let mut own_hold = None;
    let basis = match request.hold {
        Some(hold) => {
            let held = sales::held_cart(app, request.event, hold).await?;
            if !is_what_is_held(&request.items, &held.items) {
                return Err(SalesError::HoldGone.into());
            }
            on_hold(held, &offer)
        }
        None if sales::needs_hold(&offer, &request.items, &request.codes) => {
            // Seats and codes are taken in a write of their own; the same request finds it again.
            let wish = HoldWish {
                items: request.items.clone(),
                codes: request.codes.clone(),
                email: Some(request.buyer.email.clone()),
                // No buyer's key has a blank in it.
                idempotency_key: Some(format!("order {key}")),
                shown: PassShown::default(),
                is_invited: false,
            };
            let hold = sales::hold_wish(app, request.event, wish).await?;
            own_hold = Some(hold.id);
            on_hold(sales::held_cart(app, request.event, hold.id).await?, &offer)
        }
        None => {
            let cart = sales::cart(app, &offer, &request.items, &[]).await?;
            let tiers = cart.ticket_tiers();
            (Basis::Cart(Arc::new(cart)), tiers)
        }
    };
    let answer = order_on(app, request, (key, request_hash), &offer, basis).await;
    if let (Some(hold), Err(PaymentError::Sales(refusal))) = (own_hold, &answer)
        && !matches!(refusal, SalesError::Db(_))
    {
        // Nobody else knows of it: it would keep its seats from the buyer who asks again.
        sales::forget_hold(app, hold).await?;
    }
    answer
}

/// Places the order of a request that has its stock, or what it takes of it.
async fn order_on(
    app: &App,
    request: &PurchaseRequest,
    (key, request_hash): (&str, [u8; 32]),
    offer: &EventDetail,
    (basis, tiers): (Basis, Vec<TierId>),
) -> Result<Purchased, PaymentError> {
    let people = sales::people(
        app,
        request.event,
        &tiers,
        &request.answers,
        &request.tickets,
    )
    .await?;
    let purchase = Purchase {
        facts: sales::known_facts(offer, &request.buyer, &basis.tiers()),
        policy: sales::fraud_policy(app).await,
        order: NewOrder {
            id: OrderId::new(&*app.clock, &*app.random),
            event: request.event,
            buyer: request.buyer.clone(),
            people: Arc::new(people),
            tickets: sales::ticket_count(offer, basis.tiers().into_iter()),
            basis,
            pays: pays(&request.payment),
            idempotency_key: key.to_owned(),
            request_hash,
            sandbox: offer.event.sandbox,
            origin: request.origin,
            means: sandbox::fingerprint(&request.payment),
            verdict: None,
            staff: None,
            at: app.now(),
            cause: Cause::current(),
        },
        payment: PaymentId::new(&*app.clock, &*app.random),
        method: request.payment.clone(),
    };
    app.purchases.submit(request.event, purchase).await
}

fn on_hold(held: HeldCart, offer: &EventDetail) -> (Basis, Vec<TierId>) {
    let due = sales::tickets_due(offer, &held.items);
    let tiers = due.into_iter().map(|ticket| ticket.tier).collect();
    (Basis::Hold(Arc::new(held)), tiers)
}

/// Whether what is named beside a hold is what it holds; nothing is named as a rule.
fn is_what_is_held(named: &[ItemRequest], held: &[OrderItem]) -> bool {
    let (mut wanted, mut there) = (BTreeMap::new(), BTreeMap::new());
    for item in named {
        let sum = wanted.entry(item.tier).or_insert(0u64);
        let seats = u32::try_from(item.seats.len()).unwrap_or(u32::MAX);
        *sum += u64::from(item.quantity.max(seats));
    }
    for item in held {
        *there.entry(item.tier_id).or_insert(0u64) += u64::from(item.quantity);
    }
    named.is_empty() || wanted == there
}

/// How an order is paid that is paid so.
const fn pays(method: &PaymentMethod) -> Pays {
    let (some, nothing) = (sandbox::answer(method, 1), sandbox::answer(method, 0));
    match (some.0, nothing.0) {
        (PaymentState::Succeeded, _) => Pays::Now,
        (_, PaymentState::Succeeded) => Pays::IfFree,
        (
            PaymentState::Pending | PaymentState::Declined | PaymentState::Refunded,
            PaymentState::Pending | PaymentState::Declined | PaymentState::Refunded,
        ) => Pays::Later,
    }
}

async fn purchase_batch(
    app: &App,
    c: &mut Conn,
    batch: Vec<Purchase>,
) -> Result<Vec<Result<Purchased, PaymentError>>, PaymentError> {
    let Some(event) = batch.first().map(|purchase| purchase.order.event) else {
        return Ok(Vec::new());
    };
    let mut orders: Vec<_> = batch
        .iter()
        .map(|purchase| purchase.order.clone())
        .collect();
    if let Some(policy) = batch.first().map(|purchase| Arc::clone(&purchase.policy)) {
        let facts: Vec<_> = batch.iter().map(|purchase| purchase.facts).collect();
        sales::judge_in(app, c, &mut orders, &facts, &policy).await?;
    }
    sales::require_approval_in(app, c, event, &mut orders).await?;
    let placed = sales::place(app, c, event, &orders).await?;

    let payments: Vec<Option<Payment>> = batch
        .iter()
        .zip(&orders)
        .zip(&placed)
        .map(|((purchase, new), placed)| match placed {
            Ok(Placed::New(order)) => Some(first_payment(purchase, new, &order.order)),
            Ok(Placed::Before(_)) | Err(_) => None,
        })
        .collect();
    let mut new = Vec::new();
    for (purchase, payment) in batch.iter().zip(&payments) {
        if let Some(payment) = payment {
            new.push(store::NewPayment {
                payment,
                idempotency_key: &purchase.order.idempotency_key,
                request_hash: store::hash_with_order(payment.order_id),
            });
            if payment.state == PaymentState::Pending {
                call_back_later(app, c, payment, &purchase.method, &purchase.order.cause).await?;
            }
        }
    }
    store::insert(c, new).await?;

    let mut answers = Vec::with_capacity(batch.len());
    for (payment, placed) in payments.into_iter().zip(placed) {
        answers.push(match (placed, payment) {
            (Ok(Placed::New(order)), Some(payment)) => Ok(Purchased {
                order,
                payment,
                is_new: true,
            }),
            (Ok(Placed::New(order) | Placed::Before(order)), _) => {
                match store::of_order(c, order.order.id).await?.into_iter().next() {
                    Some(payment) => Ok(Purchased {
                        order,
                        payment,
                        is_new: false,
                    }),
                    None => Err(SalesError::OrderNotFound.into()),
                }
            }
            (Err(error), _) => Err(error.into()),
        });
    }
    Ok(answers)
}

/// The first payment of an order as it was placed.
fn first_payment(purchase: &Purchase, new: &NewOrder, order: &Order) -> Payment {
    let payment = new_payment(
        purchase.payment,
        order.id,
        &purchase.method,
        Money::new(order.total_minor, order.currency),
        new.at,
    );
    match &new.staff {
        Some(staff) => Payment {
            provider: staff.method.to_string(),
            state: PaymentState::Succeeded,
            decline_code: None,
            ..payment
        },
        // Nobody is asked for money before somebody has looked at the order.
        None if new.is_to_review() => Payment {
            state: PaymentState::Declined,
            decline_code: Some(UNDER_REVIEW.to_owned()),
            ..payment
        },
        None => payment,
    }
}

pub(super) fn new_payment(
    id: PaymentId,
    order: OrderId,
    method: &PaymentMethod,
    amount: Money,
    at: Timestamp,
) -> Payment {
    let (state, decline_code) = sandbox::answer(method, amount.minor);
    Payment {
        id,
        order_id: order,
        provider: method.provider().to_owned(),
        state,
        amount_minor: amount.minor,
        currency: amount.currency,
        decline_code: decline_code.map(str::to_owned),
        created_at: at,
        updated_at: at,
    }
}

/// Lets the sandbox call back, if that is what it does with such a payment.
async fn call_back_later(
    app: &App,
    c: &mut Conn,
    payment: &Payment,
    method: &PaymentMethod,
    cause: &Cause,
) -> Result<(), DbError> {
    let job = match sandbox::calls_back(method) {
        Some(true) => CALL_BACK_JOB,
        Some(false) => CALL_BACK_DECLINED_JOB,
        None => return Ok(()),
    };
    let at = Timestamp::from_ms(app.now().ms() + sandbox::CALL_BACK_MS);
    jobs::enqueue_caused_by(c, job, &payment.id, at, cause).await
}

/// Pays for an order that is still pending, after a declined payment.
///
/// # Errors
/// [`PaymentError`] by what was refused.
pub async fn pay(
    app: &App,
    order: OrderId,
    request: PaymentRequest,
    key: String,
) -> Result<Purchased, PaymentError> {
    let mut request_hash = NewOrder::hash_of(&request);
    if request.payment.names_means() {
        // It is kept as long as the payment.
        request_hash = app.vault.mac("payment request", &[request_hash.as_slice()]);
    }
    let means = match sandbox::fingerprint(&request.payment) {
        Some(fingerprint) => sales::means_used(app, order, &fingerprint).await?,
        None => None,
    };
    let id = PaymentId::new(&*app.clock, &*app.random);
    let work = app.clone();
    let (payment, is_new) = app
        .db
        .write_again(move |c| {
            let (app, request, key) = (work.clone(), request.clone(), key.clone());
            Box::pin(async move {
                // Locks the order first: of two payments at once, one is second and sees the first.
                let current = sales::lock_pending(&app, c, order).await?;
                if let Some((id, hash)) = store::by_key(c, order, &key).await? {
                    if hash != request_hash {
                        return Err(SalesError::KeyReused.into());
                    }
                    let payment = store::payment(c, id)
                        .await?
                        .ok_or(SalesError::OrderNotFound)?;
                    return Ok((payment, false));
                }
                let current = current.map_err(PaymentError::NotPayable)?;
                if sales::is_under_review_in(c, order).await? {
                    return Err(SalesError::UnderReview.into());
                }
                if current.sandbox && request.payment.moves_money() {
                    return Err(PaymentError::SandboxOnly);
                }
                let earlier = store::of_order(c, order).await?;
                if earlier
                    .iter()
                    .any(|payment| payment.state == PaymentState::Pending)
                {
                    return Err(PaymentError::UnderWay);
                }
                if let Some(used) = &means {
                    // Before any money moves; what is refused here can be paid by other means.
                    sales::count_means_in(c, order, used).await?;
                }
                let amount = Money::new(current.total_minor, current.currency);
                let mut payment = new_payment(id, order, &request.payment, amount, app.now());
                let row = store::NewPayment {
                    payment: &payment,
                    idempotency_key: &key,
                    request_hash,
                };
                store::insert(c, vec![row]).await?;
                call_back_later(&app, c, &payment, &request.payment, &Cause::current()).await?;
                if payment.state == PaymentState::Succeeded
                    && sales::mark_paid(&app, c, order).await? != PaidOutcome::Paid
                {
                    let (from, to) = (PaymentState::Succeeded, PaymentState::Refunded);
                    store::move_to(c, id, from, to, app.now()).await?;
                    payment.state = to;
                }
                Ok::<_, PaymentError>((payment, true))
            })
        })
        .await?;
    Ok(Purchased {
        order: sales::order(app, order).await?,
        payment,
        is_new,
    })
}

/// What a provider reports of a payment that was pending.
///
/// Reporting twice changes nothing. Money for which no stock is left, or that came by means of payment which
/// have bought all they may, goes back.
///
/// # Errors
/// A fault of the database, so that the provider's report is delivered again.
pub async fn provider_reports(
    app: &App,
    id: PaymentId,
    succeeded: bool,
) -> Result<(), PaymentError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let Some(payment) = store::payment(c, id).await? else {
                    return Ok(());
                };
                let (to, decline_code) = if succeeded {
                    (PaymentState::Succeeded, None)
                } else {
                    (PaymentState::Declined, Some(sandbox::LATE_DECLINE))
                };
                if !store::answered(c, id, to, decline_code, app.now()).await? {
                    return Ok(());
                }
                if !succeeded {
                    sales::forget_means_in(c, payment.order_id).await?;
                    return Ok(());
                }
                match sales::mark_paid(&app, c, payment.order_id).await? {
                    PaidOutcome::Paid => {}
                    PaidOutcome::AlreadyPaid | PaidOutcome::NoStockLeft | PaidOutcome::LimitMet => {
                        store::move_to(
                            c,
                            id,
                            PaymentState::Succeeded,
                            PaymentState::Refunded,
                            app.now(),
                        )
                        .await?;
                    }
                }
                Ok(())
            })
        })
        .await
}

/// Drops the payments of a deleted event of a sandbox; a deleted draft has none.
pub(crate) async fn on_event_deleted(c: &mut Conn, orders: &[OrderId]) -> Result<(), DbError> {
    if orders.is_empty() {
        return Ok(());
    }
    store::refunds::delete(c, orders).await?;
    store::delete(c, orders).await
}

/// The newest payment of an order, or of one that it came of.
///
/// # Errors
/// A fault of the database.
pub async fn latest(app: &App, order: OrderId) -> Result<Option<Payment>, PaymentError> {
    let payments = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let own = store::of_order(c, order).await?;
                if !own.is_empty() {
                    return Ok(own);
                }
                // It came of another order, that was paid for both.
                let mut shared = Vec::new();
                for other in sales::changes::paid_together_in(c, order).await? {
                    shared.extend(store::of_order(c, other).await?);
                }
                Ok::<_, DbError>(shared)
            })
        })
        .await?;
    Ok(payments.into_iter().next())
}
