//! Forgetting everything: by the organiser's order, or because staff hand the device on.

use super::{Device, Known, Store, StoreError, schema};
use crate::time::Timestamp;

impl Store {
    /// Forgets everything but that it was wiped. Deleted bytes are overwritten in the file, and the
    /// log beside it is emptied. The device may be paired anew.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; try again, a part may be gone already.
    pub fn wipe(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.refresh()?;
        let at = self.device.correct(now);
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for table in schema::TABLES {
            tx.execute(&format!("DELETE FROM {table}"), [])?;
        }
        tx.execute(
            "UPDATE device SET sealed_secret = NULL, server = NULL, id = NULL, event = NULL,
               event_name = NULL, list = NULL, gate = NULL, epoch = NULL, position = 0,
               cursor = NULL, page_made_at = NULL, generation = 0, is_resync = 0, tickets = 0,
               unknown_changes = 0, clock_offset_ms = 0, pulled_at = NULL, pushed_at = NULL,
               revoked_at = NULL, wiped_at = ?1",
            [at.ms()],
        )?;
        let device = Device::load(&tx)?;
        tx.commit()?;
        self.device = device;
        self.known = Known::default();
        self.db.flush_prepared_statement_cache();
        // Moves the emptied pages into the file, closes the gaps, and empties the log again.
        self.db.execute_batch(
            "PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE);",
        )?;
        Ok(())
    }

    /// Leaves the event, to be paired with another one.
    ///
    /// # Errors
    /// [`StoreError::Unsent`] if scans were not sent yet; others if the store fails.
    pub fn leave(&mut self, now: Timestamp) -> Result<(), StoreError> {
        match self.outbox_len()? {
            0 => self.wipe(now),
            unsent => Err(StoreError::Unsent(unsent)),
        }
    }
}
