//! Access tokens of apps: short-lived, signed (JWT, EdDSA over Ed25519), and looked up by the
//! session they name, so that one that was ended or whose person was erased is dead at once.
//!
//! The keys change by themselves: the next one is made a day before it signs, so that whoever reads
//! `/.well-known/jwks.json` once a day knows it in time, and an old one is trusted until the last
//! token that it signed has expired.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::random;
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::tokens as store;
use crate::identity::store::tokens::TokenKeyRow;
use crate::identity::token_keys::TokenKey;
use crate::platform::token_hash;

/// How far clocks may be apart, in seconds.
const LEEWAY_S: i64 = 30;
/// No token of ours is longer.
const MOST: usize = 2_048;
/// How long before its first signature a key is shown.
const SHOWN_BEFORE: Duration = Duration::from_secs(86_400);

/// The header of a token. Nothing else is understood, `crit` least of all.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::identity) struct Claims {
    iss: String,
    aud: String,
    pub(in crate::identity) sub: UserId,
    pub(in crate::identity) sid: SessionId,
    iat: i64,
    exp: i64,
    jti: String,
}

/// A public key as others read it (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

/// The public keys of those that sign access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

fn issuer(app: &App) -> &str {
    app.config.http.public_url.trim_end_matches('/')
}

fn audience(app: &App) -> String {
    format!("{}/api/v1", issuer(app))
}

/// For what a key is sealed.
pub(in crate::identity) fn token_key_purpose(key_id: &str) -> String {
    format!("token key {key_id}")
}

fn open_keys(app: &App, rows: &[TokenKeyRow]) -> Result<Arc<[TokenKey]>, IdentityError> {
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let secret = app
            .vault
            .open(&token_key_purpose(&row.key_id), &row.sealed_secret)?;
        let Ok(secret) = <[u8; 32]>::try_from(secret.as_slice()) else {
            continue;
        };
        let signing = SigningKey::from_bytes(&secret);
        keys.push(TokenKey {
            id: row.key_id.clone(),
            verifying: signing.verifying_key(),
            signing,
            signs_until: row.signs_until,
            trusted_until: row.trusted_until,
        });
    }
    Ok(keys.into())
}

async fn new_key(
    app: &App,
    c: &mut Conn,
    signs_from: Timestamp,
) -> Result<TokenKeyRow, IdentityError> {
    let mut secret = [0; 32];
    app.random.fill(&mut secret);
    let public_key = SigningKey::from_bytes(&secret).verifying_key().to_bytes();
    let limits = &app.config.identity;
    let key_id = BASE64.encode(&token_hash(&BASE64.encode(public_key))[..12]);
    let signs_until = signs_from + Duration::from_secs(limits.token_key_s);
    let leeway = Duration::from_secs(2 * LEEWAY_S.unsigned_abs());
    let row = TokenKeyRow {
        sealed_secret: app
            .vault
            .seal(&token_key_purpose(&key_id), &secret, &*app.random)?,
        key_id,
        public_key,
        created_at: app.now(),
        signs_until,
        trusted_until: signs_until + Duration::from_secs(limits.access_token_s) + leeway,
    };
    store::insert_key(c, &row).await?;
    Ok(row)
}

/// The key that signs now: the first of those that still do, so that the next one has been shown
/// for a while. One is made where there is none.
async fn signing_key(app: &App, c: &mut Conn) -> Result<TokenKey, IdentityError> {
    let now = app.now();
    let first = |keys: &[TokenKey]| keys.iter().find(|key| key.signs_until > now).cloned();
    if let Some(key) = app.token_keys.all(now).as_deref().and_then(first) {
        return Ok(key);
    }
    let mut rows = store::keys(c, now).await?;
    if !rows.iter().any(|row| row.signs_until > now) {
        rows.push(new_key(app, c, now).await?);
    }
    let keys = open_keys(app, &rows)?;
    let key = first(&keys);
    let work = app.clone();
    c.after_commit(move || work.token_keys.put(keys, now));
    key.ok_or(IdentityError::NotFound("key"))
}

