//! Members of organisations.

use bilten_kernel::db::{Conn, Violation};
use serde_json::json;

use super::note::note;
use super::people::{email_lookup, open_profile};
use super::{IdentityError, field};
use crate::app::App;
use crate::catalog::{self, CatalogError, EventId};
use crate::identity::model::*;
use crate::identity::store::members::MemberRow;
use crate::identity::store::{invitations, members as store, organisations};

/// Makes somebody a member inside a write; the caller calls `app.principals.clear()` after its
/// commit. Says whether they were none before.
///
/// # Errors
/// A fault of the database.
pub async fn add_member_in(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
) -> Result<bool, IdentityError> {
    let id = MemberId::new(&*app.clock, &*app.random);
    Ok(organisations::insert_member(c, id, organisation, user, role, app.now()).await?)
}

/// Makes somebody a member; says whether they were none before.
///
/// # Errors
/// A fault of the database.
pub async fn add_member(
    app: &App,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
) -> Result<bool, IdentityError> {
    let work = app.clone();
    let added = app
        .db
        .write(move |c| {
            Box::pin(async move { add_member_in(&work, c, organisation, user, role).await })
        })
        .await?;
    app.principals.clear();
    Ok(added)
}

fn opened(app: &App, row: MemberRow, events: Vec<EventRole>) -> Result<Member, IdentityError> {
    let profile = open_profile(app, row.user_id, &row.sealed_profile)?;
    let (name, email) = profile.map(|p| (p.name, p.email.to_string())).unzip();
    Ok(Member {
        id: row.id,
        user: row.user_id,
        name,
        email,
        roles: Roles {
            role: row.role,
            events,
        },
        has_pin: row.has_pin,
        joined_at: row.created_at,
    })
}

async fn with_events(
    c: &mut Conn,
    rows: Vec<MemberRow>,
) -> Result<Vec<(MemberRow, Vec<EventRole>)>, IdentityError> {
    let ids: Vec<MemberId> = rows.iter().map(|row| row.id).collect();
    let roles = store::event_roles(c, &ids).await?;
    let of = |id: MemberId| {
        let own = roles.iter().filter(move |(member, _, _)| *member == id);
        own.map(|(_, event, role)| EventRole {
            event: *event,
            role: *role,
        })
        .collect()
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            let events = of(row.id);
            (row, events)
        })
        .collect())
}

/// An organisation's members in the order that the filter says, after one of them.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn members(
    app: &App,
    organisation: OrganisationId,
    filter: MemberFilter,
    after: Option<MemberId>,
    limit: i64,
) -> Result<Vec<Member>, IdentityError> {
    let lookup = filter.email.as_ref().map(|email| email_lookup(app, email));
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let rows = match lookup {
                    Some(lookup) => store::member_by_email(c, organisation, lookup)
                        .await?
                        .into_iter()
                        .filter(|row| filter.role.is_none_or(|role| row.role == Some(role)))
                        .filter(|row| {
                            after.is_none_or(|after| match filter.by {
                                MemberSort::FirstJoined => row.id > after,
                                MemberSort::LastJoined => row.id < after,
                            })
                        })
                        .collect(),
                    None => store::members(c, organisation, &filter, after, limit).await?,
                };
                with_events(c, rows).await
            })
        })
        .await?;
    rows.into_iter()
        .map(|(row, events)| opened(app, row, events))
        .collect()
}

async fn read_member(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    id: MemberId,
) -> Result<Member, IdentityError> {
    let row = store::member(c, organisation, id)
        .await?
        .ok_or(IdentityError::NotFound("member"))?;
    let (row, events) = with_events(c, vec![row])
        .await?
        .pop()
        .ok_or(IdentityError::NotFound("member"))?;
    opened(app, row, events)
}

