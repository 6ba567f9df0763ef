//! What administrators of the platform see and do.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ImpersonationId, OrganisationId, OwnOrganisation, UserId, UserState};

/// How long an impersonation lasts at most, in minutes.
pub const MAX_IMPERSONATION_MINUTES: u32 = 60;

/// Somebody with an account, as administrators see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserView {
    /// Their id.
    pub id: UserId,
    /// Where mail reaches them; absent once erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What they are called; absent once erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether they can sign in.
    pub state: UserState,
    /// When they showed that the address is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Whether they administer the platform.
    pub is_platform_admin: bool,
    /// Where they are members.
    pub organisations: Vec<OwnOrganisation>,
}

record! {
    /// An organisation, as administrators see it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct OrganisationView {
        /// Its id.
        pub id: OrganisationId,
        /// Its short name.
        pub slug: String,
        /// Its name.
        pub name: String,
        /// Whether its members must sign in with a second factor.
        pub requires_mfa: bool,
        /// When it was made.
        pub created_at: Timestamp,
        /// How many members it has.
        pub members: i64,
        /// How many events it has.
        pub events: i64,
    }
}

record! {
    /// An administrator of the platform.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Admin {
        /// The person.
        pub user_id: UserId,
        /// Who made them one.
        pub granted_by: String,
        /// When.
        pub granted_at: Timestamp,
    }
}

record! {
    /// An account with unusual sign-ins, as administrators see it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct FlaggedAccount {
        /// Whose.
        pub user_id: UserId,
        /// Whether they can sign in.
        pub state: UserState,
        /// How often that was since an administrator looked into it.
        pub times: i64,
        /// Whether somebody was let in.
        pub was_let_in: bool,
        /// When it was first.
        pub first_at: Timestamp,
        /// When it was last.
        pub last_at: Timestamp,
    }
}

/// Why something is done to somebody's account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// In 10 to 500 characters; it is kept in the audit log, so it names nobody.
    pub reason: String,
}

/// An administrator asks to act as somebody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpersonationInput {
    /// As whom.
    pub user: UserId,
    /// Why, in 10 to 500 characters; the person is told.
    pub reason: String,
    /// For how long, 1 to 60 minutes.
    #[schema(minimum = 1, maximum = 60)]
    pub minutes: u32,
}

record! {
    /// A time in which an administrator acts as somebody.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Impersonation {
        /// Its id.
        pub id: ImpersonationId,
        /// The administrator.
        pub admin_id: UserId,
        /// As whom they act.
        pub user_id: UserId,
        /// Why.
        pub reason: String,
        /// Since when.
        pub started_at: Timestamp,
        /// Until when at the latest.
        pub expires_at: Timestamp,
        /// When it was ended, if it was.
        pub ended_at: Option<Timestamp>,
    }
}

/// An impersonation that has just begun, with its token, which is shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewImpersonation {
    /// The impersonation.
    #[serde(flatten)]
    pub impersonation: Impersonation,
    /// Acts as the person: `Authorization: Bearer …`.
    pub token: String,
}
