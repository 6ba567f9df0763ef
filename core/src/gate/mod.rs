//! A gate: what an app holds. It judges, remembers, searches and syncs; the app shows.
//!
//! Everything that crosses this border is owned and plain, so that the bindings for Kotlin and
//! Swift are one line a method. A refused ticket is a [`Verdict`](crate::checkin::Verdict); a
//! [`GateError`] means that no judgement was made, and nobody may pass on it.
//!
//! Not a goal: a guard against a camera that reads the same code twice. The second reading is a
//! second scan and is refused as one; whoever runs a camera waits until the code is gone.

#[cfg(feature = "qr")]
mod camera;
mod error;
mod observe;
#[cfg(feature = "client")]
mod online;
mod view;

pub use error::GateError;
pub use observe::{GateObserver, Subscription};
pub use view::{
    Choice, Earlier, Found, GateStatus, Pairing, ScanOutcome, StorageState, TicketView,
};

use crate::checkin::Direction;
use crate::id::{GateId, ListId, TicketId};
use crate::store::{Judged, SharedStore, StorageKey, Store, StoreError};
use crate::system::{Clock, Randomness, SystemClock, SystemRandomness};
use crate::time::Timestamp;
use observe::Observers;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A gate on this device.
pub struct Gate {
    inner: Arc<Inner>,
    #[cfg(feature = "qr")]
    reader: Mutex<crate::qr::Reader>,
    #[cfg(feature = "client")]
    runner: crate::sync::runner::Runner,
}

struct Inner {
    store: SharedStore,
    clock: Arc<dyn Clock>,
    observers: Arc<Observers>,
    health: Mutex<Health>,
}

/// What is known of the last attempts; not kept over a restart.
#[derive(Default)]
struct Health {
    offline_since: Option<Timestamp>,
    storage: StorageState,
}

impl Gate {
    /// Opens the gate whose store is this file, or makes a new one. `key` seals personal fields;
    /// the platform's key store keeps it.
    ///
    /// # Errors
    /// [`GateError::Storage`] says what is wrong with the file or the key; nothing is changed then.
    pub fn open(
        path: &Path,
        key: &StorageKey,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Arc<Self>, GateError> {
        let store = SharedStore::new(Store::open(path, key, Arc::clone(&randomness))?);
        let inner = Arc::new(Inner {
            store: store.clone(),
            clock: Arc::clone(&clock),
            observers: Arc::default(),
            health: Mutex::default(),
        });
        Ok(Arc::new(Self {
            #[cfg(feature = "qr")]
            reader: Mutex::new(Self::camera()),
            #[cfg(feature = "client")]
            runner: crate::sync::runner::Runner::new(
                store,
                clock,
                randomness,
                online::software(),
                Arc::clone(&inner) as _,
            ),
            inner,
        }))
    }

    /// Opens the gate with the machine's own clock and randomness.
    ///
    /// # Errors
    /// As [`Gate::open`].
    pub fn open_here(path: &Path, key: &StorageKey) -> Result<Arc<Self>, GateError> {
        Self::open(path, key, Arc::new(SystemClock), Arc::new(SystemRandomness))
    }

    /// Judges the text of a code, from a camera, a scanner or a keyboard, and writes the scan down.
    ///
    /// # Errors
    /// [`GateError`] if no judgement could be made and kept: nobody may pass on that.
    pub fn scan_text(&self, code: &str, direction: Direction) -> Result<ScanOutcome, GateError> {
        let now = self.inner.clock.now();
        self.judge(direction, |store| store.scan_code(code, direction, now))
    }

    /// Judges a ticket that staff found by [`Gate::search`], and writes the scan down.
    ///
    /// # Errors
    /// As [`Gate::scan_text`].
    pub fn redeem(&self, ticket: TicketId, direction: Direction) -> Result<ScanOutcome, GateError> {
        let now = self.inner.clock.now();
        self.judge(direction, |store| store.scan_found(ticket, direction, now))
    }

    fn judge(
        &self,
        direction: Direction,
        scan: impl FnOnce(&mut Store) -> Result<Judged, StoreError>,
    ) -> Result<ScanOutcome, GateError> {
        let outcome = self.inner.write(|store| {
            let judged = scan(store)?;
            Ok(view::outcome(judged, direction, store.known()))
        })?;
        #[cfg(feature = "client")]
        self.runner.wake();
        Ok(outcome)
    }

    /// Tickets that hold every word of `query` in holder or order, best first, at most `limit`;
    /// or the one whose id it is. Scans do not wait for it.
    ///
    /// # Errors
    /// [`GateError::Storage`] if the store cannot be read.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<Found>, GateError> {
        let (search, known) = self
            .inner
            .store
            .with(|store| (store.search(), store.known().clone()));
        let hits = search.run(query, limit)?;
        Ok(hits
            .into_iter()
            .map(|hit| view::found(hit, &known))
            .collect())
    }

