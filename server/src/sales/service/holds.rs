//! Holds: capacity and seats that wait for a buyer, at a price that is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val, Violation};
use bilten_kernel::money::Money;

use super::super::codes;
use super::super::model::*;
use super::super::resale;
use super::super::store::{self, NewHold, Take};
use super::cart::{Cart, Founds, cart};
use super::seats::{seats_of, turn_for};
use super::{
    HOLDS, SalesError, email_lookup, end_pending, json_fault, limits, stock_of_hold, take_all,
};
use crate::app::App;
use crate::catalog::seating::SeatId;
use crate::catalog::{self, CounterKey, EventId, OccurrenceId};
use crate::waiting_room::{self, EnterRefusal, Gate, PassShown};

/// How many holds or orders one sweep ends in one write.
const SWEEP: i64 = 200;
/// How often seats are looked for anew, when somebody else was faster.
const SEAT_ATTEMPTS: usize = 3;

/// What somebody wants to be held.
#[derive(Clone, Debug, Default)]
pub struct HoldWish {
    /// What.
    pub items: Vec<ItemRequest>,
    /// The codes that they typed.
    pub codes: Vec<String>,
    /// Their address, if it is known: codes may be limited by buyer.
    pub email: Option<String>,
    /// Makes a repeated request hold once.
    pub idempotency_key: Option<String>,
    /// What they show, where people wait for the event.
    pub shown: PassShown,
    /// Whether it is offered to them, so that they need not show anything.
    pub is_invited: bool,
}

/// Reserves capacity for a buyer until a time. Where people wait for an event, it is for those who show
/// that it is their turn.
///
/// # Errors
/// [`SalesError`] by what was refused.
pub async fn hold(
    app: &App,
    event: EventId,
    wanted: Vec<ItemRequest>,
    idempotency_key: Option<String>,
    shown: PassShown,
) -> Result<Hold, SalesError> {
    let wish = HoldWish {
        items: wanted,
        idempotency_key,
        shown,
        ..HoldWish::default()
    };
    hold_wish(app, event, wish).await
}

/// Reserves capacity, seats and codes for a buyer until a time, at a price that stays. Where people wait
/// for an event, it is for those who show that it is their turn.
///
/// # Errors
/// [`SalesError`] by what was refused.
pub async fn hold_wish(app: &App, event: EventId, wish: HoldWish) -> Result<Hold, SalesError> {
    // By its keyed index: a plain hash could be tried against addresses, and holds are never forgotten.
    let buyer = wish.email.as_deref().map(|email| email_lookup(app, email));
    let request_hash = if wish.codes.is_empty() && buyer.is_none() {
        NewOrder::hash_of(&(event, &wish.items))
    } else {
        NewOrder::hash_of(&(event, &wish.items, &wish.codes, &buyer))
    };
    let gate = if wish.is_invited {
        Ok(Gate::Free)
    } else {
        waiting_room::gate(app, event, &wish.shown).await?
    };
    let gate = match (gate, wish.idempotency_key.clone()) {
        (Ok(gate), _) => gate,
        (Err(refusal), None) => return Err(SalesError::WaitingRoom { event, refusal }),
        // What was granted before is answered as before, whatever has become of the pass.
        (Err(refusal), Some(key)) => {
            return seen_before(app, event, key, request_hash)
                .await?
                .ok_or(SalesError::WaitingRoom { event, refusal });
        }
    };
    let (mut is_fresh, mut is_repeated, mut is_swept, mut attempts) = (false, false, false, 0);
    loop {
        let answer = try_hold(app, event, &wish, request_hash, gate).await;
        match &answer {
            // Their turn is kept: nothing of what was refused was written.
            Err(SalesError::WaitingRoom {
                refusal: EnterRefusal::Full,
                ..
            }) => {
                waiting_room::wait_at_door(app, &gate).await?;
                return answer;
            }
            // What was shown a moment ago has changed: look again, once.
            Err(SalesError::OfferChanged) if !is_fresh => {
                is_fresh = true;
                catalog::fresh_offer(app, event).await?;
            }
            // Another request with this key was faster; it is there now.
            Err(SalesError::Db(error)) if error.violates(Violation::Unique) && !is_repeated => {
                is_repeated = true;
            }
            // Somebody was faster with a seat: others are looked for, and named ones are refused by
            // name.
            Err(SalesError::SeatsTaken(_)) if attempts + 1 < SEAT_ATTEMPTS => attempts += 1,
            // Perhaps what is missing belongs to holds that have run out.
            Err(SalesError::SoldOut { .. }) if !is_swept => {
                is_swept = true;
                if sweep(app).await? == 0 {
                    return answer;
                }
            }
            _ => return answer,
        }
    }
}

