//! What a buyer sees before they ask for a change, and afterwards.

use std::slice;

use super::super::error::ChangeError;
use super::super::model::*;
use super::super::money::{Terms, Trade, starts_at};
use super::super::store;
use super::prepare::{Found, find, may_name};
use super::{Caller, answered};
use crate::app::App;
use crate::catalog::policy::{PassOnRefusal, RefundRefusal};
use crate::catalog::{OccurrenceId, TierId};
use crate::sales::{HeldSeat, OrderId};

/// A paid order as it can be changed.
#[derive(Clone, Debug)]
pub struct Changeable {
    /// The version from which a change starts.
    pub version: i64,
    /// Each of its units.
    pub units: Vec<ChangeableUnit>,
}

/// A unit of an order, with what its buyer cannot ask for now.
#[derive(Clone, Debug)]
pub struct ChangeableUnit {
    /// The number of its line, from 1.
    pub line: u32,
    /// Its number within the line, from 1.
    pub unit: u32,
    /// Its tier.
    pub tier_id: TierId,
    /// What the tier is called.
    pub label: String,
    /// Its date, if it is for one.
    pub occurrence_id: Option<OccurrenceId>,
    /// Its seat, if it has one.
    pub seat: Option<HeldSeat>,
    /// What was paid for it in minor units: all in.
    pub paid_minor: i64,
    /// Its tickets.
    pub tickets: Vec<UnitTicket>,
    /// Whether what it is for has begun, so that it is exchanged for nothing.
    pub has_begun: bool,
    /// Why nothing is given back for it, if that is so.
    pub no_refund: Option<RefundRefusal>,
    /// Why nobody else can be named on its tickets, if that is so.
    pub no_other_name: Option<PassOnRefusal>,
}

fn changeable_unit(terms: &Terms<'_>, line: u32, number: u32, unit: &Unit) -> ChangeableUnit {
    let alone = Trade {
        exchanged: &[],
        exchanged_for_minor: 0,
        cancelled: slice::from_ref(unit),
        added_minor: 0,
        lost_minor: 0,
    };
    let money = terms.reckon(alone);
    let named = may_name(terms.policy, terms.offer, unit, terms.now);
    ChangeableUnit {
        line,
        unit: number,
        tier_id: unit.tier,
        label: unit.label.clone(),
        occurrence_id: unit.occurrence,
        seat: unit.seat.clone(),
        paid_minor: unit.paid_minor,
        tickets: unit.tickets.clone(),
        has_begun: terms.now >= starts_at(terms.offer, unit.occurrence),
        no_refund: terms.refuses(&money, slice::from_ref(unit)),
        no_other_name: named.err(),
    }
}

/// A paid order as it can be changed.
///
/// # Errors
/// [`ChangeError`] if it cannot be changed at all.
pub async fn changeable(
    app: &App,
    caller: &Caller,
    id: OrderId,
) -> Result<Changeable, ChangeError> {
    let Found {
        offer,
        loaded,
        policy,
        bought_by,
    } = find(app, caller, id).await?;
    let terms = Terms {
        policy: &policy,
        bought_by: bought_by.as_ref(),
        offer: &offer,
        paid_at: loaded.order.paid_at.unwrap_or(loaded.order.created_at),
        now: app.now(),
        is_beyond: false,
    };
    let mut rest = loaded.units.iter();
    let mut units = Vec::with_capacity(loaded.units.len());
    for line in &loaded.lines {
        let count = usize::try_from(line.item.quantity).unwrap_or(0);
        for (unit, number) in rest.by_ref().take(count).zip(1u32..) {
            units.push(changeable_unit(&terms, line.item.line, number, unit));
        }
    }
    Ok(Changeable {
        version: loaded.row.version,
        units,
    })
}

/// A change of an order as it stands, for whoever may see the order; none if the order has no such change.
///
/// # Errors
/// [`ChangeError`] if they may not.
pub async fn change_shown(
    app: &App,
    caller: &Caller,
    id: OrderId,
    change: ChangeId,
) -> Result<Option<OrderChange>, ChangeError> {
    caller.event_of(app, id).await?;
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::change(c, id, change).await }))
        .await?;
    Ok(row.map(|row| answered(app, row)))
}

/// The change of an order that waits for its payment, if there is one; for pages of the order, whose reader
/// has shown already that they may see it.
///
/// # Errors
/// A fault of the database.
pub async fn waiting_change(app: &App, id: OrderId) -> Result<Option<OrderChange>, ChangeError> {
    let now = app.now();
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::waiting(c, id, now).await }))
        .await?;
    Ok(row.map(|row| answered(app, row)))
}

/// Whether nothing is left of an order because it became a part of another one.
///
/// # Errors
/// A fault of the database.
pub async fn is_part_of_another(app: &App, id: OrderId) -> Result<bool, ChangeError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::changing(c, id).await }))
        .await?;
    Ok(row.is_some_and(|row| row.merged_into.is_some()))
}
