//! Edits: what costs more waits for its payment, everything else happens at once.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::random;

use super::super::error::ChangeError;
use super::super::model::*;
use super::super::plan::Planned;
use super::super::store;
use super::super::units::{StoredLine, lines_of};
use super::codes::{self, reserve};
use super::counts::{count_added, count_change, count_supplement};
use super::people::{named, put_added};
use super::take::{Taken, until};
use super::{Making, Prepared, keep};
use crate::app::App;
use crate::catalog::CounterKey;
use crate::events;
use crate::sales::files;
use crate::sales::service::{paid_order, put_people, sealed_buyer};
use crate::sales::store::{self as orders, Take};
use crate::sales::{
    self, Attendee, HeldSeats, Order, OrderId, OrderItem, OrderState, People, SalesError,
};

/// Does what is planned, or lets it wait for its payment.
pub(super) async fn carry_out(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
    taken: &Taken,
    planned: Planned,
    making: &Making,
) -> Result<OrderChange, ChangeError> {
    let version = prepared.loaded.row.version + 1;
    let plan = &planned.plan;
    let tickets = plan.tickets.more();
    let has_codes = reserve(c, prepared, plan).await?;
    if plan.money.due_minor > 0 {
        let mut answer = prepared.answer(
            ChangeState::Pending,
            version,
            &planned,
            taken.told(&planned),
        );
        answer.supplement = Some(Supplement {
            order_id: prepared.side,
            token: Some(sales::order_token(app, prepared.side)),
            total_minor: plan.money.due_minor,
            expires_at: until(prepared),
        });
        let items = taken.priced.as_ref().map(|priced| priced.items.as_slice());
        let items = items.unwrap_or_default();
        supplement(app, c, prepared, plan, items, has_codes, making).await?;
        if tickets > 0 {
            count_supplement(c, prepared, tickets).await?;
        }
        keep(app, c, prepared, making, &answer, Some(plan)).await?;
        return Ok(answer);
    }
    let answer = prepared.answer(ChangeState::Done, version, &planned, taken.told(&planned));
    let holder = prepared.loaded.row.seat_holder(prepared.id);
    let came = prepared.side.to_string();
    let (event, now) = (prepared.offer.event.id, prepared.now);
    if !plan.seats_in.is_empty()
        && !orders::seats::sell(c, event, &came, &plan.seats_in, now).await?
    {
        let seats = plan.seats_in.iter().map(|(_, seat)| *seat).collect();
        return Err(SalesError::SeatsTaken(seats).into());
    }
    move_stock(c, prepared, plan, &came, &holder).await?;
    codes::count(c, &came, prepared.id, plan).await?;
    if tickets > 0 {
        count_added(c, prepared, tickets).await?;
    }
    count_change(c, event, prepared.id, tickets).await?;
    keep(app, c, prepared, making, &answer, None).await?;
    let done = Done {
        order: &prepared.loaded.order,
        stock: &prepared.loaded.stock,
        holders: &prepared.draft.holders,
        people: &prepared.people,
        now,
    };
    apply(app, c, &done, plan).await?;
    Ok(answer)
}

async fn move_stock(
    c: &mut Conn,
    prepared: &Prepared,
    plan: &Plan,
    came: &str,
    holder: &str,
) -> Result<(), DbError> {
    let moving = Moving {
        event: prepared.offer.event.id,
        came,
        holder,
        now: prepared.now,
    };
    moving.seats_and_stock(c, plan).await
}

/// Whose seats and stock move.
pub(super) struct Moving<'a> {
    pub(super) event: crate::catalog::EventId,
    /// In whose name it was held.
    pub(super) came: &'a str,
    /// In whose name the order's seats are.
    pub(super) holder: &'a str,
    pub(super) now: Timestamp,
}

impl Moving<'_> {
    /// Lets sold seats be the order's, sells what is held, and gives back what goes.
    pub(super) async fn seats_and_stock(&self, c: &mut Conn, plan: &Plan) -> Result<(), DbError> {
        store::rename_seats(c, &plan.seats_in, self.came, self.holder).await?;
        if !plan.seats_out.is_empty() {
            let (event, now) = (self.event, self.now);
            orders::seats::free(c, event, self.holder, &plan.seats_out, now).await?;
        }
        for (key, quantity) in &plan.stock {
            if *quantity > 0 {
                orders::sell_held(c, &[(key.clone(), *quantity)]).await?;
            } else {
                orders::give_back(c, Take::Sold, &[(key.clone(), -*quantity)]).await?;
            }
        }
        Ok(())
    }
}

