//! The one row that says who this device is and how far it has come.

use super::StoreError;
use crate::id::{DeviceId, EventId, GateId, ListId};
use crate::time::Timestamp;
use rusqlite::{Connection, Row};

/// What the store knows of its own device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// To whom it belongs, once it is paired.
    pub identity: Option<Identity>,
    /// The check-in list that staff chose.
    pub list: Option<ListId>,
    /// The gate where it stands.
    pub gate: Option<GateId>,
    /// How far it knows the feed.
    pub place: FeedPlace,
    /// How many tickets are on the allowlist.
    pub tickets: u64,
    /// How many changes this software was too old to know.
    pub unknown_changes: u64,
    /// What to add to the machine's clock to get the server's.
    pub clock_offset_ms: i64,
    /// When the feed was last read to its end.
    pub pulled_at: Option<Timestamp>,
    /// When the outbox was last taken by the server.
    pub pushed_at: Option<Timestamp>,
    /// When the organiser revoked the device.
    pub revoked_at: Option<Timestamp>,
    /// When the device wiped itself.
    pub wiped_at: Option<Timestamp>,
    pub(super) generation: i64,
    pub(super) is_resync: bool,
    pub(super) page_made_at: Option<Timestamp>,
}

/// To whom a device belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The server's address, without a path.
    pub server: String,
    /// The server's name for the device.
    pub device: DeviceId,
    /// The event whose gates it serves.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
}

/// How far a device knows the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPlace {
    /// The feed's incarnation, once a page of it came.
    pub epoch: Option<u32>,
    /// All changes up to here are known.
    pub position: u64,
    /// What to ask the server with; without it, from the start.
    pub cursor: Option<String>,
}

impl Device {
    /// To whom the device belongs.
    ///
    /// # Errors
    /// [`StoreError::NotPaired`] if it belongs to nobody.
    pub fn identity(&self) -> Result<&Identity, StoreError> {
        self.identity.as_ref().ok_or(StoreError::NotPaired)
    }

    /// The machine's time, corrected to the server's.
    #[must_use]
    pub const fn correct(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.clock_offset_ms)
    }

    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let mut query = db.prepare_cached(
            "SELECT server, id, event, event_name, list, gate, epoch, position, cursor,
               page_made_at, generation, is_resync, tickets, unknown_changes, clock_offset_ms,
               pulled_at, pushed_at, revoked_at, wiped_at FROM device",
        )?;
        query.query_row([], |row| Ok(Self::read(row)))?
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let time = |name| row.get::<_, Option<i64>>(name).map(|ms| ms.map(Timestamp));
        let text = |name| row.get::<_, Option<String>>(name);
        let identity = match (text("server")?, text("id")?, text("event")?) {
            (Some(server), Some(device), Some(event)) => Some(Identity {
                server,
                device: DeviceId::new(device)?,
                event: EventId::new(event)?,
                event_name: text("event_name")?.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Self {
            identity,
            list: text("list")?.map(ListId::new).transpose()?,
            gate: text("gate")?.map(GateId::new).transpose()?,
            place: FeedPlace {
                epoch: row.get("epoch")?,
                position: row.get("position")?,
                cursor: text("cursor")?,
            },
            tickets: row.get("tickets")?,
            unknown_changes: row.get("unknown_changes")?,
            clock_offset_ms: row.get("clock_offset_ms")?,
            pulled_at: time("pulled_at")?,
            pushed_at: time("pushed_at")?,
            revoked_at: time("revoked_at")?,
            wiped_at: time("wiped_at")?,
            generation: row.get("generation")?,
            is_resync: row.get("is_resync")?,
            page_made_at: time("page_made_at")?,
        })
    }

    /// Writes what the feed changes; the rest has statements of its own.
    pub(super) fn save_feed(&self, db: &Connection) -> Result<(), StoreError> {
        db.prepare_cached(
            "UPDATE device SET epoch = ?1, position = ?2, cursor = ?3, page_made_at = ?4,
               generation = ?5, is_resync = ?6, tickets = ?7, unknown_changes = ?8, pulled_at = ?9",
        )?
        .execute(rusqlite::params![
            self.place.epoch,
            self.place.position,
            self.place.cursor,
            self.page_made_at.map(Timestamp::ms),
            self.generation,
            self.is_resync,
            self.tickets,
            self.unknown_changes,
            self.pulled_at.map(Timestamp::ms),
        ])?;
        Ok(())
    }
}
