//! Sealing of secrets, and tokens that need no table: an envelope of two layers.
//!
//! Secrets are sealed by a data key, which lies in the database wrapped by a master key, which does
//! not. A sealed text begins with a version and the number of its data key, so that keys can be
//! replaced while everybody works: a new one is made, every node learns of it, it becomes active,
//! and what older ones sealed is sealed again bit by bit. The key of MACs stays the same for ever,
//! since tokens in people's mail and look-ups of sealed values depend on it.

mod master;
mod ring;

use std::sync::{Arc, PoisonError, RwLock};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, Db, DbError};
use bilten_kernel::random::Random;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

pub use master::{Fingerprint, MasterKey, Masters};
pub(super) use ring::{active, wrap, wrap_again};

use super::model::{DataKeyRow, KeyPurpose, SealedColumn};
use super::{chain, store};
use ring::Ring;

pub(super) const NONCE_LEN: usize = 24;
/// How a sealed text begins: the version of its form.
const VERSION: u8 = 1;
/// The version and the number of the data key.
pub(super) const HEADER_LEN: usize = 5;
/// The numbers of the keys that each installation has from its beginning.
const BARE_KEY: u32 = 0;
pub(super) const MAC_KEY: u32 = 1;
const FIRST_SEAL: u32 = 2;

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
    /// The secret was sealed by a data key that this node has not read yet.
    #[error("a secret was sealed by data key {0}, which this node is about to read")]
    UnknownKey(u32),
    /// The database holds no data keys.
    #[error("the database holds no keys yet; run `bilten migrate` or start the server")]
    NoKeys,
}

impl VaultError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "platform.master_key_file",
            Self::Form => "platform.master_key_form",
            Self::Sealed => "platform.master_key_wrong",
            Self::UnknownKey(_) => "platform.key_unknown",
            Self::NoKeys => "platform.no_keys",
        }
    }
}

impl From<VaultError> for DbError {
    /// For what is read or written in the midst of a transaction.
    fn from(error: VaultError) -> Self {
        let (at, detail) = ("platform::vault", error.to_string());
        match error {
            // The key is there in a moment.
            VaultError::UnknownKey(_) => Self::Busy { at, detail },
            VaultError::File { .. }
            | VaultError::Form
            | VaultError::Sealed
            | VaultError::NoKeys => Self::Fault { at, detail },
        }
    }
}

/// Why the keys of an installation cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The master key does not fit, or there are no keys.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
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

/// Seals bytes for a purpose; gives the nonce and what was sealed.
pub(super) fn seal_with(
    cipher: &XChaCha20Poly1305,
    purpose: &str,
    secret: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Result<Vec<u8>, VaultError> {
    let payload = Payload {
        msg: secret,
        aad: purpose.as_bytes(),
    };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| VaultError::Sealed)?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens a nonce and what was sealed with it.
pub(super) fn open_with(
    cipher: &XChaCha20Poly1305,
    purpose: &str,
    sealed: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let (nonce, body) = sealed
        .split_first_chunk::<NONCE_LEN>()
        .ok_or(VaultError::Sealed)?;
    let payload = Payload {
        msg: body,
        aad: purpose.as_bytes(),
    };
    cipher
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| VaultError::Sealed)
}

/// How what is sealed by this data key begins.
pub(super) fn header(key: u32) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = key.to_be_bytes();
    [VERSION, a, b, c, d]
}

/// The hexadecimal text of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn drawn<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// Seals secrets and derives tokens.
pub struct Vault {
    masters: Masters,
    columns: Vec<&'static SealedColumn>,
    ring: RwLock<Arc<Ring>>,
    missing: Notify,
}

