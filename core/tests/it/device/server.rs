//! A server in memory: a log of changes, and settling by the core's own rule.

use super::world::{device_id, event_id, event_issuer, list, named_key, places, tiers};
use bilten_core::checkin::{Passage, Policy, Standing, settle};
use bilten_core::id::{DeviceId, ListId, ScanId, TicketId};
use bilten_core::key::{KeyId, PublicKey};
use bilten_core::sync::page::{self, Change, Header, Redemption};
use bilten_core::sync::push::{Conflict, Receipt, ScanReport};
use bilten_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Server {
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
    pub(super) epoch: u32,
    pub(super) log: Vec<Change>,
    pub(super) scans: BTreeMap<ScanId, ScanReport>,
    pub(super) passages: BTreeMap<(ListId, TicketId), Vec<Passage>>,
    pub(super) standings: BTreeMap<ScanId, Standing>,
    pub(super) devices: BTreeMap<DeviceId, PublicKey>,
}

impl Server {
    pub(super) fn new(policy: Policy, now: Timestamp) -> Self {
        let mut log = vec![
            Change::Key(named_key(&event_issuer(), "evt_concert", "Concert")),
            Change::List(list(policy)),
        ];
        log.extend(places().into_iter().map(Change::Gate));
        log.extend(tiers().into_iter().map(Change::Tier));
        Self {
            policy,
            now,
            epoch: 1,
            log,
            scans: BTreeMap::new(),
            passages: BTreeMap::new(),
            standings: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    pub(super) fn sell(&mut self, numbers: impl IntoIterator<Item = u32>) {
        self.log.extend(
            numbers
                .into_iter()
                .map(|n| Change::Ticket(super::world::record(n))),
        );
    }

    pub(super) fn header(&self, from: u64, limit: usize) -> Header {
        let to = (from + limit as u64).min(self.log.len() as u64).max(from);
        Header {
            event: event_id(),
            epoch: self.epoch,
            from,
            to,
            more: to < self.log.len() as u64,
            count: 0,
            next: to.to_string(),
            made_at: self.now,
            key: KeyId([0; 4]),
        }
    }

    /// The page after `from`, signed.
    pub(super) fn page(&self, from: u64, limit: usize) -> Vec<u8> {
        let header = self.header(from, limit);
        let changes = &self.log[from as usize..header.to as usize];
        page::write(header, changes, &event_issuer()).unwrap()
    }

    pub(super) fn push(&mut self, device: &DeviceId, scans: &[ScanReport]) -> Receipt {
        let mut receipt = Receipt {
            server_time: self.now,
            ..Receipt::default()
        };
        let mut touched = BTreeSet::new();
        for scan in scans {
            if self.scans.insert(scan.id, scan.clone()).is_some() {
                receipt.repeated += 1;
                continue;
            }
            receipt.accepted += 1;
            if let (None, Some(ticket)) = (scan.refused, scan.ticket) {
                let place = (scan.list.clone(), ticket);
                self.passages
                    .entry(place.clone())
                    .or_default()
                    .push(Passage {
                        scan: scan.id,
                        at: scan.at,
                        direction: scan.direction,
                        device: device.clone(),
                        gate: scan.gate.clone(),
                    });
                touched.insert(place);
            }
        }
        for place in touched {
            self.settle(&place);
        }
        for scan in scans {
            if self.standings.get(&scan.id) == Some(&Standing::Conflict) {
                let place = (scan.list.clone(), scan.ticket.unwrap());
                let counted = self.passages[&place]
                    .iter()
                    .find(|p| self.standings[&p.scan] == Standing::Counted)
                    .unwrap();
                receipt.conflicts.push(Conflict {
                    scan: scan.id,
                    ticket: place.1,
                    counted: counted.scan,
                    device: counted.device.clone(),
                    at: counted.at,
                });
            }
        }
        receipt
    }

    fn settle(&mut self, place: &(ListId, TicketId)) {
        let passages = &self.passages[place];
        for (scan, standing) in settle(self.policy, passages) {
            if self.standings.insert(scan, standing) != Some(standing) {
                let passage = passages.iter().find(|p| p.scan == scan).unwrap();
                self.log.push(Change::Redemption(Redemption {
                    id: scan,
                    ticket: place.1,
                    list: place.0.clone(),
                    gate: passage.gate.clone(),
                    device: passage.device.clone(),
                    at: passage.at,
                    direction: passage.direction,
                    standing,
                }));
            }
        }
    }

    pub(super) fn pair(&mut self, key: PublicKey) -> DeviceId {
        if let Some((id, _)) = self.devices.iter().find(|(_, known)| **known == key) {
            return id.clone();
        }
        let id = device_id(self.devices.len() + 1);
        self.devices.insert(id.clone(), key);
        id
    }
}
