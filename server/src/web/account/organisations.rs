//! Organisations that somebody belongs to, with their members and invitations.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::sign_in::Wish;
use super::{Holder, Place, Proven, done};
use crate::app::App;
use crate::identity::{
    self, InvitationId, InvitationInput, InvitationState, Member, MemberFilter, MemberId,
    Membership, OrganisationId, Permission, Pin, Role, Roles,
};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

/// How many members and invitations are on a page.
const LIMIT: i64 = 50;

#[derive(Template)]
#[template(path = "account/organisations.html")]
struct OrganisationsPage {
    shell: Shell,
    done: Option<&'static str>,
    organisations: Vec<OrganisationView>,
}

struct OrganisationView {
    slug: String,
    name: String,
    roles: String,
    is_sandbox: bool,
}

#[derive(Template)]
#[template(path = "account/organisation.html")]
struct OrganisationPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    name: String,
    slug: String,
    roles: String,
    members: Option<Vec<MemberView>>,
    more: Option<String>,
    invitations: Option<Vec<InvitationView>>,
    can_manage: bool,
    has_pin: bool,
    /// What was written into the form of an invitation.
    email: String,
    role: String,
    choices: Vec<RoleChoice>,
}

struct MemberView {
    id: MemberId,
    name: String,
    email: String,
    roles: String,
    is_self: bool,
    joined: Moment,
}

struct InvitationView {
    id: InvitationId,
    email: String,
    roles: String,
    until: Moment,
}

#[derive(Template)]
#[template(path = "account/member.html")]
struct MemberPage {
    shell: Shell,
    faults: Faults,
    organisation: String,
    slug: String,
    id: MemberId,
    name: String,
    email: String,
    /// Roles for single events, which stay as they are.
    events: usize,
    role: String,
    choices: Vec<RoleChoice>,
}

/// A role to choose.
struct RoleChoice {
    value: &'static str,
    name: &'static str,
    note: &'static str,
}

/// A role, as people call it, and what it is for.
pub(super) const fn role_words(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Owner => ("Owner", "May do everything, also end the organisation."),
        Role::Manager => ("Manager", "Runs events, sales, the door and the members."),
        Role::BoxOffice => ("Box office", "Sells tickets and helps buyers."),
        Role::DoorStaff => ("Door staff", "Lets people in."),
        Role::DoorSupervisor => (
            "Door supervisor",
            "Runs the door with its gates and devices.",
        ),
        Role::Finance => ("Finance", "Sees sales and gives money back."),
        Role::Marketing => (
            "Marketing",
            "Describes events, makes promo codes and speaks to buyers.",
        ),
        Role::Viewer => ("Viewer", "Sees events and figures, changes nothing."),
    }
}

/// The roles that somebody may give.
fn choices(mine: &Membership) -> Vec<RoleChoice> {
    Role::ALL
        .iter()
        .filter(|role| mine.role.is_some_and(|giver| giver.may_grant(**role)))
        .map(|role| {
            let (name, note) = role_words(*role);
            RoleChoice {
                value: role.as_str(),
                name,
                note,
            }
        })
        .collect()
}

/// Roles in a line.
fn in_a_line(role: Option<Role>, events: usize) -> String {
    let mut parts: Vec<String> = role
        .map(|role| role_words(role).0.to_owned())
        .into_iter()
        .collect();
    match events {
        0 => {}
        1 => parts.push("a role for 1 event".to_owned()),
        n => parts.push(format!("roles for {n} events")),
    }
    parts.join(", ")
}

/// `GET /account/organisations`
pub(super) async fn show(holder: Holder, Query(wish): Query<Wish>) -> Result<Response, Problem> {
    let view = |membership: &Membership| OrganisationView {
        slug: membership.slug.clone(),
        name: membership.name.clone(),
        roles: in_a_line(membership.role, membership.event_roles.len()),
        is_sandbox: membership.mode.is_sandbox(),
    };
    let page = OrganisationsPage {
        shell: Shell::account("Organisations", &holder, Place::Organisations),
        done: done(&wish.done),
        organisations: holder.person.memberships.iter().map(view).collect(),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}

/// From where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    after: Option<MemberId>,
    #[serde(default)]
    done: String,
}

