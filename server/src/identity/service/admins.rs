//! Administrators of the platform: apart from all tenants, and everything they do is audited.

use std::time::Duration;

use bilten_kernel::db::Conn;
use serde_json::json;

use super::letters::{Letter, post};
use super::note::note;
use super::people::{email_lookup, open_user};
use super::{IdentityError, begin_session, end_sessions_in, field, own_organisations_of};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{admins as store, organisations, people};

/// Makes somebody an administrator; says whether they were none.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::Unverified`], or a fault of the database.
pub async fn grant_admin(app: &App, user: UserId, by: &str) -> Result<bool, IdentityError> {
    let (work, by) = (app.clone(), by.to_owned());
    let granted = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = people::by_id(c, user).await?;
                let row = row.filter(|row| row.state == UserState::Active);
                let row = row.ok_or(IdentityError::NotFound("account"))?;
                if row.email_verified_at.is_none() {
                    return Err(IdentityError::Unverified);
                }
                let granted = store::grant(c, user, &by, work.now()).await?;
                if granted {
                    note(&work, c, None, &by, "admins.granted", user, json!({})).await?;
                }
                Ok(granted)
            })
        })
        .await?;
    app.principals.clear();
    Ok(granted)
}

/// Makes somebody no administrator any more, and ends what they do as others; says whether they
/// were one.
///
/// # Errors
/// A fault of the database.
pub async fn revoke_admin(app: &App, user: UserId, by: &str) -> Result<bool, IdentityError> {
    let (work, by) = (app.clone(), by.to_owned());
    let revoked = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let revoked = store::revoke(c, user, work.now()).await?;
                if revoked {
                    store::end_impersonations_by(c, user, work.now()).await?;
                    note(&work, c, None, &by, "admins.revoked", user, json!({})).await?;
                }
                Ok::<_, IdentityError>(revoked)
            })
        })
        .await?;
    app.principals.clear();
    Ok(revoked)
}

/// The administrators, in the order of their ids, after one of them.
///
/// # Errors
/// A fault of the database.
pub async fn admins(
    app: &App,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Admin>, IdentityError> {
    let read = app
        .db
        .read(move |c| Box::pin(async move { store::admins(c, after, limit).await }));
    Ok(read.await?)
}

async fn view(app: &App, c: &mut Conn, row: people::UserRow) -> Result<UserView, IdentityError> {
    let memberships = organisations::memberships(c, row.id).await?;
    let is_platform_admin = store::is_admin(c, row.id).await?;
    let user = open_user(app, row)?;
    let (name, email) = user.profile.map(|p| (p.name, p.email.to_string())).unzip();
    Ok(UserView {
        id: user.id,
        email,
        name,
        state: user.state,
        email_verified_at: user.email_verified_at,
        created_at: user.created_at,
        is_platform_admin,
        organisations: own_organisations_of(&memberships),
    })
}

/// Somebody's account; that it was looked at is audited.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the vault or the database.
pub async fn look_at_user(
    app: &App,
    admin: &Person,
    user: UserId,
) -> Result<UserView, IdentityError> {
    let (work, by) = (app.clone(), admin.user.to_string());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let row = people::by_id(c, user)
                    .await?
                    .ok_or(IdentityError::NotFound("account"))?;
                let seen = view(&work, c, row).await?;
                note(&work, c, None, &by, "users.looked_at", user, json!({})).await?;
                Ok(seen)
            })
        })
        .await
}

/// The account with this address, if there is one; that it was looked at is audited.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn look_for_user(
    app: &App,
    admin: &Person,
    email: &Email,
) -> Result<Option<UserView>, IdentityError> {
    let (work, by, lookup) = (
        app.clone(),
        admin.user.to_string(),
        email_lookup(app, email),
    );
    app.db
        .write(move |c| {
            Box::pin(async move {
                let Some(row) = people::by_email(c, lookup).await? else {
                    return Ok(None);
                };
                let seen = view(&work, c, row).await?;
                note(&work, c, None, &by, "users.looked_at", seen.id, json!({})).await?;
                Ok(Some(seen))
            })
        })
        .await
}

pub(super) fn checked_reason(reason: &str) -> Result<String, IdentityError> {
    let reason = reason.trim();
    if (10..=500).contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
        return Ok(reason.to_owned());
    }
    let wrong = field(
        "reason".to_owned(),
        "malformed",
        "Say why in 10 to 500 characters.",
    );
    Err(IdentityError::Invalid(vec![wrong]))
}

/// Locks somebody out, and ends all their sessions.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], [`IdentityError::AdminProtected`], or
///  a fault of the database.
pub async fn deactivate_user(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
) -> Result<UserView, IdentityError> {
    set_state(app, admin, user, reason, UserState::Deactivated).await
}

/// Lets somebody sign in again.
///
/// # Errors
/// As [`deactivate_user`].
pub async fn reactivate_user(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
) -> Result<UserView, IdentityError> {
    set_state(app, admin, user, reason, UserState::Active).await
}

