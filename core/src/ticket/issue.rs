//! Issuing: servers and box offices only (feature `issue`).

use super::certificate::Certificate;
use super::wire::{Malformed, UntrustedTicket, to_code};
use super::{Payload, TierNumber};
use crate::key::PublicKey;
use crate::signed::Domain;
use crate::time::Validity;
use ed25519_dalek::SigningKey;

/// Signs tickets, certificates and more with an event's key.
///
/// Ed25519 is deterministic: the same statement always gives the same code, so codes need not be
/// stored.
pub struct Issuer {
    key: SigningKey,
    public: PublicKey,
}

impl Issuer {
    /// Takes the 32 secret bytes of a key; they are wiped from memory when the issuer is dropped.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let public = PublicKey::from(key.verifying_key());
        Self { key, public }
    }

    /// The public half of the key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key itself, for messages other than tickets.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a ticket and returns its code.
    ///
    /// # Errors
    /// [`Malformed`] if the statement is one that no gate would read (version 0, empty validity).
    pub fn issue(&self, payload: Payload) -> Result<String, Malformed> {
        check(payload)?;
        let mut bytes = payload.to_signed_bytes(self.public.id(), None);
        let signature = Domain::Ticket.sign(&self.key, &[&bytes]);
        bytes.extend(signature);
        Ok(to_code(&bytes))
    }

    /// Lets the holder of `device_key` issue up to `max_tickets` tickets in `tiers`.
    ///
    /// # Errors
    /// [`Malformed`] if the tiers are none, too many or not in rising order, or the validity is empty.
    pub fn certify(
        &self,
        device_key: PublicKey,
        tiers: &[TierNumber],
        max_tickets: u16,
        validity: Validity,
    ) -> Result<Vec<u8>, Malformed> {
        let certificate = Certificate {
            event_key: self.public.id(),
            device_key,
            validity,
            max_tickets,
            tiers: tiers.to_vec(),
        };
        let mut bytes = certificate.to_signed_bytes()?;
        let signature = Domain::Certificate.sign(&self.key, &[&bytes]);
        bytes.extend(signature);
        Ok(bytes)
    }
}

/// Signs tickets with a box-office device's key, under a certificate.
pub struct DelegatedIssuer {
    issuer: Issuer,
    certificate: Vec<u8>,
}

impl DelegatedIssuer {
    /// Takes the device's secret key and the certificate that the event's key gave it.
    #[must_use]
    pub fn new(secret: &[u8; 32], certificate: Vec<u8>) -> Self {
        Self {
            issuer: Issuer::from_secret(secret),
            certificate,
        }
    }

    /// Signs a ticket as number `serial` (from 0) under the certificate and returns its code.
    ///
    /// The caller keeps count; gates refuse serials that the certificate does not cover.
    ///
    /// # Errors
    /// [`Malformed`] if no gate would read the statement or the certificate.
    pub fn issue(&self, payload: Payload, serial: u16) -> Result<String, Malformed> {
        check(payload)?;
        let mut bytes = payload.to_signed_bytes(self.issuer.public.id(), Some(serial));
        let signature = Domain::Ticket.sign(&self.issuer.key, &[&bytes]);
        bytes.extend(signature);
        bytes.extend(&self.certificate);
        let code = to_code(&bytes);
        UntrustedTicket::parse(&code)?;
        Ok(code)
    }
}

const fn check(payload: Payload) -> Result<(), Malformed> {
    if payload.version == 0 {
        Err(Malformed::VersionZero)
    } else if payload.validity.is_empty() {
        Err(Malformed::EmptyValidity)
    } else {
        Ok(())
    }
}
