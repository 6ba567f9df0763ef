//! Tickets: signed facts that fit into a small QR code.
//!
//! A scanned text becomes an [`UntrustedTicket`] by [`UntrustedTicket::parse`], and a [`Ticket`]
//! only by [`UntrustedTicket::verify`]: nothing can read a field that nobody vouched for.
//! The layout is described in `docs/protocol.md`; the vectors in `tests/vectors/tickets.json` bind
//! every implementation to it.

mod certificate;
#[cfg(feature = "issue")]
mod issue;
mod wire;

pub use certificate::{Certificate, MAX_CERTIFICATE_TIERS};
#[cfg(feature = "issue")]
pub use issue::{DelegatedIssuer, Issuer};
pub use wire::{MAX_CODE_LEN, Malformed, PREFIX, PREFIX_LIVE, UntrustedTicket};

use crate::codes::codes;
use crate::id::{EventId, TicketId};
use crate::key::{KeyError, KeyId, KeySet};
use crate::signed::Domain;
use crate::time::{Place, Timestamp, Validity};
use serde::{Deserialize, Serialize};

/// The number of a tier within its event, as tickets carry it.
pub type TierNumber = u16;

/// Who signed a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The event's key.
    Issued,
    /// A box-office device's key, which the event's key certified.
    Delegated,
}

/// The signed statement of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Which ticket it is, through all its versions.
    pub id: TicketId,
    /// Raised whenever the ticket is issued anew; starts at 1.
    pub version: u16,
    /// The tier it was sold in.
    pub tier: TierNumber,
    /// When it may be used.
    pub validity: Validity,
}

/// A ticket whose signatures were verified against a trusted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    payload: Payload,
    event: EventId,
    key: KeyId,
    delegation: Option<Delegation>,
}

/// How a delegated ticket came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The box-office device's key.
    pub device_key: KeyId,
    /// Counts the tickets that the device issued under its certificate, from 0.
    pub serial: u16,
}

impl Ticket {
    /// The signed statement.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The event whose key vouches for it.
    #[must_use]
    pub const fn event(&self) -> &EventId {
        &self.event
    }

    /// The event key at the root of its signatures.
    #[must_use]
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// Who signed it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.delegation {
            None => Kind::Issued,
            Some(_) => Kind::Delegated,
        }
    }

    /// How it was delegated, if it was.
    #[must_use]
    pub const fn delegation(&self) -> Option<Delegation> {
        self.delegation
    }
}

/// Why a well-formed code is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// No key with the id that the code names is known.
    #[error("the key that signed it is not known here")]
    UnknownKey,
    /// The key, the certificate or the device's right to issue is not in force now.
    #[error("the key that signed it is not in force now")]
    KeyNotInForce,
    /// A signature does not fit: the code was forged or altered.
    #[error("the signature does not fit")]
    BadSignature,
    /// The device issued what its certificate does not allow.
    #[error("the box office was not allowed to issue it")]
    BeyondCertificate,
}

codes! {
    Distrust {
        UnknownKey = "unknown_key",
        KeyNotInForce = "key_not_in_force",
        BadSignature = "bad_signature",
        BeyondCertificate = "beyond_certificate",
    }
}

impl From<KeyError> for Distrust {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::UnknownKey,
            KeyError::NotInForce => Self::KeyNotInForce,
            KeyError::BadSignature => Self::BadSignature,
        }
    }
}

impl UntrustedTicket {
    /// Trusts the ticket if a key in force at `at` vouches for it.
    ///
    /// # Errors
    /// The [`Distrust`] that says why not.
    pub fn verify(&self, keys: &KeySet, at: Timestamp) -> Result<Ticket, Distrust> {
        let Some(delegated) = &self.delegated else {
            let key = keys.find(self.key, at, |key| {
                Domain::Ticket.verify(key.verifying(), &[&self.signed], &self.signature)
            })?;
            return Ok(Ticket {
                payload: self.payload,
                event: key.event.clone(),
                key: self.key,
                delegation: None,
            });
        };

        let certificate = &delegated.certificate;
        let root = keys.find(certificate.event_key, at, |key| {
            Domain::Certificate.verify(
                key.verifying(),
                &[&delegated.certificate_signed],
                &delegated.certificate_signature,
            )
        })?;
        let fits = certificate.device_key.id() == self.key
            && Domain::Ticket.verify(
                certificate.device_key.verifying(),
                &[&self.signed],
                &self.signature,
            );
        if !fits {
            return Err(Distrust::BadSignature);
        }
        if keys.is_withdrawn(self.key) || certificate.validity.place(at) != Place::Within {
            return Err(Distrust::KeyNotInForce);
        }
        if delegated.serial >= certificate.max_tickets
            || !certificate.tiers.contains(&self.payload.tier)
        {
            return Err(Distrust::BeyondCertificate);
        }
        Ok(Ticket {
            payload: self.payload,
            event: root.event.clone(),
            key: certificate.event_key,
            delegation: Some(Delegation {
                device_key: self.key,
                serial: delegated.serial,
            }),
        })
    }
}
