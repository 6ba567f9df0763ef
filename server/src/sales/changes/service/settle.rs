//! Changes that waited for their payment.

use std::collections::{BTreeMap, BTreeSet};

use bilten_kernel::db::{AsJson, Conn, DbError};

use super::super::error::ChangeError;
use super::super::model::*;
use super::super::store;
use super::codes;
use super::counts::{count_change, count_merge, lock_counts};
use super::edit::{Done, Moving, apply, order_in};
use super::people::renumbered;
use super::touched;
use crate::app::App;
use crate::catalog::{self, OccurrenceId};
use crate::events;
use crate::sales::service::{end_unpaid, stock_taken};
use crate::sales::store as orders;
use crate::sales::{self, OrderId, OrderState, PaidOutcome, People, SalesError};

/// Makes the change whose supplement was paid, inside a write that has locked the supplement; none if the
/// order is no supplement.
///
/// If the change cannot be made any more, what was held for it is given back, and the money must go back.
pub(in crate::sales) async fn settle(
    app: &App,
    c: &mut Conn,
    supplement: OrderId,
    is_pending: bool,
) -> Result<Option<PaidOutcome>, SalesError> {
    let Some(change) = store::change_of_supplement(c, supplement).await? else {
        return Ok(None);
    };
    let AsJson(Some(plan)) = change.plan else {
        return Ok(Some(PaidOutcome::NoStockLeft));
    };
    let (id, now) = (change.order_id, app.now());
    let is_due = is_pending && change.state == ChangeState::Pending;
    let is_raised =
        is_due && stands(c, id, &plan).await? && store::raise(c, id, change.at_version).await?;
    if is_raised && plan.tickets.more() < 0 {
        lock_counts(c, id).await?;
    }
    let is_possible = is_raised && has_seats(app, c, supplement, &plan).await?;
    if !is_possible {
        end_unpaid(c, supplement, now).await?;
        store::settle_change(c, change.id, ChangeState::Void, now).await?;
        return Ok(Some(PaidOutcome::NoStockLeft));
    }
    let row = store::changing(c, id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let (came, holder) = (supplement.to_string(), row.seat_holder(id));
    let moving = Moving {
        event: row.event_id,
        came: &came,
        holder: &holder,
        now,
    };
    moving.seats_and_stock(c, &plan).await?;
    codes::count(c, &came, id, &plan).await?;
    let people = people_of(app, c, supplement).await?;
    store::delete_lines(c, supplement).await?;
    if !store::merge_into(c, supplement, OrderState::Pending, id, now).await? {
        return Err(SalesError::OfferChanged);
    }
    let lines = store::lines(c, id).await?;
    let items: Vec<_> = lines.into_iter().map(|line| line.item).collect();
    // What it adds was counted with the supplement, by what that was paid by, too.
    count_merge(c, supplement, id).await?;
    count_change(c, row.event_id, id, plan.tickets.more().min(0)).await?;
    let (order, stock) = (
        order_in(app, c, id).await?,
        stock_taken(c, id, &items).await?,
    );
    let done = Done {
        order: &order,
        stock: &stock,
        holders: &BTreeMap::new(),
        people: &people,
        now,
    };
    match apply(app, c, &done, &plan).await {
        Ok(()) => {}
        Err(ChangeError::Sales(error)) => return Err(error),
        // A ticket was let in, or given away, in this very moment: whoever tries again finds it so.
        Err(
            ChangeError::Stale(_)
            | ChangeError::VersionConflict
            | ChangeError::Merged
            | ChangeError::Waiting
            | ChangeError::LeavesNothing
            | ChangeError::Ticket(_)
            | ChangeError::NotRefundable(_)
            | ChangeError::NotTransferable(_)
            | ChangeError::MoneyChanged
            | ChangeError::TooLate
            | ChangeError::NotMergeable,
        ) => return Err(SalesError::OfferChanged),
    }
    store::settle_change(c, change.id, ChangeState::Done, now).await?;
    Ok(Some(PaidOutcome::Paid))
}

/// Whether the event takes place with the dates that come, and the tickets that are to change are as they were.
async fn stands(c: &mut Conn, id: OrderId, plan: &Plan) -> Result<bool, SalesError> {
    let Some(row) = store::changing(c, id).await? else {
        return Ok(false);
    };
    let of_stock = plan.stock.iter().filter(|(_, taken)| *taken > 0);
    let dates: BTreeSet<OccurrenceId> = of_stock
        .filter_map(|(counter, _)| counter.occurrence)
        .chain(plan.seats_in.iter().map(|(date, _)| *date))
        .collect();
    let found = catalog::takes_place_in(c, row.event_id, &dates).await?;
    let takes_place = found.is_some_and(|(_, takes_place)| takes_place);
    let refusal = events::tickets_stand(c, id, &touched(&plan.tickets)).await?;
    Ok(takes_place && refusal.is_none())
}

/// Sells the seats that are held for a change; says whether all were there.
async fn has_seats(
    app: &App,
    c: &mut Conn,
    supplement: OrderId,
    plan: &Plan,
) -> Result<bool, SalesError> {
    if plan.seats_in.is_empty() {
        return Ok(true);
    }
    let Some(row) = store::changing(c, supplement).await? else {
        return Ok(false);
    };
    let holder = supplement.to_string();
    let (event, now) = (row.event_id, app.now());
    Ok(orders::seats::sell(c, event, &holder, &plan.seats_in, now).await?)
}

/// Takes who comes with what is added from the supplement.
async fn people_of(app: &App, c: &mut Conn, supplement: OrderId) -> Result<People, DbError> {
    let attendees = sales::attendees_in(app, c, supplement).await?;
    let (_, answers) = sales::answers_in(app, c, supplement).await?;
    orders::delete_people(c, &[supplement]).await?;
    Ok(renumbered(attendees, answers, Some))
}
