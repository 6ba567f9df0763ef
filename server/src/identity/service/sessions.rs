//! Sessions: begun when somebody has proved who they are, ended by time or by somebody.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;
use bilten_kernel::random;

use super::IdentityError;
use super::access_tokens::issue_access_token;
use super::refresh::first_refresh_token;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{keys, sessions as store};
use crate::platform::token_hash;

/// What the token of a page session starts with.
pub const SESSION_PREFIX: &str = "biltense_";

/// For what the origin of somebody is sealed.
pub(in crate::identity) fn origin_purpose(user: impl std::fmt::Display) -> String {
    format!("origin:{user}")
}

fn origin_of(user: Option<UserId>) -> String {
    user.map_or_else(|| origin_purpose("nobody"), origin_purpose)
}

/// The origin as it is stored.
///
/// # Errors
/// [`IdentityError::Vault`] if it cannot be sealed.
pub(in crate::identity) fn seal_origin(
    app: &App,
    user: Option<UserId>,
    origin: &Origin,
) -> Result<Vec<u8>, IdentityError> {
    let text = serde_json::to_vec(origin).unwrap_or_default();
    Ok(app.vault.seal(&origin_of(user), &text, &*app.random)?)
}

/// The origin that was stored, if it can still be read.
pub(in crate::identity) fn open_origin(
    app: &App,
    user: Option<UserId>,
    sealed: &[u8],
) -> Option<Origin> {
    let text = app.vault.open(&origin_of(user), sealed).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Begins a session inside the write of the sign-in that it belongs to.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn begin_session(
    app: &App,
    c: &mut Conn,
    user: UserId,
    kind: SessionKind,
    proof: &Proof,
    origin: &Origin,
    impersonation: Option<(ImpersonationId, Timestamp)>,
) -> Result<NewToken, IdentityError> {
    let now = app.now();
    let limits = &app.config.identity;
    let absolute = now + std::time::Duration::from_secs(limits.session_absolute_s);
    let token = format!("{SESSION_PREFIX}{}", random::token(&*app.random, 40));
    let session = store::NewSession {
        id: SessionId::new(&*app.clock, &*app.random),
        user_id: user,
        kind,
        methods: proof.methods.clone(),
        is_mfa: proof.is_mfa,
        created_at: now,
        idle_ms: i64::try_from(limits.session_idle_s.saturating_mul(1_000)).unwrap_or(i64::MAX),
        expires_at: impersonation.map_or(absolute, |(_, until)| absolute.min(until)),
        sealed_origin: seal_origin(app, Some(user), origin)?,
        impersonation_id: impersonation.map(|(id, _)| id),
    };
    store::insert(c, &session, token_hash(&token)).await?;
    let (token, token_expires_at, refresh) = match (kind, impersonation) {
        // Who acts as somebody else does so for a while, with a token that cannot be renewed.
        (SessionKind::Page, _) | (SessionKind::App, Some(_)) => (token, session.expires_at, None),
        // An app never gets to see the session's own token.
        (SessionKind::App, None) => {
            let (access, expires_at) = issue_access_token(app, c, user, session.id).await?;
            let refresh = first_refresh_token(app, c, session.id).await?;
            (access, expires_at, Some(refresh))
        }
    };
    Ok(NewToken {
        session: session.id,
        token,
        token_expires_at,
        refresh,
        expires_at: session.expires_at,
    })
}

/// Ends one of a person's sessions; says whether it was alive.
///
/// # Errors
/// A fault of the database.
pub async fn end_session(
    app: &App,
    user: UserId,
    session: SessionId,
) -> Result<bool, IdentityError> {
    let now = app.now();
    let ended = app
        .db
        .write(move |c| Box::pin(async move { store::revoke(c, session, user, now).await }))
        .await?;
    app.principals.clear();
    Ok(ended)
}

/// Ends all sessions of a person, but perhaps one, inside a write; the caller calls
/// `app.principals.clear()` after its commit.
///
/// # Errors
/// A fault of the database.
pub async fn end_sessions_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
    but: Option<SessionId>,
) -> Result<u64, IdentityError> {
    Ok(store::revoke_all(c, user, but, app.now()).await?)
}

/// Writes down when sessions and keys were last used.
///
/// # Errors
/// A fault of the database; what was seen is then forgotten, which shortens an idle time only.
pub async fn write_sightings(app: &App) -> Result<(), IdentityError> {
    let (sessions, api_keys) = app.sightings.take();
    if sessions.is_empty() && api_keys.is_empty() {
        return Ok(());
    }
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::sessions_seen(c, &sessions).await?;
                keys::keys_seen(c, &api_keys).await?;
                Ok::<_, IdentityError>(())
            })
        })
        .await
}
