//! The two steps: where to send a browser, and who came back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_kernel::clock::Timestamp;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthType, AuthorizationCode,
    ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims,
    IdTokenFields, IssuerUrl, LoginHint, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _, TokenUrl, UserInfoClaims,
    UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OidcError;
use super::http::Http;
use crate::outgoing::{OutgoingError, Outside};

/// How long a provider's description and keys are believed, in milliseconds.
const KEEP_MS: i64 = 10 * 60_000;
/// How soon they may be asked for again because a token names a key that is not among them.
const ASK_AGAIN_MS: i64 = 30_000;
/// How many providers are remembered at most.
const MOST_PROVIDERS: usize = 1_000;
/// How far clocks may be apart, in milliseconds.
const SKEW_MS: i64 = 60_000;

/// A provider, and what we are to it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its address, under which its description is found.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there, if we have one.
    pub client_secret: Option<String>,
    /// Where browsers come back to.
    pub redirect_uri: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Where codes are exchanged, if the description does not say.
    pub token_endpoint: Option<String>,
    /// Whether the secret is sent in the form, if the description does not say.
    pub posts_secret: bool,
    /// Whether the ID token repeats the nonce; LinkedIn's does not.
    pub returns_nonce: bool,
    /// Whether the browser is to come back by a form that posts.
    pub form_post: bool,
    /// Whether the user info is always asked for, not only if the token names no e-mail address.
    pub wants_user_info: bool,
}

/// What is made up for one sign-in, and must be kept for its second step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Shows that the code was asked for by us: 43 to 128 characters.
    pub verifier: String,
    /// Whether the person must prove anew who they are, and since when at the earliest.
    pub recent_since: Option<Timestamp>,
    /// The e-mail address that the person has typed already.
    pub login_hint: Option<String>,
}

/// Who somebody is, by a provider that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// What the provider calls them: never given to somebody else.
    pub subject: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether the provider says that the address is theirs, or is not; some say neither.
    pub is_email_verified: Option<bool>,
    /// What they are called.
    pub name: Option<String>,
    /// How they proved who they are.
    pub methods: Vec<String>,
    /// The class of that proof.
    pub context: Option<String>,
    /// Everything else that the provider says.
    pub claims: Map<String, Value>,
}

/// Claims that no standard names.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Claims {}

/// What a token or the user info says of somebody.
struct Said<'c> {
    email: Option<&'c str>,
    is_email_verified: Option<bool>,
    names: [Option<&'c str>; 2],
    more: &'c Map<String, Value>,
}

/// [`Said`] of ID token claims and of user info claims, which have the same methods and no trait.
macro_rules! said {
    ($claims:expr) => {
        Said {
            email: $claims.email().map(|email| email.as_str()),
            is_email_verified: $claims.email_verified(),
            names: [
                $claims.name().and_then(|n| n.get(None)).map(|n| n.as_str()),
                $claims
                    .given_name()
                    .and_then(|n| n.get(None))
                    .map(|n| n.as_str()),
            ],
            more: &$claims.additional_claims().all,
        }
    };
}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Claims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type RelyingParty<Token> = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
    EndpointMaybeSet,
>;

#[derive(Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    at: Timestamp,
}

/// Asks providers, and remembers how they are to be asked.
pub struct OidcClient {
    http: Http,
    known: Mutex<HashMap<String, Known>>,
}

impl OidcClient {
    /// With `allows_private`, providers may be in private networks and need no encryption.
    pub fn new(allows_private: bool, outside: Arc<Outside>) -> Self {
        Self {
            http: Http::new(allows_private, outside),
            known: Mutex::default(),
        }
    }

