//! Why something about identity is refused, or fails.

use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};
use bilten_kernel::http::Stale;

use crate::events::Refused;
use crate::identity::HashError;
use crate::identity::model::Denied;
use crate::platform::VaultError;

/// Why something about identity was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Fields that cannot be used.
    #[error("something in the request is wrong")]
    Invalid(Vec<FieldError>),
    /// Another organisation has this short name.
    #[error("an organisation with this short name exists already")]
    SlugTaken,
    /// Somebody has an account with this address.
    #[error("there is an account with this e-mail address")]
    EmailTaken,
    /// There is no such thing, or it belongs to somebody else.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The name or short name cannot be used.
    #[error("an organisation needs a name of 1 to 200 characters")]
    Name,
    /// Somebody else changed the same thing at the same time.
    #[error("this was changed by somebody else meanwhile: read it and try again")]
    ChangedMeanwhile,
    /// It is not any more what the caller has seen.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The caller may not do that.
    #[error("{}", denial(*.0).2)]
    Denied(Denied),
    /// The address or the password is wrong, or the account cannot be signed in to.
    #[error("The e-mail address or the password is not right.")]
    SignInRefused,
    /// Too many tries; so many seconds must pass.
    #[error("There were too many tries. Please try again in {0} seconds.")]
    TooMany(u32),
    /// The link is not known, was used, or has expired.
    #[error("This link has expired or was used already. Please ask for a new one.")]
    LinkUnknown,
    /// The ticket of an unfinished sign-in is not known, was used, or has expired.
    #[error("This sign-in has expired or was tried too often. Please begin again.")]
    TicketUnknown,
    /// The refresh token is not known, or its session has ended.
    #[error("This refresh token is not known, or its session has ended.")]
    RefreshUnknown,
    /// The refresh token was used before.
    #[error("This refresh token was used before, so its session was ended. Please sign in again.")]
    RefreshReused,
    /// The current password is wrong.
    #[error("The password is not right.")]
    PasswordWrong,
    /// An administrator acts as somebody else.
    #[error("This can be done by the person themselves only.")]
    Impersonated,
    /// A password cannot be hashed just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The person has not shown that their address is theirs.
    #[error("confirm your e-mail address first")]
    Unverified,
    /// The person must prove once more who they are.
    #[error(
        "please prove once more who you are: this was too long ago, or without your second factor"
    )]
    Reauthenticate,
    /// A second factor is asked of others by somebody who has none, or did not show it.
    #[error("sign in with a second factor yourself before you ask it of others")]
    OwnMfaMissing,
    /// There can be no more of them.
    #[error("there are too many {0}; remove some first")]
    TooManyOf(&'static str),
    /// A role that is more than the caller's own is given or taken.
    #[error("nobody gives or takes a role that may do more than their own")]
    RoleTooHigh,
    /// An organisation would be left without an owner who can sign in.
    #[error("an organisation needs an owner; make somebody else one first")]
    LastOwner,
    /// The person who is invited is a member already.
    #[error("this person is a member already")]
    MemberAlready,
    /// An invitation was used, taken back, or is too old.
    #[error(
        "this invitation is not known, was used or taken back, or is too old; ask for another one"
    )]
    InvitationGone,
    /// An invitation is answered by somebody with another address.
    #[error("this invitation is for somebody with another e-mail address; sign in with that one")]
    InvitationOfAnother,
    /// A key has ended or was replaced.
    #[error("this key has ended or was replaced")]
    KeyEnded,
    /// The administrator cannot act as this person.
    #[error(
        "nobody can act as another administrator, as themselves, or as somebody who cannot sign in"
    )]
    NotImpersonable,
    /// The PIN is wrong, or the member does not work there.
    #[error("this PIN is wrong, or this person does not work here")]
    PinWrong,
    /// Something is done to an administrator that is done to others only.
    #[error("this person administers the platform; take that from them first")]
    AdminProtected,
    /// Something failed that must not.
    #[error("{0}")]
    Fault(String),
    /// A code is wrong, was used before, or is too old.
    #[error("This code is wrong, was used before, or is too old.")]
    WrongCode,
    /// A passkey was not made or shown as it should be.
    #[error("This passkey was not accepted. Please try again.")]
    PasskeyRefused,
    /// The passkey belongs to an account already.
    #[error("This passkey belongs to an account already.")]
    PasskeyTaken,
    /// Somebody has as many passkeys as they can have.
    #[error("You have as many passkeys as you can have. Please remove one first.")]
    TooManyPasskeys,
    /// There are no passkeys on this server.
    #[error("This server has no passkeys: its public address needs a name and https.")]
    PasskeysUnavailable,
    /// There is no SMS on this server.
    #[error("This server cannot send SMS.")]
    SmsUnavailable,
    /// The last second factor is needed.
    #[error("An organisation of yours asks for a second factor, so the last one stays.")]
    FactorRequired,
    /// A stored secret cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Status, code and sentence of a denial.
