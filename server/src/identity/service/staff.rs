//! Members at tills and phones that others use too.
//!
//! Wrong PINs are counted for a member at one device, and for the device: who holds a stolen device
//! locks nobody out anywhere else. What is hashed is not the PIN but a keyed digest of it, so that a
//! stolen database alone gives no PIN, however few there are.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random;
use serde_json::json;

use super::note::note;
use super::people::open_profile;
use super::throttle::{STAFF, STAFF_DEVICE, Throttle};
use super::{IdentityError, field};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::model::*;
use crate::identity::store::staff::{NewStaffSession, StaffRow};
use crate::identity::store::{members, staff as store};
use crate::platform::token_hash;

/// What the token of a staff session starts with.
const STAFF_PREFIX: &str = "biltenst_";

fn roles() -> Vec<Role> {
    Role::ALL
        .iter()
        .copied()
        .filter(|role| role.works_at_events())
        .collect()
}

/// What is hashed in place of a PIN.
fn keyed(app: &App, member: MemberId, pin: &Pin) -> Password {
    let id = member.to_string();
    let mac = app
        .vault
        .mac("staff pin", &[id.as_bytes(), pin.reveal().as_bytes()]);
    let text = mac.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Password::from(text)
}

/// Sets a person's own PIN in an organisation, which they named or which is their only one.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::Denied`], or a fault of the database.
pub async fn set_pin(
    app: &App,
    person: &Person,
    named: Option<&str>,
    pin: Pin,
) -> Result<(), IdentityError> {
    let membership = person.membership(named).map_err(IdentityError::Denied)?;
    if let Some(fault) = pin.fault() {
        return Err(IdentityError::Invalid(vec![field(
            "pin".to_owned(),
            "malformed",
            fault,
        )]));
    }
    let (organisation, member, user) = (membership.organisation, membership.member, person.user);
    let hash = app
        .passwords
        .hash(&*app.random, keyed(app, member, &pin))
        .await?;
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                // They may have been taken out while the PIN was hashed.
                if members::member(c, organisation, member).await?.is_none() {
                    return Err(IdentityError::NotFound("member"));
                }
                store::set_pin(c, organisation, member, &hash, work.now()).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &user.to_string(),
                    "staff.pin_set",
                    member,
                    json!({}),
                )
                .await
            })
        })
        .await
}

/// Takes a person's own PIN away; doing so again changes nothing.
///
/// # Errors
/// [`IdentityError::Denied`], or a fault of the database.
pub async fn clear_own_pin(
    app: &App,
    person: &Person,
    named: Option<&str>,
) -> Result<(), IdentityError> {
    let membership = person.membership(named).map_err(IdentityError::Denied)?;
    clear(
        app,
        person.user.to_string(),
        membership.organisation,
        membership.member,
    )
    .await
}

/// Takes a member's PIN away, and the devices that they hold.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the database.
pub async fn clear_pin(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    member: MemberId,
) -> Result<(), IdentityError> {
    clear(app, principal.actor(), organisation, member).await
}

async fn clear(
    app: &App,
    actor: String,
    organisation: OrganisationId,
    member: MemberId,
) -> Result<(), IdentityError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                if members::member(c, organisation, member).await?.is_none() {
                    return Err(IdentityError::NotFound("member"));
                }
                if store::clear_pin(c, member, work.now()).await? {
                    note(
                        &work,
                        c,
                        Some(organisation),
                        &actor,
                        "staff.pin_cleared",
                        member,
                        json!({}),
                    )
                    .await?;
                }
                Ok(())
            })
        })
        .await
}

fn name(app: &App, row: &StaffRow) -> Result<String, IdentityError> {
    let profile = open_profile(app, row.user_id, &row.sealed_profile)?;
    Ok(profile.map_or_else(String::new, |profile| profile.name))
}

/// Who may take over a device of an event: members with a PIN who work there. Names only.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn staff_names(
    app: &App,
    organisation: OrganisationId,
    event: EventId,
) -> Result<Vec<StaffName>, IdentityError> {
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move { store::staff(c, organisation, event, &roles(), MAX_STAFF).await })
        })
        .await?;
    let shown = |row: StaffRow| {
        Ok(StaffName {
            name: name(app, &row)?,
            member: row.id,
        })
    };
    let mut names: Vec<StaffName> = rows
        .into_iter()
        .map(shown)
        .collect::<Result<_, IdentityError>>()?;
    names.sort_by_key(|staff| staff.name.to_lowercase());
    Ok(names)
}

