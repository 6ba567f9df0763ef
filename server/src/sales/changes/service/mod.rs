//! Use cases of changes of orders: what one would be, and making it; a file for edits, one for what waits
//! for its payment, one for splitting and merging, one for those who come.

mod edit;
mod people;
mod settle;
mod whole;

pub(in crate::sales) use settle::settle;

use edit::{Taken, look, look_or_take};
use people::people_of_added;

use std::sync::Arc;

use bilten_core::price::PriceSnapshot;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Violation};
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::error::ChangeError;
use super::model::*;
use super::money::{Terms, starts_at};
use super::plan::{Basis, Draft, Fate, Planned, Whole};
use super::store::{self, ChangingRow};
use super::units::{StoredLine, before_of, side_of, units_of};
use crate::app::App;
use crate::catalog::policy::{Policy, TicketFacts, may_transfer};
use crate::catalog::{self, CounterKey, EventDetail, EventId};
use crate::events;
use crate::identity::Tenant;
use crate::platform::{self, AuditRecord};
use crate::sales::service::{order_of_row, stock_taken};
use crate::sales::store as orders;
use crate::sales::{
    self, Cart, NewOrder, Order, OrderId, OrderItem, OrderState, People, SalesError,
};

/// Who asks for a change.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody of the organisation.
    Staff {
        /// For whom they act.
        tenant: Tenant,
        /// Who they are.
        actor: String,
    },
    /// Whoever knows the order's secret.
    Buyer {
        /// The secret.
        token: String,
    },
}

impl Caller {
    fn actor(&self) -> &str {
        match self {
            Self::Staff { actor, .. } => actor,
            Self::Buyer { .. } => "buyer",
        }
    }

    const fn is_buyer(&self) -> bool {
        matches!(self, Self::Buyer { .. })
    }

    /// The event of an order that they may see.
    async fn event_of(&self, app: &App, id: OrderId) -> Result<EventId, SalesError> {
        match self {
            Self::Staff { tenant, .. } => {
                Ok(sales::order_of(app, tenant, id).await?.order.event_id)
            }
            Self::Buyer { token } if sales::is_order_token(app, id, token) => {
                Ok(sales::order(app, id).await?.order.event_id)
            }
            Self::Buyer { .. } => Err(SalesError::OrderNotFound),
        }
    }
}

/// An order as a change finds it.
#[derive(Clone, Debug)]
struct Loaded {
    row: ChangingRow,
    order: Order,
    lines: Vec<StoredLine>,
    units: Vec<Unit>,
    stock: Vec<(CounterKey, i64)>,
    /// How many numbers its tickets have had.
    numbers: u32,
}

impl Loaded {
    /// Fails unless it is paid and stands for itself.
    fn stands(&self) -> Result<(), ChangeError> {
        match self.row.state {
            OrderState::Paid if self.row.merged_into.is_none() => Ok(()),
            OrderState::Paid => Err(ChangeError::Merged),
            state @ (OrderState::Pending
            | OrderState::Cancelled
            | OrderState::Expired
            | OrderState::Refunded) => Err(ChangeError::Sales(SalesError::State(state))),
        }
    }
}

