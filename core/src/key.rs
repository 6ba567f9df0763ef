//! Keys that a gate trusts, and for how long.
//!
//! An event has a set of keys, so that one can be replaced while tickets of the other are out.
//! A device also keeps the keys of the organisation's other events: a ticket for tomorrow is then
//! told from a forgery.

use crate::id::EventId;
use crate::time::{Place, Timestamp, Validity};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use std::fmt;

/// The first 4 bytes of the SHA-256 of a public key: enough to find a key, never to trust one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// The id of a public key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let hash = Sha256::digest(key.as_bytes());
        Self([hash[0], hash[1], hash[2], hash[3]])
    }
}

/// An Ed25519 public key that is a valid point of the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The bytes are not an Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an Ed25519 public key")]
pub struct PublicKeyError;

impl PublicKey {
    /// Reads a key from its 32 bytes.
    ///
    /// # Errors
    /// [`PublicKeyError`] if they are not a point of the curve, one of small order, or not its only
    /// encoding (RFC 8032, section 5.1.3).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() && is_reduced(bytes) => Ok(Self(key)),
            Ok(_) | Err(_) => Err(PublicKeyError),
        }
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The id under which tickets name this key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(self)
    }

    pub(crate) const fn verifying(&self) -> &VerifyingKey {
        &self.0
    }
}

/// Whether the encoded coordinate is below the field's order 2^255 - 19.
fn is_reduced([first, middle @ .., last]: &[u8; 32]) -> bool {
    *first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|&b| b != 0xff)
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

/// A key of an event, as the server publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventKey {
    /// The event whose tickets it signs.
    pub event: EventId,
    /// The public key.
    pub public_key: PublicKey,
    /// When signatures by it are accepted at gates.
    pub validity: Validity,
    /// Set once the key must not be trusted any more, whatever its validity.
    #[serde(default, skip_serializing_if = "is_false")]
    pub revoked: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Why no key vouches for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key with this id is known.
    #[error("the key is not known here")]
    Unknown,
    /// The key is known, but revoked or outside its validity.
    #[error("the key is not in force now")]
    NotInForce,
    /// The key did not make this signature.
    #[error("the signature does not fit")]
    BadSignature,
}

/// The keys a gate trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<EventKey>,
    /// Ids of box-office keys whose certificates were withdrawn.
    withdrawn: Vec<KeyId>,
}

impl KeySet {
    /// Adds a key, or replaces what is known of it.
    pub fn put(&mut self, key: EventKey) {
        match self
            .keys
            .iter_mut()
            .find(|k| k.public_key == key.public_key)
        {
            Some(known) => *known = key,
            None => self.keys.push(key),
        }
    }

    /// Stops trusting the box-office key with this id.
    pub fn withdraw(&mut self, device_key: KeyId) {
        if !self.withdrawn.contains(&device_key) {
            self.withdrawn.push(device_key);
        }
    }

    /// Whether the box-office key with this id was withdrawn.
    #[must_use]
    pub fn is_withdrawn(&self, device_key: KeyId) -> bool {
        self.withdrawn.contains(&device_key)
    }

    /// All keys, in the order in which they came.
    #[must_use]
    pub fn keys(&self) -> &[EventKey] {
        &self.keys
    }

    /// Finds the key in force with this id for which `fits` holds; ids are short, so several keys may share one.
    ///
    /// # Errors
    /// The [`KeyError`] that comes closest to success.
    pub fn find(
        &self,
        id: KeyId,
        at: Timestamp,
        fits: impl Fn(&PublicKey) -> bool,
    ) -> Result<&EventKey, KeyError> {
        let mut closest = KeyError::Unknown;
        for key in self.keys.iter().filter(|k| k.public_key.id() == id) {
            if !fits(&key.public_key) {
                if closest == KeyError::Unknown {
                    closest = KeyError::BadSignature;
                }
            } else if key.revoked || key.validity.place(at) != Place::Within {
                closest = KeyError::NotInForce;
            } else {
                return Ok(key);
            }
        }
        Err(closest)
    }
}

/// Bytes as lowercase hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Reads exactly `N` bytes of lowercase hexadecimal.
pub(crate) fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(self.as_bytes()))
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        read_hex(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom("a key id is 8 hexadecimal digits"))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let bytes = read_hex(&text)
            .ok_or_else(|| de::Error::custom("a public key is 64 hexadecimal digits"))?;
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}
