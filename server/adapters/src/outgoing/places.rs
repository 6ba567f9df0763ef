//! Bulkheads: one destination that is slow keeps so many calls waiting and no more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many destinations are remembered that nobody calls just now.
const MOST: usize = 10_000;

/// The calls that are under way, by destination.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<String, Arc<Semaphore>>>);

/// A place among the calls to one destination, until it is dropped.
pub(super) struct Place<'p> {
    places: &'p Places,
    key: String,
    semaphore: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of so many places, and waits for it for so long; nothing if there is none.
    pub(super) async fn take(&self, key: &str, most: usize, waits: Duration) -> Option<Place<'_>> {
        let semaphore = {
            let mut all = self.lock();
            if all.len() >= MOST {
                all.retain(|_, one| Arc::strong_count(one) > 1);
            }
            let one = all
                .entry(key.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(most.max(1))));
            Arc::clone(one)
        };
        let place = Arc::clone(&semaphore).acquire_owned();
        let permit = tokio::time::timeout(waits, place).await.ok()?.ok()?;
        Some(Place {
            places: self,
            key: key.to_owned(),
            semaphore,
            permit: Some(permit),
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut all = self.places.lock();
        // Ours and the one in the list: nobody else calls, nor waits to.
        if Arc::strong_count(&self.semaphore) <= 2 {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take<'p>(places: &'p Places, key: &str) -> Option<Place<'p>> {
        places.take(key, 2, Duration::ZERO).await
    }

    /// covers: GW-6
    #[tokio::test]
    async fn a_destination_has_so_many_places_and_others_have_theirs() {
        let places = Places::default();
        let first = take(&places, "a").await.unwrap();
        let second = take(&places, "a").await.unwrap();
        assert!(take(&places, "a").await.is_none());
        let other = take(&places, "b").await.unwrap();
        drop(first);
        let third = take(&places, "a").await.unwrap();
        assert!(take(&places, "a").await.is_none());
        drop((second, third, other));
        assert!(places.lock().is_empty(), "nobody is remembered for nothing");
    }
}
