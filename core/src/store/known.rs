//! The few things that every scan needs, held in memory: keys, lists, gates and tier names.

use super::StoreError;
use crate::checkin::{CheckInList, Gate};
use crate::id::{EventId, GateId, ListId};
use crate::key::{KeyId, KeySet};
use crate::sync::page::{NamedKey, Tier};
use crate::ticket::TierNumber;
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a device knows besides tickets.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The keys to trust.
    pub keys: Arc<KeySet>,
    /// The check-in lists.
    pub lists: Vec<CheckInList>,
    /// The gates.
    pub gates: Vec<Gate>,
    event_names: BTreeMap<EventId, String>,
    tiers: BTreeMap<TierNumber, String>,
}

impl Known {
    /// The list with this id.
    #[must_use]
    pub fn list(&self, id: &ListId) -> Option<&CheckInList> {
        self.lists.iter().find(|list| &list.id == id)
    }

    /// The gate with this id.
    #[must_use]
    pub fn gate(&self, id: &GateId) -> Option<&Gate> {
        self.gates.iter().find(|gate| &gate.id == id)
    }

    /// What people call the tier.
    #[must_use]
    pub fn tier_name(&self, number: TierNumber) -> Option<&str> {
        self.tiers.get(&number).map(String::as_str)
    }

    /// What people call an event of the organisation.
    #[must_use]
    pub fn event_name(&self, event: &EventId) -> Option<&str> {
        self.event_names.get(event).map(String::as_str)
    }

    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let mut known = Self {
            lists: bodies(db, "SELECT body FROM lists ORDER BY id")?,
            gates: bodies(db, "SELECT body FROM gates ORDER BY id")?,
            ..Self::default()
        };
        let mut keys = KeySet::default();
        for named in bodies::<NamedKey>(db, "SELECT body FROM event_keys")? {
            known
                .event_names
                .insert(named.key.event.clone(), named.event_name);
            keys.put(named.key);
        }
        let mut query = db.prepare_cached("SELECT id FROM withdrawn_keys")?;
        for id in query.query_map([], |row| row.get(0))? {
            keys.withdraw(KeyId(id?));
        }
        known.keys = Arc::new(keys);
        let mut query = db.prepare_cached("SELECT number, name FROM tiers")?;
        for tier in query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
            let (number, name) = tier?;
            known.tiers.insert(number, name);
        }
        Ok(known)
    }
}

fn bodies<T: DeserializeOwned>(db: &Connection, sql: &str) -> Result<Vec<T>, StoreError> {
    let mut query = db.prepare_cached(sql)?;
    query
        .query_map([], |row| row.get::<_, String>(0))?
        .map(|body| Ok(serde_json::from_str(&body?)?))
        .collect()
}

pub(super) fn put_key(db: &Connection, named: &NamedKey) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO event_keys (public_key, body) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )?
    .execute(params![
        named.key.public_key.as_bytes(),
        serde_json::to_string(named)?
    ])?;
    Ok(())
}

pub(super) fn withdraw_key(db: &Connection, id: KeyId) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO withdrawn_keys (id) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([id.0])?;
    Ok(())
}

pub(super) fn put_tier(db: &Connection, tier: &Tier) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO tiers (number, name) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET name = excluded.name",
    )?
    .execute(params![tier.number, tier.name])?;
    Ok(())
}

pub(super) fn put_list(db: &Connection, list: &CheckInList) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO lists (id, body) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )?
    .execute(params![list.id.as_str(), serde_json::to_string(list)?])?;
    Ok(())
}

pub(super) fn put_gate(db: &Connection, gate: &Gate) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO gates (id, body) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )?
    .execute(params![gate.id.as_str(), serde_json::to_string(gate)?])?;
    Ok(())
}
