//! From a credential to who it stands for.

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;

use super::IdentityError;
use super::access_tokens::{is_access_token, read_access_token};
use super::oauth::program_of_token;
use super::sessions::SESSION_PREFIX;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::sessions::SessionRow;
use crate::identity::store::{keys, organisations, sessions};
use crate::platform::token_hash;

/// Who a token stands for; nobody if it is not known, has expired or was revoked.
///
/// A caller of the last second costs no query. To add a kind of credential: its prefix below and
/// a function that looks it up.
///
/// # Errors
/// A fault of the database.
pub async fn authenticate(app: &App, token: &str) -> Result<Option<Arc<Principal>>, IdentityError> {
    let (now, hash, epoch) = (app.now(), token_hash(token), app.principals.epoch());
    if let Some(known) = app.principals.get(&hash, now) {
        note_use(app, &known);
        return Ok(Some(known));
    }
    let found = if token.starts_with(SESSION_PREFIX) {
        person(app, hash).await?.map(Principal::Person)
    } else if is_access_token(token) {
        person_by_access_token(app, token)
            .await?
            .map(Principal::Person)
    } else if token.starts_with(API_KEY_PREFIX) {
        key(app, hash).await?.map(Principal::Program)
    } else if token.starts_with(ACCESS_TOKEN_PREFIX) {
        program_of_token(app, hash).await?.map(Principal::Program)
    } else {
        None
    };
    let Some(found) = found.map(Arc::new) else {
        return Ok(None);
    };
    app.principals.put(hash, &found, now, epoch);
    note_use(app, &found);
    Ok(Some(found))
}

/// Whether a credential is one of a program: of an API key or of an OAuth client.
pub fn is_of_program(token: &str) -> bool {
    token.starts_with(API_KEY_PREFIX) || token.starts_with(ACCESS_TOKEN_PREFIX)
}

/// What a permission lets a caller touch in the organisation that they named by id or short name.
///
/// # Errors
/// [`IdentityError::Denied`].
pub fn authorise(
    principal: &Principal,
    permission: Permission,
    organisation: Option<&str>,
) -> Result<Tenant, IdentityError> {
    principal
        .tenant(permission, organisation)
        .map_err(IdentityError::Denied)
}

fn note_use(app: &App, principal: &Principal) {
    match principal {
        Principal::Person(person) => app.sightings.session(person.session, app.now()),
        Principal::Program(program) => {
            if let Ok(key) = program.actor.parse() {
                app.sightings.key(key, app.now());
            }
        }
    }
}

async fn person(app: &App, hash: [u8; 32]) -> Result<Option<Person>, IdentityError> {
    let now = app.now();
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let Some(session) = sessions::live_session(c, hash, now).await? else {
                    return Ok(None);
                };
                let memberships = organisations::memberships(c, session.user_id).await?;
                Ok::<_, IdentityError>(Some((session, memberships)))
            })
        })
        .await?;
    Ok(found.and_then(|(session, memberships)| alive(app, session, memberships, now)))
}

/// The person of an app's access token, if its session is alive.
async fn person_by_access_token(app: &App, token: &str) -> Result<Option<Person>, IdentityError> {
    let Some(claims) = read_access_token(app, token).await? else {
        return Ok(None);
    };
    let now = app.now();
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let session = sessions::live_session_by_id(c, claims.sid, now).await?;
                let session = session.filter(|session| {
                    session.user_id == claims.sub && session.kind == SessionKind::App
                });
                let Some(session) = session else {
                    return Ok(None);
                };
                let memberships = organisations::memberships(c, session.user_id).await?;
                Ok::<_, IdentityError>(Some((session, memberships)))
            })
        })
        .await?;
    Ok(found.and_then(|(session, memberships)| alive(app, session, memberships, now)))
}

/// Whether nobody used the session for too long.
pub(super) fn is_idle(app: &App, session: &SessionRow, now: Timestamp) -> bool {
    let seen = app
        .sightings
        .session_seen(session.id)
        .map_or(session.seen_at, |at| at.max(session.seen_at));
    now.ms().saturating_sub(seen.ms()) >= session.idle_ms
}

/// The person of a session, unless it was idle for too long.
fn alive(
    app: &App,
    session: SessionRow,
    memberships: Vec<Membership>,
    now: Timestamp,
) -> Option<Person> {
    if is_idle(app, &session, now) {
        return None;
    }
    let impersonation = session
        .impersonation_id
        .zip(session.impersonator)
        .map(|(id, admin)| Impersonated { id, admin });
    Some(Person {
        user: session.user_id,
        session: session.id,
        kind: session.kind,
        is_mfa: session.is_mfa,
        has_mfa: session.has_mfa,
        authenticated_at: session.authenticated_at,
        // Who acts as somebody else has none of their own rights meanwhile.
        is_platform_admin: session.is_platform_admin && impersonation.is_none(),
        impersonation,
        memberships,
    })
}

async fn key(app: &App, hash: [u8; 32]) -> Result<Option<Program>, IdentityError> {
    let now = app.now();
    let found = app
        .db
        .read(move |c| Box::pin(async move { keys::live_key(c, hash, now).await }))
        .await?;
    Ok(found.map(|key| Program {
        actor: key.id.to_string(),
        organisation: key.organisation_id,
        scopes: key.scopes.map(|scopes| scopes.0),
        event: key.event_id,
        on_behalf_of: None,
    }))
}
