//! What people granted: listed, ended, and forgotten when it is long over.

use std::time::Duration;

use bilten_kernel::db::{Conn, DbError};
use serde_json::json;

use super::note::{Note, forget_callers, note};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::IdentityError;
use crate::identity::store::oauth::{self as store, EndedGrant};

/// How long codes and tokens are kept after their end, so that a late replay is still noticed.
const KEPT: Duration = Duration::from_secs(86_400);
/// How many are forgotten in one write.
const MOST_SWEPT: i64 = 5_000;

const MISSING: IdentityError = IdentityError::NotFound("grant");

/// What somebody granted and has not ended, newest first.
///
/// # Errors
/// A fault of the database.
pub async fn grants_of_user(
    app: &App,
    user: UserId,
    before: Option<OAuthGrantId>,
    limit: i64,
) -> Result<Vec<OAuthGrant>, IdentityError> {
    let now = app.now();
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move { store::grants_of_user(c, user, before, limit, now).await })
        })
        .await?)
}

/// What people granted to programs for an organisation, newest first.
///
/// # Errors
/// A fault of the database.
pub async fn grants_of_organisation(
    app: &App,
    organisation: OrganisationId,
    before: Option<OAuthGrantId>,
    limit: i64,
) -> Result<Vec<OAuthGrant>, IdentityError> {
    let now = app.now();
    Ok(app
        .db
        .read(move |c| {
            Box::pin(async move {
                store::grants_of_organisation(c, organisation, before, limit, now).await
            })
        })
        .await?)
}

async fn note_end(
    app: &App,
    c: &mut Conn,
    actor: String,
    ended: EndedGrant,
) -> Result<(), DbError> {
    let ended = Note {
        action: "oauth.grant_ended",
        actor,
        organisation: ended.organisation_id,
        client: ended.client_id,
        grant: Some(ended.id),
        detail: json!({"user": ended.user_id}),
    };
    forget_callers(app, c);
    note(app, c, ended).await
}

/// Ends one of a person's own grants.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn end_grant_of_user(
    app: &App,
    user: UserId,
    actor: String,
    grant: OAuthGrantId,
) -> Result<(), IdentityError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let ended = store::revoke_grant_of_user(c, grant, user, now).await?;
                Ok::<_, IdentityError>(note_end(&work, c, actor, ended.ok_or(MISSING)?).await?)
            })
        })
        .await
}

/// Ends what somebody granted to a program for an organisation, whoever granted it.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn end_grant_of_organisation(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    grant: OAuthGrantId,
) -> Result<(), IdentityError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let ended =
                    store::revoke_grant_of_organisation(c, grant, organisation, now).await?;
                Ok::<_, IdentityError>(note_end(&work, c, actor, ended.ok_or(MISSING)?).await?)
            })
        })
        .await
}

/// Ends all that somebody granted, perhaps only for one organisation, inside the write that ends
/// their membership or their account: should they come back, their programs do not.
///
/// # Errors
/// A fault of the database.
pub async fn end_grants_in(
    app: &App,
    c: &mut Conn,
    actor: &str,
    user: UserId,
    organisation: Option<OrganisationId>,
) -> Result<(), IdentityError> {
    for ended in store::revoke_grants_of_user(c, user, organisation, app.now()).await? {
        note_end(app, c, actor.to_owned(), ended).await?;
    }
    Ok(())
}

/// Forgets codes and tokens that ended more than a day ago.
///
/// # Errors
/// A fault of the database.
pub async fn sweep_oauth(app: &App) -> Result<(), IdentityError> {
    let before = app.now() - KEPT;
    loop {
        let swept = app
            .db
            .write(move |c| Box::pin(async move { store::sweep(c, before, MOST_SWEPT).await }))
            .await?;
        if swept < MOST_SWEPT.unsigned_abs() {
            return Ok(());
        }
    }
}