async fn set_state(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
    to: UserState,
) -> Result<UserView, IdentityError> {
    let (from, action) = match to {
        UserState::Deactivated => (UserState::Active, "users.deactivated"),
        UserState::Active => (UserState::Deactivated, "users.reactivated"),
        UserState::Erased => return Err(IdentityError::NotFound("account")),
    };
    let (work, by) = (app.clone(), admin.user.to_string());
    let reason = checked_reason(reason);
    let changed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let row = people::by_id(c, user)
                    .await?
                    .ok_or(IdentityError::NotFound("account"))?;
                let reason = reason?;
                if row.state == UserState::Erased {
                    return Err(IdentityError::NotFound("account"));
                }
                if to == UserState::Deactivated && store::is_admin(c, user).await? {
                    return Err(IdentityError::AdminProtected);
                }
                let touched = store::set_state(c, user, from, to, work.now()).await?;
                let ended = if to == UserState::Deactivated {
                    super::end_grants_in(&work, c, &by, user, None).await?;
                    end_sessions_in(&work, c, user, None).await?
                } else {
                    0
                };
                let row = people::by_id(c, user)
                    .await?
                    .ok_or(IdentityError::NotFound("account"))?;
                let changed = view(&work, c, row).await?;
                if touched {
                    let detail = json!({"reason": reason, "sessions_ended": ended});
                    note(&work, c, None, &by, action, user, detail).await?;
                }
                Ok::<_, IdentityError>(changed)
            })
        })
        .await?;
    app.principals.clear();
    Ok(changed)
}

/// All organisations, the newest first, before one of them.
///
/// # Errors
/// A fault of the database.
pub async fn all_organisations(
    app: &App,
    before: Option<OrganisationId>,
    limit: i64,
) -> Result<Vec<OrganisationView>, IdentityError> {
    let read = app
        .db
        .read(move |c| Box::pin(async move { store::organisations(c, before, limit).await }));
    Ok(read.await?)
}

/// An organisation with how large it is.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn look_at_organisation(
    app: &App,
    id: OrganisationId,
) -> Result<OrganisationView, IdentityError> {
    app.db
        .read(move |c| Box::pin(async move { store::organisation(c, id).await }))
        .await?
        .ok_or(IdentityError::NotFound("organisation"))
}

/// Lets an administrator act as somebody for a while. The person is told by mail; the session can
/// do nothing that asks for a recent sign-in.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotImpersonable`], or a fault of the vault or the
/// database.
pub async fn impersonate(
    app: &App,
    admin: &Person,
    input: ImpersonationInput,
    origin: Origin,
) -> Result<NewImpersonation, IdentityError> {
    let reason = checked_reason(&input.reason)?;
    if !(1..=MAX_IMPERSONATION_MINUTES).contains(&input.minutes) {
        let wrong = field(
            "minutes".to_owned(),
            "out_of_range",
            "This lasts 1 to 60 minutes.",
        );
        return Err(IdentityError::Invalid(vec![wrong]));
    }
    let now = app.now();
    let impersonation = Impersonation {
        id: ImpersonationId::new(&*app.clock, &*app.random),
        admin_id: admin.user,
        user_id: input.user,
        reason,
        started_at: now,
        expires_at: now + Duration::from_secs(u64::from(input.minutes) * 60),
        ended_at: None,
    };
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let i = impersonation;
                if !store::begin_impersonation(c, &i).await? {
                    return Err(IdentityError::NotImpersonable);
                }
                let proof = Proof {
                    methods: "impersonation".to_owned(),
                    is_mfa: false,
                };
                let until = Some((i.id, i.expires_at));
                let begun = begin_session(
                    &work,
                    c,
                    i.user_id,
                    SessionKind::App,
                    &proof,
                    &origin,
                    until,
                )
                .await?;
                let row = people::by_id(c, i.user_id)
                    .await?
                    .ok_or(IdentityError::NotImpersonable)?;
                if let Some(profile) = open_user(&work, row)?.profile {
                    let letter = Letter::Impersonated {
                        at: i.started_at,
                        until: i.expires_at,
                        reason: i.reason.clone(),
                    };
                    post(&work, c, &profile, letter).await?;
                }
                let detail = json!({"user": i.user_id, "reason": i.reason, "until": i.expires_at});
                note(
                    &work,
                    c,
                    None,
                    &i.admin_id.to_string(),
                    "impersonations.begun",
                    i.id,
                    detail,
                )
                .await?;
                Ok(NewImpersonation {
                    impersonation: i,
                    token: begun.token,
                })
            })
        })
        .await
}

/// Ends an impersonation at once; doing so again changes nothing.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn end_impersonation(
    app: &App,
    admin: &Person,
    id: ImpersonationId,
) -> Result<(), IdentityError> {
    let (work, by) = (app.clone(), admin.user.to_string());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::has_impersonation(c, id).await? {
                    return Err(IdentityError::NotFound("impersonation"));
                }
                if let Some(user) = store::end_impersonation(c, id, work.now()).await? {
                    note(
                        &work,
                        c,
                        None,
                        &by,
                        "impersonations.ended",
                        id,
                        json!({"user": user}),
                    )
                    .await?;
                }
                Ok(())
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Impersonations, the newest first, before one of them.
///
/// # Errors
/// A fault of the database.
pub async fn impersonations(
    app: &App,
    before: Option<ImpersonationId>,
    limit: i64,
) -> Result<Vec<Impersonation>, IdentityError> {
    let read = app
        .db
        .read(move |c| Box::pin(async move { store::impersonations(c, before, limit).await }));
    Ok(read.await?)
}
