//! Placing orders: all of a batch that can be.

use std::collections::{BTreeMap, HashMap, HashSet};

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::random;
use bilten_kernel::telemetry::Cause;

use super::super::fraud::FraudDecision;
use super::super::model::*;
use super::super::store::{self, Take};
use super::buyers::{opened, sealed};
use super::{HOLDS, ORDERS, SalesError, limits, review, take_all};
use crate::app::App;
use crate::catalog::{EventId, TierId};
use crate::events::{self, DomainEvent, PaidOrder, Refused};

/// Places orders of one event inside a write, all that can be.
///
/// Stock is decided once for the whole batch where it is plentiful, and order by order, in the
/// order given, where it is not.
///
/// # Errors
/// A fault of the database; refusals are among the answers.
pub async fn place(
    app: &App,
    c: &mut Conn,
    event: EventId,
    batch: &[NewOrder],
) -> Result<Vec<Result<Placed, SalesError>>, DbError> {
    let mut answers: Vec<Option<Result<Placed, SalesError>>> = vec![None; batch.len()];

    // What was asked before is answered as before.
    let keys = Val::texts(batch.iter().map(|new| &new.idempotency_key));
    let mut before = HashMap::new();
    for row in store::orders_by_keys(c, event, keys).await? {
        before.insert(row.idempotency_key.clone(), row);
    }
    let mut first_of_key: HashMap<&str, usize> = HashMap::new();
    let mut repeats = Vec::new();
    let mut fresh = Vec::new();
    for (i, new) in batch.iter().enumerate() {
        if let Some(row) = before.get(&new.idempotency_key) {
            answers[i] = Some(if row.request_hash == new.request_hash {
                let items = store::order_items(c, row.id).await?;
                Ok(Placed::Before(OrderDetail {
                    order: opened(app, row.clone())?,
                    items,
                }))
            } else {
                Err(SalesError::KeyReused)
            });
        } else if let Some(&first) = first_of_key.get(new.idempotency_key.as_str()) {
            repeats.push((i, first));
        } else {
            first_of_key.insert(&new.idempotency_key, i);
            fresh.push(i);
        }
    }

    for &i in &fresh {
        if batch[i].decision() == Some(FraudDecision::Refuse) {
            answers[i] = Some(Err(SalesError::OrderRefused));
        }
    }
    fresh.retain(|&i| answers[i].is_none());
    let (counted, too_many) = limits::count_batch_in(app, c, event, batch, &fresh).await?;
    for (i, refused) in too_many {
        answers[i] = Some(Err(refused));
    }
    fresh.retain(|&i| answers[i].is_none());
    for (i, refused) in take_stock(c, batch, &fresh).await? {
        answers[i] = Some(Err(refused));
    }
    fresh.retain(|&i| answers[i].is_none());

    let placed: Vec<_> = fresh
        .iter()
        .map(|&i| {
            let order = new_order(app, &batch[i]);
            let buyer = sealed(app, &order)?;
            Ok((&batch[i], order, buyer))
        })
        .collect::<Result<_, DbError>>()?;
    store::insert_orders(c, &placed).await?;
    let new_orders: Vec<&NewOrder> = placed.iter().map(|(new, ..)| *new).collect();
    let ids: HashSet<OrderId> = new_orders.iter().map(|new| new.id).collect();
    counted.settle_in(c, event, |id| ids.contains(&id)).await?;
    review::keep_in(c, &new_orders).await?;
    store::desk::insert_origins(c, &new_orders).await?;
    let count = placed.iter().filter(|(new, ..)| !new.sandbox).count() as u64;
    c.after_commit(move || ORDERS.add(&[("state", "created")], count));
    let paid = placed
        .iter()
        .filter(|(new, ..)| new.paid)
        .map(|(new, order, _)| paid_event(order, &new.items, new.cause.clone()))
        .collect();
    events::publish(app, c, paid).await.map_err(fault)?;

    for (&i, (new, order, _)) in fresh.iter().zip(placed) {
        answers[i] = Some(Ok(Placed::New(OrderDetail {
            order,
            items: new.items.clone(),
        })));
    }
    for (i, first) in repeats {
        answers[i] = Some(if batch[i].request_hash != batch[first].request_hash {
            Err(SalesError::KeyReused)
        } else {
            match answers[first].clone() {
                Some(Ok(placed)) => Ok(Placed::Before(placed.into_order())),
                Some(Err(error)) => Err(error),
                None => Err(SalesError::OrderNotFound),
            }
        });
    }
    Ok(answers
        .into_iter()
        .map(|answer| answer.unwrap_or(Err(SalesError::OrderNotFound)))
        .collect())
}

