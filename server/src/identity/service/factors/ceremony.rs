//! The dances of WebAuthn: a challenge that waits in the database, sealed, so that any node can
//! check the answer; it is answered once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bilten_kernel::db::Conn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn_rs::fake::{FakePasskeyDistribution, WebauthnFakeCredentialGenerator};
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, Url,
    Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::{Outcome, notices, open, seal};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{IdentityError, OneTime, issue_one_time, peek_one_time};
use crate::identity::store::passkeys::PasskeyRow;
use crate::identity::store::{one_time, passkeys};
use crate::platform::token_hash;

pub use webauthn_rs::prelude::{
    PublicKeyCredential as PasskeyCredential,
    RegisterPublicKeyCredential as PasskeyRegistrationResponse,
};

/// How long somebody may take.
const LASTS: Duration = Duration::from_secs(300);
/// The purpose of a ceremony that makes a passkey.
const NEW: &str = "passkey_new";
/// The purpose of a ceremony that shows one.
const SHOWN: &str = "passkey_shown";

/// A ceremony that has begun.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Ceremony {
    /// Its secret, to be sent with the answer.
    pub ceremony: String,
    /// The options for `navigator.credentials.create` or `.get`, as
    /// `PublicKeyCredential.parse…OptionsFromJSON` reads them.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// What waits for a new passkey.
#[derive(Serialize, Deserialize)]
struct Making {
    state: PasskeyRegistration,
    session: SessionId,
}

/// What waits for a passkey to be shown.
#[derive(Serialize, Deserialize)]
struct Showing {
    state: DiscoverableAuthentication,
    /// What it was begun for; nothing else takes the answer.
    purpose: Purpose,
}

/// For what a passkey is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// To sign in, without a name.
    SignIn,
    /// To sign in as whoever typed an address; nobody if there is no such account.
    SignInAs(Option<UserId>),
    /// As the second factor of a sign-in.
    Ticket(UserId, [u8; 32]),
    /// To prove it once more in a session.
    Session(UserId, SessionId),
}

/// A passkey that was shown and is to be noted as used.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    ceremony_hash: [u8; 32],
    passkey: PasskeyId,
    /// Whose it is.
    pub(super) user: UserId,
    sealed_credential: Vec<u8>,
    sign_count: i64,
}

/// A passkey was refused.
#[derive(Clone, Debug)]
pub(super) struct NotShown {
    ceremony_hash: [u8; 32],
    /// The passkey and its owner, if it was a copy: its counter did not go up.
    pub(super) copied: Option<(PasskeyId, UserId)>,
}

/// Whether this server can have passkeys: browsers want a name and, except on this machine itself,
/// an encrypted connection.
pub(super) fn is_possible(app: &App) -> bool {
    address(app).is_some()
}

fn address(app: &App) -> Option<(Url, String)> {
    let url = Url::parse(&app.config.http.public_url).ok()?;
    let domain = url.domain()?.to_owned();
    let is_here = domain == "localhost" || domain.ends_with(".localhost");
    (url.scheme() == "https" || is_here).then_some((url, domain))
}

fn relying_party(app: &App) -> Result<Webauthn, IdentityError> {
    let (url, domain) = address(app).ok_or(IdentityError::PasskeysUnavailable)?;
    WebauthnBuilder::new(&domain, &url)
        .and_then(|builder| builder.rp_name("Bilten").timeout(LASTS).build())
        .map_err(|_| IdentityError::PasskeysUnavailable)
}

/// For what a passkey's credential is sealed.
pub(in crate::identity) fn passkey_purpose(id: impl std::fmt::Display) -> String {
    format!("passkey:{id}")
}

fn unreadable(error: &impl ToString) -> IdentityError {
    IdentityError::Fault(error.to_string())
}

/// Writes down what waits for an answer.
async fn wait<T: Serialize + Send + Sync + 'static>(
    app: &App,
    purpose: &'static str,
    user: Option<UserId>,
    content: T,
) -> Result<String, IdentityError> {
    let what = OneTime {
        purpose,
        user,
        subject: None,
        lasts: LASTS,
    };
    let work = app.clone();
    let (token, _) = app
        .db
        .write(move |c| Box::pin(async move { issue_one_time(&work, c, what, &content).await }))
        .await?;
    Ok(token)
}

/// What waits for the answer to a ceremony.
async fn waiting<T: DeserializeOwned + Send + 'static>(
    app: &App,
    ceremony: &str,
    purpose: &'static str,
) -> Result<T, IdentityError> {
    let (work, ceremony) = (app.clone(), ceremony.to_owned());
    app.db
        .read(move |c| Box::pin(async move { peek_one_time(&work, c, purpose, &ceremony).await }))
        .await?
        .ok_or(IdentityError::PasskeyRefused)
}

