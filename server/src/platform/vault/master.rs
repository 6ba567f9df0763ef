//! Master keys: what wraps the data keys, and is never in the database.

use std::fmt;
use std::io::Write;
use std::path::Path;

use bilten_kernel::random::Random;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::{VaultError, hex, mac, open_with, seal_with};

/// The key that wraps the keys of an installation: 32 bytes, kept outside the database.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; 32]);

/// Tells master keys apart without giving anything of them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 4]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl MasterKey {
    /// Reads a key from its hexadecimal text.
    ///
    /// # Errors
    /// [`VaultError::Form`] unless it is 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let mut key = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(VaultError::Form);
        }
        for (i, byte) in key.iter_mut().enumerate() {
            *byte =
                u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| VaultError::Form)?;
        }
        Ok(Self(key))
    }

    /// Reads the key from a file; nothing if there is none.
    ///
    /// # Errors
    /// [`VaultError::File`] or [`VaultError::Form`].
    pub fn read_file(path: &Path) -> Result<Option<Self>, VaultError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_hex(&text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(VaultError::File {
                path: path.display().to_string(),
                source,
            }),
        }
    }

    /// Reads the key from a file; makes one, readable by its owner only, where there is none.
    ///
    /// # Errors
    /// [`VaultError::File`] or [`VaultError::Form`].
    pub fn from_file(path: &Path, random: &dyn Random) -> Result<Self, VaultError> {
        if let Some(key) = Self::read_file(path)? {
            return Ok(key);
        }
        let fault = |source| VaultError::File {
            path: path.display().to_string(),
            source,
        };
        let mut key = [0; 32];
        random.fill(&mut key);
        let text = hex(&key);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(fault)?;
                Ok(Self(key))
            }
            // Another process was faster: use its key.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::from_hex(&std::fs::read_to_string(path).map_err(fault)?)
            }
            Err(error) => Err(fault(error)),
        }
    }

    /// What tells this key from others.
    pub fn fingerprint(&self) -> Fingerprint {
        let mac = self.derive("fingerprint");
        Fingerprint([mac[0], mac[1], mac[2], mac[3]])
    }

    /// A key of its own for a purpose.
    pub(super) fn derive(&self, purpose: &str) -> [u8; 32] {
        mac(&self.0, &[b"bilten derive v1", purpose.as_bytes()])
    }

    /// Wraps a data key.
    pub(super) fn wrap(
        &self,
        name: &str,
        key: &[u8; 32],
        nonce: [u8; 24],
    ) -> Result<Vec<u8>, VaultError> {
        let cipher = XChaCha20Poly1305::new(&self.derive("wrap").into());
        seal_with(&cipher, name, key, nonce)
    }

    fn unwrap_key(&self, name: &str, wrapped: &[u8]) -> Result<[u8; 32], VaultError> {
        let cipher = XChaCha20Poly1305::new(&self.derive("wrap").into());
        open_with(&cipher, name, wrapped)?
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Sealed)
    }
}

/// The master keys that a node knows: the one it wraps by, and others that may still be in use.
#[derive(Clone)]
pub struct Masters {
    current: MasterKey,
    others: Vec<MasterKey>,
}

impl Masters {
    /// These keys; data keys are wrapped by the first.
    pub fn new(current: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { current, others }
    }

    /// The key by which data keys are wrapped.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    /// The same keys, but wrapping by another one.
    #[must_use]
    pub fn wrapping_by(&self, current: MasterKey) -> Self {
        let mut others = self.others.clone();
        others.push(self.current.clone());
        Self { current, others }
    }

    /// Opens a wrapped data key by whichever key fits.
    pub(super) fn unwrap_key(&self, name: &str, wrapped: &[u8]) -> Result<[u8; 32], VaultError> {
        std::iter::once(&self.current)
            .chain(&self.others)
            .find_map(|master| master.unwrap_key(name, wrapped).ok())
            .ok_or(VaultError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::random::SeededRandom;

    #[test]
    fn the_key_file_is_made_once_and_then_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let random = SeededRandom::new(1);
        let first = MasterKey::from_file(&path, &random).unwrap();
        let again = MasterKey::from_file(&path, &random).unwrap();
        assert_eq!(first.0, again.0);
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(
            MasterKey::from_file(&path, &random),
            Err(VaultError::Form)
        ));
    }

    #[test]
    fn any_known_master_unwraps_and_no_other() {
        let (old, new) = (MasterKey([1; 32]), MasterKey([2; 32]));
        assert_ne!(old.fingerprint(), new.fingerprint());
        let wrapped = old.wrap("key 1", &[7; 32], [0; 24]).unwrap();
        let both = Masters::new(new.clone(), vec![old.clone()]);
        assert_eq!(both.unwrap_key("key 1", &wrapped).unwrap(), [7; 32]);
        assert!(both.unwrap_key("key 2", &wrapped).is_err());
        assert!(
            Masters::new(new.clone(), Vec::new())
                .unwrap_key("key 1", &wrapped)
                .is_err()
        );
        let turned = Masters::new(old, Vec::new()).wrapping_by(new.clone());
        assert!(*turned.current() == new);
        assert!(turned.unwrap_key("key 1", &wrapped).is_ok());
    }
}
