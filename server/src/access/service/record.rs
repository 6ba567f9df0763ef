//! Recording scans: place them, settle what they touch, feed what that changes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bilten_core::checkin::DenyReason;
use bilten_core::sync::push::{Receipt, Unplaced};
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::metric;

use super::{AccessError, Push, told};
use crate::access::model::*;
use crate::access::store::scans::{self, KnownScan, NewScan};
use crate::access::store::{devices, places};
use crate::app::App;
use crate::catalog::EventId;
use crate::events;
use crate::tickets::{self, TicketId};

/// Passages that are settled together: one ticket on one list.
type Place = (TicketId, String);

/// What is known of the event before the batch.
struct Before {
    lists: HashMap<String, CheckInList>,
    versions: HashMap<TicketId, u16>,
    known: HashMap<ScanId, KnownScan>,
}

/// Records pushes of devices of one event, one receipt each. The feed's row is taken first: whoever
/// records scans of this event at the same time, on this node or another, waits there.
pub(super) async fn record(
    app: &App,
    c: &mut Conn,
    pushes: &[Arc<Push>],
) -> Result<Vec<Receipt>, AccessError> {
    let Some(event) = pushes.first().map(|push| push.device.event_id) else {
        return Ok(Vec::new());
    };
    tickets::advance(app, c, event, 0).await?;
    let before = look(c, event, pushes).await?;

    // Each scan once, and where it belongs.
    let mut seen = HashSet::new();
    // Which push brought it.
    let mut brought: HashMap<ScanId, usize> = HashMap::new();
    let mut fresh: Vec<(&Push, &Report, Option<UnplacedCode>)> = Vec::new();
    let mut touched: BTreeMap<Place, Vec<PassageRow>> = BTreeMap::new();
    for (number, push) in pushes.iter().enumerate() {
        for report in &push.reports {
            if let Some(known) = before.known.get(&report.id) {
                if let Some(place) = place_of_known(known) {
                    touched.entry(place).or_default();
                }
            } else if seen.insert(report.id) {
                let unplaced = unplaced(push, report, &before);
                if let (None, None, Some(ticket)) = (&report.refused, unplaced, report.ticket) {
                    let rows = touched.entry((ticket, report.list.clone())).or_default();
                    rows.push(passage(push, report, ticket));
                }
                brought.insert(report.id, number);
                fresh.push((push, report, unplaced));
            }
        }
    }
    for row in stored_passages(c, &touched).await? {
        if let Some(rows) = touched.get_mut(&(row.ticket_id, row.list_id.clone())) {
            rows.push(row);
        }
    }

    let mut changed = Vec::new();
    let mut anew: BTreeMap<usize, Vec<PassageRow>> = BTreeMap::new();
    for ((_, list), rows) in &mut touched {
        if let Some(list) = before.lists.get(list) {
            for place in settle_rows(list.core_policy(), rows)? {
                let row = &rows[place];
                changed.push((row.id, row.standing));
                // An older one stands otherwise by what was brought now: the first will do.
                let by = brought.get(&row.id).copied().unwrap_or(0);
                anew.entry(by).or_default().push(row.clone());
            }
        }
    }
    let positions = take_positions(app, c, event, changed).await?;
    save(c, event, &fresh, positions).await?;
    let mut told = Vec::new();
    for (number, rows) in &anew {
        if let Some(push) = pushes.get(*number) {
            told.extend(told::settled(event, rows, &push.cause));
        }
    }
    events::publish(app, c, told).await?;
    count(c, &fresh);
    note_clocks(c, pushes).await?;
    pushes
        .iter()
        .map(|push| receipt(push, &before, &mut seen, &touched))
        .collect()
}

async fn look(c: &mut Conn, event: EventId, pushes: &[Arc<Push>]) -> Result<Before, AccessError> {
    let reports = || pushes.iter().flat_map(|push| &push.reports);
    let ids: Vec<_> = reports().map(|report| report.id).collect();
    let mut wanted: Vec<_> = reports()
        .filter(|report| report.refused.is_none())
        .filter_map(|report| report.ticket)
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let known = scans::known(c, &ids).await?;
    Ok(Before {
        lists: places::lists(c, event)
            .await?
            .into_iter()
            .map(|list| (list.id.to_string(), list))
            .collect(),
        versions: tickets::versions_in(c, event, &wanted).await?,
        known: known.into_iter().map(|scan| (scan.id, scan)).collect(),
    })
}

fn place_of_known(known: &KnownScan) -> Option<Place> {
    match (&known.refused, known.unplaced, known.ticket_id) {
        (None, None, Some(ticket)) => Some((ticket, known.list_id.clone())),
        (Some(_), _, _) | (None, Some(_), _) | (None, None, None) => None,
    }
}

/// Why a scan cannot be placed, if it cannot. A refusal needs no place.
fn unplaced(push: &Push, report: &Report, before: &Before) -> Option<UnplacedCode> {
    if push.device.revoked_at.is_some() {
        return Some(UnplacedCode::DeviceRevoked);
    }
    if report.refused.is_some() {
        return None;
    }
    if !before.lists.contains_key(&report.list) {
        return Some(UnplacedCode::ListUnknown);
    }
    let Some(ticket) = report.ticket else {
        return Some(UnplacedCode::TicketMissing);
    };
    match before.versions.get(&ticket) {
        Some(newest) if report.version.is_some_and(|version| version > *newest) => {
            Some(UnplacedCode::VersionUnknown)
        }
        Some(_) => None,
        None if push.vouched.contains(&ticket) => None,
        None => Some(UnplacedCode::TicketUnknown),
    }
}