/// Uses a ceremony up; says whether nobody did before.
async fn use_up(
    app: &App,
    c: &mut Conn,
    ceremony_hash: [u8; 32],
    purpose: &str,
) -> Result<bool, IdentityError> {
    let taken = one_time::take(c, purpose, ceremony_hash, app.now()).await?;
    Ok(taken.is_some())
}

/// Begins to make a passkey in a session.
pub(super) async fn begin_making(
    app: &App,
    user: &User,
    session: SessionId,
    existing: &[PasskeyRow],
) -> Result<Ceremony, IdentityError> {
    let profile = user
        .profile
        .as_ref()
        .ok_or(IdentityError::NotFound("account"))?;
    let name = if profile.name.is_empty() {
        profile.email.as_str()
    } else {
        &profile.name
    };
    let exclude: Vec<CredentialID> = existing
        .iter()
        .map(|row| row.credential_id.clone())
        .collect();
    let (challenge, state) = relying_party(app)?
        .start_passkey_registration(
            Uuid::from_bytes(*user.id.as_bytes()),
            profile.email.as_str(),
            name,
            Some(exclude),
        )
        .map_err(|error| unreadable(&error))?;
    let mut options = serde_json::to_value(challenge).map_err(|error| unreadable(&error))?;
    // So that nothing has to be typed to sign in, where the authenticator has room for that.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred".into();
    let ceremony = wait(app, NEW, Some(user.id), Making { state, session }).await?;
    Ok(Ceremony { ceremony, options })
}

/// A passkey that was made and is to be written down.
pub(super) struct Made {
    ceremony_hash: [u8; 32],
    /// The passkey.
    pub(super) row: PasskeyRow,
}

/// Checks the answer to [`begin_making`], which only the session that began may give.
pub(super) async fn check_made(
    app: &App,
    (user, session): (UserId, SessionId),
    ceremony: &str,
    response: &PasskeyRegistrationResponse,
    name: String,
) -> Result<Made, IdentityError> {
    let making: Making = waiting(app, ceremony, NEW).await?;
    if making.session != session {
        return Err(IdentityError::PasskeyRefused);
    }
    let passkey = match relying_party(app)?.finish_passkey_registration(response, &making.state) {
        Ok(passkey) => passkey,
        Err(error) => {
            tracing::debug!(%error, "a new passkey was refused");
            // The library has no name of its own for one that it was told to exclude.
            let own = app
                .db
                .read(move |c| Box::pin(async move { passkeys::of_user(c, user).await }))
                .await?;
            let is_there = own
                .iter()
                .any(|row| row.credential_id[..] == response.raw_id[..]);
            return Err(if is_there {
                IdentityError::PasskeyTaken
            } else {
                IdentityError::PasskeyRefused
            });
        }
    };
    let id = PasskeyId::new(&*app.clock, &*app.random);
    let row = PasskeyRow {
        id,
        user_id: user,
        credential_id: passkey.cred_id().to_vec(),
        sealed_credential: seal(app, &passkey_purpose(id), &passkey)?,
        name,
        created_at: app.now(),
        used_at: None,
    };
    Ok(Made {
        ceremony_hash: token_hash(ceremony),
        row,
    })
}

impl Made {
    /// Uses the ceremony up and writes the passkey down.
    pub(super) async fn settle(&self, app: &App, c: &mut Conn) -> Outcome<()> {
        if !use_up(app, c, self.ceremony_hash, NEW).await? {
            return Ok(Err(IdentityError::PasskeyRefused));
        }
        if !passkeys::insert(c, &self.row).await? {
            return Ok(Err(IdentityError::PasskeyTaken));
        }
        Ok(Ok(()))
    }
}

/// Begins to show one of these passkeys; any, if there are none.
pub(super) async fn begin_showing(
    app: &App,
    purpose: Purpose,
    credentials: Vec<Vec<u8>>,
) -> Result<Ceremony, IdentityError> {
    let (challenge, state) = relying_party(app)?
        .start_discoverable_authentication()
        .map_err(|error| unreadable(&error))?;
    let challenge = serde_json::to_value(challenge).map_err(|error| unreadable(&error))?;
    let mut options = serde_json::json!({ "publicKey": challenge["publicKey"] });
    let allowed = credentials
        .into_iter()
        .map(|id| serde_json::json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) }));
    options["publicKey"]["allowCredentials"] = allowed.collect();
    let user = match &purpose {
        Purpose::SignIn => None,
        Purpose::SignInAs(user) => *user,
        Purpose::Ticket(user, _) | Purpose::Session(user, _) => Some(*user),
    };
    let ceremony = wait(app, SHOWN, user, Showing { state, purpose }).await?;
    Ok(Ceremony { ceremony, options })
}