/// What somebody may do in an organisation of theirs.
pub(super) fn allowed(
    holder: &Holder,
    permission: Permission,
    slug: &str,
) -> Result<OrganisationId, Problem> {
    let tenant = identity::authorise(&holder.principal, permission, Some(slug))?;
    Ok(tenant.organisation)
}

pub(super) fn membership<'a>(holder: &'a Holder, slug: &str) -> Result<&'a Membership, Problem> {
    let found = holder.person.membership(Some(slug));
    found.map_err(|denied| identity::IdentityError::Denied(denied).into())
}

fn member_view(holder: &Holder, member: Member) -> MemberView {
    MemberView {
        id: member.id,
        roles: in_a_line(member.roles.role, member.roles.events.len()),
        is_self: member.user == holder.person.user,
        name: member
            .name
            .unwrap_or_else(|| "Somebody who left".to_owned()),
        email: member.email.unwrap_or_default(),
        joined: text::day(member.joined_at, &TimeZone::UTC),
    }
}

async fn organisation_page(
    app: &App,
    holder: &Holder,
    slug: &str,
    from: From,
    mut refusal: Refusal,
    fields: &Fields,
) -> Result<Response, Problem> {
    let mine = membership(holder, slug)?;
    let may = |permission| allowed(holder, permission, slug).is_ok();
    let (can_read, can_manage) = (may(Permission::MembersRead), may(Permission::MembersManage));
    let me = identity::member(app, mine.organisation, mine.member).await?;
    let mut more = None;
    let members = if can_read {
        let filter = MemberFilter::default();
        let found =
            identity::members(app, mine.organisation, filter, from.after, LIMIT + 1).await?;
        let mut views: Vec<_> = found.into_iter().map(|m| member_view(holder, m)).collect();
        if views.len() > usize::try_from(LIMIT).unwrap_or(usize::MAX) {
            views.pop();
            more = views.last().map(|last| last.id.to_string());
        }
        Some(views)
    } else {
        None
    };
    let invitations = if can_manage && from.after.is_none() {
        let found = identity::invitations(app, mine.organisation, None, LIMIT).await?;
        let waiting = found
            .into_iter()
            .filter(|invitation| invitation.state == InvitationState::Pending)
            .map(|invitation| InvitationView {
                id: invitation.id,
                email: invitation.email.unwrap_or_default(),
                roles: in_a_line(invitation.roles.role, invitation.roles.events.len()),
                until: text::day(invitation.expires_at, &TimeZone::UTC),
            });
        Some(waiting.collect())
    } else {
        None
    };
    let faults = refusal.take_faults();
    let page = OrganisationPage {
        shell: Shell::account(&mine.name, holder, Place::Organisations)
            .with_faults(!faults.is_empty()),
        faults,
        done: done(&from.done),
        name: mine.name.clone(),
        slug: mine.slug.clone(),
        roles: in_a_line(mine.role, mine.event_roles.len()),
        members,
        more,
        invitations,
        can_manage,
        has_pin: me.has_pin,
        email: fields.text("email").to_owned(),
        role: fields.text("role").to_owned(),
        choices: choices(mine),
    };
    refusal.page(&page, Privacy::Form)
}

fn address(slug: &str, done: &str) -> String {
    // A short name is letters, digits and hyphens.
    format!("/account/organisations/{slug}?done={done}")
}

/// `GET /account/organisations/{slug}`
pub(super) async fn open(
    State(app): State<App>,
    holder: Holder,
    Path(slug): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Problem> {
    let fields = Fields::default();
    organisation_page(&app, &holder, &slug, from, Refusal::default(), &fields).await
}

/// `POST /account/organisations/{slug}/invitations`
pub(super) async fn invite(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::MembersManage, &slug)?;
    let again =
        |refusal| organisation_page(&app, &holder, &slug, From::default(), refusal, &fields);
    let Ok(role) = fields.text("role").parse::<Role>() else {
        let faults = Faults::one("role", "Please choose what they are to be.");
        return again(Refusal::with(faults)).await;
    };
    let input = InvitationInput {
        email: fields.text("email").to_owned(),
        role: Some(role),
        events: Vec::new(),
    };
    match identity::invite(&app, &holder.principal, organisation, input).await {
        Ok(_) => Ok(shell::see_other(&address(&slug, "invited"))),
        Err(error) => again(Refusal::of(error, str::to_owned)?).await,
    }
}

