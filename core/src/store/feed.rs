//! Takes pages of the feed: a page wholly, or not at all.
//!
//! Positions form a chain. A page that starts where the store stands is applied; one that ends
//! there or before is a repeat; one that starts later has a gap before it. A feed that began anew
//! (another epoch, or a cursor that the server has forgotten) is read from 0 again *over* what is
//! known, and only its last page removes what it did not bring: the gate is never blind meanwhile.

use super::known::{self, Known};
use super::passages::{self, NewPassage};
use super::scan::state_code;
use super::seal::Sealer;
use super::{Device, Store, StoreError};
use crate::checkin::{Passage, TicketRecord};
use crate::id::{ListId, TicketId};
use crate::sync::page::{Change, Page, Redemption, Removed, Revocation};
use crate::time::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Its changes are in the store now.
    New {
        /// How many.
        changes: u32,
        /// Whether the feed goes on.
        more: bool,
    },
    /// It was applied before; nothing was changed.
    Repeat,
}

impl Store {
    /// Applies a verified page in one transaction.
    ///
    /// # Errors
    /// [`StoreError::FeedGap`], [`StoreError::FeedEpoch`], [`StoreError::FeedReplayed`] or
    /// [`StoreError::FeedEvent`] if the page does not follow on what is known; others if the store
    /// fails. Nothing was changed then.
    pub fn apply(&mut self, page: &Page, now: Timestamp) -> Result<Applied, StoreError> {
        self.refresh()?;
        let header = page.header();
        if self.device.identity()?.event != header.event {
            return Err(StoreError::FeedEvent);
        }
        let mut device = self.device.clone();
        if device
            .place
            .epoch
            .is_some_and(|epoch| epoch != header.epoch)
        {
            if header.from != 0 {
                return Err(StoreError::FeedEpoch);
            }
            // An old page, kept by somebody, must not take the gate back to the past.
            if device
                .page_made_at
                .is_some_and(|known| header.made_at < known)
            {
                return Err(StoreError::FeedReplayed);
            }
            begin_anew(&mut device);
        }
        let position = device.place.position;
        if header.from > position {
            return Err(StoreError::FeedGap {
                from: header.from,
                position,
            });
        }
        // An empty page at our position says that nothing is new; that is news as well.
        if header.to <= position && header.from < position {
            return Ok(Applied::Repeat);
        }

        device.place.epoch = Some(header.epoch);
        device.place.position = header.to;
        device.place.cursor = Some(header.next.clone());
        device.page_made_at = device.page_made_at.max(Some(header.made_at));
        device.unknown_changes += u64::from(page.unknown());

        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut work = Work::new(&tx, &mut self.sealer, &mut device, &self.known);
        for change in page.changes() {
            work.take(change)?;
        }
        let known = work.finish(header.more)?;
        if !header.more {
            device.pulled_at = Some(device.correct(now));
        }
        device.save_feed(&tx)?;
        tx.commit()?;
        self.device = device;
        if let Some(known) = known {
            self.known = known;
        }
        Ok(Applied::New {
            changes: header.count,
            more: header.more,
        })
    }

    /// Starts the feed again at 0, because the server forgot the cursor or began anew. What is
    /// known stays in force until the feed was read to its end.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn restart_feed(&mut self) -> Result<(), StoreError> {
        self.refresh()?;
        let mut device = self.device.clone();
        begin_anew(&mut device);
        device.save_feed(&self.db)?;
        self.device = device;
        Ok(())
    }
}

fn begin_anew(device: &mut Device) {
    device.place = super::FeedPlace::default();
    device.generation += 1;
    device.is_resync = true;
}

/// A page on its way into the tables.
struct Work<'a> {
    db: &'a Connection,
    sealer: &'a mut Sealer,
    device: &'a mut Device,
    before: &'a Known,
    /// Tickets whose passages changed.
    touched: BTreeSet<(ListId, TicketId)>,
    /// Lists that are new, or whose policy may have changed.
    lists: BTreeSet<ListId>,
    is_known_stale: bool,
}

impl<'a> Work<'a> {
    fn new(
        db: &'a Connection,
        sealer: &'a mut Sealer,
        device: &'a mut Device,
        before: &'a Known,
    ) -> Self {
        let (touched, lists) = (BTreeSet::new(), BTreeSet::new());
        Self {
            db,
            sealer,
            device,
            before,
            touched,
            lists,
            is_known_stale: false,
        }
    }

