//! One order becomes two, or two become one: units move with their tickets and what was paid for them; no
//! stock is touched.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::random;

use super::super::draft::{Draft, Fate, Whole};
use super::super::error::ChangeError;
use super::super::model::*;
use super::super::plan::stock_of;
use super::super::store;
use super::super::units::{before_of, lines_of, side_of, total};
use super::counts::{count_merge, count_split};
use super::edit::stock_after;
use super::people::renumbered;
use super::{Caller, Loaded, Making, Prepared, has_same_stock, keep, load, raise};
use crate::app::App;
use crate::catalog::CounterKey;
use crate::catalog::OccurrenceId;
use crate::catalog::seating::SeatId;
use crate::events;
use crate::sales::codes;
use crate::sales::files;
use crate::sales::service::{put_people, sealed_buyer};
use crate::sales::store as orders;
use crate::sales::{self, Order, OrderId, OrderState, SalesError};

/// What a split comes to.
pub(super) struct Split {
    pub(super) answer: OrderChange,
    kept: Vec<Unit>,
    moved: Vec<Unit>,
    /// The new numbers of the tickets that move, by their old ones.
    numbers: BTreeMap<u32, u32>,
    stock: Vec<(CounterKey, i64)>,
}

fn seats_of(units: &[Unit]) -> Vec<(OccurrenceId, SeatId)> {
    let seats = units.iter();
    let mut seats: Vec<_> = seats
        .filter_map(|unit| Some((unit.occurrence?, unit.seat.as_ref()?.id)))
        .collect();
    seats.sort_unstable();
    seats
}

fn tickets_of(units: &[Unit]) -> Vec<UnitTicket> {
    let tickets = units.iter().flat_map(|unit| &unit.tickets);
    tickets.copied().collect()
}

fn whole_answer(prepared: &Prepared, before: &[Unit], after: &[Unit]) -> OrderChange {
    OrderChange {
        id: None,
        state: ChangeState::Preview,
        order_id: prepared.id,
        version: prepared.loaded.row.version,
        currency: prepared.loaded.order.currency,
        before: before_of(&prepared.loaded.lines, before),
        after: side_of(after),
        money: ChangeMoney::default(),
        codes: Vec::new(),
        supplement: None,
        other: None,
    }
}

