//! What a device keeps: the allowlist, what it knows of others' passages, and every scan of its own.
//!
//! One SQLite file, so that a gate whose battery is pulled out loses nothing that it answered:
//! [`Store::scan_code`] decides and writes in one transaction that is on the disk before the light
//! turns green. Names and codes are sealed (see [`StorageKey`]); the file itself is not a secret.
//!
//! | file | holds |
//! |---|---|
//! | `schema` | tables, migrations, what is checked when a file is opened |
//! | `device` | the row that says who the device is and how far it knows the feed |
//! | `pairing` | how that row comes to be |
//! | `known` | keys, lists, gates and tier names, held in memory |
//! | `feed` | pages in |
//! | `scan` | judge and write down |
//! | `passages` | which passages count, and how many people are inside |
//! | `outbox` | scans out |
//! | `search` | names |
//! | `seal` | the sealing |
//! | `shared` | one store for scans, screens and sync |
//! | `wipe` | forgetting |

mod device;
mod error;
mod feed;
mod known;
mod outbox;
mod pairing;
mod passages;
mod scan;
mod schema;
mod seal;
mod search;
mod shared;
#[cfg(all(test, feature = "issue"))]
mod tests;
mod wipe;

pub use device::{Device, FeedPlace, Identity};
pub use error::StoreError;
pub use feed::Applied;
pub use known::Known;
pub use passages::Settled;
pub use scan::Judged;
pub use seal::StorageKey;
pub use search::{Hit, MAX_FOUND, Search};
pub(crate) use shared::SharedStore;

use crate::id::{ListId, TicketId};
use crate::system::Randomness;
use rusqlite::{Connection, OptionalExtension, params};
use seal::{Purpose, Sealer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHECK_ID: &[u8; 16] = &[0; 16];
const CHECK: &[u8] = b"bilten store";
const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

/// A device's store.
pub struct Store {
    db: Connection,
    path: PathBuf,
    sealer: Sealer,
    device: Device,
    known: Known,
    /// Changes when another process writes.
    data_version: i64,
}

impl Store {
    /// Opens the store in this file, or makes a new one.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the file or the key; the file is left as it is.
    pub fn open(
        path: &Path,
        key: &StorageKey,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, StoreError> {
        let db = schema::open(path)?;
        let mut sealer = Sealer::new(key, randomness);
        let check: Option<Vec<u8>> = db
            .query_row("SELECT sealed_check FROM device", [], |row| row.get(0))
            .optional()?;
        match check {
            Some(check) => {
                sealer
                    .opener()
                    .open(Purpose::Check, CHECK_ID, &check)
                    .ok_or(StoreError::WrongKey)?;
            }
            None => {
                let check = sealer.seal(Purpose::Check, CHECK_ID, CHECK)?;
                db.execute(
                    "INSERT INTO device (one, software, sealed_check, position, generation,
                       is_resync, tickets, unknown_changes, clock_offset_ms)
                     VALUES (1, ?1, ?2, 0, 0, 0, 0, 0, 0)",
                    params![SOFTWARE, check],
                )?;
            }
        }
        let mut store = Self {
            device: Device::load(&db)?,
            known: Known::load(&db)?,
            data_version: schema::pragma(&db, "data_version")?,
            path: path.to_owned(),
            sealer,
            db,
        };
        store.note_software()?;
        Ok(store)
    }

    /// Newer software may know the changes that an older one left out: read the feed again.
    fn note_software(&mut self) -> Result<(), StoreError> {
        let noted = self.db.execute(
            "UPDATE device SET software = ?1 WHERE software <> ?1",
            [SOFTWARE],
        )?;
        if noted > 0 && self.device.unknown_changes > 0 {
            self.device.unknown_changes = 0;
            self.restart_feed()?;
        }
        Ok(())
    }

    /// Reads anew what is held in memory if another process has written.
    fn refresh(&mut self) -> Result<(), StoreError> {
        let version = schema::pragma(&self.db, "data_version")?;
        if version != self.data_version {
            self.device = Device::load(&self.db)?;
            self.known = Known::load(&self.db)?;
            self.data_version = version;
        }
        Ok(())
    }

    /// Who this device is, and how far it has come.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// The keys, lists, gates and tier names that it knows.
    #[must_use]
    pub const fn known(&self) -> &Known {
        &self.known
    }

    /// What is known of a ticket's passages on a list, in the order of time.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn passages(&self, list: &ListId, ticket: TicketId) -> Result<Vec<Settled>, StoreError> {
        passages::of_ticket(&self.db, list, ticket)
    }

    /// How many people are inside, by the counted passages on a list.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn inside(&self, list: &ListId) -> Result<u32, StoreError> {
        passages::inside(&self.db, list)
    }

    /// A search over this store that runs beside it.
    #[must_use]
    pub fn search(&self) -> Search {
        Search {
            path: self.path.clone(),
            opener: self.sealer.opener().clone(),
            list: self.device.list.clone(),
        }
    }
}