async fn load(
    app: &App,
    c: &mut Conn,
    id: OrderId,
    offer: &EventDetail,
) -> Result<Loaded, ChangeError> {
    let row = store::changing(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let found = orders::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let order = order_of_row(app, found)?;
    let lines = store::lines(c, id).await?;
    let snapshot = match row.snapshot.as_deref().map(serde_json::from_str) {
        Some(Ok(snapshot)) => Some(snapshot),
        // What cannot be read any more only says how much of a price was fees.
        Some(Err(_)) | None => None::<PriceSnapshot>,
    };
    let units = units_of(id, offer, &lines, snapshot.as_ref());
    let items: Vec<OrderItem> = lines.iter().map(|line| line.item.clone()).collect();
    let stock = stock_taken(c, id, &items).await?;
    let highest = units.iter().flat_map(|unit| &unit.tickets);
    let highest = highest.map(|ticket| ticket.number.saturating_add(1)).max();
    let numbers = u32::try_from(row.ticket_numbers).unwrap_or(u32::MAX);
    Ok(Loaded {
        numbers: numbers.max(highest.unwrap_or(0)),
        row,
        order,
        lines,
        units,
        stock,
    })
}

/// A change that is understood: what it needs is looked for, nothing is taken yet.
#[derive(Clone, Debug)]
struct Prepared {
    id: OrderId,
    caller: Caller,
    offer: Arc<EventDetail>,
    loaded: Loaded,
    policy: Policy,
    draft: Draft,
    /// What comes.
    cart: Option<Arc<Cart>>,
    /// Who comes with what is added.
    people: Arc<People>,
    /// Why everything goes back, whatever the policy says.
    beyond: Option<String>,
    /// The id of the order that may come of it.
    side: OrderId,
    change: ChangeId,
    now: Timestamp,
}

impl Prepared {
    fn terms(&self) -> Terms<'_> {
        Terms {
            policy: &self.policy,
            offer: &self.offer,
            paid_at: self
                .loaded
                .order
                .paid_at
                .unwrap_or(self.loaded.order.created_at),
            now: self.now,
            is_beyond: self.beyond.is_some(),
        }
    }

    fn basis(&self) -> Basis<'_> {
        Basis {
            order: self.id,
            offer: &self.offer,
            units: &self.loaded.units,
            stock: &self.loaded.stock,
            numbers: self.loaded.numbers,
        }
    }

    /// Fails if what is planned may not be.
    async fn check(&self, c: &mut Conn, planned: &Planned) -> Result<(), ChangeError> {
        if planned.plan.units.is_empty() {
            return Err(ChangeError::LeavesNothing);
        }
        let terms = self.terms();
        if let Some(why) = terms.refuses(&planned.plan.money, &planned.cancelled) {
            return Err(ChangeError::NotRefundable(why));
        }
        let tickets = touched(&planned.plan.tickets);
        match events::tickets_stand(c, self.id, &tickets).await? {
            Some(why) => Err(ChangeError::Ticket(why)),
            None => Ok(()),
        }
    }

    /// What is answered of an edit.
    fn answer(&self, state: ChangeState, version: i64, planned: &Planned) -> OrderChange {
        OrderChange {
            id: (state != ChangeState::Preview).then_some(self.change),
            state,
            order_id: self.id,
            version,
            currency: self.loaded.order.currency,
            before: before_of(&self.loaded.lines, &planned.before),
            after: side_of(&planned.plan.units),
            money: planned.plan.money,
            supplement: None,
            other: None,
        }
    }

    async fn note(&self, app: &App, c: &mut Conn) -> Result<(), DbError> {
        let Caller::Staff { actor, .. } = &self.caller else {
            return Ok(());
        };
        let record = AuditRecord::new(actor, "orders.change", self.id)
            .of(self.offer.event.organisation_id)
            .detail(json!({"change": self.change, "beyond_policy": self.beyond.is_some()}));
        platform::audit(app, c, record).await?;
        Ok(())
    }
}

/// The tickets that must stand for a plan to be carried out.
fn touched(tickets: &TicketPlan) -> Vec<UnitTicket> {
    let reissued = tickets.reissued.iter().map(|now| now.ticket);
    reissued.chain(tickets.ended.iter().copied()).collect()
}

async fn prepare(
    app: &App,
    caller: &Caller,
    id: OrderId,
    request: &ChangeRequest,
) -> Result<Prepared, ChangeError> {
    let beyond = match &request.beyond_policy {
        Some(reason) if !(1..=500).contains(&reason.trim().chars().count()) => {
            let detail = "A reason has 1 to 500 characters.";
            return Err(ChangeError::field("beyond_policy", "out_of_range", detail));
        }
        reason => reason.clone(),
    };
    let event = caller.event_of(app, id).await?;
    let offer = catalog::offer(app, event).await?;
    let (work, seen) = (app.clone(), Arc::clone(&offer));
    let (loaded, policy) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let loaded = load(&work, c, id, &seen).await?;
                let policy = catalog::policy_of(c, event).await?;
                Ok::<_, ChangeError>((loaded, policy))
            })
        })
        .await?;
    loaded.stands()?;
    let draft = Draft::of(&offer, &loaded.lines, &loaded.units, &request.steps)
        .map_err(SalesError::Invalid)?;
    let now = app.now();
    let mut prepared = Prepared {
        id,
        caller: caller.clone(),
        offer,
        loaded,
        policy,
        draft,
        cart: None,
        people: Arc::default(),
        beyond,
        side: OrderId::new(&*app.clock, &*app.random),
        change: ChangeId::new(&*app.clock, &*app.random),
        now,
    };
    if caller.is_buyer() {
        may_ask(&prepared)?;
    }
    if !prepared.draft.items.is_empty() {
        let cart = sales::cart(app, &prepared.offer, &prepared.draft.items, &[]).await?;
        prepared.people = Arc::new(people_of_added(app, &prepared, &cart).await?);
        prepared.cart = Some(Arc::new(cart));
    } else if !prepared.draft.people.is_empty() {
        let detail = "There are fewer tickets.";
        return Err(ChangeError::field("tickets", "too_many", detail));
    }
    Ok(prepared)
}