    /// The address to which a browser is sent.
    ///
    /// # Errors
    /// [`OidcError`] if the provider's description cannot be had or used.
    pub async fn start(
        &self,
        provider: &Provider,
        ask: &Ask,
        now: Timestamp,
    ) -> Result<String, OidcError> {
        let known = self.metadata(&provider.issuer, now, KEEP_MS).await?;
        let client = relying_party(provider, &known.metadata)?;
        let (state, nonce) = (ask.state.clone(), ask.nonce.clone());
        let verifier = PkceCodeVerifier::new(ask.verifier.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(provider.scopes.iter().cloned().map(Scope::new));
        if ask.recent_since.is_some() {
            request = request
                .add_prompt(CoreAuthPrompt::Login)
                .set_max_age(std::time::Duration::ZERO);
        }
        if let Some(hint) = &ask.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.clone()));
        }
        if provider.form_post {
            request = request.add_extra_param("response_mode", "form_post");
        }
        let (url, _, _) = request.url();
        Ok(url.to_string())
    }

    /// Exchanges the code that a browser brought back, and verifies who that is.
    ///
    /// # Errors
    /// [`OidcError`] by what is wrong.
    pub async fn finish(
        &self,
        provider: &Provider,
        ask: &Ask,
        code: String,
        now: Timestamp,
    ) -> Result<Identity, OidcError> {
        let known = self.metadata(&provider.issuer, now, KEEP_MS).await?;
        let client = relying_party(provider, &known.metadata)?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(ask.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(exchange_error)?;
        let claims = match verified(&client, provider, &tokens, ask, now) {
            Err(Fault::UnknownKey) => {
                // The provider has changed its keys since they were asked for.
                let known = self.metadata(&provider.issuer, now, ASK_AGAIN_MS).await?;
                let client = relying_party(provider, &known.metadata)?;
                verified(&client, provider, &tokens, ask, now)
            }
            other => other,
        }
        .map_err(Fault::into_error)?;
        let mut identity = identity(&claims);
        let has_more = known.metadata.userinfo_endpoint().is_some();
        if has_more && (identity.email.is_none() || provider.wants_user_info) {
            let more = self
                .user_info(&client, tokens.access_token().clone(), &claims)
                .await?;
            fill(&mut identity, said!(more));
        }
        Ok(identity)
    }

    async fn user_info(
        &self,
        client: &RelyingParty<EndpointSet>,
        token: AccessToken,
        claims: &IdTokenClaims<Claims, CoreGenderClaim>,
    ) -> Result<UserInfoClaims<Claims, CoreGenderClaim>, OidcError> {
        client
            .user_info(token, Some(claims.subject().clone()))
            .map_err(|_| OidcError::Garbage("it has no user info".to_owned()))?
            .request_async(&self.http)
            .await
            .map_err(user_info_error)
    }

    /// Whether the provider's description can be had and used: a test of the settings.
    ///
    /// # Errors
    /// [`OidcError`] by what is wrong.
    pub async fn check(&self, provider: &Provider, now: Timestamp) -> Result<(), OidcError> {
        let known = self.metadata(&provider.issuer, now, 0).await?;
        relying_party(provider, &known.metadata)?;
        if known.metadata.jwks().keys().is_empty() {
            return Err(OidcError::Garbage("it publishes no keys".to_owned()));
        }
        Ok(())
    }

    /// What a provider says of itself, not older than so many milliseconds.
    async fn metadata(
        &self,
        issuer: &str,
        now: Timestamp,
        keep_ms: i64,
    ) -> Result<Known, OidcError> {
        let remembered = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().get(issuer)
            && (0..keep_ms).contains(&now.ms().saturating_sub(known.at.ms()))
        {
            return Ok(known.clone());
        }
        let url = IssuerUrl::new(issuer.to_owned())
            .map_err(|_| OidcError::Settings("the issuer is no address"))?;
        let metadata = CoreProviderMetadata::discover_async(url, &self.http)
            .await
            .map_err(discovery_error)?;
        let known = Known {
            metadata: Arc::new(metadata),
            at: now,
        };
        let mut all = remembered();
        if all.len() >= MOST_PROVIDERS {
            all.clear();
        }
        all.insert(issuer.to_owned(), known.clone());
        Ok(known)
    }
}

