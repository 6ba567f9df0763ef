//! Out to the provider and back, bound to one browser.
//!
//! A form that a provider makes a browser post comes from another site, so that no cookie is with
//! it: its answer is verified, kept, and counts once the browser has come back by a link of ours.

use std::collections::HashMap;
use std::time::Duration;

use bilten_adapters::oidc::{Ask, Identity};
use bilten_adapters::saml::{self, Assertion, Expected};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Violation;
use bilten_kernel::random;
use serde::{Deserialize, Serialize};

use super::accounts::{Returned, Settled, settle, sign_in_known};
use super::settings::{MFA_CONTEXTS, provider, saml_provider, service_provider};
use super::{FederationError, connections};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::trail::{self, keep_attempt};
use crate::identity::store::federation as store;
use crate::identity::store::federation::StateRow;
use crate::platform::token_hash;

/// How long a sign-in may take at the provider.
const STATE_LASTS: Duration = Duration::from_secs(900);
/// How long used and expired sign-ins are kept, so that their traces can be looked at.
const KEPT: Duration = Duration::from_secs(86_400);
/// How far clocks may be apart, in milliseconds.
const SKEW_MS: i64 = 60_000;
/// How many values of an attribute are kept, and how many attributes.
const MAX_VALUES: usize = 1_000;
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const EMAIL_FORMAT: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const EMAIL_NAMES: &[&str] = &[
    "mail",
    "email",
    "emailAddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
];
const NAME_NAMES: &[&str] = &[
    "displayName",
    "name",
    "cn",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
];

/// What a sign-in on its way holds.
#[derive(Serialize, Deserialize)]
struct Way {
    intent: FederationIntent,
    next: String,
    ask: Ask,
    request_id: String,
    answer: Option<Federated>,
}

/// Where a sign-in has arrived.
#[derive(Debug)]
pub enum Arrived {
    /// The person is signed in.
    SignedIn(Box<Begun>),
    /// They have to show a second factor.
    SecondFactor(SecondFactor),
    /// The session that there was counts as freshly authenticated.
    Raised,
    /// The account elsewhere is linked.
    Linked,
    /// A link was mailed to the address that the provider named: it must be followed first.
    MustConfirm,
    /// The organisation gives the person no role.
    NoRole,
}

/// Where a browser goes on to.
#[derive(Debug)]
pub struct Landing {
    /// A page of ours.
    pub next: String,
    /// Where the sign-in has arrived.
    pub arrived: Arrived,
}

/// What a provider sent a browser back with.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct OidcCallback {
    /// Which sign-in it is.
    pub state: Option<String>,
    /// To be exchanged for who somebody is.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// What the person is called, as Apple tells once.
    pub name: Option<String>,
}

/// For what sign-ins by a connection are sealed while they are on their way.
pub(in crate::identity) fn state_purpose(connection: &str) -> String {
    format!("sso_state:{connection}")
}

fn sealed_for(connection: ConnectionId) -> String {
    state_purpose(&connection.to_string())
}

fn seal(app: &App, connection: ConnectionId, way: &Way) -> Result<Vec<u8>, FederationError> {
    let text = serde_json::to_vec(way).unwrap_or_default();
    Ok(app
        .vault
        .seal(&sealed_for(connection), &text, &*app.random)?)
}

fn open(app: &App, connection: ConnectionId, sealed: &[u8]) -> Result<Way, FederationError> {
    let text = app.vault.open(&sealed_for(connection), sealed)?;
    serde_json::from_slice(&text).map_err(|_| FederationError::StateUnknown)
}

