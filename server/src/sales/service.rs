//! Use cases of sales.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::error::FieldError;
use bilten_kernel::money::{Money, MoneyError};
use bilten_kernel::random;

use super::model::*;
use super::store::{self, Take};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventDetail, EventId, OffSale, TierId};
use crate::events::{self, DomainEvent, PaidOrder, Refused};
use crate::identity::OrganisationId;
use crate::platform::Vault;

/// How many holds or orders one sweep ends in one write.
const SWEEP: i64 = 200;

/// Why something about sales was refused, or failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SalesError {
    /// Fields of the input are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such event, or it is not public.
    #[error("there is no such event")]
    EventNotFound,
    /// There is no such order, or the caller may not see it.
    #[error("there is no such order")]
    OrderNotFound,
    /// The hold has ended, or there never was one.
    #[error("the reserved time is over; please choose your tickets again")]
    HoldGone,
    /// A tier is not on sale now.
    #[error("this ticket is not on sale now")]
    OffSale {
        /// The tier.
        tier: TierId,
        /// Whether its sale is yet to begin.
        not_yet: bool,
    },
    /// There are not enough tickets left.
    #[error("there are not enough tickets left")]
    SoldOut {
        /// The tier.
        tier: TierId,
        /// How many are left.
        left: i64,
    },
    /// The offer changed between being shown and being bought.
    #[error("the offer has just changed; please look again")]
    OfferChanged,
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The order's state does not allow it.
    #[error("the order is {0}")]
    State(OrderState),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CatalogError> for SalesError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Db(error) => Self::Db(error),
            CatalogError::Invalid(faults) => Self::Invalid(faults),
            CatalogError::NotFound
            | CatalogError::SlugTaken
            | CatalogError::VersionConflict { .. }
            | CatalogError::State { .. }
            | CatalogError::NotADraft
            | CatalogError::NoTiers
            | CatalogError::TooManyTiers
            | CatalogError::CapacityBelowSold => Self::EventNotFound,
        }
    }
}

impl From<Refused> for SalesError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            Refused::CapacityBelowSold => Self::OfferChanged,
        }
    }
}

// Stock follows the catalogue

/// Brings the stock of an event in line with its tiers.
pub(crate) async fn on_event_saved(c: &mut Conn, detail: &EventDetail) -> Result<(), Refused> {
    for tier in &detail.tiers {
        if !store::put_stock(
            c,
            detail.event.id,
            tier.id,
            tier.capacity,
            detail.event.version,
        )
        .await?
        {
            return Err(Refused::CapacityBelowSold);
        }
    }
    Ok(())
}

/// Drops the stock of a deleted draft.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_stock(c, event).await
}

/// The stock of an event's tiers.
///
/// # Errors
/// A fault of the database.
pub async fn stock(app: &App, event: EventId) -> Result<Vec<Stock>, SalesError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::stock(c, event).await }))
        .await?)
}

// Choosing