fn passage(push: &Push, report: &Report, ticket: TicketId) -> PassageRow {
    PassageRow {
        id: report.id,
        ticket_id: ticket,
        list_id: report.list.clone(),
        gate_id: report.gate.clone(),
        device_id: push.device.id,
        at: report.at,
        direction: report.way,
        standing: None,
    }
}

async fn stored_passages(
    c: &mut Conn,
    touched: &BTreeMap<Place, Vec<PassageRow>>,
) -> Result<Vec<PassageRow>, DbError> {
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<_> = touched.keys().map(|(ticket, _)| *ticket).collect();
    ids.dedup();
    scans::passages(c, &ids).await
}

metric! {
    /// Scans that were recorded: by verdict, by reason of refusal, and by whether a device sent them
    /// or they were decided here.
    SCANS: Counter = "bilten_scans_total"
}

/// Counts scans once they are durable.
fn count(c: &mut Conn, fresh: &[(&Push, &Report, Option<UnplacedCode>)]) {
    let mut counts: BTreeMap<(&'static str, &'static str, &'static str), u64> = BTreeMap::new();
    for (push, report, unplaced) in fresh {
        let by = if push.device.built_in {
            "server"
        } else {
            "device"
        };
        let (verdict, reason) = match (&report.refused, unplaced) {
            // What newer devices call it is theirs to choose, so it is no label.
            (Some(code), _) => (
                "deny",
                DenyReason::from_code(code).map_or("other", |reason| reason.code()),
            ),
            (None, Some(unplaced)) => ("unplaced", unplaced.as_str()),
            (None, None) => ("admit", ""),
        };
        *counts.entry((verdict, reason, by)).or_default() += 1;
    }
    c.after_commit(move || {
        for ((verdict, reason, by), count) in counts {
            SCANS.add(
                &[("by", by), ("reason", reason), ("verdict", verdict)],
                count,
            );
        }
    });
}

/// Gives each passage with a new standing a position of its own.
async fn take_positions(
    app: &App,
    c: &mut Conn,
    event: EventId,
    changed: Vec<(ScanId, Option<Counting>)>,
) -> Result<HashMap<ScanId, (Counting, i64)>, DbError> {
    if changed.is_empty() {
        return Ok(HashMap::new());
    }
    let count = changed.len();
    let last = tickets::advance(app, c, event, count).await?;
    let first = last + 1 - i64::try_from(count).unwrap_or(0);
    Ok(changed
        .into_iter()
        .zip(first..)
        .filter_map(|((id, standing), position)| Some((id, (standing?, position))))
        .collect())
}

/// Inserts what is new and moves older passages whose standing changed.
async fn save(
    c: &mut Conn,
    event: EventId,
    fresh: &[(&Push, &Report, Option<UnplacedCode>)],
    mut positions: HashMap<ScanId, (Counting, i64)>,
) -> Result<(), DbError> {
    let scans: Vec<_> = fresh
        .iter()
        .map(|(push, report, unplaced)| NewScan {
            event,
            device: push.device.id,
            received_at: push.received_at,
            report,
            unplaced: *unplaced,
            standing: positions.remove(&report.id),
            staff: report.staff.filter(|staff| push.staff.contains(staff)),
        })
        .collect();
    if scans::insert(c, &scans).await? != scans.len() as u64 {
        // The feed's row is held, so it was another event's device that used the same id just now.
        return Err(DbError::Busy {
            at: "access::record",
            detail: "a scan of this id was recorded in this moment".to_owned(),
        });
    }
    let older = positions
        .into_iter()
        .map(|(id, (standing, position))| (id, Some(standing), position))
        .collect();
    scans::restand(c, older).await
}

async fn note_clocks(c: &mut Conn, pushes: &[Arc<Push>]) -> Result<(), DbError> {
    let mut clocks = BTreeMap::new();
    for push in pushes {
        if let Some(skew) = push.clock_skew_ms {
            clocks.insert(push.device.id, (push.received_at, skew));
        }
    }
    let seen = clocks
        .into_iter()
        .map(|(id, (at, skew))| (id, at, skew))
        .collect();
    devices::saw_clocks(c, seen).await
}

/// What a device is told of its push: each scan was new, or repeated, or is unplaced. Scans leave `fresh_ids` as they are told of: who sent a scan
/// first is told that it was new.
fn receipt(
    push: &Push,
    before: &Before,
    fresh_ids: &mut HashSet<ScanId>,
    touched: &BTreeMap<Place, Vec<PassageRow>>,
) -> Result<Receipt, AccessError> {
    let mut receipt = Receipt::default();
    for report in &push.reports {
        let is_fresh = fresh_ids.remove(&report.id);
        let (place, code) = match before.known.get(&report.id) {
            Some(known) => (place_of_known(known), known.unplaced),
            None => {
                let code = unplaced(push, report, before);
                let is_passage = report.refused.is_none() && code.is_none();
                let place = report.ticket.filter(|_| is_passage);
                (place.map(|ticket| (ticket, report.list.clone())), code)
            }
        };
        if let Some(code) = code {
            receipt.unplaced.push(Unplaced {
                scan: bilten_core::id::ScanId(*report.id.as_bytes()),
                code: code.to_string(),
            });
        } else if is_fresh {
            receipt.accepted += 1;
        } else {
            receipt.repeated += 1;
        }
        let Some(rows) = place.and_then(|place| touched.get(&place)) else {
            continue;
        };
        let lost = rows
            .iter()
            .find(|row| row.id == report.id && row.standing == Some(Counting::Conflict));
        if let Some(named) = lost.and_then(|lost| conflict(lost, rows).transpose()) {
            receipt.conflicts.push(named?);
        }
    }
    Ok(receipt)
}