/// The hold that an earlier request with this key made.
pub(in crate::sales) async fn seen_before(
    app: &App,
    event: EventId,
    key: String,
    request_hash: [u8; 32],
) -> Result<Option<Hold>, SalesError> {
    app.db
        .read(move |c| Box::pin(async move { held_before(c, event, &key, request_hash).await }))
        .await
}

async fn try_hold(
    app: &App,
    event: EventId,
    wish: &HoldWish,
    request_hash: [u8; 32],
    gate: Gate,
) -> Result<Hold, SalesError> {
    if let Some(key) = wish.idempotency_key.clone() {
        // What was granted before is answered as before, even if it could not be granted now.
        let held = seen_before(app, event, key, request_hash).await?;
        if let Some(hold) = held {
            return Ok(hold);
        }
    }
    let offer = catalog::offer(app, event).await?;
    // Until what was found is held.
    let _turn = turn_for(app, &offer, &wish.items).await;
    let cart = Arc::new(cart(app, &offer, &wish.items, &wish.codes).await?);
    let now = app.now();
    let making = Making {
        id: HoldId::new(&*app.clock, &*app.random),
        event,
        key: wish.idempotency_key.clone(),
        request_hash,
        buyer: wish.email.as_deref().map(|email| email_lookup(app, email)),
        until: Timestamp::from_ms(now.ms() + HOLD_MS),
        now,
        gate,
    };
    app.db
        .write_again(move |c| {
            let (cart, making) = (Arc::clone(&cart), making.clone());
            Box::pin(async move {
                if let Some(key) = &making.key
                    && let Some(hold) = held_before(c, event, key, making.request_hash).await?
                {
                    return Ok(hold);
                }
                make(c, &cart, making).await
            })
        })
        .await
}

/// What is known of a hold before it is made.
#[derive(Clone)]
struct Making {
    id: HoldId,
    event: EventId,
    key: Option<String>,
    request_hash: [u8; 32],
    buyer: Option<[u8; 32]>,
    until: Timestamp,
    now: Timestamp,
    gate: Gate,
}

pub(in crate::sales) async fn held_before(
    c: &mut Conn,
    event: EventId,
    key: &str,
    request_hash: [u8; 32],
) -> Result<Option<Hold>, SalesError> {
    let Some(row) = store::hold_by_key(c, event, key).await? else {
        return Ok(None);
    };
    if row.request_hash.as_deref() != Some(&request_hash[..]) {
        return Err(SalesError::KeyReused);
    }
    hold_from(c, row).await.map(Some)
}

/// Takes seats, stock and codes, in this order, and decides the price.
async fn make(c: &mut Conn, cart: &Cart, making: Making) -> Result<Hold, SalesError> {
    let (now, until, gate) = (making.now, making.until, making.gate);
    let holder = making.id.to_string();
    let seats = cart.seats();
    if !seats.is_empty()
        && !store::seats::hold(c, making.event, &holder, &seats, until, now).await?
    {
        let seats = seats.into_iter().map(|(_, seat)| seat).collect();
        return Err(SalesError::SeatsTaken(seats));
    }
    let founds = take_all(c, Take::Held, cart).await??;
    let priced = match &cart.priced {
        Some(priced) => priced.as_ref().clone(),
        None => priced_with_codes(c, cart, &founds, making.buyer, now).await?,
    };
    let has_codes = !priced.quote.codes.is_empty();
    if has_codes {
        codes::reserve(c, &holder, &priced.quote.codes, making.buyer, now)
            .await?
            .map_err(SalesError::Price)?;
    }
    let new = NewHold {
        id: making.id,
        event: making.event,
        key: making.key,
        request_hash: making.request_hash,
        items: priced.items,
        total: priced.total,
        snapshot: priced.snapshot,
        stock: cart.stock.clone(),
        has_codes,
        expires_at: until,
    };
    written(c, new, &gate, now).await
}