/// Checks what somebody wants against the offer and gives it prices: one line for each tier, in
/// the order of the tiers' ids, so that stock is always taken in one order.
///
/// # Errors
/// [`SalesError::Invalid`] or [`SalesError::OffSale`].
pub fn price(
    app: &App,
    offer: &EventDetail,
    wanted: &[ItemRequest],
) -> Result<(Vec<OrderItem>, Money), SalesError> {
    let fault = |field: String, code: &'static str, detail: &str| {
        SalesError::Invalid(vec![FieldError {
            field,
            code: code.into(),
            detail: detail.to_owned(),
        }])
    };
    if wanted.is_empty() {
        return Err(fault(
            "items".into(),
            "required",
            "Please choose at least one ticket.",
        ));
    }
    if wanted.len() > MAX_ITEMS {
        return Err(fault(
            "items".into(),
            "too_many",
            "An order has at most 20 kinds of ticket.",
        ));
    }
    let mut quantities = BTreeMap::new();
    for (i, item) in wanted.iter().enumerate() {
        let at = format!("items[{i}]");
        let tier = offer
            .tier(item.tier)
            .ok_or_else(|| fault(format!("{at}.tier"), "unknown", "There is no such tier."))?;
        if item.quantity == 0 {
            return Err(fault(
                format!("{at}.quantity"),
                "out_of_range",
                "Must be at least 1.",
            ));
        }
        let sum = quantities.entry(tier.id).or_insert(0u32);
        *sum = sum.saturating_add(item.quantity);
        if i64::from(*sum) > tier.max_per_order {
            let detail = format!("At most {} of this kind in one order.", tier.max_per_order);
            return Err(fault(format!("{at}.quantity"), "too_many", &detail));
        }
    }
    let now = app.now();
    let mut items = Vec::with_capacity(quantities.len());
    let mut total = Money::zero(offer.event.currency);
    for (tier_id, quantity) in quantities {
        let Some(tier) = offer.tier(tier_id) else {
            continue;
        };
        match offer.off_sale(tier, now) {
            None => {}
            Some(OffSale::NotYet) => {
                return Err(SalesError::OffSale {
                    tier: tier_id,
                    not_yet: true,
                });
            }
            Some(OffSale::Event | OffSale::Over) => {
                return Err(SalesError::OffSale {
                    tier: tier_id,
                    not_yet: false,
                });
            }
        }
        let too_much = |_: MoneyError| fault("items".into(), "too_many", "The order is too large.");
        total = total
            .add(
                offer
                    .price(tier)
                    .times(i64::from(quantity))
                    .map_err(too_much)?,
            )
            .map_err(too_much)?;
        items.push(OrderItem {
            tier_id,
            quantity,
            unit_price_minor: tier.price_minor,
        });
    }
    Ok((items, total))
}

/// Says exactly why stock could not be taken.
async fn why_not(c: &mut Conn, tier: TierId, event_version: i64) -> Result<SalesError, DbError> {
    Ok(match store::stock_and_version(c, tier).await? {
        Some((_, version)) if version != event_version => SalesError::OfferChanged,
        Some((left, _)) => SalesError::SoldOut { tier, left },
        None => SalesError::SoldOut { tier, left: 0 },
    })
}