/// Begins a sign-in: the address to which the browser is to be sent. `next` is a page of ours,
/// `browser` a secret that only this browser has.
///
/// # Errors
/// [`FederationError::Unknown`], [`FederationError::Oidc`] or [`FederationError::Saml`] if the
/// provider cannot be asked, or a fault of the vault or the database.
pub async fn begin_federated(
    app: &App,
    slug: &str,
    intent: FederationIntent,
    next: &str,
    login_hint: Option<&str>,
    browser: &str,
) -> Result<String, FederationError> {
    let connection = connections::enabled(app, slug).await?;
    let now = app.now();
    let is_forced = matches!(intent, FederationIntent::Reauthenticate { .. });
    let way = Way {
        intent,
        next: next.to_owned(),
        ask: Ask {
            state: random::token(&*app.random, 48),
            nonce: random::token(&*app.random, 48),
            verifier: random::token(&*app.random, 64),
            recent_since: is_forced.then_some(now),
            login_hint: login_hint
                .and_then(|hint| hint.parse::<Email>().ok())
                .map(String::from),
        },
        // An XML name begins with no digit.
        request_id: format!("_{}", random::token(&*app.random, 40)),
        answer: None,
    };
    let url = match &connection.settings {
        ConnectionSettings::Oidc(settings) => {
            let provider = provider(app, &connection, settings)?;
            let client = app.sso.oidc(app);
            client.start(&provider, &way.ask, now).await?
        }
        ConnectionSettings::Saml(settings) => saml::authn_request(
            &service_provider(app, &connection.slug),
            &saml_provider(settings)?,
            &way.request_id,
            &way.ask.state,
            is_forced,
            now,
        )?,
    };
    let row = StateRow {
        state_hash: token_hash(&way.ask.state).to_vec(),
        connection_id: connection.id,
        browser_hash: token_hash(browser).to_vec(),
        sealed_content: seal(app, connection.id, &way)?,
        created_at: now,
        expires_at: now + STATE_LASTS,
    };
    app.db
        .write(move |c| Box::pin(async move { store::insert_state(c, &row).await }))
        .await
        .map_err(|error| gone(error.into()))?;
    Ok(url)
}

/// A connection that was deleted while its provider was asked is one that there is not.
pub(super) fn gone(error: FederationError) -> FederationError {
    let is_gone = matches!(&error, FederationError::Db(why) if why.violates(Violation::ForeignKey));
    if is_gone {
        FederationError::Unknown
    } else {
        error
    }
}

/// Uses up the sign-in that this browser began.
async fn take(
    app: &App,
    connection: &Connection,
    state: Option<&str>,
    browser: &str,
    is_answered: bool,
) -> Result<Way, FederationError> {
    let (id, now) = (connection.id, app.now());
    let state_hash = token_hash(state.ok_or(FederationError::StateUnknown)?);
    let browser_hash = token_hash(browser);
    let sealed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                store::take_state(c, id, state_hash, browser_hash, is_answered, now).await
            })
        })
        .await?
        .ok_or(FederationError::StateUnknown)?;
    open(app, id, &sealed)
}

/// Writes a refusal down, and from where the browser came.
async fn note_refusal(
    app: &App,
    connection: &Connection,
    error: &FederationError,
    origin: &Origin,
) {
    let Some(code) = error.refusal() else { return };
    tracing::info!(connection = %connection.id, code, %error, "sign-in by a provider was refused");
    let happened = IdentityEvent::SsoRefused {
        connection: connection.id,
        organisation: connection.organisation,
        code,
    };
    let method = format!("{}:{}", connection.settings.kind(), connection.slug);
    let (work, by, origin) = (app.clone(), connection.id.to_string(), origin.clone());
    let told = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let outcome = AttemptOutcome::Failed;
                keep_attempt(&work, c, None, &method, outcome, false, &origin).await?;
                trail::tell(&work, c, &by, vec![happened], None).await
            })
        })
        .await;
    if let Err(error) = told {
        tracing::error!(%error, "a refusal could not be written down");
    }
}

/// Ends a sign-in by OpenID Connect with what the provider sent the browser back with. `present` is
/// who is signed in in this browser.
///
/// # Errors
/// [`FederationError`] by why the person is not signed in.
pub async fn finish_oidc(
    app: &App,
    slug: &str,
    callback: OidcCallback,
    browser: &str,
    present: Option<(UserId, SessionId)>,
    visitor: &Visitor,
) -> Result<Landing, FederationError> {
    let connection = connections::enabled(app, slug).await?;
    let ConnectionSettings::Oidc(settings) = &connection.settings else {
        return Err(FederationError::Unknown);
    };
    let way = take(app, &connection, callback.state.as_deref(), browser, false).await?;
    let who = identity_by_oidc(app, &connection, settings, &way, callback).await;
    arrive(app, connection, way, who, browser, present, visitor).await
}

