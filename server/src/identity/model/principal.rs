//! Who makes a request.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;

use super::*;
use crate::catalog::EventId;

/// How long a sign-in counts as recent enough for dangerous actions, in milliseconds.
pub const RECENT_MS: i64 = 10 * 60_000;

/// Who makes a request, and how they proved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person with a session.
    Person(Person),
    /// A program that acts for an organisation.
    Program(Program),
}

text_enum! {
    /// How a session's token travels.
    pub enum SessionKind {
        /// In a cookie, with pages.
        Page = "page",
        /// In a header, with an app.
        App = "app",
    }
}

/// A person with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// By which sign-in.
    pub session: SessionId,
    /// How its token travels.
    pub kind: SessionKind,
    /// Whether a second factor was shown.
    pub is_mfa: bool,
    /// Whether they have a second factor to show.
    pub has_mfa: bool,
    /// When they last proved who they are.
    pub authenticated_at: Timestamp,
    /// The impersonation by which an administrator acts as them.
    pub impersonation: Option<Impersonated>,
    /// Whether they administer the platform.
    pub is_platform_admin: bool,
    /// Where they are members.
    pub memberships: Vec<Membership>,
}

/// By whom and why a session acts as somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impersonated {
    /// Which impersonation.
    pub id: ImpersonationId,
    /// The administrator.
    pub admin: UserId,
}

/// Somebody's place in an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub member: MemberId,
    /// Where.
    pub organisation: OrganisationId,
    /// The organisation's short name.
    pub slug: String,
    /// The organisation's name.
    pub name: String,
    /// Whether the organisation sells or only tries things out.
    pub mode: OrganisationMode,
    /// Whether the organisation wants a second factor.
    pub requires_mfa: bool,
    /// The role for everything.
    pub role: Option<Role>,
    /// Roles for single events.
    pub event_roles: Vec<(EventId, Role)>,
}

/// A program: an API key, or an OAuth client with a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// How the audit log names it: the id of the key or of the client, and of whoever granted it.
    pub actor: String,
    /// For whom it acts.
    pub organisation: OrganisationId,
    /// What it may do at most; nothing means all that programs may.
    pub scopes: Option<Vec<Permission>>,
    /// The only event that it may touch, if it is bound to one.
    pub event: Option<EventId>,
    /// The person who granted it, with their rights: it may do no more than they.
    pub on_behalf_of: Option<Membership>,
}

/// Why a permission is not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The caller belongs to several organisations, or to none, and named none.
    OrganisationRequired,
    /// The caller does not belong to the organisation.
    OrganisationUnknown,
    /// The organisation wants a second factor.
    MfaRequired,
    /// The caller may not do that.
    PermissionMissing,
}

impl Membership {
    /// For which events the member holds a permission.
    pub fn scope(&self, permission: Permission) -> Option<EventScope> {
        if self.role.is_some_and(|role| role.may(permission)) {
            return Some(EventScope::All);
        }
        let events: Vec<EventId> = self
            .event_roles
            .iter()
            .filter(|(_, role)| permission.is_for_events() && role.may(permission))
            .map(|(event, _)| *event)
            .collect();
        (!events.is_empty()).then(|| EventScope::Only(events.into()))
    }
}

impl Program {
    fn scope(&self, permission: Permission) -> Option<EventScope> {
        let may = match &self.scopes {
            Some(scopes) => scopes.contains(&permission),
            None => true,
        };
        if !may || !permission.is_for_programs() {
            return None;
        }
        let granted = match &self.on_behalf_of {
            Some(member) => member.scope(permission)?,
            None => EventScope::All,
        };
        match (self.event, granted) {
            (None, granted) => Some(granted),
            (Some(_), _) if !permission.is_for_events() => None,
            (Some(event), EventScope::Only(events)) if !events.contains(&event) => None,
            (Some(event), EventScope::All | EventScope::Only(_)) => {
                Some(EventScope::Only([event].into()))
            }
        }
    }
}

impl Principal {
    /// How the audit log names who did something.
    pub fn actor(&self) -> String {
        match self {
            Self::Person(person) => match person.impersonation {
                Some(by) => format!("{} as {}", by.admin, person.user),
                None => person.user.to_string(),
            },
            Self::Program(program) => program.actor.clone(),
        }
    }

    /// What the caller may touch by a permission, in the organisation that they named by id or
    /// short name, or in the only one they belong to.
    ///
    /// # Errors
    /// [`Denied`] by what is missing.
    pub fn tenant(&self, permission: Permission, named: Option<&str>) -> Result<Tenant, Denied> {
        match self {
            Self::Person(person) => {
                let membership = person.membership(named)?;
                if membership.requires_mfa && !person.is_mfa && person.impersonation.is_none() {
                    return Err(Denied::MfaRequired);
                }
                let events = membership
                    .scope(permission)
                    .ok_or(Denied::PermissionMissing)?;
                Ok(Tenant {
                    organisation: membership.organisation,
                    events,
                })
            }
            Self::Program(program) => {
                if named.is_some_and(|named| named != program.organisation.to_string()) {
                    return Err(Denied::OrganisationUnknown);
                }
                let events = program.scope(permission).ok_or(Denied::PermissionMissing)?;
                Ok(Tenant {
                    organisation: program.organisation,
                    events,
                })
            }
        }
    }
}

impl Person {
    /// The membership in the organisation that was named, or the only one there is.
    ///
    /// # Errors
    /// [`Denied::OrganisationRequired`] or [`Denied::OrganisationUnknown`].
    pub fn membership(&self, named: Option<&str>) -> Result<&Membership, Denied> {
        match (named, &*self.memberships) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Denied::OrganisationRequired),
            (Some(named), all) => all
                .iter()
                .find(|m| m.slug == named || m.organisation.to_string() == named)
                .ok_or(Denied::OrganisationUnknown),
        }
    }

    /// Whether they proved only just who they are, with all that they have.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        let age = now.ms().saturating_sub(self.authenticated_at.ms());
        age < RECENT_MS && (self.is_mfa || !self.has_mfa)
    }
}
