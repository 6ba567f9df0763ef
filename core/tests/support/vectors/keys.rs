//! The keys of the vectors, all made from their names.

use ed25519_dalek::{Signer, SigningKey};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// 2026-07-01T18:00:00Z, in seconds: the time at which most vectors are judged.
pub(crate) const NOW: u32 = 1_782_928_800;
/// When the retired key ceased to be accepted.
pub(crate) const RETIRED: u32 = NOW - 30 * 86_400;
/// When the future key begins to be accepted.
pub(crate) const FUTURE: u32 = NOW + 60 * 86_400;
/// When everything else begins and ends.
const YEAR: (u32, u32) = (NOW - 181 * 86_400, NOW + 184 * 86_400);

pub(crate) const CONCERT: &str = "evt_concert";
pub(crate) const FESTIVAL: &str = "evt_festival";

/// Two keys whose ids are the same 4 bytes, the first such pair of `collision 0`, `collision 1`, …
pub(crate) const TWINS: [&str; 2] = ["collision 27610", "collision 78423"];

/// The secret of the test key with this name: the SHA-256 of `bilten test key: ` and the name.
pub(crate) fn secret(name: &str) -> [u8; 32] {
    Sha256::digest(format!("bilten test key: {name}")).into()
}

pub(crate) fn signing(name: &str) -> SigningKey {
    SigningKey::from_bytes(&secret(name))
}

pub(crate) fn public(name: &str) -> [u8; 32] {
    signing(name).verifying_key().to_bytes()
}

pub(crate) fn id(name: &str) -> [u8; 4] {
    let hash = Sha256::digest(public(name));
    [hash[0], hash[1], hash[2], hash[3]]
}

pub(crate) fn sign(name: &str, domain: &str, message: &[u8]) -> [u8; 64] {
    signing(name)
        .sign(&[domain.as_bytes(), message].concat())
        .to_bytes()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[derive(Clone, Copy, Serialize)]
pub(crate) struct Validity {
    pub(crate) from: u32,
    pub(crate) until: u32,
}

/// A key that the reader of the vectors trusts.
#[derive(Serialize)]
pub(crate) struct EventKey {
    name: &'static str,
    about: &'static str,
    event: &'static str,
    id: String,
    public_key: String,
    validity: Validity,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
}

/// A box office's key; the reader knows it only from certificates.
#[derive(Serialize)]
pub(crate) struct DeviceKey {
    name: &'static str,
    about: &'static str,
    id: String,
    public_key: String,
}

/// What the reader of the vectors trusts, and whom it does not.
#[derive(Serialize)]
pub(crate) struct Keys {
    trusted: Vec<EventKey>,
    /// Ids of box offices' keys that may issue no more.
    withdrawn: Vec<String>,
    /// For information.
    devices: Vec<DeviceKey>,
}

pub(crate) fn all() -> Keys {
    let key = |name, event, (from, until), about| EventKey {
        name,
        about,
        event,
        id: hex(&id(name)),
        public_key: hex(&public(name)),
        validity: Validity { from, until },
        revoked: false,
    };
    let device = |name, about| DeviceKey {
        name,
        about,
        id: hex(&id(name)),
        public_key: hex(&public(name)),
    };
    assert_eq!(id(TWINS[0]), id(TWINS[1]));
    Keys {
        trusted: vec![
            key("event", CONCERT, YEAR, "the concert's key"),
            key(
                "certificates",
                CONCERT,
                YEAR,
                "another key of the concert, which certifies box offices",
            ),
            key(
                "retired",
                CONCERT,
                (YEAR.0, RETIRED),
                "a key of the concert that is accepted no more",
            ),
            key(
                "future",
                CONCERT,
                (FUTURE, YEAR.1),
                "a key of the concert that is not accepted yet",
            ),
            EventKey {
                revoked: true,
                ..key("revoked", CONCERT, YEAR, "a key of the concert that leaked")
            },
            key("other event", FESTIVAL, YEAR, "the key of another event"),
            key(
                TWINS[0],
                CONCERT,
                YEAR,
                "a key of the concert whose id is also another key's",
            ),
            key(
                TWINS[1],
                FESTIVAL,
                YEAR,
                "a key of the other event with that same id",
            ),
        ],
        withdrawn: vec![hex(&id("withdrawn box office"))],
        devices: vec![
            device("box office", "may issue"),
            device("other box office", "may issue as well"),
            device("withdrawn box office", "was certified once"),
            device("stranger", "nobody certified it"),
        ],
    }
}
