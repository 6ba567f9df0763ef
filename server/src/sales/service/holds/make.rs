//! Making holds: who may, what is there for them, and what it costs.

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Violation};

use super::hold_from;
use super::sweep::sweep;
use super::together::HoldWork;
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::sales::codes;
use crate::sales::model::*;
use crate::sales::service::cart::{Cart, Founds, Priced, cart};
use crate::sales::service::seats::turn_for;
use crate::sales::service::{HOLDS, SalesError, email_lookup, take_all};
use crate::sales::store::{self, NewHold, Take};
use crate::waiting_room::{self, EnterRefusal, Gate, PassShown};

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
    let turn = turn_for(app, &offer, &wish.items).await;
    let cart = Arc::new(cart(app, &offer, &wish.items, &wish.codes).await?);
    // Nobody else finds them until they are held.
    let _found = turn.map(|turn| turn.over(&app.seat_turns, cart.seats()));
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
    let held = app
        .holds
        .submit(event, HoldWork::make(cart, making))
        .await?;
    held.ok_or(SalesError::HoldGone)
}

/// What is known of a hold before it is made.
#[derive(Clone)]
pub(super) struct Making {
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

/// Makes a hold, or finds that the same request has made it.
pub(super) async fn made(c: &mut Conn, cart: &Cart, making: Making) -> Result<Hold, SalesError> {
    if let Some(key) = &making.key
        && let Some(hold) = held_before(c, making.event, key, making.request_hash).await?
    {
        return Ok(hold);
    }
    make(c, cart, making).await
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
) -> Result<Priced, SalesError> {
    let organisation = cart.offer.event.organisation_id;
    codes::lock(c, organisation, &cart.codes).await?;
    let facts = codes::facts(c, organisation, cart.offer.event.id, &cart.codes, buyer).await?;
    let facts = facts
        .into_iter()
        .map(|(_, code, fact)| (code, fact))
        .collect();
    cart.price(now, founds, facts)
}