/// A member of an organisation.
///
/// # Errors
/// [`IdentityError::NotFound`], or a fault of the vault or the database.
pub async fn member(
    app: &App,
    organisation: OrganisationId,
    id: MemberId,
) -> Result<Member, IdentityError> {
    let work = app.clone();
    app.db
        .read(move |c| Box::pin(async move { read_member(&work, c, organisation, id).await }))
        .await
}

/// Checks roles that are to be given: at least one, each for an event of the organisation.
///
/// # Errors
/// [`IdentityError::Invalid`], or a fault of the database.
pub(super) async fn check_roles(
    app: &App,
    organisation: OrganisationId,
    roles: &Roles,
) -> Result<(), IdentityError> {
    let refuse = |name: String, code: &'static str, detail: &str| {
        Err(IdentityError::Invalid(vec![field(name, code, detail)]))
    };
    if roles.role.is_none() && roles.events.is_empty() {
        return refuse(
            "role".to_owned(),
            "missing",
            "Give a role for everything, or for at least one event.",
        );
    }
    if roles.events.len() > MAX_EVENT_ROLES {
        return refuse(
            "events".to_owned(),
            "too_many",
            "There can be roles for at most 200 single events.",
        );
    }
    let whole = Tenant::whole(organisation);
    for (place, given) in roles.events.iter().enumerate() {
        let name = |part: &str| format!("events[{place}].{part}");
        if given.role == Role::Owner {
            return refuse(
                name("role"),
                "not_for_events",
                "An owner is one of the whole organisation.",
            );
        }
        if roles
            .events
            .iter()
            .take(place)
            .any(|other| other.event == given.event)
        {
            return refuse(name("event"), "twice", "This event is named twice.");
        }
        match catalog::event_of(app, &whole, given.event).await {
            Ok(_) => {}
            Err(CatalogError::NotFound) => {
                return refuse(name("event"), "unknown", "There is no such event.");
            }
            Err(CatalogError::Db(error)) => return Err(error.into()),
            Err(other) => return Err(IdentityError::Fault(other.to_string())),
        }
    }
    Ok(())
}

/// The role for everything that the caller has at this moment, while no other change of roles in
/// the organisation is under way.
///
/// # Errors
/// [`IdentityError::Denied`], or a fault of the database.
pub(super) async fn granting_role(
    c: &mut Conn,
    organisation: OrganisationId,
    principal: &Principal,
) -> Result<Role, IdentityError> {
    let Principal::Person(person) = principal else {
        return Err(IdentityError::Denied(Denied::PermissionMissing));
    };
    if !store::one_at_a_time(c, organisation).await? {
        return Err(IdentityError::NotFound("organisation"));
    }
    let found = store::member_of(c, organisation, person.user).await?;
    found
        .and_then(|(_, role)| role)
        .filter(|role| role.may(Permission::MembersManage))
        .ok_or(IdentityError::Denied(Denied::PermissionMissing))
}