async fn identity_by_oidc(
    app: &App,
    connection: &Connection,
    settings: &OidcSettings,
    way: &Way,
    callback: OidcCallback,
) -> Result<Federated, FederationError> {
    if let Some(error) = callback.error {
        let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let word: String = error.chars().filter(is_word).take(60).collect();
        return Err(FederationError::ByProvider(word));
    }
    let provider = provider(app, connection, settings)?;
    if callback.iss.is_some_and(|iss| iss != provider.issuer) {
        return Err(bilten_adapters::oidc::OidcError::Issuer.into());
    }
    let code = callback
        .code
        .filter(|code| (1..=4_096).contains(&code.len()))
        .ok_or_else(|| FederationError::ByProvider("no_code".to_owned()))?;
    let client = app.sso.oidc(app);
    let identity = client.finish(&provider, &way.ask, code, app.now()).await?;
    Ok(from_oidc(identity, settings, callback.name))
}

fn from_oidc(identity: Identity, settings: &OidcSettings, name: Option<String>) -> Federated {
    use serde_json::Value;

    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let is_mfa = identity.methods.iter().any(|method| method == "mfa")
        || identity
            .context
            .as_deref()
            .is_some_and(|class| stands_for_mfa(class, &settings.mfa_contexts));
    let attributes = identity
        .claims
        .iter()
        .take(MAX_VALUES)
        .map(|(name, value)| {
            let values = match value {
                Value::Array(all) => all.iter().take(MAX_VALUES).filter_map(text).collect(),
                one @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_)) => text(one).into_iter().collect(),
            };
            (name.clone(), values)
        })
        .collect();
    Federated {
        subject: identity.subject,
        email: identity.email,
        is_email_verified: identity.is_email_verified,
        name: identity.name.or(name),
        is_mfa,
        attributes,
    }
}

fn stands_for_mfa(class: &str, own: &[String]) -> bool {
    MFA_CONTEXTS.contains(&class) || own.iter().any(|known| known == class)
}

/// Takes the response that an identity provider made a browser post; what comes back is the state
/// with which the browser goes on to [`finish_saml`].
///
/// # Errors
/// [`FederationError`] by why the response is not accepted.
pub async fn accept_saml(
    app: &App,
    slug: &str,
    response: &str,
    relay_state: Option<&str>,
    origin: &Origin,
) -> Result<(), FederationError> {
    let connection = connections::enabled(app, slug).await?;
    let ConnectionSettings::Saml(settings) = &connection.settings else {
        return Err(FederationError::Unknown);
    };
    let state = relay_state
        .filter(|state| !state.is_empty())
        .ok_or(FederationError::Unsolicited)?;
    let (id, now, state_hash) = (connection.id, app.now(), token_hash(state));
    let sealed = app
        .db
        .read(move |c| Box::pin(async move { store::open_state(c, id, state_hash, now).await }))
        .await?
        .ok_or(FederationError::StateUnknown)?;
    let way = open(app, id, &sealed)?;
    let accepted = keep_answer(app, &connection, settings, way, state_hash, response).await;
    if let Err(error) = &accepted {
        note_refusal(app, &connection, error, origin).await;
    }
    accepted
}

async fn keep_answer(
    app: &App,
    connection: &Connection,
    settings: &SamlSettings,
    mut way: Way,
    state_hash: [u8; 32],
    response: &str,
) -> Result<(), FederationError> {
    let (id, now) = (connection.id, app.now());
    let expected = Expected {
        service: &service_provider(app, &connection.slug),
        provider: &saml_provider(settings)?,
        request_id: &way.request_id,
        now,
    };
    let assertion = saml::accept(response, &expected)?;
    if way
        .ask
        .recent_since
        .is_some_and(|since| assertion.authenticated_at.ms() < since.ms() - SKEW_MS)
    {
        return Err(bilten_adapters::oidc::OidcError::NotRecent.into());
    }
    let (assertion_hash, expires_at) = (token_hash(&assertion.id), assertion.expires_at);
    way.answer = Some(from_saml(assertion, settings)?);
    let sealed = seal(app, id, &way)?;
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::see_assertion(c, id, assertion_hash, expires_at).await? {
                    return Err(FederationError::Replayed);
                }
                if !store::answer_state(c, id, state_hash, sealed, now).await? {
                    return Err(FederationError::StateUnknown);
                }
                Ok(())
            })
        })
        .await
        .map_err(gone)
}

