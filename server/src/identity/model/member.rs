//! Members of organisations, and who is invited to be one.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{InvitationId, MemberId, OrganisationId, OrganisationMode, Role, UserId};
use crate::catalog::EventId;

/// For how many single events somebody can have a role.
pub const MAX_EVENT_ROLES: usize = 200;
/// How long an invitation is good for, in milliseconds.
pub const INVITATION_MS: i64 = 7 * 86_400_000;
/// How many invitations of an organisation can wait for an answer.
pub const MAX_INVITATIONS: i64 = 1_000;

/// A role for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRole {
    /// The event.
    pub event: EventId,
    /// The role; not owner, which is for everything.
    pub role: Role,
}

/// What somebody is in an organisation: a role for everything, roles for single events, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Roles {
    /// The role for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Roles for single events.
    pub events: Vec<EventRole>,
}

/// What somebody is to be: a role for everything, roles for single events, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RolesInput {
    /// The role for everything.
    pub role: Option<Role>,
    /// Roles for single events.
    #[serde(default)]
    pub events: Vec<EventRole>,
}

impl From<RolesInput> for Roles {
    fn from(input: RolesInput) -> Self {
        Self {
            role: input.role,
            events: input.events,
        }
    }
}

impl Roles {
    /// All roles that these give.
    pub fn all(&self) -> impl Iterator<Item = Role> {
        self.role
            .into_iter()
            .chain(self.events.iter().map(|event| event.role))
    }
}

/// A member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// The member's id.
    pub id: MemberId,
    /// The person.
    pub user: UserId,
    /// What they are called; absent once they asked to be forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where mail reaches them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What they are.
    #[serde(flatten)]
    pub roles: Roles,
    /// Whether they have a PIN for tills and phones that others use too.
    pub has_pin: bool,
    /// When they joined.
    pub joined_at: Timestamp,
}

text_enum! {
    /// How a list of members is sorted.
    #[derive(Default)]
    pub enum MemberSort {
        /// As they joined, the first of them first.
        #[default]
        FirstJoined = "joined",
        /// As they joined, the last of them first.
        LastJoined = "-joined",
    }
}

/// Which members are wanted, and in which order.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// In which order.
    pub by: MemberSort,
    /// Only those with this role for everything.
    pub role: Option<Role>,
    /// Only the one with this address.
    pub email: Option<super::Email>,
}

/// Where somebody is a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnOrganisation {
    /// The organisation's id.
    pub id: OrganisationId,
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether it sells or only tries things out.
    pub mode: OrganisationMode,
    /// Whether it wants a second factor.
    pub requires_mfa: bool,
    /// The member's id there.
    pub member: MemberId,
    /// What they are there.
    #[serde(flatten)]
    pub roles: Roles,
}

/// Somebody who is to be invited.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationInput {
    /// Their address.
    pub email: String,
    /// The role for everything.
    pub role: Option<Role>,
    /// Roles for single events.
    #[serde(default)]
    pub events: Vec<EventRole>,
}

/// Whether an invitation can still be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// It waits for an answer.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited; absent once nobody can read it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What they are to be.
    #[serde(flatten)]
    pub roles: Roles,
    /// Whether it can still be accepted.
    pub state: InvitationState,
    /// Who invited them.
    pub invited_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// What somebody who was invited sees before they answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Invited {
    /// The organisation's name.
    pub organisation: String,
    /// The address that was invited.
    pub email: String,
    /// What they are to be.
    #[serde(flatten)]
    pub roles: Roles,
    /// Until when they can accept.
    pub expires_at: Timestamp,
}
