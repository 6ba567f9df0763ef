//! Why a sign-in by another identity provider is refused, or fails.

use bilten_adapters::oidc::OidcError;
use bilten_adapters::saml::SamlError;
use bilten_kernel::db::DbError;
use bilten_kernel::error::{FieldError, IntoProblem, Problem};

use crate::identity::service::IdentityError;
use crate::platform::VaultError;

/// Why a sign-in by another identity provider was refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// There is no such connection, or it is switched off.
    #[error("There is no such way to sign in, or it is switched off.")]
    Unknown,
    /// What came back belongs to no sign-in that this browser began a short while ago.
    #[error(
        "This sign-in was not begun in this browser, has expired or was used already. Please begin again."
    )]
    StateUnknown,
    /// The response answers no request of ours.
    #[error("Please begin at our own sign-in page, not at your provider's.")]
    Unsolicited,
    /// The provider did not sign the person in; what it says.
    #[error("The provider did not sign you in ({0}).")]
    ByProvider(String),
    /// The provider cannot be asked, or what it says is wrong.
    #[error("Signing in there did not work: {0}.")]
    Oidc(#[from] OidcError),
    /// The provider's response is not accepted.
    #[error("Signing in there did not work: {0}.")]
    Saml(#[from] SamlError),
    /// The assertion was used before.
    #[error("This answer of your provider was used already. Please begin again.")]
    Replayed,
    /// The provider names the person anew each time.
    #[error("Your provider gives you another name each time, so that we cannot know you again.")]
    SubjectTransient,
    /// The provider names no address that can be one.
    #[error("Your provider did not tell us your e-mail address, and we need it for your account.")]
    EmailMissing,
    /// There is an account with that address, and nobody whose word counts says that it is theirs.
    #[error(
        "There is an account with this e-mail address. Sign in to it as usual, and then connect the provider on your account's page."
    )]
    EmailInUse,
    /// The organisation has no say about addresses of that domain.
    #[error("Your e-mail address is not of a domain for which this organisation can sign you in.")]
    DomainUnclaimed,
    /// No rule gives the person a role.
    #[error("Your organisation gives you no role here. Please ask its administrators.")]
    NoRole,
    /// The account is not active.
    #[error("This account cannot be signed in to.")]
    AccountClosed,
    /// The account elsewhere belongs to another account here.
    #[error("This account is connected with another account here.")]
    LinkedElsewhere,
    /// Whoever came back is not who went.
    #[error("You came back as somebody else. Please sign in with the same account.")]
    OtherPerson,
    /// Whoever began is not signed in any more.
    #[error("Please sign in first, and then connect the provider on your account's page.")]
    SignedOut,
    /// Without the link, the person could not sign in any more.
    #[error("This is the only way in which you can sign in. Set a password or a passkey first.")]
    LastWayIn,
    /// The person is not linked with that connection.
    #[error("Your account is not connected with that.")]
    NotLinked,
    /// There is no such connection or domain of whoever asks.
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// Another connection has the short name.
    #[error("Another connection has this short name.")]
    SlugTaken,
    /// Another organisation has the domain.
    #[error("Another organisation has this domain already.")]
    DomainTaken,
    /// Fields that cannot be used.
    #[error("something in the request is wrong")]
    Invalid(Vec<FieldError>),
    /// What is refused elsewhere in identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<VaultError> for FederationError {
    fn from(error: VaultError) -> Self {
        Self::Identity(IdentityError::Vault(error))
    }
}

impl FederationError {
    /// The stable name, if it is a refusal of a sign-in: what the audit log says.
    pub fn refusal(&self) -> Option<String> {
        let code = match self {
            Self::Oidc(error) => return Some(format!("sso.{}", error.code())),
            Self::Saml(error) => return Some(format!("sso.saml_{}", error.code())),
            Self::Unknown => "sso.unknown",
            Self::StateUnknown => "sso.state_unknown",
            Self::Unsolicited => "sso.unsolicited",
            Self::ByProvider(_) => "sso.refused_by_provider",
            Self::Replayed => "sso.replayed",
            Self::SubjectTransient => "sso.subject_transient",
            Self::EmailMissing => "sso.email_missing",
            Self::EmailInUse => "sso.email_in_use",
            Self::DomainUnclaimed => "sso.domain_unclaimed",
            Self::NoRole => "sso.no_role",
            Self::AccountClosed => "sso.account_closed",
            Self::LinkedElsewhere => "sso.linked_elsewhere",
            Self::OtherPerson => "sso.other_person",
            Self::SignedOut => "sso.signed_out",
            Self::LastWayIn => "sso.last_way_in",
            Self::NotLinked => "sso.not_linked",
            Self::NotFound(_) => "sso.not_found",
            Self::SlugTaken => "sso.slug_taken",
            Self::DomainTaken => "sso.domain_taken",
            Self::Invalid(_) | Self::Identity(_) | Self::Db(_) => return None,
        };
        Some(code.to_owned())
    }
}

impl IntoProblem for FederationError {
    fn into_problem(self) -> Problem {
        let (code, detail) = (self.refusal().unwrap_or_default(), self.to_string());
        match self {
            Self::Invalid(errors) => Problem::invalid(errors),
            Self::Identity(error) => error.into_problem(),
            Self::Db(error) => error.into_problem(),
            Self::Unknown | Self::NotFound(_) | Self::NotLinked => Problem::not_found(code, detail),
            Self::EmailInUse
            | Self::LinkedElsewhere
            | Self::LastWayIn
            | Self::SlugTaken
            | Self::DomainTaken => Problem::conflict(code, detail),
            Self::ByProvider(_)
            | Self::DomainUnclaimed
            | Self::NoRole
            | Self::AccountClosed
            | Self::OtherPerson
            | Self::SignedOut => Problem::forbidden(code, detail),
            Self::StateUnknown
            | Self::Unsolicited
            | Self::Oidc(_)
            | Self::Saml(_)
            | Self::Replayed
            | Self::SubjectTransient
            | Self::EmailMissing => Problem::bad_request(code, detail),
        }
    }
}