/// `POST /account/organisations/{slug}/invitations/{invitation}/end`
pub(super) async fn take_back(
    State(app): State<App>,
    holder: Holder,
    Path((slug, invitation)): Path<(String, InvitationId)>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::MembersManage, &slug)?;
    identity::revoke_invitation(&app, &holder.principal, organisation, invitation).await?;
    Ok(shell::see_other(&address(&slug, "taken-back")))
}

async fn member_page(
    app: &App,
    holder: &Holder,
    slug: &str,
    id: MemberId,
    mut refusal: Refusal,
    chosen: Option<&str>,
) -> Result<Response, Problem> {
    let organisation = allowed(holder, Permission::MembersManage, slug)?;
    let mine = membership(holder, slug)?;
    let member = identity::member(app, organisation, id).await?;
    let faults = refusal.take_faults();
    let role = member.roles.role.map_or("", Role::as_str);
    let page = MemberPage {
        shell: Shell::account("Member", holder, Place::Organisations)
            .with_faults(!faults.is_empty()),
        faults,
        organisation: mine.name.clone(),
        slug: mine.slug.clone(),
        id,
        name: member
            .name
            .unwrap_or_else(|| "Somebody who left".to_owned()),
        email: member.email.unwrap_or_default(),
        events: member.roles.events.len(),
        role: chosen.unwrap_or(role).to_owned(),
        choices: choices(mine),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/organisations/{slug}/members/{member}`
pub(super) async fn show_member(
    State(app): State<App>,
    holder: Holder,
    Path((slug, id)): Path<(String, MemberId)>,
) -> Result<Response, Problem> {
    member_page(&app, &holder, &slug, id, Refusal::default(), None).await
}

/// `POST /account/organisations/{slug}/members/{member}`
pub(super) async fn change_member(
    State(app): State<App>,
    Proven(holder): Proven,
    Path((slug, id)): Path<(String, MemberId)>,
    fields: Fields,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::MembersManage, &slug)?;
    let role = fields.text("role");
    let Ok(chosen) = role.parse::<Role>() else {
        let faults = Faults::one("role", "Please choose what they are to be.");
        return member_page(&app, &holder, &slug, id, Refusal::with(faults), None).await;
    };
    let member = identity::member(&app, organisation, id).await?;
    let roles = Roles {
        role: Some(chosen),
        events: member.roles.events,
    };
    match identity::set_roles(&app, &holder.principal, organisation, id, roles).await {
        Ok(_) => Ok(shell::see_other(&address(&slug, "member"))),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            member_page(&app, &holder, &slug, id, refusal, Some(role)).await
        }
    }
}

/// `POST /account/organisations/{slug}/members/{member}/end`
pub(super) async fn remove_member(
    State(app): State<App>,
    Proven(holder): Proven,
    Path((slug, id)): Path<(String, MemberId)>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::MembersManage, &slug)?;
    match identity::remove_member(&app, &holder.principal, organisation, id).await {
        Ok(()) => Ok(shell::see_other(&address(&slug, "removed"))),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            member_page(&app, &holder, &slug, id, refusal, None).await
        }
    }
}

/// `POST /account/organisations/{slug}/leave`
pub(super) async fn leave(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    match identity::leave(&app, &holder.principal, &holder.person, &slug).await {
        Ok(()) => Ok(shell::see_other("/account/organisations?done=left")),
        Err(error) => {
            let (refusal, fields) = (Refusal::of(error, str::to_owned)?, Fields::default());
            organisation_page(&app, &holder, &slug, From::default(), refusal, &fields).await
        }
    }
}

/// `POST /account/organisations/{slug}/pin`
pub(super) async fn set_pin(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let pin = Pin::from(fields.text("pin").to_owned());
    match identity::set_pin(&app, &holder.person, Some(&slug), pin).await {
        Ok(()) => Ok(shell::see_other(&address(&slug, "pin"))),
        Err(error) => {
            let (refusal, fields) = (Refusal::of(error, str::to_owned)?, Fields::default());
            organisation_page(&app, &holder, &slug, From::default(), refusal, &fields).await
        }
    }
}

/// `POST /account/organisations/{slug}/pin/end`
pub(super) async fn clear_pin(
    State(app): State<App>,
    holder: Holder,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    identity::clear_own_pin(&app, &holder.person, Some(&slug)).await?;
    Ok(shell::see_other(&address(&slug, "pin-gone")))
}
