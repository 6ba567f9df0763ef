//! An order as a change finds it, and a change that is understood.

use std::sync::Arc;

use bilten_core::price::{MAX_UNITS, PriceSnapshot, PromoCode};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError};
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::super::draft::{Draft, Fate};
use super::super::error::ChangeError;
use super::super::model::*;
use super::super::money::{Terms, starts_at};
use super::super::plan::{Basis, Planned};
use super::super::store::{self, ChangingRow};
use super::super::units::{StoredLine, before_of, side_of, units_of};
use super::people::people_of_added;
use super::{Caller, allow};
use crate::app::App;
use crate::catalog::policy::{PassOnRefusal, Policy, TicketFacts, may_transfer};
use crate::catalog::{self, CounterKey, EventDetail};
use crate::events;
use crate::platform::{self, AuditRecord};
use crate::sales::service::{cart_with_codes, order_of_row, stock_taken};
use crate::sales::store as orders;
use crate::sales::{self, Cart, Order, OrderId, OrderItem, OrderState, People, SalesError};

/// An order as a change finds it.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) row: ChangingRow,
    pub(super) order: Order,
    pub(super) lines: Vec<StoredLine>,
    pub(super) units: Vec<Unit>,
    pub(super) stock: Vec<(CounterKey, i64)>,
    /// How many numbers its tickets have had.
    pub(super) numbers: u32,
    /// Its codes, by the rules by which it was bought.
    pub(super) codes: Vec<PromoCode>,
    /// By whom its codes may be counted: the orders that share what was paid with it. None if it has none.
    pub(super) code_holders: Vec<String>,
}

impl Loaded {
    /// Fails unless it is paid and stands for itself.
    pub(super) fn stands(&self) -> Result<(), ChangeError> {
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

pub(super) async fn load(
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
    let codes = match (&row.codes, snapshot) {
        (Some(AsJson(codes)), _) => codes.clone(),
        (None, Some(snapshot)) => snapshot.cart.codes,
        (None, None) => Vec::new(),
    };
    let code_holders = if row.has_codes {
        let orders = store::paid_together(c, row.money_of(id)).await?;
        orders.iter().map(ToString::to_string).collect()
    } else {
        Vec::new()
    };
    Ok(Loaded {
        numbers: numbers.max(highest.unwrap_or(0)),
        codes,
        code_holders,
        row,
        order,
        lines,
        units,
        stock,
    })
}

/// A change that is understood: what it needs is looked for, nothing is taken yet.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) id: OrderId,
    pub(super) caller: Caller,
    pub(super) offer: Arc<EventDetail>,
    pub(super) loaded: Loaded,
    pub(super) policy: Policy,
    /// The policy that held when the order was bought, if that is known.
    pub(super) bought_by: Option<Policy>,
    pub(super) draft: Draft,
    /// What comes.
    pub(super) cart: Option<Arc<Cart>>,
    /// Who comes with what is added.
    pub(super) people: Arc<People>,
    /// What the caller has seen that it comes to.
    pub(super) seen: Option<SeenMoney>,
    /// Why everything goes back, whatever the policy says.
    pub(super) beyond: Option<String>,
    /// The id of the order that may come of it.
    pub(super) side: OrderId,
    pub(super) change: ChangeId,
    pub(super) now: Timestamp,
}

impl Prepared {
    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            policy: &self.policy,
            bought_by: self.bought_by.as_ref(),
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

    pub(super) fn basis(&self) -> Basis<'_> {
        Basis {
            order: self.id,
            offer: &self.offer,
            units: &self.loaded.units,
            stock: &self.loaded.stock,
            numbers: self.loaded.numbers,
            codes: &self.loaded.codes,
        }
    }

    /// Fails if what is planned may not be.
    pub(super) async fn check(&self, c: &mut Conn, planned: &Planned) -> Result<(), ChangeError> {
        if planned.plan.units.is_empty() {
            return Err(ChangeError::LeavesNothing);
        }
        // A change that waits keeps no names.
        if planned.plan.money.due_minor > 0 && !self.draft.holders.is_empty() {
            let detail = "Holders are changed apart from what has to be paid.";
            return Err(ChangeError::field("steps", "alone", detail));
        }
        let terms = self.terms();
        if let Some(why) = terms.refuses(&planned.plan.money, &planned.cancelled) {
            return Err(ChangeError::NotRefundable(why));
        }
        let tickets = touched(&planned.plan.tickets);
        if let Some(why) = events::tickets_stand(c, self.id, &tickets).await? {
            return Err(ChangeError::Ticket(why));
        }
        let money = SeenMoney::from(&planned.plan.money);
        match self.seen {
            Some(seen) if seen != money => Err(ChangeError::MoneyChanged),
            Some(_) | None => Ok(()),
        }
    }