impl Vault {
    /// Opens the keys of a database; makes them where there are none yet. `columns` are all that
    /// hold sealed texts, so that they can be sealed again.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if no master key fits, or a fault of the database.
    pub async fn unlock(
        db: &Db,
        masters: Masters,
        columns: Vec<&'static SealedColumn>,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        match Self::load(db, masters.clone(), columns.clone(), now).await {
            Err(KeysError::Vault(VaultError::NoKeys)) => {}
            loaded => return loaded,
        }
        let new = NewKeys::draw(masters.current(), random, now)?;
        let found = columns.clone();
        db.write(move |c| Box::pin(async move { new.insert(c, &found).await }))
            .await?;
        Self::load(db, masters, columns, now).await
    }

    /// Opens the keys of a database, which must have some; writes nothing.
    ///
    /// # Errors
    /// [`VaultError::NoKeys`], [`VaultError::Sealed`] if no master key fits, or a fault of the
    /// database.
    pub async fn load(
        db: &Db,
        masters: Masters,
        columns: Vec<&'static SealedColumn>,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let rows = db
            .read(|c| Box::pin(async move { store::keys::all(c).await }))
            .await?;
        let ring = Ring::read(&masters, &rows, None, now)?;
        Ok(Self {
            masters,
            columns,
            ring: RwLock::new(Arc::new(ring)),
            missing: Notify::new(),
        })
    }

    /// Reads the keys again: new ones are learnt, and those that are due become active.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if a new key was wrapped by an unknown master key, or a fault of the
    /// database.
    pub async fn refresh(&self, db: &Db, now: Timestamp) -> Result<(), KeysError> {
        let rows = db
            .read(|c| Box::pin(async move { store::keys::all(c).await }))
            .await?;
        Ok(self.take(&rows, now)?)
    }

    /// Reads the keys again inside a read or write.
    pub(super) async fn refresh_in(&self, c: &mut Conn, now: Timestamp) -> Result<(), KeysError> {
        let rows = store::keys::all(c).await?;
        Ok(self.take(&rows, now)?)
    }

    fn take(&self, rows: &[DataKeyRow], now: Timestamp) -> Result<(), VaultError> {
        let known = self.ring();
        let ring = Ring::read(&self.masters, rows, Some(&known), now)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// Waits until somebody meets a key that is not known here.
    pub(super) async fn missing(&self) {
        self.missing.notified().await;
    }

    fn ring(&self) -> Arc<Ring> {
        // Whoever panicked while holding it had replaced all of it, or nothing.
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The master keys of this node.
    pub(super) fn masters(&self) -> &Masters {
        &self.masters
    }

    /// Everything that holds sealed texts.
    pub(super) fn columns(&self) -> &[&'static SealedColumn] {
        &self.columns
    }

    /// The data key that seals now.
    pub(super) fn active_key(&self) -> u32 {
        self.ring().active
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
        let ring = self.ring();
        let cipher = ring
            .seals
            .get(&ring.active)
            .ok_or(VaultError::UnknownKey(ring.active))?;
        let sealed = seal_with(cipher, purpose, secret, drawn(random))?;
        Ok([&header(ring.active)[..], &sealed].concat())
    }

    /// Opens what was sealed for the same purpose.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] if it was sealed by another key, for another purpose, or altered;
    /// [`VaultError::UnknownKey`] if this node reads the key only now: try again in a second.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let ring = self.ring();
        let parts = sealed
            .split_first_chunk::<HEADER_LEN>()
            .filter(|(header, _)| header[0] == VERSION);
        let result = match parts {
            Some(([_, a, b, c, d], body)) => {
                let key = u32::from_be_bytes([*a, *b, *c, *d]);
                match ring.seals.get(&key) {
                    Some(cipher) => open_with(cipher, purpose, body),
                    None => Err(VaultError::UnknownKey(key)),
                }
            }
            None => Err(VaultError::Sealed),
        };
        // A text from before the data keys may by chance begin like one of theirs.
        let result = match (result, &ring.bare) {
            (Err(error), Some(cipher)) => open_with(cipher, purpose, sealed).map_err(|_| error),
            (result, _) => result,
        };
        if matches!(result, Err(VaultError::UnknownKey(_))) {
            self.missing.notify_one();
        }
        result
    }

    /// Seals a text, such as a name or an address.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_text(
        &self,
        purpose: &str,
        text: &str,
        random: &dyn Random,
    ) -> Result<Vec<u8>, VaultError> {
        self.seal(purpose, text.as_bytes(), random)
    }

    /// Opens a sealed text.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_text(&self, purpose: &str, sealed: &[u8]) -> Result<String, VaultError> {
        String::from_utf8(self.open(purpose, sealed)?).map_err(|_| VaultError::Sealed)
    }

    /// A value that only this installation can derive from the parts, for tokens that need no
    /// table. It stays the same whatever keys are replaced.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac_for(&self.ring().mac_key, purpose, parts)
    }

    /// Under which a sealed text is found again without being opened. Bring the text into one form
    /// first, and ask only for what must be looked up: equal texts have equal indexes.
    pub fn blind_index(&self, purpose: &str, text: &str) -> [u8; 32] {
        self.mac("blind index", &[purpose.as_bytes(), text.as_bytes()])
    }

    /// Whether two secrets are equal, in time that does not depend on where they differ.
    pub fn equal(a: &[u8], b: &[u8]) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .fold(0, |difference, (x, y)| difference | (x ^ y))
                == 0
    }

    /// A vault in memory, for tests of rules that take one.
    #[cfg(test)]
    pub(crate) fn in_memory(byte: u8) -> Self {
        let ring = Ring {
            seals: [(FIRST_SEAL, XChaCha20Poly1305::new(&[byte; 32].into()))].into(),
            active: FIRST_SEAL,
            mac_key: [byte.wrapping_add(1); 32],
            bare: None,
        };
        let master = MasterKey::from_hex(&hex(&[byte; 32])).unwrap();
        Self {
            masters: Masters::new(master, Vec::new()),
            columns: Vec::new(),
            ring: RwLock::new(Arc::new(ring)),
            missing: Notify::new(),
        }
    }
}