/// The keys that are trusted, from memory if they were read a moment ago.
async fn trusted_keys(app: &App, again: bool) -> Result<Arc<[TokenKey]>, IdentityError> {
    let now = app.now();
    if !again && let Some(keys) = app.token_keys.all(now) {
        return Ok(keys);
    }
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::keys(c, now).await }))
        .await?;
    let keys = open_keys(app, &rows)?;
    app.token_keys.put(Arc::clone(&keys), now);
    Ok(keys)
}

fn json_part(value: &impl Serialize) -> String {
    BASE64.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// Issues an access token for a session inside a write; with when it ends.
pub(super) async fn issue_access_token(
    app: &App,
    c: &mut Conn,
    user: UserId,
    session: SessionId,
) -> Result<(String, Timestamp), IdentityError> {
    let key = signing_key(app, c).await?;
    let now = app.now();
    let expires_at = now + Duration::from_secs(app.config.identity.access_token_s);
    let claims = Claims {
        iss: issuer(app).to_owned(),
        aud: audience(app),
        sub: user,
        sid: session,
        iat: now.ms() / 1_000,
        exp: expires_at.ms() / 1_000,
        jti: random::token(&*app.random, 20),
    };
    let header = Header {
        alg: "EdDSA".to_owned(),
        typ: "JWT".to_owned(),
        kid: key.id,
    };
    let signed = format!("{}.{}", json_part(&header), json_part(&claims));
    let signature = BASE64.encode(key.signing.sign(signed.as_bytes()).to_bytes());
    Ok((format!("{signed}.{signature}"), expires_at))
}

/// Whether a bearer token has the form of an access token.
pub(super) fn is_access_token(token: &str) -> bool {
    token.starts_with("eyJ")
}

/// What an access token says, if a key of ours signed it, it is for us, and its time is now.
pub(super) async fn read_access_token(
    app: &App,
    token: &str,
) -> Result<Option<Claims>, IdentityError> {
    if token.len() > MOST {
        return Ok(None);
    }
    let Some((signed, signature)) = token.rsplit_once('.') else {
        return Ok(None);
    };
    let Some((header, claims)) = signed.split_once('.') else {
        return Ok(None);
    };
    let Some(header) = part::<Header>(header) else {
        return Ok(None);
    };
    let signature = BASE64.decode(signature).ok();
    let Some(signature) = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok()) else {
        return Ok(None);
    };
    if header.alg != "EdDSA" {
        return Ok(None);
    }
    let now = app.now();
    let of_id = |keys: &[TokenKey]| keys.iter().find(|key| key.id == header.kid).cloned();
    let mut key = of_id(&trusted_keys(app, false).await?);
    if key.is_none() && app.token_keys.may_look_again(now) {
        key = of_id(&trusted_keys(app, true).await?);
    }
    let Some(key) = key.filter(|key| now < key.trusted_until) else {
        return Ok(None);
    };
    let signature = Signature::from_bytes(&signature);
    let is_ours = key.verifying.verify_strict(signed.as_bytes(), &signature);
    if is_ours.is_err() {
        return Ok(None);
    }
    let seconds = now.ms() / 1_000;
    Ok(part::<Claims>(claims).filter(|claims| {
        claims.iss == issuer(app)
            && claims.aud == audience(app)
            && claims.iat <= seconds + LEEWAY_S
            && seconds < claims.exp + LEEWAY_S
    }))
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(text).ok()?).ok()
}

/// The public keys by which others may check access tokens.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn jwks(app: &App) -> Result<Jwks, IdentityError> {
    let keys = trusted_keys(app, false).await?;
    let keys = keys.iter().map(|key| Jwk {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.id.clone(),
        x: BASE64.encode(key.verifying.to_bytes()),
    });
    Ok(Jwks {
        keys: keys.collect(),
    })
}

/// Makes the next key in time, and drops those that nobody trusts any more.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn rotate_token_keys(app: &App) -> Result<(), IdentityError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let now = work.now();
                store::delete_old_keys(c, now).await?;
                let rows = store::keys(c, now).await?;
                let last = rows.last().map(|row| row.signs_until);
                // An installation where nobody signs in by an app needs no key.
                if let Some(last) = last
                    && last <= now + SHOWN_BEFORE
                {
                    new_key(&work, c, last.max(now)).await?;
                }
                Ok::<_, IdentityError>(())
            })
        })
        .await?;
    app.token_keys.clear();
    Ok(())
}
