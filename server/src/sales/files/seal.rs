//! Names and contents of files as they are stored: unreadable.

use bilten_kernel::busy::Busy;
use bilten_kernel::db::DbError;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use super::error::FileError;
use crate::app::App;
use crate::catalog::FileId;
use crate::platform::VaultError;

/// Ten million bytes are milliseconds of a core.
static SEALING: Busy = Busy::new(|cores| cores / 2);

/// For what a file's name and key are sealed.
pub(in crate::sales) fn about_purpose(file: impl std::fmt::Display) -> String {
    format!("answer file {file}")
}

/// What is known of a file besides its bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct About {
    /// What it is called, if its sender said so.
    pub(super) name: Option<String>,
    /// What its content is sealed by, and nothing else ever.
    pub(super) key: [u8; 32],
}

impl About {
    /// That of a new file, with a key of its own.
    pub(super) fn new(app: &App, name: Option<String>) -> Self {
        let mut key = [0; 32];
        app.random.fill(&mut key);
        Self { name, key }
    }

    pub(super) fn seal(&self, app: &App, file: FileId) -> Result<Vec<u8>, DbError> {
        let text = serde_json::to_vec(self).map_err(|error| fault(&error))?;
        Ok(app.vault.seal(&about_purpose(file), &text, &*app.random)?)
    }

    pub(super) fn open(app: &App, file: FileId, sealed: &[u8]) -> Result<Self, DbError> {
        let text = app.vault.open(&about_purpose(file), sealed)?;
        serde_json::from_slice(&text).map_err(|error| fault(&error))
    }
}

fn fault(error: &serde_json::Error) -> DbError {
    DbError::Fault {
        at: "sales::files",
        detail: error.to_string(),
    }
}

/// Seals the content of a file, aside of what is quick.
pub(super) async fn seal(
    key: [u8; 32],
    file: FileId,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, FileError> {
    Ok(SEALING.run(move || sealed(key, file, &bytes)).await??)
}

/// Opens the content of a file, aside of what is quick.
pub(super) async fn open(
    key: [u8; 32],
    file: FileId,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, FileError> {
    Ok(SEALING.run(move || opened(key, file, &bytes)).await??)
}

/// A key seals one file once, so that its nonce need not differ from anything.
fn nonce() -> XNonce {
    XNonce::from([0; 24])
}

fn sealed(key: [u8; 32], file: FileId, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    let purpose = about_purpose(file);
    let payload = Payload {
        msg: bytes,
        aad: purpose.as_bytes(),
    };
    XChaCha20Poly1305::new(&key.into())
        .encrypt(&nonce(), payload)
        .map_err(|_| VaultError::Sealed)
}

fn opened(key: [u8; 32], file: FileId, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    let purpose = about_purpose(file);
    let payload = Payload {
        msg: bytes,
        aad: purpose.as_bytes(),
    };
    XChaCha20Poly1305::new(&key.into())
        .decrypt(&nonce(), payload)
        .map_err(|_| VaultError::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_open_by_their_own_key_and_id_only() {
        let (one, other) = (FileId::from_bytes([1; 16]), FileId::from_bytes([2; 16]));
        let content = sealed([7; 32], one, b"%PDF-1.7 secret").unwrap();
        assert!(!content.windows(6).any(|part| part == b"secret"));
        assert_eq!(opened([7; 32], one, &content).unwrap(), b"%PDF-1.7 secret");
        assert!(opened([8; 32], one, &content).is_err());
        assert!(opened([7; 32], other, &content).is_err());
        let mut altered = content.clone();
        altered[3] ^= 1;
        assert!(opened([7; 32], one, &altered).is_err());
    }
}
