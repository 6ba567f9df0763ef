//! Invitations: sent by mail, answered by whoever has that address.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Violation};
use bilten_kernel::random;
use serde_json::json;

use super::letters::{Letter, link, post_to};
use super::members::{check_roles, granting_role};
use super::note::note;
use super::people::email_lookup;
use super::{IdentityError, add_member_in, field, require_recent};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::invitations::InvitationRow;
use crate::identity::store::{invitations as store, members, organisations, people};
use crate::platform::token_hash;

/// For what the address of an invitation is sealed.
pub(in crate::identity) fn invitation_purpose(id: impl std::fmt::Display) -> String {
    format!("invitation:{id}")
}

fn opened(app: &App, row: InvitationRow) -> Invitation {
    let state = match (row.accepted_at, row.revoked_at) {
        (Some(_), _) => InvitationState::Accepted,
        (None, Some(_)) => InvitationState::Revoked,
        (None, None) if row.expires_at <= app.now() => InvitationState::Expired,
        (None, None) => InvitationState::Pending,
    };
    Invitation {
        email: address(app, &row),
        id: row.id,
        roles: roles(&row),
        state,
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}

fn address(app: &App, row: &InvitationRow) -> Option<String> {
    let text = app
        .vault
        .open(&invitation_purpose(row.id), &row.sealed_email)
        .ok()?;
    String::from_utf8(text).ok()
}

fn roles(row: &InvitationRow) -> Roles {
    Roles {
        role: row.role,
        events: row.event_roles.0.clone(),
    }
}

fn new_token(app: &App) -> String {
    random::token(&*app.random, 40)
}

fn until(app: &App) -> Timestamp {
    Timestamp::from_ms(app.now().ms().saturating_add(INVITATION_MS))
}

async fn send(
    app: &App,
    c: &mut Conn,
    row: &InvitationRow,
    email: &Email,
    token: &str,
) -> Result<(), IdentityError> {
    let organisation = organisations::organisation(c, row.organisation_id).await?;
    let organisation = organisation.ok_or(IdentityError::NotFound("organisation"))?;
    let role = row
        .role
        .or_else(|| row.event_roles.0.first().map(|given| given.role));
    let letter = Letter::Invitation {
        organisation: organisation.name,
        role: role.map_or("", Role::as_str).replace('_', " "),
        link: link(app, "/invitation", token),
        expires_at: row.expires_at,
    };
    post_to(app, c, email, letter).await
}

/// An organisation's invitations, the newest first, before one of them.
///
/// # Errors
/// A fault of the database.
pub async fn invitations(
    app: &App,
    organisation: OrganisationId,
    before: Option<InvitationId>,
    limit: i64,
) -> Result<Vec<Invitation>, IdentityError> {
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::list(c, organisation, before, limit).await }))
        .await?;
    Ok(rows.into_iter().map(|row| opened(app, row)).collect())
}

/// How many invitations of an organisation wait for an answer, inside a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn waiting_invitations_in(
    c: &mut Conn,
    organisation: OrganisationId,
    now: Timestamp,
) -> Result<i64, DbError> {
    store::waiting(c, organisation, now).await
}

/// Invites somebody by mail; what waited for the same address is replaced.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::RoleTooHigh`], [`IdentityError::MemberAlready`],
/// [`IdentityError::TooManyOf`], or a fault of the vault or the database.
pub async fn invite(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    input: InvitationInput,
) -> Result<Invitation, IdentityError> {
    let email: Email = input.email.parse().map_err(|error: EmailError| {
        IdentityError::Invalid(vec![field(
            "email".to_owned(),
            "malformed",
            &error.to_string(),
        )])
    })?;
    let roles = Roles {
        role: input.role,
        events: input.events,
    };
    check_roles(app, organisation, &roles).await?;
    if roles.role == Some(Role::Owner) {
        require_recent(app, principal)?;
    }
    let id = InvitationId::new(&*app.clock, &*app.random);
    let (token, lookup, now) = (new_token(app), email_lookup(app, &email), app.now());
    let row = InvitationRow {
        id,
        organisation_id: organisation,
        email_lookup: lookup.to_vec(),
        sealed_email: app.vault.seal(
            &invitation_purpose(id),
            email.as_str().as_bytes(),
            &*app.random,
        )?,
        role: roles.role,
        event_roles: AsJson(roles.events.clone()),
        invited_by: principal.actor(),
        created_at: now,
        expires_at: until(app),
        accepted_at: None,
        revoked_at: None,
    };
    let (work, principal) = (app.clone(), principal.clone());
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let giver = granting_role(c, organisation, &principal).await?;
                if roles.all().any(|role| !giver.may_grant(role)) {
                    return Err(IdentityError::RoleTooHigh);
                }
                if members::member_by_email(c, organisation, lookup)
                    .await?
                    .is_some()
                {
                    return Err(IdentityError::MemberAlready);
                }
                store::revoke_for(c, organisation, &lookup, now).await?;
                if store::waiting(c, organisation, now).await? >= MAX_INVITATIONS {
                    return Err(IdentityError::TooManyOf("invitations"));
                }
                store::insert(c, &row, token_hash(&token)).await?;
                send(&work, c, &row, &email, &token).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &principal.actor(),
                    "invitations.sent",
                    id,
                    json!({"roles": roles}),
                )
                .await?;
                Ok::<_, IdentityError>(row)
            })
        })
        .await?;
    Ok(opened(app, row))
}