/// Lets a member take a device over by their PIN; whoever held it before is signed out there.
///
/// # Errors
/// [`IdentityError::PinWrong`], [`IdentityError::TooMany`], or a fault of the vault or the database.
pub async fn begin_staff_session(
    app: &App,
    organisation: OrganisationId,
    event: EventId,
    device: String,
    input: StaffSignIn,
) -> Result<StaffSession, IdentityError> {
    let member = input.member;
    let throttles = [
        Throttle::new(app, STAFF_DEVICE, &[device.as_bytes()]),
        Throttle::new(
            app,
            STAFF,
            &[device.as_bytes(), member.to_string().as_bytes()],
        ),
    ];
    let now = app.now();
    let passed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                for throttle in throttles {
                    if let Err(wait) = throttle.pass(c, now).await? {
                        return Ok(Err(wait));
                    }
                }
                Ok::<_, IdentityError>(Ok(store::staff_member(
                    c,
                    organisation,
                    event,
                    &roles(),
                    member,
                )
                .await?))
            })
        })
        .await?;
    let found = passed.map_err(IdentityError::TooMany)?;
    let hash = found.as_ref().map(|row| row.pin_hash.clone());
    let typed = keyed(app, member, &input.pin);
    if !app
        .passwords
        .verify(&*app.random, hash.clone(), typed)
        .await?
        .is_right
    {
        return Err(IdentityError::PinWrong);
    }
    let (work, token) = (
        app.clone(),
        format!("{STAFF_PREFIX}{}", random::token(&*app.random, 40)),
    );
    app.db
        .write(move |c| {
            Box::pin(async move {
                let now = work.now();
                // Their role or PIN may be another one by now.
                let row = store::staff_member(c, organisation, event, &roles(), member).await?;
                let row = row
                    .filter(|row| Some(&row.pin_hash) == hash.as_ref())
                    .ok_or(IdentityError::PinWrong)?;
                let session = NewStaffSession {
                    id: StaffSessionId::new(&*work.clock, &*work.random),
                    device_id: device,
                    event_id: event,
                    member_id: member,
                    created_at: now,
                    expires_at: now + Duration::from_millis(STAFF_SESSION_MS.unsigned_abs()),
                };
                store::end_device(c, &session.device_id, now).await?;
                store::begin(c, &session, token_hash(&token)).await?;
                for throttle in throttles {
                    throttle.clear(c).await?;
                }
                let detail = json!({"device": session.device_id, "event": event});
                note(
                    &work,
                    c,
                    Some(organisation),
                    &member.to_string(),
                    "staff.began",
                    session.id,
                    detail,
                )
                .await?;
                Ok(StaffSession {
                    id: session.id,
                    member,
                    name: name(&work, &row)?,
                    permissions: permissions(&row),
                    token,
                    expires_at: session.expires_at,
                })
            })
        })
        .await
}

/// What a member may do at the device's event.
fn permissions(row: &StaffRow) -> Vec<Permission> {
    let may = |permission: &Permission| {
        let roles = [row.role, row.event_role];
        permission.is_for_events() && roles.iter().flatten().any(|role| role.may(*permission))
    };
    Permission::ALL.iter().copied().filter(may).collect()
}

/// Signs out whoever holds a device.
///
/// # Errors
/// A fault of the database.
pub async fn end_staff_session(app: &App, device: String) -> Result<(), IdentityError> {
    let now: Timestamp = app.now();
    app.db
        .write(move |c| Box::pin(async move { Ok(store::end_device(c, &device, now).await?) }))
        .await
}

/// Those of these members who held a device at some time: what it says of others is not believed.
///
/// # Errors
/// A fault of the database.
pub async fn staff_of_device(
    app: &App,
    device: String,
    named: HashSet<MemberId>,
) -> Result<HashSet<MemberId>, bilten_kernel::db::DbError> {
    if named.is_empty() {
        return Ok(named);
    }
    let named: Vec<MemberId> = named.into_iter().collect();
    let held = app
        .db
        .read(move |c| Box::pin(async move { store::held(c, &device, &named).await }))
        .await?;
    Ok(held.into_iter().collect())
}