/// Writes a hold down that has what it holds, and lets in whoever waited for it. To be called last in a
/// write.
pub(in crate::sales) async fn written(
    c: &mut Conn,
    new: NewHold,
    gate: &Gate,
    now: Timestamp,
) -> Result<Hold, SalesError> {
    store::insert_hold(c, &new, now).await?;
    if let Err(refusal) = waiting_room::enter(c, gate, new.id, now).await? {
        let event = new.event;
        return Err(SalesError::WaitingRoom { event, refusal });
    }
    c.after_commit(|| HOLDS.add(&[("state", "made")], 1));
    Ok(Hold {
        id: new.id,
        event_id: new.event,
        expires_at: new.expires_at,
        items: new.items.into_iter().map(HeldItem::from).collect(),
        currency: new.total.currency,
        total_minor: new.total.minor,
    })
}

/// What a cart costs by what was found, with its codes locked for the rest of the write.
async fn priced_with_codes(
    c: &mut Conn,
    cart: &Cart,
    founds: &Founds,
    buyer: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<super::cart::Priced, SalesError> {
    let organisation = cart.offer.event.organisation_id;
    codes::lock(c, organisation, &cart.codes).await?;
    let facts = codes::facts(c, organisation, cart.offer.event.id, &cart.codes, buyer).await?;
    let facts = facts
        .into_iter()
        .map(|(_, code, fact)| (code, fact))
        .collect();
    cart.price(now, founds, facts)
}

async fn hold_from(c: &mut Conn, row: store::HoldRow) -> Result<Hold, SalesError> {
    if row.state != "active" {
        return Err(SalesError::HoldGone);
    }
    let items = store::hold_items(c, row.id).await?;
    Ok(Hold {
        id: row.id,
        event_id: row.event_id,
        expires_at: row.expires_at,
        items: items.into_iter().map(HeldItem::from).collect(),
        currency: row.currency,
        total_minor: row.total_minor,
    })
}

/// An active hold.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn active_hold(app: &App, id: HoldId) -> Result<Hold, SalesError> {
    let now = app.now();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = active_row(c, id, now).await?;
                hold_from(c, row).await
            })
        })
        .await
}

async fn active_row(
    c: &mut Conn,
    id: HoldId,
    now: Timestamp,
) -> Result<store::HoldRow, SalesError> {
    store::hold(c, id)
        .await?
        .filter(|row| row.state == "active" && row.expires_at > now)
        .ok_or(SalesError::HoldGone)
}

/// An active hold of an event as an order takes it over.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended, never was, or is of another event; a fault of the database.
pub async fn held_cart(app: &App, event: EventId, id: HoldId) -> Result<HeldCart, SalesError> {
    let now = app.now();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let row = active_row(c, id, now).await?;
                if row.event_id != event {
                    return Err(SalesError::HoldGone);
                }
                let items = store::hold_items(c, id).await?;
                Ok(HeldCart {
                    id,
                    stock: stock_of_hold(c, id, &items).await?,
                    items,
                    total: Money::new(row.total_minor, row.currency),
                    snapshot: store::hold_snapshot(c, id).await?,
                    has_codes: row.has_codes,
                })
            })
        })
        .await
}

/// How the price of an active hold comes about; none of holds from before that was kept.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn hold_price(app: &App, id: HoldId) -> Result<Option<PriceParts>, SalesError> {
    let now = app.now();
    let snapshot = app
        .db
        .read(move |c| {
            Box::pin(async move {
                active_row(c, id, now).await?;
                Ok::<_, SalesError>(store::hold_snapshot(c, id).await?)
            })
        })
        .await?;
    Ok(match snapshot {
        Some(text) => {
            let snapshot: bilten_core::price::PriceSnapshot =
                serde_json::from_str(&text).map_err(|error| json_fault(&error))?;
            Some(snapshot.quote.into())
        }
        None => None,
    })
}

