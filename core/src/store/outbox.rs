//! Scans on their way to the server: kept until it says that it has them.

use super::passages::direction_of;
use super::seal::Purpose;
use super::{Store, StoreError};
use crate::checkin::DenyReason;
use crate::id::{GateId, ListId, ScanId, TicketId};
use crate::sync::push::{Receipt, ScanReport};
use crate::time::Timestamp;
use rusqlite::params;

impl Store {
    /// The oldest scans that were not sent yet, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn outbox(&self, limit: usize) -> Result<Vec<ScanReport>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT id, list, gate, at, direction, refused, ticket, version, sealed_code
             FROM scans WHERE sent_at IS NULL ORDER BY seq LIMIT ?1",
        )?;
        let mut rows = query.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut reports = Vec::new();
        while let Some(row) = rows.next()? {
            let id: [u8; 16] = row.get(0)?;
            let code = match row.get::<_, Option<Vec<u8>>>(8)? {
                None => None,
                Some(sealed) => {
                    let opened = self.sealer.opener().open(Purpose::Code, &id, &sealed);
                    opened.and_then(|plain| String::from_utf8(plain.to_vec()).ok())
                }
            };
            reports.push(ScanReport {
                id: ScanId(id),
                list: ListId::new(row.get::<_, String>(1)?)?,
                gate: row
                    .get::<_, Option<String>>(2)?
                    .map(GateId::new)
                    .transpose()?,
                at: Timestamp(row.get(3)?),
                direction: direction_of(row.get(4)?),
                refused: row
                    .get::<_, Option<String>>(5)?
                    .map(|code| reason(&code))
                    .transpose()?,
                ticket: row.get::<_, Option<[u8; 16]>>(6)?.map(TicketId),
                version: row.get(7)?,
                code,
            });
        }
        Ok(reports)
    }

    /// How many scans were not sent yet.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn outbox_len(&self) -> Result<u64, StoreError> {
        let mut query = self
            .db
            .prepare_cached("SELECT count(*) FROM scans WHERE sent_at IS NULL")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Takes the scans of `batch` out of the outbox: the server has them.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written; the scans are sent again then.
    pub fn acknowledge(
        &mut self,
        batch: &[ScanReport],
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.refresh()?;
        let at = self.device.correct(now);
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            // The code has done its duty: do not keep a stranger's ticket.
            let mut sent = tx.prepare_cached(
                "UPDATE scans SET sent_at = ?2, sealed_code = NULL WHERE id = ?1",
            )?;
            for report in batch {
                sent.execute(params![report.id.as_bytes(), at.ms()])?;
            }
            let mut conflict =
                tx.prepare_cached("UPDATE passages SET server_counts = 0 WHERE scan = ?1")?;
            for named in &receipt.conflicts {
                conflict.execute([named.scan.as_bytes()])?;
            }
        }
        tx.execute("UPDATE device SET pushed_at = ?1", [at.ms()])?;
        tx.commit()?;
        self.device.pushed_at = Some(at);
        Ok(())
    }

    /// How many passages of this device do not count, by what it or the server knows.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn own_conflicts(&self) -> Result<u64, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT count(*) FROM passages WHERE is_own = 1 AND (counts = 0 OR server_counts = 0)",
        )?;
        Ok(query.query_row([], |row| row.get(0))?)
    }
}

fn reason(code: &str) -> Result<DenyReason, StoreError> {
    DenyReason::from_code(code)
        .ok_or_else(|| StoreError::Unreadable(format!("a scan was refused for {code:?}")))
}