    /// What is answered of an edit.
    pub(super) fn answer(
        &self,
        state: ChangeState,
        version: i64,
        planned: &Planned,
        codes: Vec<ChangedCode>,
    ) -> OrderChange {
        OrderChange {
            id: (state != ChangeState::Preview).then_some(self.change),
            state,
            order_id: self.id,
            version,
            currency: self.loaded.order.currency,
            before: before_of(&self.loaded.lines, &planned.before),
            after: side_of(&planned.plan.units),
            money: planned.plan.money,
            codes,
            supplement: None,
            other: None,
        }
    }

    pub(super) async fn note(&self, app: &App, c: &mut Conn) -> Result<(), DbError> {
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
pub(super) fn touched(tickets: &TicketPlan) -> Vec<UnitTicket> {
    let reissued = tickets.reissued.iter().map(|now| now.ticket);
    reissued.chain(tickets.ended.iter().copied()).collect()
}

/// An order that can be changed, with what decides on it.
pub(super) struct Found {
    pub(super) offer: Arc<EventDetail>,
    pub(super) loaded: Loaded,
    pub(super) policy: Policy,
    /// The policy it was bought by, if that is known.
    pub(super) bought_by: Option<Policy>,
}

/// Reads an order for whoever may see it; fails unless it is paid and stands for itself.
pub(super) async fn find(app: &App, caller: &Caller, id: OrderId) -> Result<Found, ChangeError> {
    let event = caller.event_of(app, id).await?;
    let offer = catalog::offer(app, event).await?;
    let (work, shown) = (app.clone(), Arc::clone(&offer));
    let (loaded, policy, bought_by) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let loaded = load(&work, c, id, &shown).await?;
                let policy = catalog::policy_of(c, event).await?;
                let bought_at = loaded.row.bought_at();
                let bought_by = catalog::policy_at(c, event, bought_at).await?;
                Ok::<_, ChangeError>((loaded, policy, bought_by))
            })
        })
        .await?;
    loaded.stands()?;
    Ok(Found {
        offer,
        loaded,
        policy,
        bought_by,
    })
}

pub(super) async fn prepare(
    app: &App,
    caller: &Caller,
    id: OrderId,
    request: &ChangeRequest,
    seen: &IfMatch,
) -> Result<Prepared, ChangeError> {
    let beyond = match &request.beyond_policy {
        Some(reason) if !(1..=500).contains(&reason.trim().chars().count()) => {
            let detail = "A reason has 1 to 500 characters.";
            return Err(ChangeError::field("beyond_policy", "out_of_range", detail));
        }
        reason => reason.clone(),
    };
    let Found {
        offer,
        loaded,
        policy,
        bought_by,
    } = find(app, caller, id).await?;
    // Before the steps are looked at: they name lines as the caller has seen them.
    allow(request, seen, loaded.row.version)?;
    let draft = Draft::of(&offer, &loaded.lines, &loaded.units, &request.steps)
        .map_err(SalesError::Invalid)?;
    let now = app.now();
    let mut prepared = Prepared {
        id,
        caller: caller.clone(),
        offer,
        loaded,
        policy,
        bought_by,
        draft,
        cart: None,
        people: Arc::default(),
        seen: request.seen,
        beyond,
        side: OrderId::new(&*app.clock, &*app.random),
        change: ChangeId::new(&*app.clock, &*app.random),
        now,
    };
    if caller.is_buyer() {
        may_ask(&prepared)?;
    }
    if !prepared.draft.items.is_empty() {
        let (offer, items) = (&prepared.offer, &prepared.draft.items);
        let cart = if prepared.loaded.row.has_codes {
            cart_with_codes(app, offer, items, !caller.is_buyer()).await?
        } else if caller.is_buyer() {
            sales::cart(app, offer, items, &[]).await?
        } else {
            sales::staff_cart(app, offer, items).await?
        };
        if cart.quantity() > MAX_UNITS {
            let detail = "There are too many units.";
            return Err(ChangeError::field("steps", "too_many", detail));
        }
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
    // What the organiser accepts one by one comes by an order of its own.
    let comes = prepared.draft.items.iter();
    let mut comes = comes.filter_map(|item| offer.tier(item.tier));
    if comes.any(|tier| tier.needs_approval) {
        let detail =
            "The organiser accepts orders for this ticket one by one; please order it apart.";
        return Err(ChangeError::field("steps", "needs_approval", detail));
    }
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
        may_name(&prepared.policy, offer, unit, now).map_err(ChangeError::NotTransferable)?;
    }
    Ok(())
}

/// Whether a buyer may name other holders of a unit's tickets.
pub(super) fn may_name(
    policy: &Policy,
    offer: &EventDetail,
    unit: &Unit,
    now: Timestamp,
) -> Result<(), PassOnRefusal> {
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
    may_transfer(policy, &facts, now)
}
