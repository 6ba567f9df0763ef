//! Who gets a connection to PostgreSQL when they are short: what must not stop always does.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{DbError, observe};

tokio::task_local! {
    static CAN_WAIT: ();
}

/// Runs work that can wait: a quarter of the connections is kept from it, for what must not stop.
pub async fn can_wait<F: Future>(work: F) -> F::Output {
    CAN_WAIT.scope((), work).await
}

/// The connections that what can wait may have.
pub(super) struct Places {
    places: Semaphore,
    patience: Duration,
}

impl Places {
    /// Of so many connections, for each of which so long is waited.
    pub(super) fn new(connections: u32, patience: Duration) -> Self {
        let kept = if connections > 1 {
            (connections / 4).max(1)
        } else {
            0
        };
        let places = usize::try_from(connections - kept).unwrap_or(1);
        Self {
            places: Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)),
            patience,
        }
    }

    /// Waits for a place, if whoever asks can wait; it is to be kept as long as the connection.
    pub(super) async fn take(
        &self,
        at: &'static str,
    ) -> Result<Option<SemaphorePermit<'_>>, DbError> {
        if CAN_WAIT.try_with(|()| ()).is_err() {
            return Ok(None);
        }
        match tokio::time::timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(Some(place)),
            Ok(Err(_)) | Err(_) => {
                observe::NOT_ACQUIRED.add(&[], 1);
                Err(DbError::pg(at, &sqlx::Error::PoolTimedOut))
            }
        }
    }
}
