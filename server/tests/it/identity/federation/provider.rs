//! An OpenID provider that does as it is told.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place does its own few of the faults"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bilten_kernel::clock::{Clock, SystemClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is wrong with the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// Its token endpoint is broken.
    ServerError,
    /// Its user info is broken.
    NoUserInfo,
    /// Its token endpoint answers no JSON.
    Garbage,
    /// Its answers never end.
    Endless,
    /// Its token endpoint sends elsewhere.
    Redirects,
    /// It refuses the code.
    InvalidGrant,
    /// It does not know us.
    InvalidClient,
    /// It sends no ID token.
    NoIdToken,
    /// The token is of another issuer.
    OtherIssuer,
    /// … for another service.
    OtherAudience,
    /// … of another sign-in.
    OtherNonce,
    /// … has no nonce.
    NoNonce,
    /// … has expired.
    Expired,
    /// … was issued in the future.
    Future,
    /// … is not signed.
    AlgNone,
    /// … is signed by our own secret.
    Hmac,
    /// … is signed by a key that is not published.
    OtherKey,
    /// … was changed after it was signed.
    Changed,
    /// … belongs to another access token.
    OtherAccessToken,
}

struct Login {
    nonce: String,
    challenge: String,
    redirect_uri: String,
    claims: Value,
}

struct Inner {
    issuer: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
    fault: Fault,
    logins: HashMap<String, Login>,
    user_info: Value,
    /// Who came last with a code.
    subject: Value,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    inner: Arc<Mutex<Inner>>,
}

fn new_key(random: &SystemRandom) -> EcdsaKeyPair {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), random).unwrap()
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let random = SystemRandom::new();
        let provider = Self {
            issuer: issuer.clone(),
            inner: Arc::new(Mutex::new(Inner {
                issuer,
                key: new_key(&random),
                random,
                fault: Fault::Nothing,
                logins: HashMap::new(),
                user_info: Value::Null,
                subject: Value::Null,
            })),
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(user_info))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        provider
    }

    pub(super) fn set(&self, fault: Fault) {
        self.inner.lock().unwrap().fault = fault;
    }

    /// Changes the key that signs, as providers do from time to time.
    pub(super) fn rotate(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.key = new_key(&inner.random);
    }

    /// What the user info says, if it is asked for; otherwise who it is about and no more.
    pub(super) fn says(&self, user_info: Value) {
        self.inner.lock().unwrap().user_info = user_info;
    }

    /// Somebody signs in at the provider; where the browser is sent back to.
    pub(super) fn login(&self, authorization: &str, claims: &Value) -> String {
        let url: reqwest::Url = authorization.parse().unwrap();
        assert!(authorization.starts_with(&self.issuer), "{authorization}");
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], "bilten");
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut inner = self.inner.lock().unwrap();
        let code = format!("code{}", inner.logins.len());
        let mut claims = claims.clone();
        if asked.get("prompt").is_some_and(|prompt| prompt == "login") {
            assert_eq!(asked["max_age"], "0");
            if claims["auth_time"].is_null() {
                claims["auth_time"] = json!(SystemClock.now().ms() / 1_000);
            }
        }
        inner.logins.insert(
            code.clone(),
            Login {
                nonce: asked["nonce"].clone(),
                challenge: asked["code_challenge"].clone(),
                redirect_uri: asked["redirect_uri"].clone(),
                claims,
            },
        );
        let state = &asked["state"];
        format!("{}?state={state}&code={code}", asked["redirect_uri"])
    }
}

async fn discovery(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn jwks(State(provider): State<Provider>) -> Json<Value> {
    let inner = provider.inner.lock().unwrap();
    let point = inner.key.public_key().as_ref();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Json(json!({"keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id(point),
        "x": part(&point[1..33]), "y": part(&point[33..65]),
    }]}))
}

fn key_id(point: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(point)[..8])
}

async fn user_info(State(provider): State<Provider>) -> Response {
    let inner = provider.inner.lock().unwrap();
    if inner.fault == Fault::NoUserInfo {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let said = &inner.user_info;
    if said.is_null() {
        return Json(json!({"sub": inner.subject})).into_response();
    }
    Json(said.clone()).into_response()
}

async fn token(
    State(provider): State<Provider>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let fault = provider.inner.lock().unwrap().fault;
    match fault {
        Fault::ServerError => return StatusCode::BAD_GATEWAY.into_response(),
        Fault::Garbage => return "<html>It works!</html>".into_response(),
        Fault::Endless => return "x".repeat(3_000_000).into_response(),
        Fault::Redirects => return Redirect::temporary("http://127.0.0.1:1/").into_response(),
        Fault::InvalidClient => return refused("invalid_client"),
        Fault::InvalidGrant => return refused("invalid_grant"),
        _ => {}
    }
    let login = provider.inner.lock().unwrap().logins.remove(&form["code"]);
    let Some(login) = login else {
        return refused("invalid_grant");
    };
    provider.inner.lock().unwrap().subject = login.claims["sub"].clone();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    assert_eq!(
        challenge, login.challenge,
        "the code was asked for by somebody else"
    );
    assert_eq!(form["redirect_uri"], login.redirect_uri);
    let mut answer = json!({"access_token": "access", "token_type": "Bearer", "expires_in": 60});
    if fault != Fault::NoIdToken {
        answer["id_token"] = json!(provider.id_token(&login, fault));
    }
    Json(answer).into_response()
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}

impl Provider {
    fn id_token(&self, login: &Login, fault: Fault) -> String {
        let inner = self.inner.lock().unwrap();
        let now = SystemClock.now().ms() / 1_000;
        let mut claims = json!({
            "iss": inner.issuer, "aud": "bilten", "iat": now, "exp": now + 300, "nonce": login.nonce,
        });
        for (name, value) in login.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut header = json!({"alg": "ES256", "kid": key_id(inner.key.public_key().as_ref())});
        match fault {
            Fault::OtherIssuer => claims["iss"] = json!("https://evil.example"),
            Fault::OtherAudience => claims["aud"] = json!(["somebody-else"]),
            Fault::OtherNonce => claims["nonce"] = json!("another"),
            Fault::NoNonce => claims["nonce"] = Value::Null,
            Fault::Expired => claims["exp"] = json!(now - 61),
            Fault::Future => claims["iat"] = json!(now + 120),
            Fault::AlgNone => header = json!({"alg": "none"}),
            Fault::Hmac => header = json!({"alg": "HS256"}),
            Fault::OtherAccessToken => claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
            _ => {}
        }
        if claims["nonce"].is_null() {
            claims.as_object_mut().unwrap().remove("nonce");
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut message = format!("{}.{}", part(&header), part(&claims));
        let signature = match fault {
            Fault::AlgNone => return format!("{message}."),
            Fault::Hmac => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s3cret");
                ring::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Fault::OtherKey => {
                let other = new_key(&inner.random);
                let signed = other.sign(&inner.random, message.as_bytes()).unwrap();
                signed.as_ref().to_vec()
            }
            _ => {
                let signed = inner.key.sign(&inner.random, message.as_bytes()).unwrap();
                signed.as_ref().to_vec()
            }
        };
        if fault == Fault::Changed {
            claims["sub"] = json!("somebody-else");
            message = format!("{}.{}", part(&header), part(&claims));
        }
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