/// Changes what a member is. Nobody gives, or takes from others, more than they have; somebody
/// stays owner.
///
/// # Errors
/// [`IdentityError::Invalid`], [`IdentityError::NotFound`], [`IdentityError::RoleTooHigh`],
/// [`IdentityError::LastOwner`], or a fault of the database.
pub async fn set_roles(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: MemberId,
    roles: Roles,
) -> Result<Member, IdentityError> {
    // Somebody else's member is not there, whatever else is wrong.
    let before = member(app, organisation, id).await?;
    check_roles(app, organisation, &roles).await?;
    if roles.role == Some(Role::Owner) && before.roles.role != Some(Role::Owner) {
        super::require_recent(app, principal)?;
    }
    let (work, principal) = (app.clone(), principal.clone());
    let changed = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let now = work.now();
                let giver = granting_role(c, organisation, &principal).await?;
                let before = read_member(&work, c, organisation, id).await?;
                if roles
                    .all()
                    .chain(before.roles.all())
                    .any(|role| !giver.may_grant(role))
                {
                    return Err(IdentityError::RoleTooHigh);
                }
                if !store::set_role(c, organisation, id, roles.role, now).await? {
                    return Err(IdentityError::LastOwner);
                }
                store::clear_event_roles(c, id).await?;
                match store::insert_event_roles(c, id, &roles.events).await {
                    Err(error) if error.violates(Violation::ForeignKey) => {
                        let gone = field(
                            "events".to_owned(),
                            "unknown",
                            "One of these events is gone.",
                        );
                        return Err(IdentityError::Invalid(vec![gone]));
                    }
                    done => done?,
                }
                let has_lost = before
                    .roles
                    .role
                    .is_some_and(|old| !roles.role.is_some_and(|new| new.may_grant(old)));
                if has_lost {
                    invitations::revoke_by(c, organisation, &before.user.to_string(), now).await?;
                }
                let detail = json!({"from": before.roles, "to": roles});
                let changed = read_member(&work, c, organisation, id).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &principal.actor(),
                    "members.roles_changed",
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

/// Takes a member out of an organisation; somebody stays owner.
///
/// # Errors
/// [`IdentityError::NotFound`], [`IdentityError::RoleTooHigh`], [`IdentityError::LastOwner`], or a
/// fault of the database.
pub async fn remove_member(
    app: &App,
    principal: &Principal,
    organisation: OrganisationId,
    id: MemberId,
) -> Result<(), IdentityError> {
    let (work, principal) = (app.clone(), principal.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let giver = granting_role(c, organisation, &principal).await?;
                let before = read_member(&work, c, organisation, id).await?;
                if before.roles.all().any(|role| !giver.may_grant(role)) {
                    return Err(IdentityError::RoleTooHigh);
                }
                take_out(&work, c, organisation, id, before.user, &principal.actor()).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &principal.actor(),
                    "members.removed",
                    id,
                    json!({"user": before.user}),
                )
                .await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Takes a member out inside a write, with what they hold there: their PIN, the programs that act for
/// them, the invitations that they sent.
///
/// # Errors
/// [`IdentityError::LastOwner`], or a fault of the database.
pub(super) async fn take_out(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    id: MemberId,
    user: UserId,
    by: &str,
) -> Result<(), IdentityError> {
    let now = app.now();
    if !store::remove(c, organisation, id, now).await? {
        return Err(IdentityError::LastOwner);
    }
    // Should they come back, the programs that they let act for them do not.
    super::end_grants_in(app, c, by, user, Some(organisation)).await?;
    Ok(invitations::revoke_by(c, organisation, &user.to_string(), now).await?)
}

/// Leaves an organisation, named by its id or short name; not as its last owner.
///
/// # Errors
/// [`IdentityError::Denied`], [`IdentityError::LastOwner`], or a fault of the database.
pub async fn leave(
    app: &App,
    principal: &Principal,
    person: &Person,
    named: &str,
) -> Result<(), IdentityError> {
    let membership = person
        .membership(Some(named))
        .map_err(IdentityError::Denied)?;
    let (organisation, id, user) = (membership.organisation, membership.member, person.user);
    let (work, actor) = (app.clone(), principal.actor());
    app.db
        .write(move |c| {
            Box::pin(async move {
                store::one_at_a_time(c, organisation).await?;
                if store::member(c, organisation, id).await?.is_none() {
                    return Err(IdentityError::NotFound("member"));
                }
                take_out(&work, c, organisation, id, user, &actor).await?;
                note(
                    &work,
                    c,
                    Some(organisation),
                    &actor,
                    "members.left",
                    id,
                    json!({}),
                )
                .await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}

/// Forgets inside a write what depends on an event that is deleted with it; keys bound to it end.
///
/// # Errors
/// A fault of the database.
pub(crate) async fn forget_event_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
) -> Result<(), bilten_kernel::db::DbError> {
    store::forget_event(c, event, app.now()).await?;
    let app = app.clone();
    c.after_commit(move || app.principals.clear());
    Ok(())
}
