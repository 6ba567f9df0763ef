//! API keys.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::http::{IfMatch, Place, Stale};
use bilten_kernel::random;
use serde_json::json;

use super::note::{COMMAND_LINE, note};
use super::{IdentityError, field};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventId};
use crate::identity::model::*;
use crate::identity::store::keys as store;
use crate::identity::store::keys::ApiKeyRow;
use crate::identity::store::organisations;
use crate::platform::token_hash;

/// An API key that is to be made.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// For whom it acts.
    pub organisation: OrganisationId,
    /// What it is for.
    pub name: String,
    /// What it may do; nothing means all that programs may.
    pub scopes: Option<Vec<Permission>>,
    /// The only event that it may touch, if it is bound to one.
    pub event: Option<EventId>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Who made it, as the audit log names them.
    pub created_by: String,
}

/// How long a key that was replaced goes on at most, in hours.
const MOST_OVERLAP_HOURS: u32 = 30 * 24;
/// How many living keys an organisation can have.
const MOST_KEYS: i64 = 1_000;

/// Makes an API key as it is asked for; the text is returned once and stored nowhere.
///
/// # Errors
/// A fault of the database.
pub async fn issue_api_key(app: &App, new: NewApiKey) -> Result<(ApiKeyId, String), IdentityError> {
    let (id, secret) = fresh(app);
    let work = app.clone();
    let token = app
        .db
        .write(move |c| Box::pin(async move { issue_in(&work, c, id, &new, &secret).await }))
        .await?;
    Ok((id, token))
}

/// The id of a new key, and its random part.
fn fresh(app: &App) -> (ApiKeyId, String) {
    let id = ApiKeyId::new(&*app.clock, &*app.random);
    (id, random::token(&*app.random, 40))
}

/// Stores a key and gives its text, which says of what kind its organisation is.
async fn issue_in(
    app: &App,
    c: &mut Conn,
    id: ApiKeyId,
    new: &NewApiKey,
    secret: &str,
) -> Result<String, IdentityError> {
    let beginning = organisations::mode(c, new.organisation).await?.key_prefix();
    let token = format!("{beginning}{secret}");
    let shown = token.get(..beginning.len() + API_KEY_SHOWN);
    let prefix = shown.unwrap_or_default();
    store::insert_api_key(c, id, new, token_hash(&token), prefix, app.now()).await?;
    let detail = json!({"scopes": new.scopes, "event": new.event, "expires_at": new.expires_at});
    note(
        app,
        c,
        Some(new.organisation),
        &new.created_by,
        "keys.created",
        id,
        detail,
    )
    .await?;
    Ok(token)
}

/// Makes an API key that may do all that programs may, and does not end by itself.
///
/// # Errors
/// A fault of the database.
pub async fn create_api_key(
    app: &App,
    organisation: OrganisationId,
    name: &str,
) -> Result<(ApiKeyId, String), IdentityError> {
    let new = NewApiKey {
        organisation,
        name: name.to_owned(),
        scopes: None,
        event: None,
        expires_at: None,
        created_by: COMMAND_LINE.to_owned(),
    };
    issue_api_key(app, new).await
}

/// An organisation's API keys in an order, after a place in it; ended ones too.
///
/// # Errors
/// A fault of the database.
pub async fn api_keys(
    app: &App,
    organisation: OrganisationId,
    by: ApiKeySort,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<ApiKey>, IdentityError> {
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::list(c, organisation, by, after.as_ref(), limit).await })
        })
        .await?;
    Ok(rows.into_iter().map(ApiKeyRow::opened).collect())
}

/// How many living keys of an organisation end by themselves until then and were not replaced, inside
/// a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn ending_keys_in(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
    until: Timestamp,
) -> Result<i64, DbError> {
    store::ending(c, organisation, now, until).await
}

/// An API key of an organisation.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn api_key(
    app: &App,
    organisation: OrganisationId,
    id: ApiKeyId,
) -> Result<ApiKey, IdentityError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::by_id(c, organisation, id).await }))
        .await?;
    row.map(ApiKeyRow::opened)
        .ok_or(IdentityError::NotFound("key"))
}

/// Makes the API key that somebody asks for: it may do no more than they.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::TooManyOf`], or a fault of the database.
pub async fn make_api_key(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    input: ApiKeyInput,
) -> Result<NewKey, IdentityError> {
    let refuse = |name: &str, code: &'static str, detail: &str| {
        Err(IdentityError::Invalid(vec![field(
            name.to_owned(),
            code,
            detail,
        )]))
    };
    if !is_name(&input.name, 100) {
        return refuse(
            "name",
            "malformed",
            "A key has a name of 1 to 100 characters.",
        );
    }
    if input.scopes.is_empty() {
        return refuse(
            "scopes",
            "missing",
            "A key must be allowed to do something.",
        );
    }
    if input.expires_at.is_some_and(|end| end <= app.now()) {
        return refuse("expires_at", "past", "This time is over.");
    }
    if let Some(event) = input.event {
        match catalog::event_of(app, &Tenant::whole(organisation), event).await {
            Ok(_) => {}
            Err(CatalogError::NotFound) => {
                return refuse("event", "unknown", "There is no such event.");
            }
            Err(CatalogError::Db(error)) => return Err(error.into()),
            Err(other) => return Err(IdentityError::Fault(other.to_string())),
        }
    }
    let named = organisation.to_string();
    for (place, scope) in input.scopes.iter().enumerate() {
        let name = format!("scopes[{place}]");
        if !scope.is_for_programs() {
            return refuse(&name, "not_for_programs", "No program may do that.");
        }
        if input.event.is_some() && !scope.is_for_events() {
            return refuse(
                &name,
                "not_for_events",
                "A key for one event cannot be allowed this.",
            );
        }
        let own = principal
            .tenant(*scope, Some(&named))
            .map(|tenant| tenant.events);
        if own != Ok(EventScope::All) {
            return refuse(&name, "more_than_own", "You may not do that yourself.");
        }
    }
    let mut scopes = input.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let new = NewApiKey {
        organisation,
        name: input.name.trim().to_owned(),
        scopes: Some(scopes),
        event: input.event,
        expires_at: input.expires_at,
        created_by: principal.actor(),
    };
    let ((id, secret), work) = (fresh(app), app.clone());
    let (key, token) = app
        .db
        .write(move |c| {
            Box::pin(async move {
                if store::living(c, organisation, work.now()).await? >= MOST_KEYS {
                    return Err(IdentityError::TooManyOf("API keys"));
                }
                let token = issue_in(&work, c, id, &new, &secret).await?;
                let row = store::by_id(c, organisation, id).await?;
                row.map(|row| (row.opened(), token))
                    .ok_or(IdentityError::NotFound("key"))
            })
        })
        .await?;
    Ok(NewKey { key, token })
}

