//! The client secret that Apple wants: a token signed by a key of the team's, good for a short while.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bilten_kernel::clock::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::{Deserialize, Serialize};

use super::OidcError;

const AUDIENCE: &str = "https://appleid.apple.com";
const LIFE_S: i64 = 300;

/// A key for signing in with Apple.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppleKey {
    /// The team's id.
    pub team_id: String,
    /// The key's id.
    pub key_id: String,
    /// The key: PKCS 8 in PEM, as Apple gives it out.
    pub private_key: String,
}

impl std::fmt::Debug for AppleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppleKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// A client secret for this client, made by the key.
///
/// # Errors
/// [`OidcError::Settings`] if the key cannot be used.
pub fn apple_client_secret(
    key: &AppleKey,
    client_id: &str,
    now: Timestamp,
) -> Result<String, OidcError> {
    let unusable = OidcError::Settings("Apple's private key cannot be read");
    let body: String = key
        .private_key
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(body).map_err(|_| unusable.clone())?;
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random)
        .map_err(|_| unusable.clone())?;
    let issued = now.ms() / 1_000;
    let header = serde_json::json!({"alg": "ES256", "kid": key.key_id});
    let claims = serde_json::json!({
        "iss": key.team_id, "iat": issued, "exp": issued + LIFE_S, "aud": AUDIENCE, "sub": client_id,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = pair
        .sign(&random, message.as_bytes())
        .map_err(|_| unusable)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    /// covers: AUTH-1
    #[test]
    fn the_secret_is_a_token_by_the_teams_key() {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random)
                .unwrap();
        let mut key = AppleKey {
            team_id: "TEAM".to_owned(),
            key_id: "KEY".to_owned(),
            private_key: format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                STANDARD.encode(der.as_ref())
            ),
        };
        let now = Timestamp::from_ms(1_800_000_000_000);
        let secret = apple_client_secret(&key, "com.example.tickets", now).unwrap();
        let (message, signature) = secret.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
            .verify(
                message.as_bytes(),
                &URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .unwrap();
        let claims = URL_SAFE_NO_PAD
            .decode(message.split('.').nth(1).unwrap())
            .unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["sub"], "com.example.tickets");
        assert_eq!(claims["exp"], 1_800_000_300);
        key.private_key = "nonsense".to_owned();
        assert!(apple_client_secret(&key, "x", now).is_err());
    }
}
