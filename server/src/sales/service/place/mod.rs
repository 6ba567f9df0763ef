//! Placing orders: all of a batch that can be.

mod order;
mod stock;

pub(super) use order::{holders, paid_event};

use std::collections::{HashMap, HashSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::money::Money;

use order::new_order;
use stock::{lock_taken_over, take_stock};

use super::super::codes;
use super::super::files;
use super::super::fraud::FraudDecision;
use super::super::model::*;
use super::super::resale::{self, ListingId};
use super::super::store::{self, OrderWrite, Take};
use super::buyers::{email_lookup, opened, sealed};
use super::cart::{Cart, Priced};
use super::holds::Returned;
use super::people::insert_people;
use super::seats::seats_of;
use super::{HOLDS, ORDERS, SalesError, limits, review};
use crate::app::App;
use crate::catalog::{CounterKey, EventId};
use crate::events::{self, Refused};
use crate::waiting_room;

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
    let files_of = |&i: &usize| (i, files::named(&batch[i].people.answers));
    let named: Vec<_> = fresh.iter().map(files_of).collect();
    for (i, refused) in files::lock(c, event, &named, app.now()).await? {
        answers[i] = Some(Err(refused));
    }
    fresh.retain(|&i| answers[i].is_none());
    lock_taken_over(c, batch, &fresh).await?;
    let (counted, too_many) = limits::count_batch_in(app, c, event, batch, &fresh).await?;
    for (i, refused) in too_many {
        answers[i] = Some(Err(refused));
    }
    fresh.retain(|&i| answers[i].is_none());
    let now = app.now();
    let mut ready = Vec::with_capacity(fresh.len());
    for (i, taken) in take_stock(app, c, batch, &fresh, now).await? {
        let taken = match taken {
            Ok(got) => take_resold(app, c, &batch[i], got, now).await?,
            Err(refused) => Err(refused),
        };
        match taken {
            Ok(got) => ready.push((i, got)),
            Err(refused) => answers[i] = Some(Err(refused)),
        }
    }

    let mut writes = Vec::with_capacity(ready.len());
    for (i, got) in ready {
        let order = new_order(app, &batch[i], got.total);
        let buyer = sealed(app, &order)?;
        writes.push((
            i,
            OrderWrite {
                new: &batch[i],
                order,
                buyer,
                items: got.items,
                snapshot: got.snapshot,
                stock: got.stock,
                has_codes: got.has_codes,
                hold: got.hold,
            },
        ));
    }
    let (places, writes): (Vec<usize>, Vec<OrderWrite<'_>>) = writes.into_iter().unzip();
    store::insert_orders(c, &writes).await?;
    let people: Vec<_> = writes
        .iter()
        .map(|write| (write.order.id, write.new.people.as_ref()))
        .collect();
    insert_people(app, c, &people).await?;
    let new_orders: Vec<&NewOrder> = writes.iter().map(|write| write.new).collect();
    let ids: HashSet<OrderId> = new_orders.iter().map(|new| new.id).collect();
    counted.settle_in(c, event, |id| ids.contains(&id)).await?;
    review::keep_in(c, &new_orders).await?;
    store::desk::insert_origins(c, &new_orders).await?;
    go_on_for_orders(c, &writes, now).await?;
    let count = writes.iter().filter(|write| !write.new.sandbox).count() as u64;
    c.after_commit(move || ORDERS.add(&[("state", "created")], count));
    let paid = writes
        .iter()
        .filter(|write| write.order.state == OrderState::Paid)
        .map(|write| {
            let holders = holders(&write.new.people.attendees);
            paid_event(&write.order, &write.items, holders, write.new.cause.clone())
        })
        .collect();
    events::publish(app, c, paid).await.map_err(fault)?;

    for (i, write) in places.into_iter().zip(writes) {
        answers[i] = Some(Ok(Placed::New(OrderDetail {
            order: write.order,
            items: write.items,
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

/// Ends the visits of those who have paid by the hold that they waited for; the others go on for their
/// orders.
async fn go_on_for_orders(
    c: &mut Conn,
    writes: &[OrderWrite<'_>],
    now: Timestamp,
) -> Result<(), DbError> {
    let (mut paid, mut pending) = (Vec::new(), Vec::new());
    for write in writes {
        let Some(hold) = write.hold else { continue };
        if write.order.state == OrderState::Paid {
            paid.push(hold.to_string());
        } else {
            pending.push((hold.to_string(), write.order.id.to_string()));
        }
    }
    waiting_room::rename(c, &pending).await?;
    waiting_room::leave(c, &paid, now).await
}

/// A refusal that cannot come from the events we publish here is a fault.
fn fault(refused: Refused) -> DbError {
    match refused {
        Refused::Db(error) => error,
        Refused::CapacityBelowSold | Refused::SeatsTaken(_) => {
            DbError::Closed("a sale was refused by a reaction")
        }
    }
}

/// What an order has got, so that it can be written.
struct Got {
    items: Vec<OrderItem>,
    total: Money,
    snapshot: Option<String>,
    stock: Vec<(CounterKey, i64)>,
    has_codes: bool,
    hold: Option<HoldId>,
    /// The tickets of others that it buys.
    listings: Vec<ListingId>,
}

impl Got {
    fn of(cart: &Cart, priced: &Priced) -> Self {
        Self {
            items: priced.items.clone(),
            total: priced.total,
            snapshot: priced.snapshot.clone(),
            stock: cart.stock.clone(),
            has_codes: false,
            hold: None,
            listings: Vec::new(),
        }
    }
}

/// Lets an order take over what a hold has: its stock, its seats, its codes and its price.
async fn take_over_hold(
    app: &App,
    c: &mut Conn,
    new: &NewOrder,
    held: &HeldCart,
    now: Timestamp,
) -> Result<Result<Got, SalesError>, DbError> {
    let (holder, seats) = (held.id.to_string(), seats_of(&held.items));
    if held.has_codes {
        // Refused before anything is changed: the hold stays for another buyer or without the code.
        let buyer = email_lookup(app, &new.buyer.email);
        if let Err(refusal) = codes::name_buyer(c, &holder, buyer).await? {
            return Ok(Err(SalesError::Price(refusal)));
        }
    }
    if !store::end_hold(c, held.id, "ordered", Some(new.at)).await? {
        return Ok(Err(SalesError::HoldGone));
    }
    let listings = resale::listings_of(c, Some(held.id), &held.stock).await?;
    if !listings.is_empty() {
        c.after_commit(|| HOLDS.add(&[("state", "ordered")], 1));
        return Ok(Ok(Got {
            items: held.items.clone(),
            total: held.total,
            snapshot: None,
            stock: Vec::new(),
            has_codes: false,
            hold: Some(held.id),
            listings,
        }));
    }
    let is_paid = new.pays.settles(held.total.minor);
    let are_there = if seats.is_empty() {
        true
    } else if is_paid {
        store::seats::sell(c, new.event, &holder, &seats, now).await?
    } else {
        let until = Timestamp::from_ms(new.at.ms() + new.waits_ms());
        store::seats::extend(c, new.event, &holder, &seats, until, now).await?
    };
    let mut refused = (!are_there).then_some(SalesError::HoldGone);
    if let (Some((key, _)), Some(item)) = (held.stock.first(), held.items.first()) {
        // Whoever stops the sale in this moment is waited for.
        if are_there && !store::is_selling(c, key).await? {
            refused = Some(SalesError::OffSale {
                tier: item.tier_id,
                not_yet: false,
            });
        }
    }
    if let Some(refused) = refused {
        let mut returned = Returned::default();
        returned.add(new.event, &holder, &held.items, held.stock.clone());
        if held.has_codes {
            returned.add_codes(holder);
        }
        returned.give_back(c, Take::Held, now).await?;
        return Ok(Err(refused));
    }
    if is_paid {
        store::sell_held(c, &held.stock).await?;
    }
    if held.has_codes {
        let order = new.id.to_string();
        codes::rename(c, &holder, &order).await?;
        if is_paid {
            codes::confirm(c, &order).await?;
        }
    }
    c.after_commit(|| HOLDS.add(&[("state", "ordered")], 1));
    Ok(Ok(Got {
        items: held.items.clone(),
        total: held.total,
        snapshot: held.snapshot.clone(),
        stock: held.stock.clone(),
        has_codes: held.has_codes,
        hold: Some(held.id),
        listings: Vec::new(),
    }))
}

/// Gets the tickets that an order buys of others, if it does: sold if the order is paid, kept for it
/// otherwise. After all stock, since selling it waits for the event's feed.
async fn take_resold(
    app: &App,
    c: &mut Conn,
    new: &NewOrder,
    mut got: Got,
    now: Timestamp,
) -> Result<Result<Got, SalesError>, DbError> {
    let Some(hold) = got.hold.filter(|_| !got.listings.is_empty()) else {
        return Ok(Ok(got));
    };
    let is_there = if new.pays.settles(got.total.minor) {
        match resale::sell(app, c, &got.listings, (new.id, hold), now).await? {
            Some(units) => {
                got.stock = units;
                true
            }
            None => false,
        }
    } else {
        let until = Timestamp::from_ms(new.at.ms() + new.waits_ms());
        resale::keep(c, &got.listings, hold, until).await?
    };
    if is_there {
        return Ok(Ok(got));
    }
    resale::let_go(c, &[hold.to_string()]).await?;
    // Whoever was offered it and got nothing waits on.
    store::not_ordered(c, hold).await?;
    Ok(Err(SalesError::HoldGone))
}