/// Credentials that nobody has, the same for the same address each time: an address without an
/// account looks like one with.
pub(super) fn decoys(app: &App, address: &str) -> Result<Vec<Vec<u8>>, IdentityError> {
    let key = app.vault.mac("passkey decoys", &[]);
    let generator = WebauthnFakeCredentialGenerator::<FakePasskeyDistribution>::new(&key)
        .map_err(|error| unreadable(&error))?;
    // It also makes none for some, as if an account had no passkeys: ours that are named have some.
    for attempt in 0..=u8::MAX {
        let ids = generator
            .generate(&[address.as_bytes(), &[0, attempt]].concat())
            .map_err(|error| unreadable(&error))?;
        if !ids.is_empty() {
            return Ok(ids.into_iter().map(|id| id.to_vec()).collect());
        }
    }
    Ok(Vec::new())
}

/// Checks the answer to [`begin_showing`]. The two purposes of a sign-in are one for the answer.
pub(super) async fn check_shown(
    app: &App,
    ceremony: &str,
    response: &PasskeyCredential,
    wanted: impl Fn(&Purpose) -> bool,
) -> Result<Result<Shown, NotShown>, IdentityError> {
    let ceremony_hash = token_hash(ceremony);
    let showing: Showing = waiting(app, ceremony, SHOWN).await?;
    let mut refused = NotShown {
        ceremony_hash,
        copied: None,
    };
    let credential_id = response.get_credential_id().to_vec();
    let row = app
        .db
        .read(move |c| Box::pin(async move { passkeys::by_credential(c, &credential_id).await }))
        .await?;
    let Some(row) = row.filter(|_| wanted(&showing.purpose)) else {
        return Ok(Err(refused));
    };
    let handle = response.get_user_unique_id();
    let is_theirs = handle.is_none_or(|handle| handle == row.user_id.as_bytes());
    let is_wanted = match showing.purpose {
        // Nobody was named: the authenticator must say whose it is.
        Purpose::SignIn => handle.is_some(),
        Purpose::SignInAs(user) => user == Some(row.user_id),
        Purpose::Ticket(user, _) | Purpose::Session(user, _) => user == row.user_id,
    };
    if !is_theirs || !is_wanted {
        return Ok(Err(refused));
    }
    let mut passkey: Passkey = open(app, &passkey_purpose(row.id), &row.sealed_credential)?;
    let key = DiscoverableKey::from(&passkey);
    let result = match relying_party(app)?.finish_discoverable_authentication_v2(
        response,
        showing.state,
        &key,
    ) {
        Ok(result) => result,
        Err(error) => {
            tracing::debug!(%error, "a passkey was refused");
            if matches!(error, WebauthnError::CredentialPossibleCompromise) {
                refused.copied = Some((row.id, row.user_id));
            }
            return Ok(Err(refused));
        }
    };
    passkey.update_credential(&result);
    Ok(Ok(Shown {
        ceremony_hash,
        passkey: row.id,
        user: row.user_id,
        sealed_credential: seal(app, &passkey_purpose(row.id), &passkey)?,
        sign_count: i64::from(result.counter()),
    }))
}

impl Shown {
    /// Uses the ceremony up and notes the passkey's counter; refuses if somebody was faster, or if
    /// the counter went up elsewhere meanwhile.
    pub(super) async fn settle(&self, app: &App, c: &mut Conn) -> Outcome<()> {
        let is_settled = use_up(app, c, self.ceremony_hash, SHOWN).await?
            && passkeys::used(
                c,
                self.passkey,
                &self.sealed_credential,
                self.sign_count,
                app.now(),
            )
            .await?;
        Ok(if is_settled {
            Ok(())
        } else {
            Err(IdentityError::PasskeyRefused)
        })
    }
}

impl NotShown {
    /// Uses the ceremony up: a challenge is answered once, rightly or not. The owner of a passkey
    /// that was copied is told.
    pub(super) async fn settle(&self, app: &App, c: &mut Conn) -> Result<(), IdentityError> {
        let is_first = use_up(app, c, self.ceremony_hash, SHOWN).await?;
        if let Some((passkey, owner)) = self.copied.filter(|_| is_first) {
            notices::passkey_copied(app, c, owner, passkey).await?;
        }
        Ok(())
    }
}