/// Sends an invitation once more, with a new link and a new time; the old link is void.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::InvitationGone`], [`IdentityError::RoleTooHigh`],
/// or a fault of the vault or the database.
pub async fn resend_invitation(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: InvitationId,
) -> Result<Invitation, IdentityError> {
    let (work, principal, token) = (app.clone(), principal.clone(), new_token(app));
    let row = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let giver = granting_role(c, organisation, &principal).await?;
                let row = store::by_id(c, organisation, id).await?;
                let mut row = row.ok_or(IdentityError::NotFound("invitation"))?;
                if roles(&row).all().any(|role| !giver.may_grant(role)) {
                    return Err(IdentityError::RoleTooHigh);
                }
                let email = address(&work, &row).and_then(|text| text.parse::<Email>().ok());
                let email = email.ok_or(IdentityError::InvitationGone)?;
                row.expires_at = until(&work);
                if !store::renew(c, organisation, id, token_hash(&token), row.expires_at).await? {
                    return Err(IdentityError::InvitationGone);
                }
                send(&work, c, &row, &email, &token).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &principal.actor(),
                    "invitations.sent_again",
                    id,
                    json!({}),
                )
                .await?;
                Ok::<_, IdentityError>(row)
            })
        })
        .await?;
    Ok(opened(app, row))
}

/// Takes an invitation back.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::InvitationGone`], or a fault of the database.
pub async fn revoke_invitation(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: InvitationId,
) -> Result<(), IdentityError> {
    let (work, actor) = (app.clone(), principal.actor());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::by_id(c, organisation, id).await?.is_none() {
                    return Err(IdentityError::NotFound("invitation"));
                }
                if !store::revoke(c, organisation, id, work.now()).await? {
                    return Err(IdentityError::InvitationGone);
                }
                note(
                    &work,
                    c,
                    Some(organisation),
                    &actor,
                    "invitations.revoked",
                    id,
                    json!({}),
                )
                .await
            })
        })
        .await
}

/// The invitation that a link shows, if it can still be accepted.
///
/// # Errors
/// [`IdentityError::InvitationGone`], or a fault of the vault or the database.
pub async fn invited(app: &App, token: &str) -> Result<Invited, IdentityError> {
    let hash = token_hash(token);
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let Some(row) = store::by_token(c, hash).await? else {
                    return Ok(None);
                };
                let organisation = organisations::organisation(c, row.organisation_id).await?;
                Ok::<_, IdentityError>(organisation.map(|organisation| (row, organisation.name)))
            })
        })
        .await?;
    let (row, organisation) = found.ok_or(IdentityError::InvitationGone)?;
    let email = address(app, &row).ok_or(IdentityError::InvitationGone)?;
    let seen = Invited {
        organisation,
        email,
        roles: roles(&row),
        expires_at: row.expires_at,
    };
    match opened(app, row).state {
        InvitationState::Pending => Ok(seen),
        InvitationState::Accepted | InvitationState::Revoked | InvitationState::Expired => {
            Err(IdentityError::InvitationGone)
        }
    }
}

/// Accepts an invitation inside a write: the person must have shown that the invited address is
/// theirs. Gives the organisation that they joined; the caller calls `app.principals.clear()` after
/// its commit.
///
/// # Errors
/// [`IdentityError::InvitationGone`], [`IdentityError::InvitationOfAnother`],
/// [`IdentityError::Unverified`], or a fault of the database.
pub async fn accept_invitation_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
    actor: &str,
    token: &str,
) -> Result<OrganisationId, IdentityError> {
    let row = store::by_token(c, token_hash(token)).await?;
    let row = row.ok_or(IdentityError::InvitationGone)?;
    let person = people::by_id(c, user)
        .await?
        .ok_or(IdentityError::NotFound("account"))?;
    if people::lookup(c, user).await?.as_deref() != Some(&*row.email_lookup) {
        return Err(IdentityError::InvitationOfAnother);
    }
    if person.email_verified_at.is_none() {
        return Err(IdentityError::Unverified);
    }
    if !store::accept(c, row.id, app.now()).await? {
        return Err(IdentityError::InvitationGone);
    }
    let is_new = add_member_in(app, c, row.organisation_id, user, row.role).await?;
    let member = members::member_of(c, row.organisation_id, user).await?;
    if let Some((member, _)) = member
        && is_new
    {
        match members::insert_event_roles(c, member, &row.event_roles.0).await {
            // The event was deleted meanwhile, and with it the invitation's sense.
            Err(error) if error.violates(Violation::ForeignKey) => {
                return Err(IdentityError::InvitationGone);
            }
            done => done?,
        }
    }
    let detail = json!({"user": user, "is_new": is_new});
    note(
        app,
        c,
        Some(row.organisation_id),
        actor,
        "invitations.accepted",
        row.id,
        detail,
    )
    .await?;
    Ok(row.organisation_id)
}

/// Accepts an invitation for a person who is signed in.
///
/// # Errors
/// As [`accept_invitation_in`].
pub async fn accept_invitation(
    app: &App,
    principal: &Principal,
    person: &Person,
    token: String,
) -> Result<Organisation, IdentityError> {
    let (work, user, actor) = (app.clone(), person.user, principal.actor());
    let joined = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let joined = accept_invitation_in(&work, c, user, &actor, &token).await?;
                let joined = organisations::organisation(c, joined).await?;
                joined.ok_or(IdentityError::NotFound("organisation"))
            })
        })
        .await?;
    app.principals.clear();
    Ok(joined)
}