/// What has to be paid first: an order of its own that holds what is to come.
async fn supplement(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
    plan: &Plan,
    items: &[OrderItem],
    has_codes: bool,
    making: &Making,
) -> Result<(), ChangeError> {
    let order = Order {
        id: prepared.side,
        reference: random::token(&*app.random, 9).to_uppercase(),
        state: OrderState::Pending,
        total_minor: plan.money.due_minor,
        expires_at: Some(until(prepared)),
        created_at: prepared.now,
        paid_at: None,
        ..prepared.loaded.order.clone()
    };
    let held: Vec<(CounterKey, i64)> = plan
        .stock
        .iter()
        .filter(|(_, quantity)| *quantity > 0)
        .cloned()
        .collect();
    let part = store::NewPart {
        buyer: sealed_buyer(app, &order)?,
        order: &order,
        key: format!("change {}", prepared.change),
        request_hash: making.hash,
        stock: &held,
        paid_with: prepared.loaded.row.money_of(prepared.id),
        numbers: 0,
        has_codes,
        codes: None,
        bought_at: prepared.loaded.row.bought_at(),
    };
    store::insert_part(c, part).await?;
    // What is not due for them is paid with what goes.
    let mut due = plan.money.due_minor;
    let lines: Vec<StoredLine> = items
        .iter()
        .map(|item| {
            let total_minor = item.total_minor.min(due);
            due -= total_minor;
            StoredLine {
                item: OrderItem {
                    total_minor,
                    ..item.clone()
                },
                fees_minor: None,
                tickets: None,
                codes: None,
            }
        })
        .collect();
    store::put_lines(c, prepared.side, &lines).await?;
    put_people(app, c, prepared.side, &prepared.people).await?;
    events::supplement_placed(app, c, &order).await?;
    Ok(())
}

/// What is known of an order to which a plan is applied; its stock is moved already.
pub(super) struct Done<'a> {
    pub(super) order: &'a Order,
    pub(super) stock: &'a [(CounterKey, i64)],
    /// Who comes with which of its tickets from now on.
    pub(super) holders: &'a BTreeMap<u32, Attendee>,
    /// Who comes with the tickets that are added, by their place among those.
    pub(super) people: &'a People,
    pub(super) now: Timestamp,
}

/// What an order has taken after a change.
pub(super) fn stock_after(
    before: &[(CounterKey, i64)],
    change: &[(CounterKey, i64)],
) -> Vec<(CounterKey, i64)> {
    let mut stock: BTreeMap<CounterKey, i64> = BTreeMap::new();
    for (key, quantity) in before.iter().chain(change) {
        *stock.entry(key.clone()).or_insert(0) += *quantity;
    }
    stock.retain(|_, quantity| *quantity > 0);
    stock.into_iter().collect()
}

/// Writes an order as it is planned, with who comes; tickets and money follow.
pub(super) async fn apply(
    app: &App,
    c: &mut Conn,
    done: &Done<'_>,
    plan: &Plan,
) -> Result<(), ChangeError> {
    let id = done.order.id;
    let stock = stock_after(done.stock, &plan.stock);
    let lines = lines_of(&plan.units);
    store::put_order(c, id, &lines, plan.money.kept_minor, &stock, plan.numbers).await?;
    for ticket in &plan.tickets.ended {
        orders::delete_attendee(c, id, i64::from(ticket.number)).await?;
        files::erase_of_ticket(c, id, i64::from(ticket.number)).await?;
    }
    for number in done.holders.keys() {
        orders::delete_attendee(c, id, i64::from(*number)).await?;
        files::erase_of_ticket(c, id, i64::from(*number)).await?;
    }
    let named_now = People {
        attendees: done.holders.clone(),
        ..People::default()
    };
    put_people(app, c, id, &named_now).await?;
    put_added(app, c, id, plan, done.people).await?;

    let is_named = |ticket: &UnitTicket| {
        let attendee = done.holders.get(&ticket.number)?;
        Some((*ticket, attendee.name.clone()))
    };
    let reissued = plan.tickets.reissued.iter();
    let changed = ChangedOrder {
        order: id,
        event: done.order.event_id,
        sandbox: done.order.sandbox,
        change: "changed",
        holders: reissued.filter_map(|now| is_named(&now.ticket)).collect(),
        added: added(done, plan),
        tickets: plan.tickets.clone(),
        moved: None,
        refund_minor: plan.money.refund_minor,
        currency: done.order.currency,
    };
    match events::order_changed(app, c, changed).await? {
        Some(why) => Err(ChangeError::Ticket(why)),
        None => Ok(()),
    }
}

/// The tickets that are added, as those of an order that is paid now: one for each line.
fn added(done: &Done<'_>, plan: &Plan) -> Option<events::PaidOrder> {
    if plan.tickets.added.is_empty() {
        return None;
    }
    let items: Vec<OrderItem> = plan
        .tickets
        .added
        .iter()
        .zip(1u32..)
        .map(|(ticket, line)| OrderItem {
            line,
            tier_id: ticket.tier,
            label: String::new(),
            occurrence_id: ticket.occurrence,
            quantity: 1,
            unit_price_minor: 0,
            total_minor: 0,
            seats: HeldSeats(ticket.seat.clone().into_iter().collect()),
        })
        .collect();
    let order = Order {
        paid_at: Some(done.now),
        ..done.order.clone()
    };
    paid_order(&order, &items, named(plan, done.people))
}

/// The order that a supplement is, for whoever settles it.
pub(super) async fn order_in(app: &App, c: &mut Conn, id: OrderId) -> Result<Order, SalesError> {
    let row = orders::order(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    Ok(crate::sales::service::order_of_row(app, row)?)
}