/// A refusal that cannot come from the events we publish here is a fault.
fn fault(refused: Refused) -> DbError {
    match refused {
        Refused::Db(error) => error,
        Refused::CapacityBelowSold => DbError::Closed("a sale was refused by a reaction"),
    }
}

const fn take_for(new: &NewOrder) -> Take {
    if new.paid { Take::Sold } else { Take::Held }
}

fn stock_of(new: &NewOrder) -> Vec<(TierId, i64)> {
    new.items
        .iter()
        .map(|item| (item.tier_id, i64::from(item.quantity)))
        .collect()
}

/// Takes the stock of the orders with these indices; gives those that got none, and why.
async fn take_stock(
    c: &mut Conn,
    batch: &[NewOrder],
    fresh: &[usize],
) -> Result<Vec<(usize, SalesError)>, DbError> {
    let mut refused = Vec::new();
    let mut sums: BTreeMap<(TierId, Take, i64), i64> = BTreeMap::new();
    let mut direct = Vec::new();
    for &i in fresh {
        let new = &batch[i];
        if let Some(hold) = new.hold {
            if let Err(error) = take_over_hold(c, new, hold).await? {
                refused.push((i, error));
            }
            continue;
        }
        direct.push(i);
        for (tier, quantity) in stock_of(new) {
            *sums
                .entry((tier, take_for(new), new.event_version))
                .or_insert(0) += quantity;
        }
    }

    let mut short = Vec::new();
    let mut taken = Vec::new();
    for (&(tier, how, version), &quantity) in &sums {
        if store::take(c, how, tier, quantity, version).await? {
            taken.push((tier, how, version));
        } else {
            short.push((tier, how, version));
        }
    }
    if short.is_empty() {
        return Ok(refused);
    }
    // Not enough for all that want these tiers: first come, first served.
    for i in direct {
        let new = &batch[i];
        let how = take_for(new);
        let stock = stock_of(new);
        if !stock
            .iter()
            .any(|&(tier, _)| short.contains(&(tier, how, new.event_version)))
        {
            continue;
        }
        for &(tier, quantity) in stock
            .iter()
            .filter(|&&(tier, _)| taken.contains(&(tier, how, new.event_version)))
        {
            store::give_back(c, how, tier, quantity).await?;
        }
        if let Err(error) = take_all(c, how, &stock, new.event_version).await? {
            refused.push((i, error));
        }
    }
    Ok(refused)
}

/// Lets an order take over what a hold has reserved.
async fn take_over_hold(
    c: &mut Conn,
    new: &NewOrder,
    hold: HoldId,
) -> Result<Result<(), SalesError>, DbError> {
    let held: Vec<_> = store::hold_items(c, hold).await?;
    let wanted: Vec<_> = new
        .items
        .iter()
        .map(|item| (item.tier_id, item.quantity))
        .collect();
    if held != wanted || !store::end_hold(c, hold, "ordered", Some(new.at)).await? {
        return Ok(Err(SalesError::HoldGone));
    }
    c.after_commit(|| HOLDS.add(&[("state", "ordered")], 1));
    if new.paid {
        for (tier, quantity) in stock_of(new) {
            store::sell_held(c, tier, quantity).await?;
        }
    }
    Ok(Ok(()))
}

fn new_order(app: &App, new: &NewOrder) -> Order {
    Order {
        id: new.id,
        event_id: new.event,
        // Made anew on each attempt: a collision makes the lane try again, with another one.
        reference: random::token(&*app.random, 9).to_uppercase(),
        state: if new.paid {
            OrderState::Paid
        } else {
            OrderState::Pending
        },
        email: new.buyer.email.trim().to_owned(),
        name: new.buyer.name.trim().to_owned(),
        sandbox: new.sandbox,
        currency: new.total.currency,
        total_minor: new.total.minor,
        expires_at: (!new.paid).then(|| {
            let lasts = if new.is_to_review() {
                REVIEW_MS
            } else {
                HOLD_MS
            };
            bilten_kernel::clock::Timestamp::from_ms(new.at.ms() + lasts)
        }),
        created_at: new.at,
        paid_at: new.paid.then_some(new.at),
    }
}

pub(super) fn paid_event(order: &Order, items: &[OrderItem], cause: Cause) -> DomainEvent {
    DomainEvent::OrderPaid(PaidOrder {
        cause,
        order: order.id,
        event: order.event_id,
        reference: order.reference.clone(),
        name: order.name.clone(),
        sandbox: order.sandbox,
        items: items
            .iter()
            .map(|item| (item.tier_id, item.quantity))
            .collect(),
        paid_at: order.paid_at.unwrap_or(order.created_at),
    })
}