/// Takes stock for all items or for none.
async fn take_all(
    c: &mut Conn,
    how: Take,
    items: &[(TierId, i64)],
    event_version: i64,
) -> Result<Result<(), SalesError>, DbError> {
    for (i, &(tier, quantity)) in items.iter().enumerate() {
        if !store::take(c, how, tier, quantity, event_version).await? {
            let why = why_not(c, tier, event_version).await?;
            for &(taken, quantity) in &items[..i] {
                store::give_back(c, how, taken, quantity).await?;
            }
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}

// Holds

/// Reserves capacity for a buyer until a time.
///
/// # Errors
/// [`SalesError`] by what was refused.
pub async fn hold(
    app: &App,
    event: EventId,
    wanted: Vec<ItemRequest>,
    idempotency_key: Option<String>,
) -> Result<Hold, SalesError> {
    let request_hash = NewOrder::hash_of(&(event, &wanted));
    match try_hold(app, event, &wanted, idempotency_key.clone(), request_hash).await {
        // What was shown a moment ago has changed: look again, once.
        Err(SalesError::OfferChanged) => {
            catalog::fresh_offer(app, event).await?;
            try_hold(app, event, &wanted, idempotency_key, request_hash).await
        }
        // Another request with this key was faster; it is there now.
        Err(SalesError::Db(error)) if error.violates(bilten_kernel::db::Violation::Unique) => {
            try_hold(app, event, &wanted, idempotency_key, request_hash).await
        }
        other => other,
    }
}

async fn try_hold(
    app: &App,
    event: EventId,
    wanted: &[ItemRequest],
    key: Option<String>,
    request_hash: [u8; 32],
) -> Result<Hold, SalesError> {
    let offer = catalog::offer(app, event).await?;
    let (items, _) = price(app, &offer, wanted)?;
    let now = app.now();
    let hold = Hold {
        id: HoldId::new(&*app.clock, &*app.random),
        event_id: event,
        expires_at: bilten_kernel::clock::Timestamp::from_ms(now.ms() + HOLD_MS),
        items: items
            .iter()
            .map(|item| ItemRequest {
                tier: item.tier_id,
                quantity: item.quantity,
            })
            .collect(),
    };
    let version = offer.event.version;
    app.db
        .write(move |c| {
            Box::pin(async move {
                if let Some(key) = &key
                    && let Some(row) = store::hold_by_key(c, event, key).await?
                {
                    if row.request_hash.as_deref() != Some(&request_hash) {
                        return Err(SalesError::KeyReused);
                    }
                    return hold_from(c, row).await;
                }
                let stock: Vec<_> = hold
                    .items
                    .iter()
                    .map(|i| (i.tier, i64::from(i.quantity)))
                    .collect();
                take_all(c, Take::Held, &stock, version).await??;
                store::insert_hold(c, &hold, key.as_deref(), request_hash, now).await?;
                Ok(hold)
            })
        })
        .await
}

async fn hold_from(c: &mut Conn, row: store::HoldRow) -> Result<Hold, SalesError> {
    if row.state != "active" {
        return Err(SalesError::HoldGone);
    }
    let items = store::hold_items(c, row.id).await?;
    let items = items
        .into_iter()
        .map(|(tier, quantity)| ItemRequest { tier, quantity })
        .collect();
    Ok(Hold {
        id: row.id,
        event_id: row.event_id,
        expires_at: row.expires_at,
        items,
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
                let row = store::hold(c, id)
                    .await?
                    .filter(|row| row.expires_at > now)
                    .ok_or(SalesError::HoldGone)?;
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
    app.db
        .write(move |c| {
            Box::pin(async move {
                end_hold(c, id, "released").await?;
                Ok(())
            })
        })
        .await
}

async fn end_hold(c: &mut Conn, id: HoldId, state: &str) -> Result<bool, DbError> {
    let items = store::hold_items(c, id).await?;
    if !store::end_hold(c, id, state, None).await? {
        return Ok(false);
    }
    for (tier, quantity) in items {
        store::give_back(c, Take::Held, tier, i64::from(quantity)).await?;
    }
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
        .write(move |c| {
            Box::pin(async move {
                let mut ended = 0;
                for id in holds {
                    ended += usize::from(end_hold(c, id, "expired").await?);
                }
                for id in orders {
                    ended += usize::from(end_pending(c, id, OrderState::Expired).await?);
                }
                Ok(ended)
            })
        })
        .await
}

// Orders

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
                    order: row.clone().into_order(),
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

    for (i, refused) in take_stock(c, batch, &fresh).await? {
        answers[i] = Some(Err(refused));
    }
    fresh.retain(|&i| answers[i].is_none());

    let placed: Vec<_> = fresh
        .iter()
        .map(|&i| (&batch[i], new_order_row(app, &batch[i])))
        .collect();
    store::insert_orders(c, &placed).await?;
    let paid = placed
        .iter()
        .filter(|(new, _)| new.paid)
        .map(|(new, order)| paid_event(order, &new.items))
        .collect();
    events::publish(app, c, paid).await.map_err(fault)?;

    for (&i, (new, order)) in fresh.iter().zip(placed) {
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
    if new.paid {
        for (tier, quantity) in stock_of(new) {
            store::sell_held(c, tier, quantity).await?;
        }
    }
    Ok(Ok(()))
}

fn new_order_row(app: &App, new: &NewOrder) -> Order {
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
        currency: new.total.currency,
        total_minor: new.total.minor,
        expires_at: (!new.paid)
            .then(|| bilten_kernel::clock::Timestamp::from_ms(new.at.ms() + HOLD_MS)),
        created_at: new.at,
        paid_at: new.paid.then_some(new.at),
    }
}

fn paid_event(order: &Order, items: &[OrderItem]) -> DomainEvent {
    DomainEvent::OrderPaid(PaidOrder {
        order: order.id,
        event: order.event_id,
        reference: order.reference.clone(),
        name: order.name.clone(),
        items: items
            .iter()
            .map(|item| (item.tier_id, item.quantity))
            .collect(),
        paid_at: order.paid_at.unwrap_or(order.created_at),
    })
}

/// What paying for an order led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidOutcome {
    /// It is paid now.
    Paid,
    /// It had been paid before.
    AlreadyPaid,
    /// It had ended and its tickets went to others: the money must go back.
    NoStockLeft,
}

/// Records inside a write that an order was paid; its tickets are issued with it.
///
/// An order that expired in the meantime is honoured if stock is left.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn mark_paid(app: &App, c: &mut Conn, id: OrderId) -> Result<PaidOutcome, SalesError> {
    let order = store::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let items = store::order_items(c, id).await?;
    let now = app.now();
    if store::move_order(c, id, OrderState::Pending, OrderState::Paid, Some(now)).await? {
        for item in &items {
            store::sell_held(c, item.tier_id, i64::from(item.quantity)).await?;
        }
    } else {
        match order.state {
            OrderState::Paid | OrderState::Refunded => return Ok(PaidOutcome::AlreadyPaid),
            OrderState::Pending | OrderState::Expired | OrderState::Cancelled => {}
        }
        let event = catalog::detail_in(c, order.event_id)
            .await?
            .ok_or(SalesError::EventNotFound)?;
        if event.event.state != catalog::EventState::Published {
            return Ok(PaidOutcome::NoStockLeft);
        }
        for (i, item) in items.iter().enumerate() {
            if !store::take_late(c, item.tier_id, i64::from(item.quantity)).await? {
                for taken in &items[..i] {
                    store::give_back(c, Take::Sold, taken.tier_id, i64::from(taken.quantity))
                        .await?;
                }
                return Ok(PaidOutcome::NoStockLeft);
            }
        }
        if !store::move_order(c, id, order.state, OrderState::Paid, Some(now)).await? {
            // Somebody else moved it in this very moment; refuse and let the caller try again.
            return Err(SalesError::State(order.state));
        }
    }
    let order = Order {
        state: OrderState::Paid,
        paid_at: Some(now),
        ..order
    };
    events::publish(app, c, vec![paid_event(&order, &items)]).await?;
    Ok(PaidOutcome::Paid)
}

async fn end_pending(c: &mut Conn, id: OrderId, to: OrderState) -> Result<bool, DbError> {
    if !store::move_order(c, id, OrderState::Pending, to, None).await? {
        return Ok(false);
    }
    for item in store::order_items(c, id).await? {
        store::give_back(c, Take::Held, item.tier_id, i64::from(item.quantity)).await?;
    }
    Ok(true)
}

/// Gives up an order that is not paid; its capacity is free at once.
///
/// # Errors
/// [`SalesError::State`] if it is past that; a fault of the database.
pub async fn cancel_pending(app: &App, id: OrderId) -> Result<(), SalesError> {
    app.db
        .write(move |c| {
            Box::pin(async move {
                if end_pending(c, id, OrderState::Cancelled).await? {
                    return Ok(());
                }
                let order = store::order(c, id)
                    .await?
                    .ok_or(SalesError::OrderNotFound)?;
                match order.state {
                    OrderState::Cancelled => Ok(()),
                    state @ (OrderState::Pending
                    | OrderState::Paid
                    | OrderState::Expired
                    | OrderState::Refunded) => Err(SalesError::State(state)),
                }
            })
        })
        .await
}

/// Undoes a paid order inside a write: stock is free again, tickets die.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::State`], or a fault of the database.
pub async fn mark_refunded(app: &App, c: &mut Conn, id: OrderId) -> Result<Order, SalesError> {
    let order = store::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    if !store::move_order(c, id, OrderState::Paid, OrderState::Refunded, None).await? {
        return Err(SalesError::State(order.state));
    }
    for item in store::order_items(c, id).await? {
        store::give_back(c, Take::Sold, item.tier_id, i64::from(item.quantity)).await?;
    }
    events::publish(
        app,
        c,
        vec![DomainEvent::OrderRefunded {
            order: id,
            event: order.event_id,
        }],
    )
    .await?;
    Ok(Order {
        state: OrderState::Refunded,
        ..order
    })
}

/// An order with its items.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order(app: &App, id: OrderId) -> Result<OrderDetail, SalesError> {
    app.db
        .read(move |c| {
            Box::pin(async move {
                let order = store::order(c, id)
                    .await?
                    .ok_or(SalesError::OrderNotFound)?;
                Ok(OrderDetail {
                    items: store::order_items(c, id).await?,
                    order,
                })
            })
        })
        .await
}

