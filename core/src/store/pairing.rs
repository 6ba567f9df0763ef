//! To whom the device belongs: its key, its event, its place.

use super::device::Identity;
use super::known;
use super::seal::Purpose;
use super::{Device, Known, Store, StoreError};
use crate::id::{GateId, ListId};
use crate::sync::pairing::Paired;
use crate::time::Timestamp;
use ed25519_dalek::SigningKey;
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

const SECRET_ID: &[u8; 16] = &[0; 16];

impl Store {
    /// The device's key for an attempt at pairing. It is kept from the first attempt on, so that
    /// an answer that got lost can be asked for again by the same device.
    ///
    /// # Errors
    /// [`StoreError::AlreadyPaired`] if the device belongs to an event; others if the store fails.
    pub fn begin_pairing(&mut self) -> Result<SigningKey, StoreError> {
        self.refresh()?;
        if self.device.identity.is_some() {
            return Err(StoreError::AlreadyPaired);
        }
        if let Some(key) = self.signing_key()? {
            return Ok(key);
        }
        let mut secret = Zeroizing::new([0; 32]);
        self.sealer.randomness().fill(&mut *secret)?;
        let sealed = self.sealer.seal(Purpose::Secret, SECRET_ID, &*secret)?;
        self.db
            .execute("UPDATE device SET sealed_secret = ?1", [sealed])?;
        Ok(SigningKey::from_bytes(&secret))
    }

    /// The device's key, once there is one.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn signing_key(&self) -> Result<Option<SigningKey>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .db
            .query_row("SELECT sealed_secret FROM device", [], |row| row.get(0))
            .optional()?
            .flatten();
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let plain = self
            .sealer
            .opener()
            .open(Purpose::Secret, SECRET_ID, &sealed);
        let secret = plain.as_deref().and_then(|plain| plain.first_chunk::<32>());
        secret
            .map(|secret| Some(SigningKey::from_bytes(secret)))
            .ok_or_else(|| StoreError::Damaged("the sealed device key does not open".to_owned()))
    }

    /// Writes down what the server answered to the pairing; the machine's clock counts as right
    /// until [`Store::correct_clock`] knows better.
    ///
    /// # Errors
    /// [`StoreError::AlreadyPaired`] if the device belongs to an event; others if the store fails.
    pub fn finish_pairing(&mut self, server: &str, paired: &Paired) -> Result<(), StoreError> {
        self.refresh()?;
        if self.device.identity.is_some() {
            return Err(StoreError::AlreadyPaired);
        }
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute(
            "UPDATE device SET server = ?1, id = ?2, event = ?3, event_name = ?4, list = ?5,
               gate = ?6, clock_offset_ms = 0, wiped_at = NULL, revoked_at = NULL",
            params![
                server,
                paired.device.as_str(),
                paired.event.as_str(),
                paired.event_name,
                paired.list.as_ref().map(ListId::as_str),
                paired.gate.as_ref().map(GateId::as_str),
            ],
        )?;
        paired
            .keys
            .iter()
            .try_for_each(|key| known::put_key(&tx, key))?;
        paired
            .lists
            .iter()
            .try_for_each(|list| known::put_list(&tx, list))?;
        paired
            .gates
            .iter()
            .try_for_each(|gate| known::put_gate(&tx, gate))?;
        let (device, known) = (Device::load(&tx)?, Known::load(&tx)?);
        tx.commit()?;
        self.device = device;
        self.known = known;
        Ok(())
    }

    /// Chooses the list by which this device judges, and the gate where it stands.
    ///
    /// # Errors
    /// [`StoreError::UnknownList`] or [`StoreError::UnknownGate`] if there is no such thing;
    /// others if the store fails.
    pub fn choose(&mut self, list: &ListId, gate: Option<&GateId>) -> Result<(), StoreError> {
        self.refresh()?;
        self.device.identity()?;
        self.known.list(list).ok_or(StoreError::UnknownList)?;
        if let Some(gate) = gate {
            self.known.gate(gate).ok_or(StoreError::UnknownGate)?;
        }
        self.db.execute(
            "UPDATE device SET list = ?1, gate = ?2",
            params![list.as_str(), gate.map(GateId::as_str)],
        )?;
        self.device.list = Some(list.clone());
        self.device.gate = gate.cloned();
        Ok(())
    }

    /// Notes how far the machine's clock is off, give or take `error_ms`. What is noted already
    /// stays if it is no worse a guess.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn correct_clock(&mut self, offset_ms: i64, error_ms: u64) -> Result<(), StoreError> {
        self.refresh()?;
        // Less than a tenth of a second is not worth a write.
        if self.device.clock_offset_ms.abs_diff(offset_ms) > error_ms.max(100) {
            self.db
                .execute("UPDATE device SET clock_offset_ms = ?1", [offset_ms])?;
            self.device.clock_offset_ms = offset_ms;
        }
        Ok(())
    }

    /// Notes that the organiser revoked this device: it judges no more.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    pub fn revoke(&mut self, at: Timestamp) -> Result<(), StoreError> {
        self.refresh()?;
        self.db
            .execute("UPDATE device SET revoked_at = ?1", [at.ms()])?;
        self.device.revoked_at = Some(at);
        Ok(())
    }

    /// Where this device belongs.
    ///
    /// # Errors
    /// [`StoreError::NotPaired`] if it belongs to nobody.
    pub fn identity(&self) -> Result<&Identity, StoreError> {
        self.device.identity()
    }
}
