//! Telling the app that something changed.

use super::GateStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Somebody who shows how the gate is doing.
pub trait GateObserver: Send + Sync {
    /// The status now. Called with the current one at first, then after each change, in order and
    /// never twice at once; it may call the gate.
    fn changed(&self, status: GateStatus);
}

/// Keeps an observer subscribed until it is dropped.
pub struct Subscription {
    observers: Arc<Observers>,
    number: usize,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.observers
            .lock()
            .retain(|(number, _)| *number != self.number);
    }
}

#[derive(Default)]
pub(super) struct Observers {
    list: Mutex<Vec<(usize, Arc<dyn GateObserver>)>>,
    next: AtomicUsize,
    /// Changes that were not told yet. Whoever finds none before tells them all, so that calls do
    /// not overlap, and an observer that causes a change does not wait for itself.
    untold: AtomicUsize,
}

impl Observers {
    pub(super) fn subscribe(self: &Arc<Self>, observer: Arc<dyn GateObserver>) -> Subscription {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().push((number, observer));
        Subscription {
            observers: Arc::clone(self),
            number,
        }
    }

    pub(super) fn tell(&self, status: impl Fn() -> Option<GateStatus>) {
        if self.lock().is_empty() || self.untold.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        loop {
            let telling = self.untold.load(Ordering::Acquire);
            if let Some(status) = status() {
                let observers: Vec<_> = self.lock().clone();
                for (_, observer) in observers {
                    observer.changed(status.clone());
                }
            }
            if self.untold.fetch_sub(telling, Ordering::AcqRel) == telling {
                return;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Arc<dyn GateObserver>)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