fn relying_party(
    provider: &Provider,
    metadata: &CoreProviderMetadata,
) -> Result<RelyingParty<EndpointSet>, OidcError> {
    let redirect = RedirectUrl::new(provider.redirect_uri.clone())
        .map_err(|_| OidcError::Settings("our own address is none"))?;
    let token_endpoint = match &provider.token_endpoint {
        Some(url) => TokenUrl::new(url.clone())
            .map_err(|_| OidcError::Settings("the token endpoint is no address"))?,
        None => metadata
            .token_endpoint()
            .cloned()
            .ok_or_else(|| OidcError::Garbage("it names no token endpoint".to_owned()))?,
    };
    let posts_secret =
        metadata
            .token_endpoint_auth_methods_supported()
            .map_or(provider.posts_secret, |all| {
                !all.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && all.contains(&CoreClientAuthMethod::ClientSecretPost)
            });
    let client: RelyingParty<EndpointMaybeSet> = Client::from_provider_metadata(
        metadata.clone(),
        ClientId::new(provider.client_id.clone()),
        provider.client_secret.clone().map(ClientSecret::new),
    );
    Ok(client
        .set_redirect_uri(redirect)
        .set_token_uri(token_endpoint)
        .set_auth_type(if posts_secret {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        }))
}

/// Why an ID token is not accepted.
enum Fault {
    UnknownKey,
    Error(OidcError),
}

impl Fault {
    fn into_error(self) -> OidcError {
        match self {
            Self::UnknownKey => OidcError::Signature,
            Self::Error(error) => error,
        }
    }
}

fn verified(
    client: &RelyingParty<EndpointSet>,
    provider: &Provider,
    tokens: &Tokens,
    ask: &Ask,
    now: Timestamp,
) -> Result<IdTokenClaims<Claims, CoreGenderClaim>, Fault> {
    use CoreJwsSigningAlgorithm as Alg;

    let garbage = |why: &str| Fault::Error(OidcError::Garbage(why.to_owned()));
    let token = tokens
        .id_token()
        .ok_or_else(|| garbage("it sent no ID token"))?;
    let at = |ms: i64| DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    let (latest, forgiving) = (at(now.ms() + SKEW_MS), at(now.ms() - SKEW_MS));
    let recent_since = ask.recent_since.map(|since| at(since.ms() - SKEW_MS));
    let verifier = client
        .id_token_verifier()
        // Never `none`, and no HMAC: our secret is no key.
        .set_allowed_algs([
            Alg::RsaSsaPkcs1V15Sha256,
            Alg::RsaSsaPkcs1V15Sha384,
            Alg::RsaSsaPkcs1V15Sha512,
            Alg::RsaSsaPssSha256,
            Alg::RsaSsaPssSha384,
            Alg::RsaSsaPssSha512,
            Alg::EcdsaP256Sha256,
            Alg::EcdsaP384Sha384,
            Alg::EdDsa,
        ])
        .set_time_fn(move || forgiving)
        .set_issue_time_verifier_fn(move |issued| {
            if issued > latest {
                Err("issued in the future".to_owned())
            } else {
                Ok(())
            }
        })
        .set_auth_time_verifier_fn(move |time| match (recent_since, time) {
            (None, _) => Ok(()),
            (Some(since), Some(time)) if time >= since => Ok(()),
            (Some(_), _) => Err("too long ago".to_owned()),
        });
    let nonce = Nonce::new(ask.nonce.clone());
    let returns_nonce = provider.returns_nonce;
    let claims = token
        .claims(&verifier, |given: Option<&Nonce>| match given {
            Some(given) if *given.secret() == *nonce.secret() => Ok(()),
            None if !returns_nonce => Ok(()),
            Some(_) | None => Err("another nonce".to_owned()),
        })
        .map_err(claims_fault)?;
    if let Some(expected) = claims.access_token_hash() {
        let signature = |_| Fault::Error(OidcError::Signature);
        let algorithm = token
            .signing_alg()
            .map_err(|_| Fault::Error(OidcError::Signature))?;
        let key = token.signing_key(&verifier).map_err(signature)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
            .map_err(|_| Fault::Error(OidcError::Signature))?;
        if actual != *expected {
            return Err(Fault::Error(OidcError::Signature));
        }
    }
    if claims.subject().is_empty() || claims.subject().len() > 255 {
        return Err(garbage("the subject is empty or too long"));
    }
    Ok(claims.clone())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors may grow"
)]
fn claims_fault(error: ClaimsVerificationError) -> Fault {
    use ClaimsVerificationError as E;
    Fault::Error(match error {
        E::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            return Fault::UnknownKey;
        }
        E::SignatureVerification(_) => OidcError::Signature,
        E::Expired(_) => OidcError::Time,
        E::InvalidAudience(_) => OidcError::Audience,
        E::InvalidIssuer(_) => OidcError::Issuer,
        E::InvalidNonce(_) => OidcError::Nonce,
        E::InvalidAuthTime(_) => OidcError::NotRecent,
        E::Other(why) if why.contains("future") => OidcError::Time,
        other => OidcError::Garbage(other.to_string()),
    })
}

