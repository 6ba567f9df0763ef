//! The words of identity, and the rules that need no database.

mod admin;
mod agent;
mod consent;
mod email;
mod export;
mod factor;
mod happened;
mod member;
mod oauth;
mod organisation;
mod password;
mod permission;
mod person;
mod phone;
mod principal;
mod role;
mod sign_in;
mod staff;
mod tenant;

use bilten_kernel::typed_id;

pub use admin::*;
pub use agent::*;
pub use consent::*;
pub use email::*;
pub use export::*;
pub use factor::*;
pub use happened::*;
pub use member::*;
pub use oauth::*;
pub use organisation::*;
pub use password::*;
pub use permission::*;
pub use person::*;
pub use phone::*;
pub use principal::*;
pub use role::*;
pub use sign_in::*;
pub use staff::*;
pub use tenant::*;

typed_id!(pub OrganisationId, "org", "Names an organisation.");
typed_id!(pub ApiKeyId, "key", "Names an API key.");
typed_id!(pub UserId, "usr", "Names a person with an account.");
typed_id!(pub SessionId, "ses", "Names one sign-in of a person.");
typed_id!(pub AttemptId, "sia", "Names an attempt to sign in.");
typed_id!(pub MemberId, "mem", "Names somebody's place in an organisation.");
typed_id!(pub StaffSessionId, "stf", "Names a time in which a member holds a device.");
typed_id!(pub InvitationId, "inv", "Names an invitation to join an organisation.");
typed_id!(pub ConsentId, "cns", "Names an agreement, or that it was taken back.");
typed_id!(pub EmailChangeId, "emc", "Names a change of somebody's address.");
typed_id!(pub ExportId, "exp", "Names a copy of somebody's data.");
typed_id!(pub ImpersonationId, "imp", "Names a time in which an administrator acts as somebody.");
typed_id!(pub OAuthClientId, "oac", "Names an OAuth client: a program of a third party.");
typed_id!(pub OAuthGrantId, "oag", "Names what somebody allowed an OAuth client to do.");
