//! Making holds: who may, what is there for them, and what it costs.

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Violation};

use super::hold_from;
use super::sweep::sweep_for_more;
use super::together::HoldWork;
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::sales::codes;
use crate::sales::model::*;
use crate::sales::service::cart::{Cart, Founds, Priced, cart, needs_hold};
use crate::sales::service::seats::turn_for;
use crate::sales::service::{HOLDS, SalesError, email_lookup, take_all, too_little};
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
                if sweep_for_more(app).await? == 0 {
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

/// The hold that an earlier request for this made.
async fn seen(
    app: &App,
    event: EventId,
    wish: &HoldWish,
    request_hash: [u8; 32],
) -> Result<Option<Hold>, SalesError> {
    match wish.idempotency_key.clone() {
        Some(key) => seen_before(app, event, key, request_hash).await,
        None => Ok(None),
    }
}

/// The same, or else whether there is plainly too little left: whoever gets nothing of what is sold out
/// waits for nobody, and nobody for them.
async fn look(
    app: &App,
    wish: &HoldWish,
    request_hash: [u8; 32],
    cart: Arc<Cart>,
) -> Result<Option<Hold>, SalesError> {
    let key = wish.idempotency_key.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let event = cart.offer.event.id;
                if let Some(key) = &key
                    && let Some(hold) = held_before(c, event, key, request_hash).await?
                {
                    return Ok(Some(hold));
                }
                match too_little(c, &cart).await? {
                    Some(refusal) => Err(refusal),
                    None => Ok(None),
                }
            })
        })
        .await
}

async fn try_hold(
    app: &App,
    event: EventId,
    wish: &HoldWish,
    request_hash: [u8; 32],
    gate: Gate,
) -> Result<Hold, SalesError> {
    // What was granted before is answered as before, even if it could not be granted now.
    let before = || seen(app, event, wish, request_hash);
    let offer = match catalog::offer(app, event).await {
        Ok(offer) => offer,
        Err(error) => return before().await?.ok_or_else(|| error.into()),
    };
    // Nobody who asks again waits for seats.
    let is_seated = needs_hold(&offer, &wish.items, &[]);
    if is_seated && let Some(hold) = before().await? {
        return Ok(hold);
    }
    let turn = turn_for(app, &offer, &wish.items).await;
    let cart = match cart(app, &offer, &wish.items, &wish.codes).await {
        Ok(cart) => Arc::new(cart),
        Err(error) if is_seated => return Err(error),
        Err(error) => return before().await?.ok_or(error),
    };
    if !is_seated && let Some(hold) = look(app, wish, request_hash, Arc::clone(&cart)).await? {
        return Ok(hold);
    }
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
    pub(super) id: HoldId,
    pub(super) event: EventId,
    pub(super) key: Option<String>,
    pub(super) request_hash: [u8; 32],
    pub(super) buyer: Option<[u8; 32]>,
    pub(super) until: Timestamp,
    pub(super) now: Timestamp,
    pub(super) gate: Gate,
}

impl Making {
    /// The hold of a cart at a price.
    pub(super) fn hold(self, cart: &Cart, priced: Priced) -> NewHold {
        NewHold {
            id: self.id,
            event: self.event,
            key: self.key,
            request_hash: self.request_hash,
            items: priced.items,
            total: priced.total,
            snapshot: priced.snapshot,
            stock: cart.stock.clone(),
            has_codes: !priced.quote.codes.is_empty(),
            expires_at: self.until,
        }
    }
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
    let (now, until) = (making.now, making.until);
    let holder = making.id.to_string();
    let seats = cart.seats();
    if !seats.is_empty()
        && !store::seats::hold(c, making.event, &holder, &seats, until, now).await?
    {
        let seats = seats.into_iter().map(|(_, seat)| seat).collect();
        return Err(SalesError::SeatsTaken(seats));
    }
    make_seated(c, cart, making).await
}

/// Takes stock and codes for a hold that has its seats, and decides the price.
pub(super) async fn make_seated(
    c: &mut Conn,
    cart: &Cart,
    making: Making,
) -> Result<Hold, SalesError> {
    let (now, gate) = (making.now, making.gate);
    let founds = take_all(c, Take::Held, cart).await??;
    let priced = match &cart.priced {
        Some(priced) => priced.as_ref().clone(),
        None => priced_with_codes(c, cart, &founds, making.buyer, now).await?,
    };
    if !priced.quote.codes.is_empty() {
        let holder = making.id.to_string();
        codes::reserve(c, &holder, &priced.quote.codes, making.buyer, now)
            .await?
            .map_err(SalesError::Price)?;
    }
    written(c, making.hold(cart, priced), &gate, now).await
}

/// Writes a hold down that has what it holds, and lets in whoever waited for it. To be called last in a
/// write.
pub(in crate::sales) async fn written(
    c: &mut Conn,
    new: NewHold,
    gate: &Gate,
    now: Timestamp,
) -> Result<Hold, SalesError> {
    let holds = [(new, now)];
    store::insert_holds(c, &holds).await?;
    let [(new, _)] = holds;
    if let Err(refusal) = waiting_room::enter(c, gate, new.id, now).await? {
        let event = new.event;
        return Err(SalesError::WaitingRoom { event, refusal });
    }
    c.after_commit(|| HOLDS.add(&[("state", "made")], 1));
    Ok(shown(new))
}

/// A hold that was made, as its buyer is shown it.
pub(super) fn shown(new: NewHold) -> Hold {
    Hold {
        id: new.id,
        event_id: new.event,
        expires_at: new.expires_at,
        items: new.items.into_iter().map(HeldItem::from).collect(),
        currency: new.total.currency,
        total_minor: new.total.minor,
    }
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
