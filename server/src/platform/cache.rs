//! Settings of this node, kept for a moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Db, DbError};

use super::model::SettingRow;
use super::store;

/// How long another node's change may go unnoticed.
const KEPT: Duration = Duration::from_secs(5);

type Rows = Arc<HashMap<String, SettingRow>>;

/// What the settings are set to; read from the database every few seconds at most, and at once after
/// a change by this node.
#[derive(Default)]
pub struct Settings {
    kept: RwLock<Option<(Timestamp, Rows)>>,
    /// Counts the changes by this node, so that nothing read before one is kept after it.
    changes: AtomicU64,
    reading: tokio::sync::Mutex<()>,
}

impl Settings {
    /// Forgets what is kept; for after a commit.
    pub(super) fn forget(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        *kept = None;
    }

    fn kept(&self) -> Option<(Timestamp, Rows)> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }

    fn fresh(&self, now: Timestamp) -> Option<Rows> {
        let (at, rows) = self.kept()?;
        // A clock that was set back must not keep them for ever.
        (at <= now && now.since(at) < KEPT).then_some(rows)
    }

    /// All settings that were set.
    pub(super) async fn rows(&self, db: &Db, now: Timestamp) -> Result<Rows, DbError> {
        if let Some(rows) = self.fresh(now) {
            return Ok(rows);
        }
        // One reads for all; the others wait only if there is nothing to go by.
        let _reading = match (self.reading.try_lock(), self.kept()) {
            (Ok(reading), _) => reading,
            (Err(_), Some((_, rows))) => return Ok(rows),
            (Err(_), None) => self.reading.lock().await,
        };
        if let Some(rows) = self.fresh(now) {
            return Ok(rows);
        }
        let seen = self.changes.load(Ordering::SeqCst);
        let read = db
            .read(|c| Box::pin(async move { store::settings::all(c).await }))
            .await?;
        let rows: Rows = Arc::new(read.into_iter().map(|row| (row.key.clone(), row)).collect());
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::SeqCst) == seen {
            *kept = Some((now, Arc::clone(&rows)));
        }
        Ok(rows)
    }
}