/// Lets an active hold go on for as long as a new one would, up to 30 minutes in all; one that was offered
/// for longer stays as it is. Asking again changes no more than the time.
///
/// # Errors
/// [`SalesError::HoldGone`] if it has ended or never was; a fault of the database.
pub async fn extend_hold(app: &App, id: HoldId) -> Result<Hold, SalesError> {
    let now = app.now();
    let until = Timestamp::from_ms(now.ms() + HOLD_MS);
    app.db
        .write_again(move |c| {
            Box::pin(async move {
                if !store::extend_hold(c, id, until, HOLD_MOST_MS, now).await? {
                    return Err(SalesError::HoldGone);
                }
                let row = store::hold(c, id).await?.ok_or(SalesError::HoldGone)?;
                let seats = seats_of(&store::hold_items(c, id).await?);
                let (event, until) = (row.event_id, row.expires_at);
                let holder = id.to_string();
                let stock = store::hold_stock(c, id).await?.unwrap_or_default();
                let listings = resale::listings_of(c, Some(id), &stock).await?;
                if !listings.is_empty() {
                    // Their seats are their sellers' until they are paid.
                    if !resale::keep(c, &listings, id, until).await? {
                        return Err(SalesError::HoldGone);
                    }
                } else if !seats.is_empty()
                    && !store::seats::extend(c, event, &holder, &seats, until, now).await?
                {
                    return Err(SalesError::HoldGone);
                }
                hold_from(c, row).await
            })
        })
        .await
}

/// Gives up a hold; its capacity is free at once. Giving it up again changes nothing.
///
/// # Errors
/// A fault of the database.
pub async fn release_hold(app: &App, id: HoldId) -> Result<(), SalesError> {
    give_up(app, id, false).await
}

/// The same for a hold that an order made for itself and cannot use: the same request may make it anew.
///
/// # Errors
/// A fault of the database.
pub async fn forget_hold(app: &App, id: HoldId) -> Result<(), SalesError> {
    give_up(app, id, true).await
}

async fn give_up(app: &App, id: HoldId, is_key_free: bool) -> Result<(), SalesError> {
    let now = app.now();
    app.db
        .write_again(move |c| {
            Box::pin(async move {
                let mut returned = Returned::default();
                let is_ended = store::end_hold(c, id, "released", None).await?
                    && return_hold(c, id, "released", &mut returned).await?;
                returned.give_back(c, Take::Held, now).await?;
                if is_ended && is_key_free {
                    store::free_hold_key(c, id).await?;
                }
                if is_ended {
                    waiting_room::choose_again(c, id.to_string(), now).await?;
                }
                Ok(())
            })
        })
        .await
}

/// A seat of a date and an event, and in whose name it is taken.
type HolderSeat = (OccurrenceId, SeatId, EventId, String);

/// What goes back when holds and orders end: put together, so that one write gives all of it back in the
/// order in which everybody takes.
#[derive(Default)]
pub(super) struct Returned {
    seats: Vec<HolderSeat>,
    stock: BTreeMap<CounterKey, i64>,
    codes: Vec<String>,
    /// The holders that have no stock: tickets of others, perhaps.
    resold: Vec<String>,
}

impl Returned {
    /// Adds what a hold or order has.
    pub(super) fn add(
        &mut self,
        event: EventId,
        seat_holder: &str,
        items: &[OrderItem],
        stock: Vec<(CounterKey, i64)>,
    ) {
        if stock.is_empty() {
            self.resold.push(seat_holder.to_owned());
        }
        let seats = seats_of(items).into_iter();
        self.seats
            .extend(seats.map(|(date, seat)| (date, seat, event, seat_holder.to_owned())));
        for (key, quantity) in stock {
            *self.stock.entry(key).or_insert(0) += quantity;
        }
    }

