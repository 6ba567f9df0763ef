//! Signatures by Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`, by a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::random::Random;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::WebhookMessageId;

/// What the text of every secret starts with, so that leaked ones are found by scanners.
const PREFIX: &str = "whsec_";

/// A secret that signs what is sent to an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; 32]);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl SigningSecret {
    /// A new one.
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret with exactly these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its text, as receivers are given it.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }
}

fn signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    // A key of any length is one of HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The headers `webhook-timestamp` and `webhook-signature` of a message that is sent at `at`: one
/// signature by each secret, so that a receiver that knows any of them can verify it.
pub fn sign(
    secrets: &[SigningSecret],
    id: WebhookMessageId,
    at: Timestamp,
    body: &[u8],
) -> (String, String) {
    let (id, seconds) = (id.to_string(), at.ms().div_euclid(1_000));
    let all: Vec<_> = secrets
        .iter()
        .map(|secret| signature(secret.as_bytes(), &id, seconds, body))
        .collect();
    (seconds.to_string(), all.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::random::SeededRandom;

    /// covers: GW-10
    #[test]
    fn signatures_are_those_of_the_specification() {
        // The vector of the specification's own libraries.
        let key = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let signed = signature(
            &key,
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            br#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    /// covers: GW-10
    #[test]
    fn whoever_knows_one_of_the_secrets_can_verify_it() {
        let random = SeededRandom::new(1);
        let secrets = [SigningSecret::draw(&random), SigningSecret::draw(&random)];
        let id = WebhookMessageId::from_bytes([7; 16]);
        let at = Timestamp::from_ms(1_700_000_000_999);
        let (timestamp, signatures) = sign(&secrets, id, at, b"{}");
        assert_eq!(timestamp, "1700000000");
        let signatures: Vec<_> = signatures.split(' ').collect();
        for (secret, signature) in secrets.iter().zip(&signatures) {
            let theirs = standardwebhooks::Webhook::new(&secret.text()).unwrap();
            let expected = theirs.sign(&id.to_string(), 1_700_000_000, b"{}").unwrap();
            assert_eq!(*signature, expected);
        }
        assert_eq!(signatures.len(), 2);
        assert!(!format!("{secrets:?}").contains("whsec"));
    }
}
