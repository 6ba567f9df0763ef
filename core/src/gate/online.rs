//! What a gate does with its server.

use super::{Gate, GateError, GateStatus, Inner};
use crate::store::Store;
use crate::sync::client::{Client, ClockReading};
use crate::sync::pairing::{PairRequest, PairingLink};
use crate::sync::runner::Listener;
use crate::sync::{SyncError, SyncReport};

/// The longest name that staff can give a device, in characters.
const MAX_NAME: usize = 64;

pub(super) fn software() -> String {
    format!(
        "bilten-gate/{} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS
    )
}

impl Gate {
    /// Pairs the device by the text of the organiser's pairing code. If the answer gets lost, the
    /// same code may be tried again: the device is still the same.
    ///
    /// # Errors
    /// [`GateError::NotAPairingCode`] if the text is something else, [`GateError::Refused`] if the
    /// server does not take the code, [`GateError::Offline`] if it cannot be reached.
    pub async fn pair(&self, link: &str, device_name: &str) -> Result<GateStatus, GateError> {
        let link = PairingLink::parse(link).map_err(|_| GateError::NotAPairingCode)?;
        let client = Client::new(&link.server, &software())?;
        let store = &self.inner.store;
        let key = store.run(Store::begin_pairing).await?;
        let name = device_name.trim().chars().take(MAX_NAME).collect();
        let request = PairRequest::sign(link.code, name, software(), &key);

        let asked = self.inner.clock.now();
        let paired = client.pair(&request).await?;
        let reading = ClockReading::new(asked, self.inner.clock.now(), paired.server_time);
        let server = link.server;
        store
            .run(move |store| {
                store.finish_pairing(&server, &paired)?;
                store.correct_clock(reading.offset_ms, reading.error_ms)
            })
            .await?;
        self.runner.forget().await;
        self.inner.tell();
        self.status()
    }

    /// Pulls what is new and pushes what was not sent yet. Each half may fail alone; what fails
    /// stands in the report.
    ///
    /// # Errors
    /// [`GateError`] if it cannot even begin, because the device is not paired.
    pub async fn sync(&self) -> Result<SyncReport, GateError> {
        Ok(self.runner.once().await?)
    }

    /// Keeps in sync until the device is wiped: woken by hints, by scans and by the clock. Drop the
    /// future to stop.
    ///
    /// # Errors
    /// [`GateError`] if it cannot even begin, because the device is not paired.
    pub async fn keep_in_sync(&self) -> Result<(), GateError> {
        Ok(self.runner.forever().await?)
    }

    /// Leaves the event and forgets everything of it, so that the device can be paired anew.
    ///
    /// # Errors
    /// [`GateError::SetUp`] with `unsent_scans` while the outbox is not empty.
    pub async fn leave(&self) -> Result<(), GateError> {
        let now = self.inner.clock.now();
        self.inner.store.run(move |store| store.leave(now)).await?;
        self.runner.forget().await;
        self.inner.tell();
        Ok(())
    }
}

impl Listener for Inner {
    fn changed(&self) {
        self.note_storage(None);
        self.tell();
    }

    fn exchanged(&self, error: Option<&SyncError>) {
        match error {
            None => self.health().offline_since = None,
            Some(SyncError::Store(error)) => self.note_storage(Some(error)),
            Some(SyncError::Offline(_) | SyncError::Garbled(_) | SyncError::Busy { .. }) => {
                let now = self
                    .store
                    .with(|store| store.device().correct(self.clock.now()));
                self.health().offline_since.get_or_insert(now);
            }
            // The server was there.
            Some(_) => self.health().offline_since = None,
        }
        self.tell();
    }
}