    /// Adds the codes of a hold or order.
    pub(super) fn add_codes(&mut self, holder: String) {
        self.codes.push(holder);
    }

    /// Gives all of it back.
    pub(super) async fn give_back(
        mut self,
        c: &mut Conn,
        how: Take,
        now: Timestamp,
    ) -> Result<(), DbError> {
        self.seats.sort();
        while !self.seats.is_empty() {
            // A statement may meet each row once: a seat that went from one of them to another comes again.
            let (mut round, mut again) = (Vec::<HolderSeat>::new(), Vec::new());
            for seat in std::mem::take(&mut self.seats) {
                let is_there = round
                    .last()
                    .is_some_and(|last| (last.0, last.1) == (seat.0, seat.1));
                if is_there {
                    again.push(seat);
                } else {
                    round.push(seat);
                }
            }
            store::seats::free_all(c, &round, now).await?;
            self.seats = again;
        }
        let stock: Vec<_> = self.stock.into_iter().collect();
        store::give_back(c, how, &stock).await?;
        if !self.codes.is_empty() {
            codes::give_back_all(c, &self.codes).await?;
        }
        if !self.resold.is_empty() {
            resale::let_go(c, &self.resold).await?;
        }
        Ok(())
    }
}

/// Adds what a hold has that was ended in this state to `returned`.
async fn return_hold(
    c: &mut Conn,
    id: HoldId,
    state: &'static str,
    returned: &mut Returned,
) -> Result<bool, DbError> {
    let Some(row) = store::hold(c, id).await? else {
        return Ok(false);
    };
    let items = store::hold_items(c, id).await?;
    let stock = stock_of_hold(c, id, &items).await?;
    returned.add(row.event_id, &id.to_string(), &items, stock);
    if row.has_codes {
        returned.add_codes(id.to_string());
    }
    c.after_commit(move || HOLDS.add(&[("state", state)], 1));
    Ok(true)
}

/// What became of a hold, whatever its state: its event, and the order that was placed with the
/// hold's id as its idempotency key, as the storefront does.
///
/// # Errors
/// A fault of the database.
pub async fn after_hold(
    app: &App,
    id: HoldId,
) -> Result<Option<(EventId, Option<OrderId>)>, SalesError> {
    let key = Val::texts([id.to_string()]);
    app.db
        .read(move |c| {
            Box::pin(async move {
                let Some(hold) = store::hold(c, id).await? else {
                    return Ok(None);
                };
                let orders = store::orders_by_keys(c, hold.event_id, key).await?;
                Ok(Some((hold.event_id, orders.first().map(|order| order.id))))
            })
        })
        .await
}

/// Ends holds and pending orders whose time is over; says how many.
///
/// # Errors
/// A fault of the database.
pub async fn sweep(app: &App) -> Result<usize, SalesError> {
    let now = app.now();
    let (holds, orders) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                Ok::<_, DbError>((
                    store::due_holds(c, now, SWEEP).await?,
                    store::due_orders(c, now, SWEEP).await?,
                ))
            })
        })
        .await?;
    if holds.is_empty() && orders.is_empty() {
        return Ok(0);
    }
    app.db
        .write_again(move |c| {
            let (holds, orders) = (holds.clone(), orders.clone());
            Box::pin(async move {
                let (mut ended, mut returned) = (Vec::new(), Returned::default());
                // Since they were found, somebody may have been given more time.
                for id in holds {
                    if store::expire_hold(c, id, now).await?
                        && return_hold(c, id, "expired", &mut returned).await?
                    {
                        ended.push(id.to_string());
                    }
                }
                let mut due = Vec::with_capacity(orders.len());
                for id in orders {
                    if store::lock_if_due(c, id, now).await? {
                        due.push(id);
                    }
                }
                limits::lock_in(c, &due).await?;
                for id in due {
                    if end_pending(c, id, OrderState::Expired, &mut returned).await? {
                        ended.push(id.to_string());
                    }
                }
                returned.give_back(c, Take::Held, now).await?;
                waiting_room::leave(c, &ended, now).await?;
                Ok(ended.len())
            })
        })
        .await
}
