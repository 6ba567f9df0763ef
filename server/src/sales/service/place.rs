//! Placing orders: all of a batch that can be.

use std::collections::{BTreeMap, HashMap, HashSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::money::Money;
use bilten_kernel::random;
use bilten_kernel::telemetry::Cause;

use super::super::codes;
use super::super::fraud::FraudDecision;
use super::super::model::*;
use super::super::resale::{self, ListingId};
use super::super::store::{self, Found, OrderWrite, Take};
use super::buyers::{email_lookup, opened, sealed};
use super::cart::{Cart, Founds, Priced};
use super::holds::Returned;
use super::people::{Attendee, insert_people};
use super::seats::seats_of;
use super::{HOLDS, ORDERS, SalesError, limits, review, take_all};
use crate::app::App;
use crate::catalog::{CounterKey, EventId};
use crate::events::{self, DomainEvent, PaidOrder, Refused};
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

/// Where the stock of an order goes, as far as is known before it is priced.
fn take_for(new: &NewOrder, cart: &Cart) -> Take {
    // What costs nobody knows what may turn out to cost something: it is held until then.
    if new.pays.settles(cart.known_total().unwrap_or(i64::MAX)) {
        Take::Sold
    } else {
        Take::Held
    }
}

/// What is asked of one counter in one way at one version.
type Asked = (CounterKey, Take, i64);

/// Lets all that is asked of carts that find too little of something be short, and so on.
fn spread(short: &mut HashSet<Asked>, carts: &[(usize, Take, &Cart)]) {
    let mut has_grown = !short.is_empty();
    while has_grown {
        has_grown = false;
        for (_, how, cart) in carts {
            let asked = |key: &CounterKey| (key.clone(), *how, cart.offer.event.version);
            let is_short = |(key, _): &(CounterKey, i64)| short.contains(&asked(key));
            if cart.stock.iter().any(is_short) {
                for (key, _) in &cart.stock {
                    has_grown |= short.insert(asked(key));
                }
            }
        }
    }
}

/// Takes the stock of the orders with these indices; gives what each got, or why it got nothing.
async fn take_stock(
    app: &App,
    c: &mut Conn,
    batch: &[NewOrder],
    fresh: &[usize],
    now: Timestamp,
) -> Result<Vec<(usize, Result<Got, SalesError>)>, DbError> {
    let mut answers = Vec::with_capacity(fresh.len());
    let mut sums: BTreeMap<Asked, i64> = BTreeMap::new();
    let mut direct = Vec::new();
    for &i in fresh {
        let new = &batch[i];
        match &new.basis {
            Basis::Hold(held) => answers.push((i, take_over_hold(app, c, new, held, now).await?)),
            Basis::Cart(cart) => {
                let how = take_for(new, cart);
                // Most carts with seats have a hold; what staff sells at once has none.
                if !take_seats(c, new, cart, how, now).await? {
                    let seats = cart.seats().into_iter().map(|(_, seat)| seat).collect();
                    answers.push((i, Err(SalesError::SeatsTaken(seats))));
                    continue;
                }
                direct.push((i, how, cart.as_ref()));
                for (key, quantity) in &cart.stock {
                    let asked = (key.clone(), how, cart.offer.event.version);
                    *sums.entry(asked).or_insert(0) += *quantity;
                }
            }
        }
    }

    let mut short: HashSet<Asked> = HashSet::new();
    let mut taken: HashMap<Asked, Found> = HashMap::new();
    for (asked, quantity) in &sums {
        let (key, how, version) = asked;
        match store::take(c, *how, key, *quantity, *version).await? {
            Some(found) => {
                taken.insert(asked.clone(), found);
            }
            None => {
                short.insert(asked.clone());
            }
        }
    }
    // Whoever has to be served by themselves takes nothing out of a sum: a price that follows the stock
    // would count those behind them.
    spread(&mut short, &direct);
    for (asked, quantity) in &sums {
        if short.contains(asked) && taken.remove(asked).is_some() {
            store::give_back(c, asked.1, &[(asked.0.clone(), *quantity)]).await?;
        }
    }
    // First come, first served: whoever stands behind finds as taken what those before them get.
    for (i, how, cart) in direct {
        let version = cart.offer.event.version;
        let asked = |key: &CounterKey| (key.clone(), how, version);
        let is_short = cart
            .stock
            .iter()
            .any(|(key, _)| short.contains(&asked(key)));
        let founds = if is_short {
            take_all(c, how, cart).await?
        } else {
            let mut founds = Founds::new();
            for (key, quantity) in &cart.stock {
                if let Some(next) = taken.get_mut(&asked(key)) {
                    founds.insert(key.clone(), *next);
                    next.taken += *quantity;
                }
            }
            Ok(founds)
        };
        let got = match founds {
            Ok(founds) => settle(c, &batch[i], cart, how, &founds, now).await?,
            Err(refused) => Err(refused),
        };
        if got.is_err() {
            free_seats(c, &batch[i], cart, now).await?;
            // It has given back what it got: those behind do not find it as taken.
            for (key, quantity) in &cart.stock {
                if let Some(next) = taken.get_mut(&asked(key)) {
                    next.taken -= *quantity;
                }
            }
        }
        answers.push((i, got));
    }
    answers.sort_by_key(|(i, _)| *i);
    Ok(answers)
}

/// Takes the seats of a cart in the name of its order; says whether it has all of them, otherwise it has
/// none.
async fn take_seats(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    how: Take,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (seats, holder) = (cart.seats(), new.id.to_string());
    if seats.is_empty() {
        return Ok(true);
    }
    let has_all = match how {
        Take::Sold => store::seats::sell(c, new.event, &holder, &seats, now).await?,
        Take::Held => {
            let until = Timestamp::from_ms(new.at.ms() + new.waits_ms());
            store::seats::hold(c, new.event, &holder, &seats, until, now).await?
        }
    };
    if !has_all {
        free_seats(c, new, cart, now).await?;
    }
    Ok(has_all)
}

/// Lets go of those seats of a cart that its order has.
async fn free_seats(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    now: Timestamp,
) -> Result<(), DbError> {
    let seats = cart.seats();
    if seats.is_empty() {
        return Ok(());
    }
    store::seats::free(c, new.event, &new.id.to_string(), &seats, now).await
}

/// Prices an order that has its stock; gives the stock back if it has no price.
async fn settle(
    c: &mut Conn,
    new: &NewOrder,
    cart: &Cart,
    how: Take,
    founds: &Founds,
    now: Timestamp,
) -> Result<Result<Got, SalesError>, DbError> {
    let got = match &cart.priced {
        Some(priced) => Ok(Got::of(cart, priced)),
        None => cart
            .price(now, founds, Vec::new())
            .map(|priced| Got::of(cart, &priced)),
    };
    match &got {
        Ok(got) if how == Take::Held && new.pays.settles(got.total.minor) => {
            store::sell_held(c, &cart.stock).await?;
            // They are its own by now.
            take_seats(c, new, cart, Take::Sold, now).await?;
        }
        Ok(_) => {}
        Err(_) => store::give_back(c, how, &cart.stock).await?,
    }
    Ok(got)
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

fn new_order(app: &App, new: &NewOrder, total: Money) -> Order {
    let is_paid = new.pays.settles(total.minor);
    Order {
        id: new.id,
        event_id: new.event,
        // Made anew on each attempt: a collision makes the lane try again, with another one.
        reference: random::token(&*app.random, 9).to_uppercase(),
        state: if is_paid {
            OrderState::Paid
        } else {
            OrderState::Pending
        },
        email: new.buyer.email.trim().to_owned(),
        name: new.buyer.name.trim().to_owned(),
        sandbox: new.sandbox,
        currency: total.currency,
        total_minor: total.minor,
        expires_at: (!is_paid).then(|| Timestamp::from_ms(new.at.ms() + new.waits_ms())),
        created_at: new.at,
        paid_at: is_paid.then_some(new.at),
    }
}

/// The names of those who are named on tickets, by number of the ticket.
pub(super) fn holders(attendees: &BTreeMap<u32, Attendee>) -> BTreeMap<u32, String> {
    attendees
        .iter()
        .map(|(number, attendee)| (*number, attendee.name.clone()))
        .collect()
}

pub(super) fn paid_event(
    order: &Order,
    items: &[OrderItem],
    holders: BTreeMap<u32, String>,
    cause: Cause,
) -> DomainEvent {
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
        lines: items.to_vec(),
        holders,
        paid_at: order.paid_at.unwrap_or(order.created_at),
    })
}