/// Fails if a buyer may not ask for this now.
fn may_ask(prepared: &Prepared) -> Result<(), ChangeError> {
    let (offer, now) = (&prepared.offer, prepared.now);
    for (unit, fate) in prepared.loaded.units.iter().zip(&prepared.draft.fates) {
        let is_over = now >= starts_at(offer, unit.occurrence);
        if matches!(fate, Fate::Exchange(_)) && is_over {
            return Err(ChangeError::TooLate);
        }
    }
    for number in prepared.draft.holders.keys() {
        let of_ticket = |unit: &&Unit| unit.tickets.iter().any(|own| own.number == *number);
        let Some(unit) = prepared.loaded.units.iter().find(of_ticket) else {
            continue;
        };
        let date = unit.occurrence.and_then(|date| offer.occurrence(date));
        let doors = date.map(|date| date.doors_at.unwrap_or(date.starts_at));
        let facts = TicketFacts {
            doors_at: doors.unwrap_or_else(|| offer.opens_at()),
            country: offer.event.details.country,
            passed_on: 0,
            is_used: false,
            is_valid: true,
            paid_minor: unit.paid_minor,
        };
        may_transfer(&prepared.policy, &facts, now).map_err(ChangeError::NotTransferable)?;
    }
    Ok(())
}

/// What a change would be, if it were made now.
///
/// # Errors
/// [`ChangeError`] by why it would be refused.
pub async fn preview(
    app: &App,
    caller: Caller,
    id: OrderId,
    request: ChangeRequest,
    seen: IfMatch,
) -> Result<OrderChange, ChangeError> {
    let prepared = prepare(app, &caller, id, &request).await?;
    allow(&request, &seen, prepared.loaded.row.version)?;
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                match &prepared.draft.whole {
                    Whole::Edit => {
                        let taken = look(c, &prepared).await?;
                        let planned = taken.plan(&prepared)?;
                        prepared.check(c, &planned).await?;
                        let version = prepared.loaded.row.version;
                        Ok(prepared.answer(ChangeState::Preview, version, &planned))
                    }
                    Whole::Split => Ok(whole::split_of(&prepared).answer),
                    Whole::Merge { .. } => {
                        let merge = whole::merge_of(&work, c, &prepared).await?;
                        Ok(merge.answer)
                    }
                }
            })
        })
        .await
}

/// Fails if the order is not what the caller says that they have seen.
fn allow(request: &ChangeRequest, seen: &IfMatch, version: i64) -> Result<(), ChangeError> {
    seen.allow(version)?;
    if request.version.is_some_and(|said| said != version) {
        return Err(ChangeError::VersionConflict);
    }
    Ok(())
}

/// Changes an order, once for each key.
///
/// # Errors
/// [`ChangeError`] by what was refused.
pub async fn change(
    app: &App,
    caller: Caller,
    id: OrderId,
    request: ChangeRequest,
    seen: IfMatch,
    key: String,
) -> Result<OrderChange, ChangeError> {
    caller.event_of(app, id).await?;
    let hash = NewOrder::hash_of(&request);
    // What was done before is answered as before, even if it could not be done now.
    if let Some(before) = earlier(app, id, &key, hash).await? {
        return Ok(before);
    }
    if request.version.is_none() && !seen.is_said() {
        let detail = "Say which version this change starts from, here or by If-Match.";
        return Err(ChangeError::field("version", "missing", detail));
    }
    let mut answer = try_change(app, &caller, id, &request, &seen, &key, hash).await;
    if matches!(answer, Err(ChangeError::Sales(SalesError::OfferChanged))) {
        // What was shown a moment ago has changed: look again, once.
        let event = caller.event_of(app, id).await?;
        catalog::fresh_offer(app, event).await?;
        answer = try_change(app, &caller, id, &request, &seen, &key, hash).await;
    }
    let may_be_repeated = match &answer {
        Err(ChangeError::Sales(SalesError::Db(error))) => error.violates(Violation::Unique),
        Err(ChangeError::VersionConflict | ChangeError::Stale(_)) => true,
        Ok(_) | Err(_) => false,
    };
    if may_be_repeated && let Some(before) = earlier(app, id, &key, hash).await? {
        return Ok(before);
    }
    answer
}

