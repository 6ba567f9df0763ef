//! What Ed25519 signatures are made over.
//!
//! Every kind of message that Bilten signs starts with its own domain, so that a signature given
//! for one purpose is worthless for another. Verification is strict (no small-order keys, no
//! second encodings).

use ed25519_dalek::{Signature, VerifyingKey};

#[cfg(any(feature = "issue", feature = "client"))]
use ed25519_dalek::{Signer, SigningKey};

/// Length of an Ed25519 signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// The purpose of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A ticket's header and payload.
    Ticket,
    /// A certificate by which an event's key lets a device issue tickets.
    Certificate,
    /// The SHA-256 of a feed page.
    FeedPage,
    /// A device's answer when it pairs.
    Pairing,
    /// A device's answer to the server's challenge.
    Session,
    /// The order to a revoked device to wipe itself.
    Wipe,
}

impl Domain {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Ticket => b"bilten ticket v1\0",
            Self::Certificate => b"bilten certificate v1\0",
            Self::FeedPage => b"bilten feed page v1\0",
            Self::Pairing => b"bilten pairing v1\0",
            Self::Session => b"bilten session v1\0",
            Self::Wipe => b"bilten wipe v1\0",
        }
    }

    fn message(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut message = self.prefix().to_vec();
        for part in parts {
            message.extend_from_slice(part);
        }
        message
    }

    /// Whether `signature` is this key's over the parts in this domain.
    #[must_use]
    pub fn verify(
        self,
        key: &VerifyingKey,
        parts: &[&[u8]],
        signature: &[u8; SIGNATURE_LEN],
    ) -> bool {
        key.verify_strict(&self.message(parts), &Signature::from_bytes(signature))
            .is_ok()
    }

    /// Signs the parts in this domain.
    #[cfg(any(feature = "issue", feature = "client"))]
    #[must_use]
    pub fn sign(self, key: &SigningKey, parts: &[&[u8]]) -> [u8; SIGNATURE_LEN] {
        key.sign(&self.message(parts)).to_bytes()
    }
}