fn mac_for(key: &[u8; 32], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut all = vec![purpose.as_bytes()];
    all.extend(parts);
    mac(key, &all)
}

/// The first keys of an installation, drawn before the write that keeps them.
struct NewKeys {
    seal: DataKeyRow,
    /// For a database that holds nothing sealed, with the MAC of its empty audit log.
    fresh: (DataKeyRow, [u8; 32]),
    /// For one whose secrets were sealed by the master key itself.
    grown: (DataKeyRow, [u8; 32]),
    bare: DataKeyRow,
}

impl NewKeys {
    fn draw(master: &MasterKey, random: &dyn Random, now: Timestamp) -> Result<Self, VaultError> {
        let row =
            |id, purpose, key: &[u8; 32]| wrap(master, id, purpose, key, drawn(random), now, now);
        let mac = |key: [u8; 32]| {
            let head = chain::head_mac(|purpose, parts| mac_for(&key, purpose, parts), 0, &[0; 32]);
            Ok::<_, VaultError>((row(MAC_KEY, KeyPurpose::Mac, &key)?, head))
        };
        Ok(Self {
            seal: row(FIRST_SEAL, KeyPurpose::Seal, &drawn(random))?,
            fresh: mac(drawn(random))?,
            grown: mac(master.derive("mac"))?,
            bare: row(BARE_KEY, KeyPurpose::Bare, &master.derive("seal"))?,
        })
    }

    async fn insert(self, c: &mut Conn, columns: &[&'static SealedColumn]) -> Result<(), DbError> {
        let mut is_grown = false;
        for column in columns {
            is_grown |= !store::sealed::batch(c, column, None, &header(FIRST_SEAL), 1)
                .await?
                .is_empty();
        }
        let (mac, head) = if is_grown { self.grown } else { self.fresh };
        // The MAC key first: of two nodes that start at once, the second finds it.
        if store::keys::insert(c, &mac).await? {
            store::keys::insert(c, &self.seal).await?;
            if is_grown {
                store::keys::insert(c, &self.bare).await?;
            }
            store::audit::insert_head(c, &[0; 32], head).await?;
        }
        Ok(())
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
        let vault = Vault::in_memory(7);
        let sealed = vault.seal("a", b"secret", &random).unwrap();
        assert_eq!(vault.open("a", &sealed).unwrap(), b"secret");
        assert!(vault.open("b", &sealed).is_err());
        assert!(Vault::in_memory(8).open("a", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(vault.open("a", &sealed[..length]).is_err(), "{length}");
        }
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(vault.open("a", &altered).is_err(), "{place}");
        }
        let mut newer = sealed;
        newer[4] += 1;
        assert!(matches!(
            vault.open("a", &newer),
            Err(VaultError::UnknownKey(3))
        ));
    }

    #[test]
    fn derived_values_differ_by_purpose_and_part() {
        let vault = Vault::in_memory(7);
        assert_ne!(
            vault.mac("p", &[b"ab", b"c"]),
            vault.mac("p", &[b"a", b"bc"])
        );
        assert_ne!(vault.mac("p", &[b"ab"]), vault.mac("q", &[b"ab"]));
        assert_eq!(vault.mac("p", &[b"ab"]), vault.mac("p", &[b"ab"]));
        assert_eq!(vault.blind_index("p", "x"), vault.blind_index("p", "x"));
        assert_ne!(vault.blind_index("p", "x"), vault.blind_index("q", "x"));
    }
}
