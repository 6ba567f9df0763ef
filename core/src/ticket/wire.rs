//! The bytes of a code, and everything that can be wrong with them.

use super::certificate::Certificate;
use super::{Payload, TierNumber};
use crate::codes::codes;
use crate::id::TicketId;
use crate::key::KeyId;
use crate::signed::SIGNATURE_LEN;
use crate::time::Validity;

/// What every ticket code starts with.
pub const PREFIX: &str = "BT1:";
/// What live codes start with; reserved by the format.
pub const PREFIX_LIVE: &str = "BL1:";
/// The longest code that is looked at, in bytes; the largest certificate stays below.
pub const MAX_CODE_LEN: usize = 1_024;

pub(super) const FORMAT: u8 = 1;
pub(super) const KIND_ISSUED: u8 = 1;
pub(super) const KIND_DELEGATED: u8 = 2;

/// What is wrong with the form of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// It does not start as Bilten's codes do: some other QR code.
    #[error("not a Bilten ticket")]
    NotATicket,
    /// It is longer than any ticket.
    #[error("longer than any ticket")]
    TooLong,
    /// The part after the prefix is not Base45 (RFC 9285).
    #[error("not Base45")]
    Base45,
    /// It ends too early: torn, or only partly read.
    #[error("ends too early")]
    Truncated,
    /// Bytes follow where the ticket should end.
    #[error("bytes after the end")]
    TrailingBytes,
    /// Its format is newer than this software.
    #[error("made for a newer scanner")]
    UnknownFormat,
    /// Its kind is newer than this software, or reserved.
    #[error("of a kind that this scanner does not know")]
    UnknownKind,
    /// Its version is 0; versions start at 1.
    #[error("version 0")]
    VersionZero,
    /// It ends being valid before it starts.
    #[error("never valid")]
    EmptyValidity,
    /// The certificate holds no usable public key.
    #[error("the certificate's key is not a key")]
    CertificateKey,
    /// The certificate is of an unknown format.
    #[error("the certificate is of an unknown format")]
    CertificateFormat,
    /// The certificate's tiers are not in strictly rising order, or none at all.
    #[error("the certificate's tiers are out of order")]
    CertificateTiers,
    /// The certificate is valid at no time.
    #[error("the certificate is never valid")]
    CertificateValidity,
}

codes! {
    Malformed {
        NotATicket = "not_a_ticket",
        TooLong = "too_long",
        Base45 = "base45",
        Truncated = "truncated",
        TrailingBytes = "trailing_bytes",
        UnknownFormat = "unknown_format",
        UnknownKind = "unknown_kind",
        VersionZero = "version_zero",
        EmptyValidity = "empty_validity",
        CertificateKey = "certificate_key",
        CertificateFormat = "certificate_format",
        CertificateTiers = "certificate_tiers",
        CertificateValidity = "certificate_validity",
    }
}

/// A code that has the form of a ticket; nobody has vouched for it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrustedTicket {
    pub(super) payload: Payload,
    pub(super) key: KeyId,
    /// Header and payload, as they were signed.
    pub(super) signed: Vec<u8>,
    pub(super) signature: [u8; SIGNATURE_LEN],
    pub(super) delegated: Option<Delegated>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delegated {
    pub(super) serial: u16,
    pub(super) certificate: Certificate,
    pub(super) certificate_signed: Vec<u8>,
    pub(super) certificate_signature: [u8; SIGNATURE_LEN],
}

/// Takes fields off the front of a byte string.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.take::<1>().map(|[b]| b)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn validity(&mut self) -> Result<Validity, Malformed> {
        let from = self.take().map(u32::from_be_bytes)?;
        let until = self.take().map(u32::from_be_bytes)?;
        Ok(Validity { from, until })
    }
}

