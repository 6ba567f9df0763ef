//! The door report: what happened, from all that devices reported.

use std::collections::{BTreeMap, HashMap};

use bilten_kernel::db::{Conn, DbError};

use super::AccessError;
use crate::access::model::*;
use crate::access::store::{devices, places, report as store, scans};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::Tenant;
use crate::tickets::{self, TicketId};

/// What happened at the door of an event, as far as devices have reported.
///
/// # Errors
/// [`AccessError::NotFound`], or a fault of the database.
pub async fn door_report(
    app: &App,
    tenant: &Tenant,
    event: EventId,
) -> Result<DoorReport, AccessError> {
    let event = catalog::event_of(app, tenant, event).await?;
    let (work, made_at) = (app.clone(), app.now());
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let id = event.id;
                let lists = places::lists(c, id).await?;
                let names = Names::read(c, id).await?;
                let tiers = tickets::valid_by_tier_in(c, id).await?;
                let counts = store::counts(c, id).await?;
                let lost = store::conflicts(c, id, MAX_NAMED).await?;
                Ok(DoorReport {
                    event_id: id,
                    event_name: event.name,
                    made_at,
                    lists: list_reports(&lists, &tiers, &counts, &names),
                    conflicts: conflict_reports(&work, c, &lost, &names).await?,
                    unplaced_count: store::count_unplaced(c, id).await?,
                    unplaced: store::unplaced(c, id, MAX_NAMED).await?,
                })
            })
        })
        .await
}

/// What staff call devices and gates.
struct Names {
    devices: HashMap<DeviceId, String>,
    gates: HashMap<String, String>,
}

impl Names {
    async fn read(c: &mut Conn, event: EventId) -> Result<Self, DbError> {
        let gates = places::gates(c, event).await?;
        Ok(Self {
            devices: devices::names(c, event).await?.into_iter().collect(),
            gates: gates
                .into_iter()
                .map(|gate| (gate.id.to_string(), gate.name))
                .collect(),
        })
    }

    fn device(&self, id: DeviceId) -> String {
        self.devices.get(&id).cloned().unwrap_or_default()
    }

    fn gate(&self, id: Option<&String>) -> Option<String> {
        self.gates.get(id?).cloned()
    }

    fn passage(&self, row: &PassageRow) -> PassageReport {
        PassageReport {
            scan_id: row.id,
            at: row.at,
            device_id: row.device_id,
            device_name: self.device(row.device_id),
            gate_name: self.gate(row.gate_id.as_ref()),
            gate_id: row.gate_id.clone(),
        }
    }
}

/// One report for each list that is in use or was, and for each that only devices know.
fn list_reports(
    lists: &[CheckInList],
    tiers: &[(u16, i64)],
    counts: &[ScanCount],
    names: &Names,
) -> Vec<ListReport> {
    let mut by_list: BTreeMap<&str, Vec<&ScanCount>> = BTreeMap::new();
    for count in counts {
        by_list.entry(&count.list_id).or_default().push(count);
    }
    let mut reports = Vec::new();
    for list in lists {
        let id = list.id.to_string();
        let counts = by_list.remove(id.as_str()).unwrap_or_default();
        if list.removed_at.is_some() && counts.is_empty() {
            continue;
        }
        let may_enter = |tier: u16| {
            let tiers = list.tiers.as_ref();
            tiers.is_none_or(|tiers| tiers.0.contains(&tier))
        };
        let expected = tiers
            .iter()
            .filter(|(tier, _)| may_enter(*tier))
            .map(|(_, tickets)| tickets)
            .sum();
        reports.push(list_report(id, list.name.clone(), expected, &counts, names));
    }
    for (id, counts) in by_list {
        reports.push(list_report(id.to_owned(), String::new(), 0, &counts, names));
    }
    reports
}

