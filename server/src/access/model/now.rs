//! How the door is just now, in few figures.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;
use serde::Serialize;
use utoipa::ToSchema;

use super::{CheckInList, Counting, Device, DeviceId, Gate, GateId, ScanCount, Way};
use crate::catalog::EventId;

/// What was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScanFigures {
    /// Entries that count.
    pub entries: i64,
    /// Exits that count.
    pub exits: i64,
    /// How many people are inside: entries without exits.
    pub inside: i64,
    /// Passages that do not count, because an earlier one does.
    pub conflicts: i64,
    /// Refused scans.
    pub refused: i64,
}

impl ScanFigures {
    fn add(&mut self, count: &ScanCount) {
        let scans = count.scans;
        match (&count.refused, count.standing, count.direction) {
            (Some(_), _, _) => self.refused += scans,
            (None, Some(Counting::Counted), Way::Entry) => {
                self.entries += scans;
                self.inside += scans;
            }
            (None, Some(Counting::Counted), Way::Exit) => {
                self.exits += scans;
                self.inside -= scans;
            }
            (None, Some(Counting::Conflict), _) => self.conflicts += scans,
            // Every accepted scan that was placed has a standing.
            (None, None, _) => {}
        }
    }
}

/// What was scanned by a check-in list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListNow {
    /// The list, as devices called it.
    pub list_id: String,
    /// What staff call it; empty if only devices know it.
    pub name: String,
    /// What was scanned by it.
    pub scans: ScanFigures,
}

/// What was scanned at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GateNow {
    /// The gate.
    pub gate_id: GateId,
    /// What staff call it.
    pub name: String,
    /// What was scanned there.
    pub scans: ScanFigures,
}

/// What a device scanned, and when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceNow {
    /// The device.
    pub device_id: DeviceId,
    /// What staff call it.
    pub name: String,
    /// The gate where it stood when it was paired.
    pub gate_id: Option<GateId>,
    /// When it was last heard of, to the minute.
    pub seen_at: Timestamp,
    /// Whether it was not heard of for a quarter of an hour, while the doors are open.
    pub is_silent: bool,
    /// What it scanned.
    pub scans: ScanFigures,
}

/// How the door of an event is just now, as far as devices have reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DoorNow {
    /// What was scanned in all.
    pub scans: ScanFigures,
    /// By check-in list, the oldest first.
    pub lists: Vec<ListNow>,
    /// By gate, the oldest first; what was scanned at none of them is in no gate's figures.
    pub gates: Vec<GateNow>,
    /// By device, the newest first, at most 200; revoked ones and the server itself are left out.
    pub devices: Vec<DeviceNow>,
}

impl DoorNow {
    /// Puts the figures together; whoever was last heard of before `silent_before` is silent.
    pub(in crate::access) fn new(
        lists: Vec<CheckInList>,
        gates: Vec<Gate>,
        devices: Vec<Device>,
        counts: &[ScanCount],
        silent_before: Option<Timestamp>,
    ) -> Self {
        let mut scans = ScanFigures::default();
        let mut by_list: BTreeMap<&str, ScanFigures> = BTreeMap::new();
        let mut by_gate: BTreeMap<&str, ScanFigures> = BTreeMap::new();
        let mut by_device: BTreeMap<DeviceId, ScanFigures> = BTreeMap::new();
        for count in counts {
            scans.add(count);
            by_list.entry(&count.list_id).or_default().add(count);
            by_device.entry(count.device_id).or_default().add(count);
            if let Some(gate) = &count.gate_id {
                by_gate.entry(gate).or_default().add(count);
            }
        }
        let mut listed = Vec::new();
        for list in lists {
            let list_id = list.id.to_string();
            let scans = by_list.remove(list_id.as_str());
            if list.removed_at.is_none() || scans.is_some() {
                listed.push(ListNow {
                    list_id,
                    name: list.name,
                    scans: scans.unwrap_or_default(),
                });
            }
        }
        listed.extend(by_list.into_iter().map(|(id, scans)| ListNow {
            list_id: id.to_owned(),
            name: String::new(),
            scans,
        }));
        let gates = gates.into_iter().filter_map(|gate| {
            let scans = by_gate.get(gate.id.to_string().as_str()).copied();
            (gate.removed_at.is_none() || scans.is_some()).then(|| GateNow {
                gate_id: gate.id,
                name: gate.name,
                scans: scans.unwrap_or_default(),
            })
        });
        let devices = devices
            .into_iter()
            .filter(|device| device.revoked_at.is_none() && !device.built_in)
            .map(|device| DeviceNow {
                device_id: device.id,
                name: device.name,
                gate_id: device.gate_id,
                seen_at: device.seen_at,
                is_silent: silent_before.is_some_and(|before| device.seen_at < before),
                scans: by_device.get(&device.id).copied().unwrap_or_default(),
            });
        Self {
            scans,
            gates: gates.collect(),
            devices: devices.collect(),
            lists: listed,
        }
    }
}

record! {
    /// A device that is not heard of while the doors of its event are open.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct SilentDevice {
        /// The device.
        pub device_id: DeviceId,
        /// Its event.
        pub event_id: EventId,
        /// What staff call it.
        pub name: String,
        /// When it was last heard of, to the minute.
        pub seen_at: Timestamp,
    }
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

    /// covers: GW-1
    #[test]
    fn figures_of_the_door_add_up() {
        let counts = [
            count(Way::Entry, Some(Counting::Counted), None, 10),
            count(Way::Exit, Some(Counting::Counted), None, 3),
            count(Way::Entry, Some(Counting::Conflict), None, 2),
            count(Way::Entry, None, Some("expired"), 5),
        ];
        let now = DoorNow::new(Vec::new(), Vec::new(), Vec::new(), &counts, None);
        let wanted = ScanFigures {
            entries: 10,
            exits: 3,
            inside: 7,
            conflicts: 2,
            refused: 5,
        };
        assert_eq!(now.scans, wanted);
        assert_eq!(now.lists.len(), 1, "a list that only devices know");
        assert_eq!(now.lists[0].scans, wanted);
        assert!(now.gates.is_empty() && now.devices.is_empty());
    }
}
