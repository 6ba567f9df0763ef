//! Syncs one device: [`Runner::once`] until nothing is under way any more, [`Runner::forever`] until
//! the device is wiped, woken by hints, by new scans and by a slow clock.
//!
//! Only one of them drives at a time. A sync that somebody asks for while `forever` runs is done by
//! `forever`. Dropping a future stops its work; nothing is lost by that.

use super::SyncError;
use super::drive::Drive;
use super::machine::Membership;
use super::pairing::Session;
use super::report::SyncReport;
use crate::store::SharedStore;
use crate::system::{Clock, Randomness};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What the runner tells its owner.
pub(crate) trait Listener: Send + Sync {
    /// The store has changed.
    fn changed(&self);
    /// An exchange with the server went well, or not.
    fn exchanged(&self, error: Option<&SyncError>);
}

/// Syncs one device.
pub(crate) struct Runner {
    pub(super) store: SharedStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) randomness: Arc<dyn Randomness>,
    pub(super) software: String,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) scanned: Notify,
    pub(super) asked: Notify,
    requests: Mutex<Vec<oneshot::Sender<SyncReport>>>,
    /// Held by whoever drives.
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Runner {
    pub(crate) fn new(
        store: SharedStore,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        software: String,
        listener: Arc<dyn Listener>,
    ) -> Self {
        Self {
            store,
            clock,
            randomness,
            software,
            listener,
            scanned: Notify::new(),
            asked: Notify::new(),
            requests: Mutex::default(),
            session: tokio::sync::Mutex::default(),
        }
    }

    /// Says that there is a new scan to send.
    pub(crate) fn wake(&self) {
        self.scanned.notify_one();
    }

    /// Forgets the session, because the device begins anew.
    pub(crate) async fn forget(&self) {
        *self.session.lock().await = None;
    }

    /// Syncs once.
    pub(crate) async fn once(&self) -> Result<SyncReport, SyncError> {
        let (sender, mut receiver) = oneshot::channel();
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
        self.asked.notify_one();
        tokio::select! {
            biased;
            mut session = self.session.lock() => {
                receiver.close();
                let mut drive = Drive::new(self, &mut session).await?;
                drive.wake(true).await;
                while !drive.state.is_settled() {
                    drive.step().await;
                }
                Ok(drive.report)
            }
            // `forever` is driving, and did it.
            Ok(report) = &mut receiver => Ok(report),
        }
    }

    /// Syncs until the device is wiped or the future is dropped.
    pub(crate) async fn forever(&self) -> Result<(), SyncError> {
        let mut session = self.session.lock().await;
        let mut drive = Drive::new(self, &mut session).await?;
        drive.keep_listening();
        drive.wake(true).await;
        let mut asking = Vec::new();
        loop {
            if drive.was_asked() {
                let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
                requests.retain(|request| !request.is_closed());
                asking.append(&mut requests);
            }
            if drive.state.is_settled() {
                let report = std::mem::take(&mut drive.report);
                for request in asking.drain(..) {
                    let _ = request.send(report.clone());
                }
                if drive.state.membership == Membership::Wiped {
                    return Ok(());
                }
            }
            drive.step().await;
        }
    }
}