const fn denial(denied: Denied) -> (u16, &'static str, &'static str) {
    match denied {
        Denied::OrganisationRequired => (
            400,
            "identity.organisation_required",
            "Say for which organisation this is, with the header Bilten-Organisation.",
        ),
        Denied::OrganisationUnknown => (
            404,
            "identity.organisation_not_found",
            "There is no such organisation.",
        ),
        Denied::MfaRequired => (
            403,
            "identity.mfa_required",
            "This organisation asks its members to sign in with a second factor.",
        ),
        Denied::PermissionMissing => (
            403,
            "identity.permission_missing",
            "You may not do that in this organisation.",
        ),
    }
}

/// What is wrong with a field.
pub(super) fn field(field: String, code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field,
        code: code.into(),
        detail: detail.to_owned(),
    }
}

impl IntoProblem for Denied {
    fn into_problem(self) -> Problem {
        let (status, code, detail) = denial(self);
        match status {
            400 => Problem::bad_request(code, detail),
            404 => Problem::not_found(code, detail),
            _ => Problem::forbidden(code, detail),
        }
    }
}

impl IntoProblem for IdentityError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::SlugTaken => Problem::conflict("identity.slug_taken", detail),
            Self::EmailTaken => Problem::conflict("identity.email_taken", detail),
            Self::NotFound(_) => Problem::not_found("identity.not_found", detail),
            Self::Name => Problem::unprocessable("identity.name", detail),
            Self::ChangedMeanwhile => Problem::conflict("identity.changed_meanwhile", detail),
            Self::Stale(error) => error.into_problem(),
            Self::Denied(denied) => denied.into_problem(),
            Self::SignInRefused => Problem::unauthorized("identity.sign_in_refused", detail),
            Self::TooMany(seconds) => {
                Problem::too_many("identity.too_many_tries", detail).retry_after(seconds)
            }
            Self::LinkUnknown => Problem::gone("identity.link_unknown", detail),
            Self::TicketUnknown => Problem::gone("identity.ticket_unknown", detail),
            Self::RefreshUnknown => Problem::unauthorized("identity.refresh_unknown", detail),
            Self::RefreshReused => Problem::unauthorized("identity.refresh_reused", detail),
            Self::PasswordWrong => Problem::unprocessable("identity.password_wrong", detail),
            Self::Impersonated => Problem::forbidden("identity.impersonated", detail),
            Self::Hash(HashError::Busy) => Problem::unavailable(
                "identity.busy",
                "Many people sign in just now. Please try again in a moment.",
            )
            .retry_after(2),
            Self::Hash(error @ HashError::Fault(_)) => Problem::fault(&error),
            Self::Unverified => Problem::forbidden("identity.unverified", detail),
            Self::Reauthenticate => {
                Problem::forbidden("identity.reauthentication_required", detail)
            }
            Self::OwnMfaMissing => Problem::conflict("identity.own_mfa_missing", detail),
            Self::TooManyOf(_) => Problem::conflict("identity.too_many", detail),
            Self::RoleTooHigh => Problem::forbidden("identity.role_too_high", detail),
            Self::LastOwner => Problem::conflict("identity.last_owner", detail),
            Self::MemberAlready => Problem::conflict("identity.member_already", detail),
            Self::InvitationGone => Problem::gone("identity.invitation_gone", detail),
            Self::InvitationOfAnother => {
                Problem::forbidden("identity.invitation_of_another", detail)
            }
            Self::KeyEnded => Problem::conflict("identity.key_ended", detail),
            Self::NotImpersonable => Problem::conflict("identity.not_impersonable", detail),
            Self::PinWrong => Problem::unprocessable("identity.pin_wrong", detail),
            Self::AdminProtected => Problem::conflict("identity.admin_protected", detail),
            Self::Fault(error) => Problem::fault(&error),
            Self::WrongCode => Problem::unprocessable("identity.code_wrong", detail),
            Self::PasskeyRefused => Problem::unprocessable("identity.passkey_refused", detail),
            Self::PasskeyTaken => Problem::conflict("identity.passkey_taken", detail),
            Self::TooManyPasskeys => Problem::conflict("identity.too_many_passkeys", detail),
            Self::PasskeysUnavailable => Problem::conflict("identity.passkeys_unavailable", detail),
            Self::SmsUnavailable => Problem::conflict("identity.sms_unavailable", detail),
            Self::FactorRequired => Problem::conflict("identity.factor_required", detail),
            Self::Vault(error) => Problem::fault(&error),
            Self::Db(error) => error.into_problem(),
        }
    }
}

impl From<Refused> for IdentityError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Db(error) => Self::Db(error),
            // No reaction to what happens to people says this.
            Refused::CapacityBelowSold | Refused::SeatsTaken(_) => {
                Self::Db(DbError::Closed("a reaction said no"))
            }
        }
    }
}