fn list_report(
    list_id: String,
    name: String,
    expected: i64,
    counts: &[&ScanCount],
    names: &Names,
) -> ListReport {
    let mut report = ListReport {
        list_id,
        name,
        expected,
        entries: 0,
        exits: 0,
        inside: 0,
        conflicts: 0,
        refused: Vec::new(),
        places: Vec::new(),
    };
    let mut refused: BTreeMap<&str, i64> = BTreeMap::new();
    let mut places: BTreeMap<(Option<&String>, DeviceId), PlaceReport> = BTreeMap::new();
    for count in counts {
        let key = (count.gate_id.as_ref(), count.device_id);
        let place = places.entry(key).or_insert_with(|| PlaceReport {
            gate_id: count.gate_id.clone(),
            gate_name: names.gate(count.gate_id.as_ref()),
            device_id: count.device_id,
            device_name: names.device(count.device_id),
            entries: 0,
            exits: 0,
            conflicts: 0,
            refused: 0,
        });
        let scans = count.scans;
        match (&count.refused, count.standing, count.direction) {
            (Some(reason), _, _) => {
                *refused.entry(reason).or_default() += scans;
                place.refused += scans;
            }
            (None, Some(Counting::Counted), Way::Entry) => {
                report.entries += scans;
                place.entries += scans;
            }
            (None, Some(Counting::Counted), Way::Exit) => {
                report.exits += scans;
                place.exits += scans;
            }
            (None, Some(Counting::Conflict), _) => {
                report.conflicts += scans;
                place.conflicts += scans;
            }
            // Every accepted scan that was placed has a standing.
            (None, None, _) => {}
        }
    }
    report.inside = report.entries - report.exits;
    report.refused = refused
        .into_iter()
        .map(|(reason, count)| RefusedCount {
            reason: reason.to_owned(),
            count,
        })
        .collect();
    report
        .refused
        .sort_by_key(|refused| std::cmp::Reverse(refused.count));
    report.places = places.into_values().collect();
    report
}

async fn conflict_reports(
    app: &App,
    c: &mut Conn,
    lost: &[PassageRow],
    names: &Names,
) -> Result<Vec<ConflictReport>, DbError> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<_> = lost.iter().map(|row| row.ticket_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let holders = tickets::holders_in(app, c, &ids).await?;
    let mut passages: HashMap<(TicketId, String), Vec<PassageRow>> = HashMap::new();
    for row in scans::passages(c, &ids).await? {
        let place = (row.ticket_id, row.list_id.clone());
        passages.entry(place).or_default().push(row);
    }
    Ok(lost
        .iter()
        .map(|row| {
            let place = (row.ticket_id, row.list_id.clone());
            let counted = passages.get(&place).and_then(|rows| winner(row, rows));
            let (holder, order_reference) = holders.get(&row.ticket_id).cloned().unzip();
            ConflictReport {
                ticket_id: row.ticket_id,
                holder,
                order_reference,
                list_id: row.list_id.clone(),
                direction: row.direction,
                lost: names.passage(row),
                counted: counted.map(|row| names.passage(row)),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(way: Way, standing: Option<Counting>, refused: Option<&str>, scans: i64) -> ScanCount {
        ScanCount {
            list_id: "lst_x".into(),
            gate_id: Some("gat_x".into()),
            device_id: DeviceId::from_bytes([1; 16]),
            direction: way,
            standing,
            refused: refused.map(str::to_owned),
            scans,
        }
    }

    /// covers: SCAN-3
    #[test]
    fn counts_add_up() {
        let names = Names {
            devices: HashMap::new(),
            gates: HashMap::from([("gat_x".to_owned(), "North".to_owned())]),
        };
        let counts = [
            count(Way::Entry, Some(Counting::Counted), None, 10),
            count(Way::Exit, Some(Counting::Counted), None, 3),
            count(Way::Entry, Some(Counting::Conflict), None, 2),
            count(Way::Entry, None, Some("expired"), 1),
            count(Way::Entry, None, Some("already_redeemed"), 4),
        ];
        let reports = list_reports(&[], &[], &counts, &names);
        assert_eq!(reports.len(), 1, "a list that only devices know");
        let report = &reports[0];
        assert_eq!(
            (
                report.entries,
                report.exits,
                report.inside,
                report.conflicts
            ),
            (10, 3, 7, 2)
        );
        let reasons: Vec<_> = report.refused.iter().map(|r| r.reason.as_str()).collect();
        assert_eq!(reasons, ["already_redeemed", "expired"]);
        assert_eq!(report.places.len(), 1);
        assert_eq!(report.places[0].refused, 5);
        assert_eq!(report.places[0].gate_name.as_deref(), Some("North"));
    }
}
