//! Sealing of secrets, and tokens that need no table.

use std::io::Write;
use std::path::Path;

use bilten_kernel::random::Random;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const NONCE_LEN: usize = 24;

/// The key that seals all secrets of an installation: 32 bytes, kept outside the database.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// Why the vault cannot be opened, or a secret not be read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("the master key file {path} cannot be used: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The key is not 64 hexadecimal digits.
    #[error("the master key must be 64 hexadecimal digits (32 bytes)")]
    Form,
    /// The secret was sealed by another key, for another purpose, or altered.
    #[error("a stored secret cannot be opened with this master key")]
    Sealed,
}

impl VaultError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "platform.master_key_file",
            Self::Form => "platform.master_key_form",
            Self::Sealed => "platform.master_key_wrong",
        }
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
        let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
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

    fn derive(&self, purpose: &str) -> [u8; 32] {
        mac(&self.0, &[b"bilten derive v1", purpose.as_bytes()])
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads its key with zeros to a block (RFC 2104).
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Seals secrets and derives tokens.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    mac_key: [u8; 32],
}

impl Vault {
    /// Opens the vault with the installation's master key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(&master.derive("seal").into()),
            mac_key: master.derive("mac"),
        }
    }

    /// Seals a secret for a purpose, such as `event_key:evt_…`; it opens only for the same one.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if the secret is larger than the cipher takes (256 GB).
    pub fn seal(
        &self,
        purpose: &str,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let payload = Payload {
            msg: secret,
            aad: purpose.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Sealed)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for the same purpose.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if it was sealed by another key, for another purpose, or altered.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (nonce, body) = sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(VaultError::Sealed)?;
        let payload = Payload {
            msg: body,
            aad: purpose.as_bytes(),
        };
        self.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| VaultError::Sealed)
    }

    /// A value that only this installation can derive from the parts, for tokens that need no table.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut all = vec![purpose.as_bytes()];
        all.extend(parts);
        mac(&self.mac_key, &all)
    }

    /// Whether two secrets are equal, in time that does not depend on where they differ.
    pub fn equal(a: &[u8], b: &[u8]) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .fold(0, |difference, (x, y)| difference | (x ^ y))
                == 0
    }
}

/// The hash under which a random token is stored.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::random::SeededRandom;

    #[test]
    fn opens_only_for_the_same_key_and_purpose() {
        let random = SeededRandom::new(1);
        let vault = Vault::new(&MasterKey([7; 32]));
        let sealed = vault.seal("a", b"secret", &random).unwrap();
        assert_eq!(vault.open("a", &sealed).unwrap(), b"secret");
        assert!(vault.open("b", &sealed).is_err());
        assert!(Vault::new(&MasterKey([8; 32])).open("a", &sealed).is_err());
        assert!(vault.open("a", &sealed[..10]).is_err());
        let mut altered = sealed;
        altered[30] ^= 1;
        assert!(vault.open("a", &altered).is_err());
    }

    #[test]
    fn derived_values_differ_by_purpose_and_part() {
        let vault = Vault::new(&MasterKey([7; 32]));
        assert_ne!(
            vault.mac("p", &[b"ab", b"c"]),
            vault.mac("p", &[b"a", b"bc"])
        );
        assert_ne!(vault.mac("p", &[b"ab"]), vault.mac("q", &[b"ab"]));
        assert_eq!(vault.mac("p", &[b"ab"]), vault.mac("p", &[b"ab"]));
    }

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
}