fn http_error(error: OutgoingError) -> OidcError {
    match error {
        OutgoingError::Address(why) => OidcError::Address(why),
        OutgoingError::TooLarge => OidcError::Garbage("its answer is too large".to_owned()),
        OutgoingError::Unusable => OidcError::Settings("an address of it cannot be asked"),
        OutgoingError::NotAsked(_)
        | OutgoingError::TooSlow
        | OutgoingError::NoConnection
        | OutgoingError::Broken => OidcError::Down(error.to_string()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors may grow"
)]
fn discovery_error(error: DiscoveryError<OutgoingError>) -> OidcError {
    match error {
        DiscoveryError::Request(error) => http_error(error),
        DiscoveryError::Response(status, _, _) => {
            OidcError::Garbage(format!("it answers {}", status.as_u16()))
        }
        DiscoveryError::Validation(_) => OidcError::Issuer,
        DiscoveryError::UrlParse(_) => OidcError::Settings("the issuer is no address"),
        other => OidcError::Garbage(short(&other)),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors may grow"
)]
fn exchange_error(
    error: RequestTokenError<OutgoingError, StandardErrorResponse<CoreErrorResponseType>>,
) -> OidcError {
    match error {
        RequestTokenError::Request(error) => http_error(error),
        RequestTokenError::ServerResponse(response) => match response.error() {
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                OidcError::ClientRefused
            }
            other => OidcError::CodeRefused(short(other)),
        },
        other @ (RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => {
            OidcError::Garbage(short(&other))
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors may grow"
)]
fn user_info_error(error: UserInfoError<OutgoingError>) -> OidcError {
    match error {
        UserInfoError::Request(error) => http_error(error),
        other => OidcError::Garbage(short(&other)),
    }
}

fn short(what: &dyn std::fmt::Display) -> String {
    what.to_string()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

fn identity(claims: &IdTokenClaims<Claims, CoreGenderClaim>) -> Identity {
    let mut identity = Identity {
        subject: claims.subject().to_string(),
        email: None,
        is_email_verified: None,
        name: None,
        methods: claims
            .auth_method_refs()
            .map(|all| all.iter().map(|method| method.to_string()).collect())
            .unwrap_or_default(),
        context: claims.auth_context_ref().map(|class| class.to_string()),
        claims: Map::new(),
    };
    fill(&mut identity, said!(claims));
    identity
}

/// Adds what is not known yet. An address counts as verified only by what named it.
fn fill(identity: &mut Identity, said: Said<'_>) {
    if identity.email.is_none() {
        identity.email = said.email.map(str::to_owned);
        identity.is_email_verified = said.is_email_verified;
    }
    if identity.name.is_none() {
        identity.name = said
            .names
            .into_iter()
            .flatten()
            .map(str::trim)
            .find(|name| !name.is_empty())
            .map(str::to_owned);
    }
    for (name, value) in said.more {
        identity
            .claims
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
}
