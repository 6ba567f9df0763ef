//! One store for scans, screens and sync at once.

use super::Store;
#[cfg(feature = "client")]
use super::StoreError;
use std::sync::{Arc, Mutex, PoisonError};

/// A store that scans and sync share; whoever holds it keeps it shortly.
#[derive(Clone)]
pub(crate) struct SharedStore(Arc<Mutex<Store>>);

impl SharedStore {
    pub(crate) fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// Works with the store on this thread.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        // A panic within a transaction rolled it back: what is there is whole.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works with the store on a thread that may wait for the disk.
    #[cfg(feature = "client")]
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, crate::sync::SyncError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || store.with(work)).await;
        Ok(done.map_err(|_| crate::sync::SyncError::BrokenOff)??)
    }
}
