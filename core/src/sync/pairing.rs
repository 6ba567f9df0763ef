//! How a device comes to belong to an event, and proves later that it is the same device.
//!
//! The organiser shows a QR code with a one-time code. The device makes a key pair that never
//! leaves it and signs the code with it. Later it opens a session by signing a challenge.

use super::page::NamedKey;
use crate::checkin::{CheckInList, Gate};
use crate::id::{DeviceId, EventId, GateId, ListId};
use crate::key::{PublicKey, read_hex};
use crate::signed::{Domain, SIGNATURE_LEN};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What the organiser's pairing QR code holds: `bilten:pair?code=…&server=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingLink {
    /// The server's public address, such as `https://tickets.example`.
    pub server: String,
    /// The one-time code.
    pub code: String,
}

/// The text is not a pairing link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Bilten pairing code")]
pub struct PairingLinkError;

const LINK_PREFIX: &str = "bilten:pair?code=";
const LINK_SERVER: &str = "&server=";

impl PairingLink {
    /// Reads the text of a pairing QR code.
    ///
    /// # Errors
    /// [`PairingLinkError`] if it is something else, or its server is not an HTTP address.
    pub fn parse(text: &str) -> Result<Self, PairingLinkError> {
        let rest = text
            .trim()
            .strip_prefix(LINK_PREFIX)
            .ok_or(PairingLinkError)?;
        // The server comes last and is taken whole, so that it needs no escapes.
        let (code, server) = rest.split_once(LINK_SERVER).ok_or(PairingLinkError)?;
        let is_code =
            (8..=128).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_short_ascii = server.len() <= 512 && server.bytes().all(|b| b.is_ascii_graphic());
        let server = server.trim_end_matches('/');
        let rest = server
            .strip_prefix("https://")
            .or_else(|| server.strip_prefix("http://"));
        // A host, not only the slashes before it.
        let is_server =
            is_short_ascii && rest.is_some_and(|rest| rest.starts_with(|c: char| c != '/'));
        if !is_code || !is_server {
            return Err(PairingLinkError);
        }
        Ok(Self {
            server: server.to_owned(),
            code: code.to_owned(),
        })
    }

    /// The text to show as a QR code.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{LINK_PREFIX}{}{LINK_SERVER}{}", self.code, self.server)
    }
}

/// `POST …/pair`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairRequest {
    /// The one-time code.
    pub code: String,
    /// The device's public key.
    pub public_key: PublicKey,
    /// Over the code and the public key, in [`Domain::Pairing`]: the device holds the private half.
    pub signature: Signature,
    /// What staff will call the device.
    pub name: String,
    /// The software that asks, such as `bilten-gate/0.1.0 linux`.
    pub software: String,
}

/// The server's answer to a [`PairRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// Who the device is from now on.
    pub device: DeviceId,
    /// The event it belongs to.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
    /// The list it starts on; staff may change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListId>,
    /// The gate where it stands; staff may change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// The keys to trust.
    pub keys: Vec<NamedKey>,
    /// The check-in lists, so that a gate can work before its first sync.
    pub lists: Vec<CheckInList>,
    /// The gates.
    pub gates: Vec<Gate>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// `POST …/challenge`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// Who asks.
    pub device: DeviceId,
}

/// The server's answer to a [`ChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// To be signed as it is.
    pub nonce: String,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// `POST …/session`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// Who asks.
    pub device: DeviceId,
    /// The challenge.
    pub nonce: String,
    /// Over the device's id and the nonce, in [`Domain::Session`].
    pub signature: Signature,
}

/// The server's answer to a [`SessionRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// To be sent as `Authorization: Bearer …`.
    pub token: String,
    /// When it ends, by the server's clock.
    pub expires_at: Timestamp,
    /// The order to wipe, if the device was revoked; the session is then good for one last push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<WipeOrder>,
}

/// The order to a revoked device to wipe itself, signed by the event's key so that only the
/// organiser can give it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeOrder {
    /// The device it is for.
    pub device: DeviceId,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Over the device's id and the time, in [`Domain::Wipe`].
    pub signature: Signature,
}

impl WipeOrder {
    /// Whether one of the event's keys signed this order; a key's own expiry does not matter here.
    #[must_use]
    pub fn is_genuine<'a>(&self, keys: impl IntoIterator<Item = &'a PublicKey>) -> bool {
        let at = self.revoked_at.ms().to_be_bytes();
        keys.into_iter().any(|key| {
            Domain::Wipe.verify(
                key.verifying(),
                &[self.device.as_str().as_bytes(), b"\0", &at],
                &self.signature.0,
            )
        })
    }

    /// Signs the order to wipe `device`.
    #[cfg(feature = "issue")]
    #[must_use]
    pub fn sign(device: DeviceId, revoked_at: Timestamp, issuer: &crate::ticket::Issuer) -> Self {
        let at = revoked_at.ms().to_be_bytes();
        let signature = Domain::Wipe.sign(
            issuer.signing_key(),
            &[device.as_str().as_bytes(), b"\0", &at],
        );
        Self {
            device,
            revoked_at,
            signature: Signature(signature),
        }
    }
}

impl PairRequest {
    /// Whether the signature shows that the sender holds the private key.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        Domain::Pairing.verify(
            self.public_key.verifying(),
            &[self.code.as_bytes(), b"\0", self.public_key.as_bytes()],
            &self.signature.0,
        )
    }

    /// Makes the request of a device with this key.
    #[cfg(any(feature = "issue", feature = "client"))]
    #[must_use]
    pub fn sign(
        code: String,
        name: String,
        software: String,
        key: &ed25519_dalek::SigningKey,
    ) -> Self {
        let public_key = PublicKey::from(key.verifying_key());
        let signature = Domain::Pairing.sign(key, &[code.as_bytes(), b"\0", public_key.as_bytes()]);
        Self {
            code,
            public_key,
            signature: Signature(signature),
            name,
            software,
        }
    }
}

impl SessionRequest {
    /// Whether the device with this key answered the challenge.
    #[must_use]
    pub fn is_genuine(&self, key: &PublicKey) -> bool {
        Domain::Session.verify(
            key.verifying(),
            &[
                self.device.as_str().as_bytes(),
                b"\0",
                self.nonce.as_bytes(),
            ],
            &self.signature.0,
        )
    }

    /// Answers a challenge.
    #[cfg(any(feature = "issue", feature = "client"))]
    #[must_use]
    pub fn sign(device: DeviceId, nonce: String, key: &ed25519_dalek::SigningKey) -> Self {
        let signature =
            Domain::Session.sign(key, &[device.as_str().as_bytes(), b"\0", nonce.as_bytes()]);
        Self {
            device,
            nonce,
            signature: Signature(signature),
        }
    }
}

/// An Ed25519 signature; hexadecimal in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_LEN]);

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::key::to_hex(&self.0))
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&crate::key::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        read_hex(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a signature is 128 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pairing_link_names_a_code_and_a_host() {
        let link = PairingLink::parse(" bilten:pair?code=ABCD2345&server=https://a.example// ");
        let expected = PairingLink {
            server: "https://a.example".to_owned(),
            code: "ABCD2345".to_owned(),
        };
        assert_eq!(link, Ok(expected.clone()));
        assert_eq!(PairingLink::parse(&expected.to_text()), Ok(expected));
        for server in [
            "https://",
            "https:////",
            "http:///x",
            "ftp://a.example",
            "a.example",
            "",
        ] {
            let text = format!("bilten:pair?code=ABCD2345&server={server}");
            assert_eq!(PairingLink::parse(&text), Err(PairingLinkError), "{server}");
        }
    }
}