    /// The check-in lists to choose from.
    #[must_use]
    pub fn lists(&self) -> Vec<Choice<ListId>> {
        self.inner.store.with(|store| {
            let lists = store.known().lists.iter();
            lists
                .map(|list| Choice {
                    id: list.id.clone(),
                    name: list.name.clone(),
                })
                .collect()
        })
    }

    /// The gates to choose from.
    #[must_use]
    pub fn gates(&self) -> Vec<Choice<GateId>> {
        self.inner.store.with(|store| {
            let gates = store.known().gates.iter();
            gates
                .map(|gate| Choice {
                    id: gate.id.clone(),
                    name: gate.name.clone(),
                })
                .collect()
        })
    }

    /// Chooses the list by which this device judges, and the gate where it stands.
    ///
    /// # Errors
    /// [`GateError::SetUp`] if there is no such list or gate.
    pub fn choose(&self, list: &ListId, gate: Option<&GateId>) -> Result<(), GateError> {
        self.inner.write(|store| store.choose(list, gate))
    }

    /// How the gate is doing.
    ///
    /// # Errors
    /// [`GateError::Storage`] if the store cannot be read.
    pub fn status(&self) -> Result<GateStatus, GateError> {
        Ok(self.inner.status()?)
    }

    /// Tells `observer` the status now and after each change, until the subscription is dropped.
    #[must_use]
    pub fn subscribe(&self, observer: Arc<dyn GateObserver>) -> Subscription {
        let subscription = self.inner.observers.subscribe(observer);
        self.inner.tell();
        subscription
    }
}

impl Inner {
    /// Changes the store, and notes whether that went well.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, GateError> {
        let done = self.store.with(work);
        match &done {
            Ok(_) => self.note_storage(None),
            Err(error) => self.note_storage(Some(error)),
        }
        self.tell();
        Ok(done?)
    }

    fn note_storage(&self, error: Option<&StoreError>) {
        let state = match error {
            None => StorageState::Fine,
            Some(StoreError::Full(_)) => StorageState::Full,
            Some(
                error @ (StoreError::Damaged(_)
                | StoreError::NotAStore
                | StoreError::Busy(_)
                | StoreError::Unavailable(_)
                | StoreError::Unreadable(_)
                | StoreError::Database(_)),
            ) => StorageState::Failing {
                code: error.code().to_owned(),
            },
            // The rest says nothing of the file.
            Some(_) => return,
        };
        self.health().storage = state;
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.observers.tell(|| self.status().ok());
    }

    fn status(&self) -> Result<GateStatus, StoreError> {
        let (offline_since, storage) = {
            let health = self.health();
            (health.offline_since, health.storage.clone())
        };
        self.store.with(|store| {
            let (device, known) = (store.device(), store.known());
            let list = device.list.as_ref().and_then(|id| known.list(id));
            let gate = device.gate.as_ref().and_then(|id| known.gate(id));
            Ok(GateStatus {
                pairing: device.identity.as_ref().map(|identity| Pairing {
                    server: identity.server.clone(),
                    device: identity.device.clone(),
                    event: identity.event.clone(),
                    event_name: identity.event_name.clone(),
                }),
                list: list.map(|list| Choice {
                    id: list.id.clone(),
                    name: list.name.clone(),
                }),
                gate: gate.map(|gate| Choice {
                    id: gate.id.clone(),
                    name: gate.name.clone(),
                }),
                offline_since,
                last_pull: device.pulled_at,
                last_push: device.pushed_at,
                outbox: store.outbox_len()?,
                tickets: device.tickets,
                inside: list.map_or(Ok(0), |list| store.inside(&list.id))?,
                capacity: list.and_then(|list| list.capacity),
                conflicts: store.own_conflicts()?,
                unknown_changes: device.unknown_changes,
                clock_offset_ms: device.clock_offset_ms,
                storage,
                revoked_at: device.revoked_at,
                wiped_at: device.wiped_at,
            })
        })
    }
}