fn from_saml(assertion: Assertion, settings: &SamlSettings) -> Result<Federated, FederationError> {
    let mut attributes: HashMap<String, Vec<String>> = HashMap::new();
    for (name, values) in assertion.attributes.into_iter().take(MAX_VALUES) {
        let known = attributes.entry(name).or_default();
        let room = MAX_VALUES.saturating_sub(known.len());
        known.extend(values.into_iter().take(room));
    }
    let one = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| {
                attributes
                    .get(*name)?
                    .iter()
                    .find(|value| !value.is_empty())
            })
            .cloned()
    };
    let subject = match &settings.subject_attribute {
        Some(name) => {
            let value = one(&[name]).ok_or(saml::SamlError::Subject)?;
            format!("attribute {value}")
        }
        None if assertion.name_id_format == TRANSIENT => {
            return Err(FederationError::SubjectTransient);
        }
        None => format!("name {}", assertion.name_id),
    };
    let email = match &settings.email_attribute {
        Some(name) => one(&[name]),
        None if assertion.name_id_format == EMAIL_FORMAT => Some(assertion.name_id),
        None => one(EMAIL_NAMES),
    };
    let name = match &settings.name_attribute {
        Some(name) => one(&[name]),
        None => one(NAME_NAMES),
    };
    let is_mfa = assertion
        .authentication_context
        .as_deref()
        .is_some_and(|class| stands_for_mfa(class, &settings.mfa_contexts));
    Ok(Federated {
        subject,
        email,
        is_email_verified: None,
        name,
        is_mfa,
        attributes,
    })
}

/// Ends a sign-in by SAML in the browser that began it.
///
/// # Errors
/// [`FederationError`] by why the person is not signed in.
pub async fn finish_saml(
    app: &App,
    slug: &str,
    state: Option<&str>,
    browser: &str,
    present: Option<(UserId, SessionId)>,
    visitor: &Visitor,
) -> Result<Landing, FederationError> {
    let connection = connections::enabled(app, slug).await?;
    let mut way = take(app, &connection, state, browser, true).await?;
    let who = way.answer.take().ok_or(FederationError::StateUnknown);
    arrive(app, connection, way, who, browser, present, visitor).await
}

async fn settle_once(app: &App, returned: &Returned) -> Result<Settled, FederationError> {
    let (work, returned) = (app.clone(), returned.clone());
    app.db
        .write_again(move |c| {
            let (work, returned) = (work.clone(), returned.clone());
            Box::pin(async move { settle(&work, c, returned).await })
        })
        .await
}

async fn arrive(
    app: &App,
    connection: Connection,
    way: Way,
    who: Result<Federated, FederationError>,
    browser: &str,
    present: Option<(UserId, SessionId)>,
    visitor: &Visitor,
) -> Result<Landing, FederationError> {
    let arrived = match who {
        Err(error) => Err(error),
        Ok(who) => {
            let returned = Returned {
                connection: connection.clone(),
                who,
                intent: way.intent,
                next: way.next.clone(),
                visitor: visitor.clone(),
                present,
                browser_hash: token_hash(browser),
            };
            let mut settled = settle_once(app, &returned).await;
            if matches!(
                settled,
                Err(FederationError::EmailInUse | FederationError::LinkedElsewhere)
            ) {
                // Two first sign-ins of one person at the same moment: what the other made is there
                // by now. Who is refused for good is refused again.
                settled = settle_once(app, &returned).await;
            }
            match settled {
                Ok(Settled::Arrived(arrived)) => Ok(arrived),
                Ok(Settled::Known(user, proof)) => {
                    sign_in_known(app, user, proof, visitor.clone()).await
                }
                Err(error) => Err(gone(error)),
            }
        }
    };
    app.principals.clear();
    let arrived = match arrived {
        Ok(Arrived::NoRole) => Err(FederationError::NoRole),
        other => other,
    };
    match arrived {
        Ok(arrived) => Ok(Landing {
            next: way.next,
            arrived,
        }),
        Err(error) => {
            note_refusal(app, &connection, &error, &visitor.origin).await;
            Err(error)
        }
    }
}

/// Forgets sign-ins and assertions whose time was over long ago.
///
/// # Errors
/// A fault of the database.
pub async fn tidy_federation(app: &App) -> Result<(), FederationError> {
    let before =
        Timestamp::from_ms(app.now().ms() - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
    app.db
        .write(move |c| Box::pin(async move { store::sweep(c, before).await }))
        .await?;
    Ok(())
}