/// The order that an earlier request with this key made, if there was one.
///
/// # Errors
/// [`SalesError::KeyReused`] if that was another request; a fault of the database.
pub async fn order_by_key(
    app: &App,
    event: EventId,
    key: &str,
    request_hash: [u8; 32],
) -> Result<Option<OrderDetail>, SalesError> {
    let keys = Val::texts([key]);
    app.db
        .read(move |c| {
            Box::pin(async move {
                let Some(row) = store::orders_by_keys(c, event, keys)
                    .await?
                    .into_iter()
                    .next()
                else {
                    return Ok(None);
                };
                if row.request_hash != request_hash {
                    return Err(SalesError::KeyReused);
                }
                let items = store::order_items(c, row.id).await?;
                Ok(Some(OrderDetail {
                    order: row.into_order(),
                    items,
                }))
            })
        })
        .await
}

/// Locks a pending order for the rest of the write, so that two payments cannot cross.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database; inside, the state it has if it is
/// not pending.
pub async fn lock_pending(
    c: &mut Conn,
    id: OrderId,
) -> Result<Result<Order, OrderState>, SalesError> {
    let is_pending =
        store::move_order(c, id, OrderState::Pending, OrderState::Pending, None).await?;
    let order = store::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    Ok(if is_pending {
        Ok(order)
    } else {
        Err(order.state)
    })
}

