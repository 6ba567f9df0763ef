//! The certificate by which an event's key lets a box-office device issue tickets.

use super::TierNumber;
use super::wire::{Fields, Malformed};
use crate::key::{KeyId, PublicKey};
use crate::time::Validity;

const FORMAT: u8 = 1;
/// The most tiers that one certificate names, so that a delegated ticket stays a readable QR code.
pub const MAX_CERTIFICATE_TIERS: usize = 32;

/// What a box-office device may issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The event key that signed the certificate.
    pub event_key: KeyId,
    /// The device's key.
    pub device_key: PublicKey,
    /// When tickets of the device are accepted at gates.
    pub validity: Validity,
    /// How many tickets it may issue.
    pub max_tickets: u16,
    /// The tiers it may issue in, in rising order.
    pub tiers: Vec<TierNumber>,
}

impl Certificate {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        if fields.u8()? != FORMAT {
            return Err(Malformed::CertificateFormat);
        }
        let event_key = KeyId(fields.take()?);
        let device_key = fields.take()?;
        let validity = fields.validity()?;
        let max_tickets = fields.u16()?;
        let count = usize::from(fields.u8()?);
        if count > MAX_CERTIFICATE_TIERS {
            return Err(Malformed::CertificateTiers);
        }
        let tiers = (0..count)
            .map(|_| fields.u16())
            .collect::<Result<Vec<_>, _>>()?;
        if tiers.is_empty() || !tiers.is_sorted_by(|a, b| a < b) {
            return Err(Malformed::CertificateTiers);
        }
        if validity.is_empty() {
            return Err(Malformed::CertificateValidity);
        }
        let device_key =
            PublicKey::from_bytes(&device_key).map_err(|_| Malformed::CertificateKey)?;
        Ok(Self {
            event_key,
            device_key,
            validity,
            max_tickets,
            tiers,
        })
    }

    #[cfg(feature = "issue")]
    pub(super) fn to_signed_bytes(&self) -> Result<Vec<u8>, Malformed> {
        let count = u8::try_from(self.tiers.len()).map_err(|_| Malformed::CertificateTiers)?;
        let mut bytes = Vec::with_capacity(48 + 2 * self.tiers.len());
        bytes.push(FORMAT);
        bytes.extend(self.event_key.0);
        bytes.extend(self.device_key.as_bytes());
        bytes.extend(self.validity.from.to_be_bytes());
        bytes.extend(self.validity.until.to_be_bytes());
        bytes.extend(self.max_tickets.to_be_bytes());
        bytes.push(count);
        self.tiers
            .iter()
            .for_each(|tier| bytes.extend(tier.to_be_bytes()));
        // What is signed is what a gate will accept.
        let mut fields = Fields(&bytes);
        Self::read(&mut fields)?;
        Ok(bytes)
    }
}
