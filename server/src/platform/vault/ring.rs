//! The data keys that a node holds in memory.

use std::collections::HashMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random::Random;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::super::model::{DataKeyRow, KeyPurpose};
use super::{MasterKey, Masters, NONCE_LEN, VaultError};

/// The data keys of an installation, opened.
#[derive(Clone)]
pub(super) struct Ring {
    /// By id; a key that was opened once needs no master key any more.
    pub(super) seals: HashMap<u32, XChaCha20Poly1305>,
    /// What new secrets are sealed by.
    pub(super) active: u32,
    pub(super) mac_key: [u8; 32],
    /// Opens what was sealed before there were data keys.
    pub(super) bare: Option<XChaCha20Poly1305>,
}

/// What a data key is wrapped for.
fn name(id: u32, purpose: KeyPurpose) -> String {
    format!("bilten data key v1 {id} {purpose}")
}

/// A data key as it is stored.
pub(in crate::platform) fn wrap(
    master: &MasterKey,
    id: u32,
    purpose: KeyPurpose,
    key: &[u8; 32],
    nonce: [u8; NONCE_LEN],
    now: Timestamp,
    active_from: Timestamp,
) -> Result<DataKeyRow, VaultError> {
    Ok(DataKeyRow {
        id,
        purpose,
        wrapped: master.wrap(&name(id, purpose), key, nonce)?,
        master: master.fingerprint().0,
        created_at: now,
        active_from,
        retired_at: None,
    })
}

/// The same data key, wrapped by the current master key.
pub(in crate::platform) fn wrap_again(
    masters: &Masters,
    row: &DataKeyRow,
    random: &dyn Random,
) -> Result<DataKeyRow, VaultError> {
    let name = name(row.id, row.purpose);
    let key = masters.unwrap_key(&name, &row.wrapped)?;
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce);
    Ok(DataKeyRow {
        wrapped: masters.current().wrap(&name, &key, nonce)?,
        master: masters.current().fingerprint().0,
        ..row.clone()
    })
}

impl Ring {
    /// Opens the stored keys; what `known` holds already is not opened again.
    pub(super) fn read(
        masters: &Masters,
        rows: &[DataKeyRow],
        known: Option<&Self>,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let open = |row: &DataKeyRow| masters.unwrap_key(&name(row.id, row.purpose), &row.wrapped);
        let mut ring = Self {
            seals: HashMap::new(),
            active: active(rows, now).ok_or(VaultError::NoKeys)?,
            mac_key: [0; 32],
            bare: None,
        };
        let mut has_mac = false;
        for row in rows {
            match row.purpose {
                KeyPurpose::Seal => {
                    let held = known.and_then(|ring| ring.seals.get(&row.id));
                    let cipher = match held {
                        Some(cipher) => cipher.clone(),
                        None => XChaCha20Poly1305::new(&open(row)?.into()),
                    };
                    ring.seals.insert(row.id, cipher);
                }
                KeyPurpose::Mac => {
                    ring.mac_key = match known {
                        Some(ring) => ring.mac_key,
                        None => open(row)?,
                    };
                    has_mac = true;
                }
                KeyPurpose::Bare => {
                    ring.bare = Some(match known.and_then(|ring| ring.bare.as_ref()) {
                        Some(cipher) => cipher.clone(),
                        None => XChaCha20Poly1305::new(&open(row)?.into()),
                    });
                }
            }
        }
        if has_mac {
            Ok(ring)
        } else {
            Err(VaultError::NoKeys)
        }
    }
}

/// The key that seals now: the newest that is due, or the oldest should none be.
pub(in crate::platform) fn active(rows: &[DataKeyRow], now: Timestamp) -> Option<u32> {
    let seals = || rows.iter().filter(|row| row.purpose == KeyPurpose::Seal);
    let due = seals().filter(|row| row.active_from <= now);
    due.max_by_key(|row| (row.active_from, row.id))
        .or_else(|| seals().min_by_key(|row| (row.active_from, row.id)))
        .map(|row| row.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_active_when_it_is_due() {
        let at = Timestamp::from_ms;
        let master = MasterKey::from_hex(&"07".repeat(32)).unwrap();
        let seal = |id, from| {
            let purpose = KeyPurpose::Seal;
            wrap(&master, id, purpose, &[1; 32], [0; 24], at(0), at(from)).unwrap()
        };
        let rows = [seal(2, 10), seal(3, 50), seal(4, 50)];
        assert_eq!(active(&rows, at(0)), Some(2), "a clock that was set back");
        assert_eq!(active(&rows, at(49)), Some(2));
        assert_eq!(active(&rows, at(50)), Some(4));
        assert_eq!(active(&[], at(50)), None);
    }
}
