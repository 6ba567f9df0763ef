//! Sealing of what must not be read off a lost phone: holders, codes and the device's secret key.
//!
//! XChaCha20-Poly1305 with a key that the platform's key store keeps for the caller. What a sealed
//! value belongs to is authenticated with it, so that one cannot be put in the place of another.

use super::StoreError;
use crate::checkin::Holder;
use crate::system::Randomness;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use std::sync::Arc;
use zeroize::Zeroizing;

const NONCE_LEN: usize = 24;
/// Nonces are asked for in lots: a page of the feed seals thousands of holders.
const NONCES: usize = 128;

/// The key of a store, kept outside it; forgotten from memory when dropped.
#[derive(Clone)]
pub struct StorageKey(Zeroizing<[u8; 32]>);

impl StorageKey {
    /// Takes the 32 bytes that the platform's key store keeps.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Makes a new key, to be put into the platform's key store.
    ///
    /// # Errors
    /// [`crate::system::RandomnessError`] if there are no random bytes.
    pub fn generate(randomness: &dyn Randomness) -> Result<Self, crate::system::RandomnessError> {
        let mut bytes = Zeroizing::new([0; 32]);
        randomness.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes to be kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StorageKey(…)")
    }
}

/// What a sealed value is; part of what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Tells the right key from a wrong one.
    Check,
    /// The device's secret key.
    Secret,
    /// Who holds a ticket; bound to the ticket's id.
    Holder,
    /// A code that was shown; bound to the scan's id.
    Code,
}

impl Purpose {
    const fn label(self) -> u8 {
        match self {
            Self::Check => 0,
            Self::Secret => 1,
            Self::Holder => 2,
            Self::Code => 3,
        }
    }

    fn bind(self, id: &[u8; 16]) -> [u8; 17] {
        let mut bytes = [self.label(); 17];
        bytes[1..].copy_from_slice(id);
        bytes
    }
}

/// Opens sealed values; cheap to clone for a reader beside the store.
#[derive(Clone)]
pub(super) struct Opener(XChaCha20Poly1305);

impl Opener {
    pub(super) fn new(key: &StorageKey) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key.0)))
    }

    /// The plain value, or nothing if key, place or bytes are not the right ones.
    pub(super) fn open(
        &self,
        purpose: Purpose,
        id: &[u8; 16],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let aad = &purpose.bind(id);
        self.0
            .decrypt(&XNonce::from(*nonce), Payload { msg, aad })
            .ok()
            .map(Zeroizing::new)
    }

    pub(super) fn open_holder(
        &self,
        ticket: &[u8; 16],
        sealed: &[u8],
    ) -> Result<Holder, StoreError> {
        self.open(Purpose::Holder, ticket, sealed)
            .and_then(|plain| read_holder(&plain))
            .ok_or_else(|| StoreError::Damaged("a sealed holder does not open".to_owned()))
    }
}

/// Seals values, each under a nonce of its own.
pub(super) struct Sealer {
    opener: Opener,
    randomness: Arc<dyn Randomness>,
    nonces: Vec<u8>,
}

impl Sealer {
    pub(super) fn new(key: &StorageKey, randomness: Arc<dyn Randomness>) -> Self {
        Self {
            opener: Opener::new(key),
            randomness,
            nonces: Vec::new(),
        }
    }

    pub(super) const fn opener(&self) -> &Opener {
        &self.opener
    }

    pub(super) fn randomness(&self) -> &dyn Randomness {
        &*self.randomness
    }

    pub(super) fn seal(
        &mut self,
        purpose: Purpose,
        id: &[u8; 16],
        msg: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let nonce = self.nonce()?;
        let aad = &purpose.bind(id);
        let body = self
            .opener
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg, aad })
            .map_err(|_| StoreError::Unreadable("a value is too long to seal".to_owned()))?;
        Ok([nonce.as_slice(), &body].concat())
    }

    pub(super) fn seal_holder(
        &mut self,
        ticket: &[u8; 16],
        holder: &Holder,
    ) -> Result<Vec<u8>, StoreError> {
        self.seal(Purpose::Holder, ticket, &write_holder(holder))
    }

    fn nonce(&mut self) -> Result<[u8; NONCE_LEN], StoreError> {
        if self.nonces.is_empty() {
            let mut lot = vec![0; NONCE_LEN * NONCES];
            self.randomness.fill(&mut lot)?;
            self.nonces = lot;
        }
        let mut nonce = [0; NONCE_LEN];
        let rest = self.nonces.len() - NONCE_LEN;
        nonce.copy_from_slice(&self.nonces[rest..]);
        self.nonces.truncate(rest);
        Ok(nonce)
    }
}

/// Three texts, each after its length (4 bytes); the note's is missing where there is no note.
fn write_holder(holder: &Holder) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(96));
    for text in [
        Some(&holder.name),
        Some(&holder.order),
        holder.note.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        plain.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        plain.extend(text.as_bytes());
    }
    plain
}

fn read_holder(plain: &[u8]) -> Option<Holder> {
    fn text(bytes: &mut &[u8]) -> Option<String> {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        *bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
    let mut rest = plain;
    let (name, order) = (text(&mut rest)?, text(&mut rest)?);
    let note = if rest.is_empty() {
        None
    } else {
        Some(text(&mut rest)?)
    };
    rest.is_empty().then_some(Holder { name, order, note })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRandomness;
    use proptest::prelude::*;

    fn sealer(key: u8) -> Sealer {
        Sealer::new(
            &StorageKey::from_bytes([key; 32]),
            Arc::new(SystemRandomness),
        )
    }

    proptest! {
        /// covers: SCAN-4
        #[test]
        fn a_holder_opens_only_in_its_place(
            name in ".{0,40}", order in ".{0,20}", note in proptest::option::of(".{0,20}"),
            id: [u8; 16], other: [u8; 16],
        ) {
            let holder = Holder { name, order, note };
            let mut sealer = sealer(1);
            let sealed = sealer.seal_holder(&id, &holder).unwrap();
            prop_assert_eq!(sealer.opener().open_holder(&id, &sealed).unwrap(), holder);
            if id != other {
                prop_assert!(sealer.opener().open_holder(&other, &sealed).is_err());
            }
            prop_assert!(sealer.opener().open(Purpose::Code, &id, &sealed).is_none());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
            let _ = read_holder(&bytes);
            prop_assert!(sealer(1).opener().open(Purpose::Check, &[0; 16], &bytes).is_none());
        }
    }

    #[test]
    fn nonces_do_not_repeat_and_another_key_does_not_open() {
        let mut sealer = sealer(1);
        let all: std::collections::HashSet<_> = (0..3 * NONCES)
            .map(|_| sealer.seal(Purpose::Check, &[0; 16], b"").unwrap()[..NONCE_LEN].to_vec())
            .collect();
        assert_eq!(all.len(), 3 * NONCES);
        let sealed = sealer.seal(Purpose::Check, &[0; 16], b"text").unwrap();
        assert!(
            super::tests::sealer(2)
                .opener()
                .open(Purpose::Check, &[0; 16], &sealed)
                .is_none()
        );
    }
}
