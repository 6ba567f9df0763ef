//! Organisations.

use bilten_kernel::db::{Conn, DbError, Violation};
use serde_json::json;

use super::note::{COMMAND_LINE, note};
use super::{IdentityError, add_member_in, require_recent};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{members, organisations as store, people};

/// In how many organisations somebody can be when they make another.
const MOST_ORGANISATIONS: usize = 100;

/// Makes an organisation inside a write.
async fn create_in(
    app: &App,
    c: &mut Conn,
    name: &str,
    mode: OrganisationMode,
) -> Result<Organisation, IdentityError> {
    let slug = crate::catalog::slugify(name);
    if slug.is_empty() || !is_name(name, 200) {
        return Err(IdentityError::Name);
    }
    let organisation = Organisation {
        id: OrganisationId::new(&*app.clock, &*app.random),
        slug,
        name: name.trim().to_owned(),
        mode,
        requires_mfa: false,
        created_at: app.now(),
    };
    match store::insert_organisation(c, &organisation).await {
        Ok(()) => Ok(organisation),
        Err(error) if error.violates(Violation::Unique) => Err(IdentityError::SlugTaken),
        Err(error) => Err(error.into()),
    }
}

/// Makes an organisation that sells and has no members yet.
///
/// # Errors
/// [`IdentityError::Name`], [`IdentityError::SlugTaken`], or a fault of the database.
pub async fn create_organisation(app: &App, name: &str) -> Result<Organisation, IdentityError> {
    create_without_members(app, name, OrganisationMode::Live).await
}

/// Makes an organisation that only tries things out and has no members yet.
///
/// # Errors
/// [`IdentityError::Name`], [`IdentityError::SlugTaken`], or a fault of the database.
pub async fn create_sandbox(app: &App, name: &str) -> Result<Organisation, IdentityError> {
    create_without_members(app, name, OrganisationMode::Sandbox).await
}

async fn create_without_members(
    app: &App,
    name: &str,
    mode: OrganisationMode,
) -> Result<Organisation, IdentityError> {
    let (work, name) = (app.clone(), name.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let made = create_in(&work, c, &name, mode).await?;
                let detail = json!({"mode": mode});
                note(
                    &work,
                    c,
                    Some(made.id),
                    COMMAND_LINE,
                    "organisations.created",
                    made.id,
                    detail,
                )
                .await?;
                Ok(made)
            })
        })
        .await
}

/// Makes an organisation whose owner is the person who makes it.
///
/// # Errors
/// [`IdentityError::Unverified`], [`IdentityError::TooManyOf`], [`IdentityError::Name`],
/// [`IdentityError::SlugTaken`], or a fault of the database.
pub async fn found_organisation(
    app: &App,
    principal: &Principal,
    person: &Person,
    input: OrganisationInput,
) -> Result<Organisation, IdentityError> {
    if person.memberships.len() >= MOST_ORGANISATIONS {
        return Err(IdentityError::TooManyOf("organisations"));
    }
    let (work, user, actor) = (app.clone(), person.user, principal.actor());
    let made = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = people::by_id(c, user)
                    .await?
                    .ok_or(IdentityError::NotFound("account"))?;
                if row.email_verified_at.is_none() {
                    return Err(IdentityError::Unverified);
                }
                let mode = input.mode.unwrap_or(OrganisationMode::Live);
                let made = create_in(&work, c, &input.name, mode).await?;
                add_member_in(&work, c, made.id, user, Some(Role::Owner)).await?;
                note(
                    &work,
                    c,
                    Some(made.id),
                    &actor,
                    "organisations.created",
                    made.id,
                    json!({"owner": user, "mode": mode}),
                )
                .await?;
                Ok(made)
            })
        })
        .await?;
    app.principals.clear();
    Ok(made)
}

/// Memberships, as their person sees them.
pub fn own_organisations_of(memberships: &[Membership]) -> Vec<OwnOrganisation> {
    let role = |(event, role): &(_, _)| EventRole {
        event: *event,
        role: *role,
    };
    memberships
        .iter()
        .map(|membership| OwnOrganisation {
            id: membership.organisation,
            slug: membership.slug.clone(),
            name: membership.name.clone(),
            mode: membership.mode,
            requires_mfa: membership.requires_mfa,
            member: membership.member,
            roles: Roles {
                role: membership.role,
                events: membership.event_roles.iter().map(role).collect(),
            },
        })
        .collect()
}

/// The organisation with this short name.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation_by_slug(app: &App, slug: &str) -> Result<Organisation, IdentityError> {
    let slug = slug.to_owned();
    app.db
        .read(move |c| Box::pin(async move { store::organisation_by_slug(c, &slug).await }))
        .await?
        .ok_or(IdentityError::NotFound("organisation"))
}

/// The organisation with this id or short name, as strangers may name it.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation_named(app: &App, named: &str) -> Result<Organisation, IdentityError> {
    match named.parse() {
        Ok(id) => organisation(app, id).await,
        Err(_) if !crate::catalog::can_be_slug(named) => {
            Err(IdentityError::NotFound("organisation"))
        }
        Err(_) => organisation_by_slug(app, named).await,
    }
}

/// The organisation with this id.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn organisation(app: &App, id: OrganisationId) -> Result<Organisation, IdentityError> {
    app.db
        .read(move |c| Box::pin(async move { store::organisation(c, id).await }))
        .await?
        .ok_or(IdentityError::NotFound("organisation"))
}

/// Whether an organisation sells or only tries things out.
///
/// # Errors
/// A fault of the database.
pub async fn organisation_mode(app: &App, id: OrganisationId) -> Result<OrganisationMode, DbError> {
    app.db
        .read(move |c| Box::pin(async move { store::mode(c, id).await }))
        .await
}

/// Changes an organisation. Whether it wants a second factor is changed only by a person who proved
/// only just who they are, and switched on only by one who has a second factor.
///
/// # Errors
/// [`IdentityError::Name`], [`IdentityError::Reauthenticate`], [`IdentityError::OwnMfaMissing`], or
/// a fault of the database.
pub async fn update_organisation(
    app: &App,
    principal: &Principal,
    id: OrganisationId,
    patch: OrganisationPatch,
) -> Result<Organisation, IdentityError> {
    if patch
        .name
        .as_deref()
        .is_some_and(|name| !is_name(name, 200))
    {
        return Err(IdentityError::Name);
    }
    if let Some(requires_mfa) = patch.requires_mfa {
        let person = require_recent(app, principal)?;
        if requires_mfa && !(person.has_mfa && person.is_mfa) {
            return Err(IdentityError::OwnMfaMissing);
        }
    }
    let (work, actor) = (app.clone(), principal.actor());
    let changed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let name = patch.name.as_deref().map(str::trim);
                let changed =
                    members::update_organisation(c, id, name, patch.requires_mfa, work.now())
                        .await?;
                let changed = changed.ok_or(IdentityError::NotFound("organisation"))?;
                let detail = json!({"renamed": name.is_some(), "requires_mfa": patch.requires_mfa});
                note(
                    &work,
                    c,
                    Some(id),
                    &actor,
                    "organisations.changed",
                    id,
                    detail,
                )
                .await?;
                Ok::<_, IdentityError>(changed)
            })
        })
        .await?;
    app.principals.clear();
    Ok(changed)
}