impl Payload {
    /// Header and payload, as they are signed: 34 bytes, for delegated tickets 36.
    #[cfg(feature = "issue")]
    pub(super) fn to_signed_bytes(self, key: KeyId, serial: Option<u16>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(36);
        bytes.push(FORMAT);
        bytes.push(if serial.is_some() {
            KIND_DELEGATED
        } else {
            KIND_ISSUED
        });
        bytes.extend(key.0);
        bytes.extend(self.id.0);
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.tier.to_be_bytes());
        bytes.extend(self.validity.from.to_be_bytes());
        bytes.extend(self.validity.until.to_be_bytes());
        if let Some(serial) = serial {
            bytes.extend(serial.to_be_bytes());
        }
        bytes
    }
}

/// Reads Base45 (RFC 9285), strictly: each byte string has one text.
fn from_base45(text: &str) -> Result<Vec<u8>, Malformed> {
    let bytes = base45::decode(text).map_err(|_| Malformed::Base45)?;
    // `base45` lets a closing pair of digits run over 255.
    match bytes.last() {
        Some(&last) if text.len() % 3 == 2 && !text.ends_with(&base45::encode([last])) => {
            Err(Malformed::Base45)
        }
        Some(_) | None => Ok(bytes),
    }
}

/// Writes bytes as a code.
#[cfg(feature = "issue")]
pub(super) fn to_code(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", base45::encode(bytes))
}

impl UntrustedTicket {
    /// Reads a code as a scanner or a keyboard delivers it; white space around it is ignored.
    ///
    /// # Errors
    /// The [`Malformed`] that says what is wrong with its form.
    pub fn parse(code: &str) -> Result<Self, Malformed> {
        // A space is also a Base45 digit, but no whole ticket ends with one: tickets have an even
        // number of bytes, and the last digit of a pair of bytes is at most 32 (`W`).
        let code = code.trim_matches([' ', '\t', '\r', '\n']);
        let Some(text) = code.strip_prefix(PREFIX) else {
            // `BT2:` and `BL1:` are ours, but later than this software.
            let ours = code.as_bytes();
            let later = matches!(ours, [b'B', b'T' | b'L', b'0'..=b'9', b':', ..]);
            return Err(if later {
                Malformed::UnknownFormat
            } else {
                Malformed::NotATicket
            });
        };
        // Only now: a long code of somebody else is no ticket, and later formats may be longer.
        if code.len() > MAX_CODE_LEN {
            return Err(Malformed::TooLong);
        }
        Self::from_bytes(&from_base45(text)?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != FORMAT {
            return Err(Malformed::UnknownFormat);
        }
        let is_delegated = match fields.u8()? {
            KIND_ISSUED => false,
            KIND_DELEGATED => true,
            _ => return Err(Malformed::UnknownKind),
        };
        let key = KeyId(fields.take()?);
        let id = TicketId(fields.take()?);
        let version = fields.u16()?;
        let tier: TierNumber = fields.u16()?;
        let validity = fields.validity()?;
        let serial = if is_delegated {
            Some(fields.u16()?)
        } else {
            None
        };
        let signed = bytes[..bytes.len() - fields.0.len()].to_vec();
        let signature = fields.take()?;
        let delegated = match serial {
            None => None,
            Some(serial) => {
                let body = fields.0;
                let certificate = Certificate::read(&mut fields)?;
                let certificate_signed = body[..body.len() - fields.0.len()].to_vec();
                let certificate_signature = fields.take()?;
                Some(Delegated {
                    serial,
                    certificate,
                    certificate_signed,
                    certificate_signature,
                })
            }
        };
        if !fields.0.is_empty() {
            return Err(Malformed::TrailingBytes);
        }
        if version == 0 {
            return Err(Malformed::VersionZero);
        }
        if validity.is_empty() {
            return Err(Malformed::EmptyValidity);
        }
        Ok(Self {
            payload: Payload {
                id,
                version,
                tier,
                validity,
            },
            key,
            signed,
            signature,
            delegated,
        })
    }
}
