//! A person's own sessions.

use bilten_kernel::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::trail::tell;
use super::{IdentityError, end_sessions_in, open_origin};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{attempts, sessions as store};

/// One of somebody's sessions, as they see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// Whether a browser or an app has it.
    pub kind: SessionKind,
    /// What the browser or app is, such as `Firefox on Windows`.
    pub device: String,
    /// From where it was begun: an address without its last part.
    pub place: String,
    /// How the person proved who they are, such as `password totp`.
    pub methods: String,
    /// Whether that was a second factor as well.
    pub is_mfa: bool,
    /// Whether an administrator of the platform acts by it.
    pub is_impersonated: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to about a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Somebody's sessions that have not ended, newest first.
///
/// # Errors
/// A fault of the database.
pub async fn sessions_of(app: &App, person: &Person) -> Result<Vec<SessionView>, IdentityError> {
    let (user, now) = (person.user, app.now());
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::of_user(c, user, now).await }))
        .await?;
    let views = rows.into_iter().filter_map(|row| {
        let seen = app.sightings.session_seen(row.id);
        let seen_at = seen.map_or(row.seen_at, |at| at.max(row.seen_at));
        if now.ms().saturating_sub(seen_at.ms()) >= row.idle_ms {
            return None;
        }
        let origin = open_origin(app, Some(user), &row.sealed_origin);
        Some(SessionView {
            id: row.id,
            is_current: row.id == person.session,
            kind: row.kind,
            device: device_name(origin.as_ref().map_or("", |origin| &origin.user_agent)),
            place: origin.map_or_else(String::new, |origin| masked_ip(origin.ip)),
            methods: row.methods,
            is_mfa: row.is_mfa,
            is_impersonated: row.is_impersonated,
            created_at: row.created_at,
            seen_at,
            expires_at: row.expires_at,
        })
    });
    Ok(views.collect())
}

/// Ends one of somebody's sessions.
///
/// # Errors
/// [`IdentityError::NotFound`] if they have no such session, or a fault of the database.
pub async fn sign_out(app: &App, person: &Person, session: SessionId) -> Result<(), IdentityError> {
    let (work, user, actor) = (app.clone(), person.user, actor(person));
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::revoke(c, session, user, work.now()).await? {
                    return Err(IdentityError::NotFound("session"));
                }
                let happened = vec![IdentityEvent::SessionsEnded { user, count: 1 }];
                tell(&work, c, &actor, happened, None).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Ends all of somebody's sessions, but perhaps the one that asks; the devices they used are
/// forgotten, so that the next sign-in with each is reported. Says how many ended.
///
/// # Errors
/// A fault of the database.
pub async fn sign_out_everywhere(
    app: &App,
    person: &Person,
    keeps_this: bool,
) -> Result<u64, IdentityError> {
    let (work, user, actor) = (app.clone(), person.user, actor(person));
    let but = keeps_this.then_some(person.session);
    let count = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let count = end_sessions_in(&work, c, user, but).await?;
                if but.is_none() {
                    attempts::forget_devices(c, user).await?;
                }
                if count > 0 {
                    let happened = vec![IdentityEvent::SessionsEnded { user, count }];
                    tell(&work, c, &actor, happened, None).await?;
                }
                Ok::<_, IdentityError>(count)
            })
        })
        .await?;
    app.principals.clear();
    Ok(count)
}

fn actor(person: &Person) -> String {
    Principal::Person(person.clone()).actor()
}
