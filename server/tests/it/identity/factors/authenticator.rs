//! A software authenticator: it makes and shows passkeys as a browser would hand them on, and lies
//! when a test asks for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

/// One passkey and how the authenticator behaves.
#[derive(Clone)]
pub(super) struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    user: Vec<u8>,
    /// The origin that the browser reports.
    pub(super) origin: String,
    /// What it counts; the next answer holds one more. Without, it counts nothing.
    pub(super) counter: Option<u32>,
    /// Whether it verifies its user.
    pub(super) verifies: bool,
    /// Whether it says whose passkey it is.
    pub(super) names_user: bool,
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// A CBOR byte string.
fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0x59, length[0], length[1]], bytes].concat()
}

/// A CBOR text of less than 24 bytes.
fn cbor_text(text: &str) -> Vec<u8> {
    [&[0x60 + u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

impl Authenticator {
    /// One without a passkey yet; `seed` tells it from others.
    pub(super) fn new(origin: &str, seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            id: vec![seed; 20],
            user: Vec::new(),
            origin: origin.to_owned(),
            counter: Some(0),
            verifies: true,
            names_user: true,
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": options["publicKey"]["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        serde_json::to_vec(&data).unwrap()
    }

    fn data(&mut self, rp_id: &Value, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let counter = self.counter.as_mut().map_or(0, |counter| {
            *counter += 1;
            *counter
        });
        [
            &Sha256::digest(rp_id.as_str().unwrap().as_bytes())[..],
            &[flags | USER_PRESENT | verified],
            &counter.to_be_bytes(),
        ]
        .concat()
    }

    /// Makes a passkey.
    pub(super) fn create(&mut self, options: &Value) -> Value {
        self.user = decoded(&options["publicKey"]["user"]["id"]);
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01];
        let key = [&head[..], &[0x21], &cbor_bytes(x), &[0x22], &cbor_bytes(y)].concat();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [
            self.data(&options["publicKey"]["rp"]["id"], HAS_CREDENTIAL),
            vec![0; 16],
            length.to_vec(),
            self.id.clone(),
            key,
        ]
        .concat();
        let attestation = [
            vec![0xa3],
            cbor_text("fmt"),
            cbor_text("none"),
            cbor_text("attStmt"),
            vec![0xa0],
            cbor_text("authData"),
            cbor_bytes(&data),
        ]
        .concat();
        let response = json!({
            "clientDataJSON": encoded(&self.client_data("webauthn.create", options)),
            "attestationObject": encoded(&attestation),
        });
        json!({ "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "response": response })
    }

    /// Shows the passkey.
    pub(super) fn get(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(&options["publicKey"]["rpId"], 0);
        let signed = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        let response = json!({
            "clientDataJSON": encoded(&client_data),
            "authenticatorData": encoded(&data),
            "signature": encoded(signature.to_der().as_bytes()),
            "userHandle": self.names_user.then(|| encoded(&self.user)),
        });
        json!({ "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "response": response })
    }

    /// Whether the options name the passkey.
    pub(super) fn is_named(&self, options: &Value) -> bool {
        let named = options["publicKey"]["allowCredentials"].as_array().unwrap();
        named.iter().any(|one| decoded(&one["id"]) == self.id)
    }
}