/// Gives an API key another name.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], [`IdentityError::Stale`], or a fault of
/// the database.
pub async fn rename_api_key(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: ApiKeyId,
    if_match: IfMatch,
    name: String,
) -> Result<ApiKey, IdentityError> {
    let seen = api_key(app, organisation, id).await?;
    if_match.allow(seen.revision)?;
    if !is_name(&name, 100) {
        let wrong = field(
            "name".to_owned(),
            "malformed",
            "A key has a name of 1 to 100 characters.",
        );
        return Err(IdentityError::Invalid(vec![wrong]));
    }
    let (work, actor) = (app.clone(), principal.actor());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let only = if_match.is_said().then_some(seen.revision);
                if !store::rename(c, organisation, id, only, name.trim()).await? {
                    // Somebody else was a moment earlier; keys are never deleted.
                    return Err(IdentityError::Stale(Stale));
                }
                note(
                    &work,
                    c,
                    Some(organisation),
                    &actor,
                    "keys.renamed",
                    id,
                    json!({}),
                )
                .await?;
                let row = store::by_id(c, organisation, id).await?;
                row.map(ApiKeyRow::opened)
                    .ok_or(IdentityError::NotFound("key"))
            })
        })
        .await
}

/// Replaces a living API key by one that may do the same; the old one goes on for so many hours,
/// so that programs can be changed over.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], [`IdentityError::KeyEnded`], or a fault
/// of the database.
pub async fn rotate_api_key(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: ApiKeyId,
    overlap_hours: u32,
) -> Result<NewKey, IdentityError> {
    api_key(app, organisation, id).await?;
    if overlap_hours > MOST_OVERLAP_HOURS {
        let wrong = field(
            "overlap_hours".to_owned(),
            "too_large",
            "The old key can go on for at most 720 hours.",
        );
        return Err(IdentityError::Invalid(vec![wrong]));
    }
    let ((new_id, secret), work, actor) = (fresh(app), app.clone(), principal.actor());
    let (key, token) = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let now = work.now();
                let until = now + Duration::from_secs(u64::from(overlap_hours) * 3_600);
                // Whoever ends it first has it: two rotations at once make one new key.
                let old = store::by_id(c, organisation, id)
                    .await?
                    .ok_or(IdentityError::NotFound("key"))?;
                if !store::replace(c, organisation, id, until, now).await? {
                    return Err(IdentityError::KeyEnded);
                }
                let new = NewApiKey {
                    organisation,
                    name: old.name,
                    scopes: old.scopes.map(|scopes| scopes.0),
                    event: old.event_id,
                    expires_at: old.expires_at,
                    created_by: actor.clone(),
                };
                let token = issue_in(&work, c, new_id, &new, &secret).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &actor,
                    "keys.rotated",
                    id,
                    json!({"to": new_id, "until": until}),
                )
                .await?;
                let row = store::by_id(c, organisation, new_id).await?;
                row.map(|row| (row.opened(), token))
                    .ok_or(IdentityError::NotFound("key"))
            })
        })
        .await?;
    app.principals.clear();
    Ok(NewKey { key, token })
}

/// Ends an API key of an organisation; doing so again changes nothing.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn end_api_key(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: ApiKeyId,
) -> Result<(), IdentityError> {
    api_key(app, organisation, id).await?;
    revoke(app, principal.actor(), id).await?;
    Ok(())
}

async fn revoke(app: &App, actor: String, id: ApiKeyId) -> Result<bool, IdentityError> {
    let work = app.clone();
    let revoked = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let ended = store::revoke_api_key(c, id, work.now()).await?;
                if let Some(organisation) = ended {
                    note(
                        &work,
                        c,
                        Some(organisation),
                        &actor,
                        "keys.revoked",
                        id,
                        json!({}),
                    )
                    .await?;
                }
                Ok::<_, IdentityError>(ended.is_some())
            })
        })
        .await?;
    app.principals.clear();
    Ok(revoked)
}

/// Ends an API key; says whether it was alive.
///
/// # Errors
/// A fault of the database.
pub async fn revoke_api_key(app: &App, id: ApiKeyId) -> Result<bool, IdentityError> {
    revoke(app, COMMAND_LINE.to_owned(), id).await
}