/// An order of one of the organisation's events.
///
/// # Errors
/// [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn order_of(
    app: &App,
    organisation: OrganisationId,
    id: OrderId,
) -> Result<OrderDetail, SalesError> {
    let detail = order(app, id).await?;
    match catalog::event_of(app, organisation, detail.order.event_id).await {
        Ok(_) => Ok(detail),
        Err(CatalogError::NotFound) => Err(SalesError::OrderNotFound),
        Err(other) => Err(other.into()),
    }
}

/// An event's orders, newest first, after the one with id `before`.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn orders_of_event(
    app: &App,
    organisation: OrganisationId,
    event: EventId,
    before: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>, SalesError> {
    catalog::event_of(app, organisation, event).await?;
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::orders_of_event(c, event, before, limit).await })
        })
        .await?)
}

/// How many orders of an event are in each state, and what they are worth in minor units.
///
/// # Errors
/// A fault of the database.
pub async fn totals(app: &App, event: EventId) -> Result<Vec<(OrderState, i64, i64)>, SalesError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::totals(c, event).await }))
        .await?)
}

// The buyer's key to an order

/// The secret that lets a buyer see an order and its tickets; derived, so it is stored nowhere.
pub fn order_token(app: &App, id: OrderId) -> String {
    app.vault.mac("order token", &[id.as_bytes()])[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether a text is the secret of this order.
pub fn is_order_token(app: &App, id: OrderId, token: &str) -> bool {
    Vault::equal(order_token(app, id).as_bytes(), token.as_bytes())
}