    fn take(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Ticket(record) => return self.ticket(record),
            Change::Revocation(revocation) => return self.revocation(*revocation),
            Change::Redemption(redemption) => return self.redemption(redemption),
            Change::Key(named) => known::put_key(self.db, named)?,
            Change::WithdrawnKey(id) => known::withdraw_key(self.db, *id)?,
            Change::Tier(tier) => known::put_tier(self.db, tier)?,
            Change::Gate(gate) => known::put_gate(self.db, gate)?,
            Change::List(list) => {
                known::put_list(self.db, list)?;
                self.lists.insert(list.id.clone());
            }
            Change::Removed(Removed::List(id)) => {
                self.db
                    .execute("DELETE FROM lists WHERE id = ?1", [id.as_str()])?;
            }
            Change::Removed(Removed::Gate(id)) => {
                self.db
                    .execute("DELETE FROM gates WHERE id = ?1", [id.as_str()])?;
            }
        }
        self.is_known_stale = true;
        Ok(())
    }

    fn ticket(&mut self, record: &TicketRecord) -> Result<(), StoreError> {
        let id = record.id.as_bytes();
        let holder = match &record.holder {
            Some(holder) => Some(self.sealer.seal_holder(id, holder)?),
            None => None,
        };
        let values = params![
            id,
            record.version,
            record.tier,
            state_code(record.state),
            record.validity.from,
            record.validity.until,
            holder,
            self.device.generation,
        ];
        let added = self
            .db
            .prepare_cached(
                "INSERT INTO tickets (id, version, tier, state, valid_from, valid_until,
                   sealed_holder, generation)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?
            .execute(values)?;
        if added == 0 {
            self.db
                .prepare_cached(
                    "UPDATE tickets SET version = ?2, tier = ?3, state = ?4, valid_from = ?5,
                       valid_until = ?6, sealed_holder = ?7, generation = ?8 WHERE id = ?1",
                )?
                .execute(values)?;
        }
        self.device.tickets += added as u64;
        Ok(())
    }

    fn revocation(&self, revocation: Revocation) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO revocations (ticket, below, generation) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET below = excluded.below, generation = excluded.generation",
            )?
            .execute(params![
                revocation.ticket.as_bytes(),
                revocation.below,
                self.device.generation
            ])?;
        Ok(())
    }

    fn redemption(&mut self, redemption: &Redemption) -> Result<(), StoreError> {
        let passage = Passage {
            scan: redemption.id,
            at: redemption.at,
            direction: redemption.direction,
            device: redemption.device.clone(),
            gate: redemption.gate.clone(),
        };
        let identity = self.device.identity.as_ref();
        let is_new = passages::put(
            self.db,
            &NewPassage {
                ticket: redemption.ticket,
                list: &redemption.list,
                passage: &passage,
                is_own: identity.is_some_and(|own| own.device == redemption.device),
                server: Some(redemption.standing),
                generation: self.device.generation,
            },
        )?;
        if is_new {
            self.touched
                .insert((redemption.list.clone(), redemption.ticket));
        }
        Ok(())
    }

    /// Settles what was touched; returns what is known now where that changed.
    fn finish(self, more: bool) -> Result<Option<Known>, StoreError> {
        let fresh = if self.is_known_stale {
            Some(Known::load(self.db)?)
        } else {
            None
        };
        let known = fresh.as_ref().unwrap_or(self.before);
        let policy = |list: &ListId| known.list(list).map(|list| list.policy);
        for list in &self.lists {
            let before = self.before.list(list).map(|list| list.policy);
            if let Some(policy) = policy(list)
                && before != Some(policy)
            {
                passages::resettle_list(self.db, list, policy)?;
            }
        }
        for (list, ticket) in &self.touched {
            if let Some(policy) = policy(list) {
                passages::resettle(self.db, list, policy, *ticket)?;
            }
        }
        if self.device.is_resync && !more {
            let generation = self.device.generation;
            let swept = self
                .db
                .execute("DELETE FROM tickets WHERE generation < ?1", [generation])?;
            self.device.tickets = self.device.tickets.saturating_sub(swept as u64);
            self.db.execute(
                "DELETE FROM revocations WHERE generation < ?1",
                [generation],
            )?;
            passages::sweep(self.db, generation, policy)?;
            self.device.is_resync = false;
        }
        Ok(fresh)
    }
}