/// What the split of an order would be.
pub(super) fn split_of(prepared: &Prepared) -> Split {
    let (mut before, mut kept, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers = BTreeMap::new();
    let mut next = 0u32;
    let fates = &prepared.draft.fates;
    for (unit, fate) in prepared.loaded.units.iter().zip(fates) {
        let mut old = unit.clone();
        if matches!(fate, Fate::Move) {
            old.reason = LineReason::Moved;
            let mut new = old.clone();
            for ticket in &mut new.tickets {
                numbers.insert(ticket.number, next);
                ticket.number = next;
                next = next.saturating_add(1);
            }
            moved.push(new);
        } else {
            kept.push(unit.clone());
        }
        before.push(old);
    }
    // What moves is counted as what would be given back.
    let given = Draft {
        fates: fates
            .iter()
            .map(|fate| match fate {
                Fate::Move => Fate::Cancel,
                Fate::Keep | Fate::Exchange(_) | Fate::Cancel => Fate::Keep,
            })
            .collect(),
        ..prepared.draft.clone()
    };
    let stock = stock_of(&prepared.basis(), &given, &[]);
    let mut answer = whole_answer(prepared, &before, &kept);
    let side = side_of(&moved);
    answer.other = Some(OtherOrder {
        order_id: None,
        token: None,
        total_minor: side.total_minor,
        lines: side.lines,
    });
    Split {
        answer,
        kept,
        moved,
        numbers,
        stock: stock.into_iter().map(|(key, back)| (key, -back)).collect(),
    }
}

/// Splits an order that is locked.
pub(super) async fn split(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
    making: &Making,
) -> Result<OrderChange, ChangeError> {
    let Split {
        mut answer,
        kept,
        moved,
        numbers,
        stock,
    } = split_of(prepared);
    let (id, side, loaded) = (prepared.id, prepared.side, &prepared.loaded);
    let order = Order {
        id: side,
        reference: random::token(&*app.random, 9).to_uppercase(),
        total_minor: total(&moved),
        created_at: prepared.now,
        ..loaded.order.clone()
    };
    let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let part = store::NewPart {
        buyer: sealed_buyer(app, &order)?,
        order: &order,
        key: format!("change {}", prepared.change),
        request_hash: making.hash,
        stock: &stock,
        paid_with: loaded.row.money_of(id),
        numbers: count,
        has_codes: loaded.row.has_codes,
        codes: loaded.row.has_codes.then_some(loaded.codes.as_slice()),
        bought_at: loaded.row.bought_at(),
    };
    store::insert_part(c, part).await?;
    store::put_lines(c, side, &lines_of(&moved)).await?;
    let back: Vec<_> = stock
        .iter()
        .map(|(key, own)| (key.clone(), -*own))
        .collect();
    let left = stock_after(&loaded.stock, &back);
    store::put_order(c, id, &lines_of(&kept), 0, &left, loaded.numbers).await?;
    let (from, to) = (loaded.row.seat_holder(id), side.to_string());
    store::rename_seats(c, &seats_of(&moved), &from, &to).await?;

    let tickets: usize = moved.iter().map(|unit| unit.tickets.len()).sum();
    let tickets = i64::try_from(tickets).unwrap_or(i64::MAX);
    count_split(c, id, side, tickets).await?;

    let mut attendees = sales::attendees_in(app, c, id).await?;
    let (_, mut answers) = sales::answers_in(app, c, id).await?;
    attendees.retain(|number, _| numbers.contains_key(number));
    answers.retain(|number, _| numbers.contains_key(number));
    for number in numbers.keys() {
        orders::delete_attendee(c, id, i64::from(*number)).await?;
    }
    let people = renumbered(attendees, answers, |old| numbers.get(&old).copied());
    put_people(app, c, side, &people).await?;

    answer.id = Some(prepared.change);
    answer.state = ChangeState::Done;
    answer.version += 1;
    if let Some(other) = &mut answer.other {
        other.order_id = Some(side);
        other.token = Some(sales::order_token(app, side));
    }
    keep(app, c, prepared, making, &answer, None).await?;
    let moved = tickets_of(&moved);
    move_tickets(app, c, "split", &loaded.order, &order, moved).await?;
    Ok(answer)
}

async fn move_tickets(
    app: &App,
    c: &mut Conn,
    change: &'static str,
    from: &Order,
    to: &Order,
    tickets: Vec<UnitTicket>,
) -> Result<(), ChangeError> {
    let changed = ChangedOrder {
        order: from.id,
        event: from.event_id,
        sandbox: from.sandbox,
        change,
        tickets: TicketPlan::default(),
        holders: Vec::new(),
        added: None,
        moved: Some((to.id, to.reference.clone(), tickets)),
        refund_minor: 0,
        currency: from.currency,
    };
    match events::order_changed(app, c, changed).await? {
        Some(why) => Err(ChangeError::Ticket(why)),
        None => Ok(()),
    }
}

/// What a merge comes to.
pub(super) struct Merge {
    pub(super) answer: OrderChange,
    other: Loaded,
    other_id: OrderId,
    units: Vec<Unit>,
    /// How far the numbers of the other order's tickets move.
    from: u32,
    numbers: u32,
}

/// What the merge of another order into one would be.
pub(super) async fn merge_of(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
) -> Result<Merge, ChangeError> {
    let Whole::Merge {
        order: other_id,
        version,
        token,
    } = &prepared.draft.whole
    else {
        return Err(ChangeError::NotMergeable);
    };
    let other_id = *other_id;
    let is_theirs = match &prepared.caller {
        Caller::Staff { .. } => true,
        Caller::Buyer { .. } => token
            .as_deref()
            .is_some_and(|token| sales::is_order_token(app, other_id, token)),
    };
    let found = store::changing(c, other_id).await?;
    let is_there = is_theirs
        && found
            .as_ref()
            .is_some_and(|row| row.event_id == prepared.loaded.row.event_id);
    if !is_there {
        return Err(SalesError::OrderNotFound.into());
    }
    let other = load(app, c, other_id, &prepared.offer).await?;
    let own = &prepared.loaded.row;
    let is_known = !prepared.loaded.order.email.is_empty();
    let is_same_buyer = !own.email_lookup.is_empty() && own.email_lookup == other.row.email_lookup;
    if other_id == prepared.id || !is_known || !is_same_buyer {
        return Err(ChangeError::NotMergeable);
    }
    other.stands()?;
    if version.is_some_and(|version| version != other.row.version) {
        return Err(ChangeError::VersionConflict);
    }
    if store::is_waiting(c, other_id, prepared.now).await? {
        return Err(ChangeError::Waiting);
    }
    let from = prepared.loaded.numbers;
    let mut units = prepared.loaded.units.clone();
    for unit in &other.units {
        let mut unit = unit.clone();
        unit.reason = LineReason::Moved;
        for ticket in &mut unit.tickets {
            ticket.number = ticket.number.saturating_add(from);
        }
        units.push(unit);
    }
    let mut answer = whole_answer(prepared, &prepared.loaded.units, &units);
    answer.other = Some(OtherOrder {
        order_id: Some(other_id),
        token: None,
        total_minor: 0,
        lines: Vec::new(),
    });
    Ok(Merge {
        answer,
        other_id,
        units,
        from,
        numbers: from.saturating_add(other.numbers),
        other,
    })
}

/// Merges another order into one.
pub(super) async fn merge(
    app: &App,
    c: &mut Conn,
    prepared: &Prepared,
    making: &Making,
) -> Result<OrderChange, ChangeError> {
    let (id, loaded) = (prepared.id, &prepared.loaded);
    // Looked at before it is locked: both are locked in the order of their ids, at these versions.
    let Merge {
        mut answer,
        other,
        other_id,
        units,
        from,
        numbers,
    } = merge_of(app, c, prepared).await?;
    let mut both = [(id, loaded.row.version), (other_id, other.row.version)];
    both.sort_unstable();
    for (one, version) in both {
        raise(c, one, version, making).await?;
        let as_seen = if one == id { loaded } else { &other };
        has_same_stock(c, one, as_seen).await?;
        if store::is_waiting(c, one, prepared.now).await? {
            return Err(ChangeError::Waiting);
        }
    }
    let stock = stock_after(&loaded.stock, &other.stock);
    let kept = store::kept(c, other_id).await?;
    store::put_order(c, id, &lines_of(&units), kept, &stock, numbers).await?;
    store::delete_lines(c, other_id).await?;
    if !store::merge_into(c, other_id, OrderState::Paid, id, prepared.now).await? {
        return Err(ChangeError::VersionConflict);
    }
    let (mine, theirs) = (loaded.row.money_of(id), other.row.money_of(other_id));
    if mine != theirs {
        store::share_money(c, theirs, mine).await?;
    }
    let (holder, theirs) = (loaded.row.seat_holder(id), other.row.seat_holder(other_id));
    store::rename_seats(c, &seats_of(&other.units), &theirs, &holder).await?;
    count_merge(c, other_id, id).await?;
    merge_codes(c, prepared, &other, other_id).await?;
    move_people(app, c, other_id, id, from).await?;

    answer.id = Some(prepared.change);
    answer.state = ChangeState::Done;
    answer.version += 1;
    keep(app, c, prepared, making, &answer, None).await?;
    let tickets = tickets_of(&other.units);
    move_tickets(app, c, "merged", &other.order, &loaded.order, tickets).await?;
    Ok(answer)
}

/// Lets an order have the codes of another one, by the rules by which that was bought, and the better right
/// of both to get money back.
async fn merge_codes(
    c: &mut Conn,
    prepared: &Prepared,
    other: &Loaded,
    other_id: OrderId,
) -> Result<(), DbError> {
    let (id, own) = (prepared.id, &prepared.loaded);
    let mut codes = own.codes.clone();
    for code in &other.codes {
        if !codes.iter().any(|one| one.id == code.id) {
            codes.push(code.clone());
        }
    }
    let has_codes = own.row.has_codes || other.row.has_codes;
    let bought_at = own.row.bought_at().min(other.row.bought_at());
    store::join_codes(c, id, has_codes, &codes, bought_at).await?;
    if other.row.has_codes {
        codes::rename(c, &other_id.to_string(), &id.to_string()).await?;
    }
    Ok(())
}

/// Lets those who come with one order come with another, by numbers that are so much higher.
async fn move_people(
    app: &App,
    c: &mut Conn,
    from: OrderId,
    to: OrderId,
    by: u32,
) -> Result<(), DbError> {
    let attendees = sales::attendees_in(app, c, from).await?;
    let (of_order, answers): (_, HashMap<u32, _>) = sales::answers_in(app, c, from).await?;
    let (own, _) = sales::answers_in(app, c, to).await?;
    orders::delete_people(c, &[from]).await?;
    let mut people = renumbered(attendees, answers, |old| old.checked_add(by));
    if own.is_empty() {
        people.answers.order = of_order;
    }
    put_people(app, c, to, &people).await?;
    // Of answers that nobody needs twice.
    files::erase_of_orders(c, &[from]).await
}