/// What an earlier request with this key was answered.
async fn earlier(
    app: &App,
    id: OrderId,
    key: &str,
    hash: [u8; 32],
) -> Result<Option<OrderChange>, ChangeError> {
    let key = key.to_owned();
    app.db
        .read(move |c| Box::pin(async move { replayed(c, id, &key, hash).await }))
        .await
}

async fn replayed(
    c: &mut Conn,
    id: OrderId,
    key: &str,
    hash: [u8; 32],
) -> Result<Option<OrderChange>, ChangeError> {
    let Some(row) = store::change_by_key(c, id, key).await? else {
        return Ok(None);
    };
    if row.request_hash != hash {
        return Err(SalesError::KeyReused.into());
    }
    let mut answer = row.answer.0;
    answer.state = row.state;
    Ok(Some(answer))
}

async fn try_change(
    app: &App,
    caller: &Caller,
    id: OrderId,
    request: &ChangeRequest,
    seen: &IfMatch,
    key: &str,
    hash: [u8; 32],
) -> Result<OrderChange, ChangeError> {
    let prepared = Arc::new(prepare(app, caller, id, request).await?);
    allow(request, seen, prepared.loaded.row.version)?;
    let making = Making {
        key: key.to_owned(),
        hash,
        seen: seen.clone(),
    };
    let work = app.clone();
    app.db
        .write_again(move |c| {
            let (app, prepared, making) = (work.clone(), Arc::clone(&prepared), making.clone());
            Box::pin(async move {
                if let Some(before) = replayed(c, id, &making.key, making.hash).await? {
                    return Ok(before);
                }
                let answer = match &prepared.draft.whole {
                    Whole::Edit => {
                        lock(c, &prepared, &making).await?;
                        let taken = look_or_take(c, &prepared).await?;
                        let planned = taken.plan(&prepared)?;
                        prepared.check(c, &planned).await?;
                        edit::carry_out(&app, c, &prepared, &taken, planned, &making).await?
                    }
                    Whole::Split => {
                        lock(c, &prepared, &making).await?;
                        whole::split(&app, c, &prepared, &making).await?
                    }
                    Whole::Merge { .. } => whole::merge(&app, c, &prepared, &making).await?,
                };
                prepared.note(&app, c).await?;
                Ok(answer)
            })
        })
        .await
}

/// What makes a change happen once.
#[derive(Clone, Debug)]
struct Making {
    key: String,
    hash: [u8; 32],
    seen: IfMatch,
}

/// Locks the order at the version that the change was planned for, and raises it.
async fn lock(c: &mut Conn, prepared: &Prepared, making: &Making) -> Result<(), ChangeError> {
    raise(c, prepared.id, prepared.loaded.row.version, making).await?;
    if store::is_waiting(c, prepared.id, prepared.now).await? {
        return Err(ChangeError::Waiting);
    }
    Ok(())
}

async fn raise(
    c: &mut Conn,
    id: OrderId,
    version: i64,
    making: &Making,
) -> Result<(), ChangeError> {
    if store::raise(c, id, version).await? {
        return Ok(());
    }
    // Somebody else was a moment earlier.
    let row = store::changing(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    match row.state {
        OrderState::Paid => {
            making.seen.allow(row.version)?;
            Err(ChangeError::VersionConflict)
        }
        state @ (OrderState::Pending
        | OrderState::Cancelled
        | OrderState::Expired
        | OrderState::Refunded) => Err(SalesError::State(state).into()),
    }
}

/// Remembers what was done, or waits.
async fn keep(
    c: &mut Conn,
    prepared: &Prepared,
    making: &Making,
    answer: &OrderChange,
    plan: Option<&Plan>,
) -> Result<(), DbError> {
    let new = store::NewChange {
        id: prepared.change,
        order: prepared.id,
        key: &making.key,
        request_hash: making.hash,
        supplement: answer.supplement.as_ref().map(|due| due.order_id),
        plan,
        answer,
        actor: prepared.caller.actor(),
        reason: prepared.beyond.as_deref().unwrap_or_default(),
        now: prepared.now,
    };
    store::insert_change(c, new).await
}

/// All orders that share what was paid with an order, itself among them.
///
/// # Errors
/// A fault of the database.
pub async fn paid_together_in(c: &mut Conn, id: OrderId) -> Result<Vec<OrderId>, DbError> {
    let Some(row) = store::changing(c, id).await? else {
        return Ok(Vec::new());
    };
    store::paid_together(c, row.money_of(id)).await
}

/// Drops the changes of a deleted event of a sandbox.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::delete_of_event(c, event).await
}
