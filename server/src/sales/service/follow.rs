//! Stock follows the catalogue.

use std::collections::{BTreeMap, HashSet};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use sha2::{Digest, Sha256};

use super::super::changes;
use super::super::codes;
use super::super::files;
use super::super::model::*;
use super::super::resale;
use super::super::store::{self, CounterRow, date_of};
use crate::app::App;
use crate::catalog::{CounterKey, EventDetail, EventId};
use crate::events::Refused;

/// How many counters are written by one statement.
const CHUNK: usize = 5_000;

/// Brings the stock of an event in line with what it offers, and says what may be sold at which version.
/// Only counters that differ are written, and none is looked at if their plan is as it was.
pub(crate) async fn on_event_saved(
    app: &App,
    c: &mut Conn,
    detail: &EventDetail,
) -> Result<(), Refused> {
    let event = &detail.event;
    let selling = super::is_selling(detail);
    let plan = detail.stock_plan();
    let hash = hash_of(detail, &plan);
    let before = store::event_sales(c, event.id).await?;
    let (was_selling, same_plan) = before.as_ref().map_or((None, false), |row| {
        (Some(row.selling), row.plan.as_deref() == Some(&hash[..]))
    });
    if !store::put_event_sales(c, event.id, event.version, selling, hash).await? {
        // It was read before somebody else saved it, who has seen to its stock.
        return Ok(());
    }
    let stops = was_selling == Some(true) && !selling;
    if stops {
        store::lock_holds(c, event.id, app.now()).await?;
    }
    if was_selling.is_some_and(|was| was != selling) {
        store::set_selling(c, event.id, selling).await?;
    }
    if stops {
        // After the stock: also holds that were made until nothing could be taken any more.
        release_holds(app.now(), c, event.id).await?;
    }
    if same_plan {
        return Ok(());
    }
    let dates = detail.occurrences.iter();
    let called_off: Vec<_> = dates.filter(|date| !date.is_scheduled()).collect();
    if !called_off.is_empty() {
        store::lock_holds(c, event.id, app.now()).await?;
    }
    follow(c, detail, &plan, selling).await?;
    if !called_off.is_empty() {
        let called_off = Val::texts(called_off.iter().map(|date| date.id));
        store::run_out_holds_of(c, event.id, called_off, app.now()).await?;
    }
    Ok(())
}

/// Whoever has not paid yet chooses anew when the event sells again; the sweep gives back what they had.
async fn release_holds(now: Timestamp, c: &mut Conn, event: EventId) -> Result<(), DbError> {
    store::run_out_holds(c, event, now).await
}

fn hash_of(detail: &EventDetail, plan: &[(CounterKey, i64)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (key, capacity) in plan {
        hash.update(key.of.as_bytes());
        hash.update(date_of(key).as_bytes());
        hash.update(capacity.to_be_bytes());
    }
    // A date that was called off keeps its counters, one that is gone does not.
    for date in &detail.occurrences {
        hash.update(date.id.as_bytes());
        hash.update([u8::from(date.is_scheduled())]);
    }
    hash.finalize().into()
}

async fn follow(
    c: &mut Conn,
    detail: &EventDetail,
    plan: &[(CounterKey, i64)],
    selling: bool,
) -> Result<(), Refused> {
    let event = detail.event.id;
    let rows = store::counters(c, event).await?;
    let mut there: BTreeMap<(String, String), &CounterRow> = rows
        .iter()
        .map(|row| ((row.counter.clone(), row.occurrence_id.clone()), row))
        .collect();
    let mut differing: Vec<(&CounterKey, i64)> = Vec::new();
    for (key, capacity) in plan {
        let row = there.remove(&(key.of.clone(), date_of(key)));
        if row.is_none_or(|row| row.capacity != *capacity) {
            differing.push((key, *capacity));
        }
    }
    for chunk in differing.chunks(CHUNK) {
        let written = store::put_counters(c, event, selling, chunk).await?;
        if written != u64::try_from(chunk.len()).unwrap_or(u64::MAX) {
            return Err(Refused::CapacityBelowSold);
        }
    }
    // What is no more in the plan, in the order of keys.
    let called_off: HashSet<String> = detail
        .occurrences
        .iter()
        .filter(|date| !date.is_scheduled())
        .map(|date| date.id.to_string())
        .collect();
    for row in there.into_values() {
        if called_off.contains(&row.occurrence_id) {
            store::close_counter(c, row).await?;
        } else if !store::drop_counter(c, row).await? {
            return Err(Refused::CapacityBelowSold);
        }
    }
    Ok(())
}

/// What is sold or held of an event, by what it is counted by; only what is above nothing. For the
/// catalogue, before it changes dates.
pub(crate) async fn taken_in(
    c: &mut Conn,
    event: EventId,
) -> Result<Vec<(CounterKey, i64)>, DbError> {
    let rows = store::taken_counters(c, event).await?;
    let taken = rows.into_iter().map(|row| {
        let key = CounterKey {
            of: row.counter,
            // Empty for all dates together, which is no id.
            occurrence: row.occurrence_id.parse().ok(),
        };
        (key, row.taken)
    });
    Ok(taken.collect())
}

/// Takes the stock of an event that is being deleted away, and locks its orders, so that whoever buys
/// or pays in this moment is done before or finds nothing.
pub(crate) async fn on_event_closed(c: &mut Conn, event: EventId) -> Result<Vec<OrderId>, DbError> {
    store::delete_stock(c, event).await?;
    store::lock_orders(c, event).await
}

/// Gives an event that is a copy of another what that asks of those who buy: its rules and how many tickets
/// one person may have.
pub(crate) async fn on_event_copied(
    c: &mut Conn,
    from: EventId,
    to: EventId,
    now: Timestamp,
) -> Result<(), DbError> {
    let said = store::seats::event_rules(c, from).await?;
    if let Some(said) = said.filter(|said| said.version > 0) {
        store::seats::set_rules(c, to, 0, said.rules).await?;
    }
    if let Some(mut said) = store::limits::event_limits(c, from).await? {
        said.version = 1;
        store::limits::put_limits(c, to, &said, now).await?;
    }
    Ok(())
}

/// Drops what a deleted event of a sandbox has sold; a deleted draft has sold nothing.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    codes::on_event_deleted(c, event).await?;
    resale::on_event_deleted(c, event).await?;
    store::limits::delete_of_event(c, event).await?;
    changes::on_event_deleted(c, event).await?;
    files::on_event_deleted(c, event).await?;
    store::delete_sold(c, event).await
}
