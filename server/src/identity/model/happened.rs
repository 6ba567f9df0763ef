//! What happens to people's accounts, for whoever listens to the outbox. Nothing personal: ids only.

use serde::{Deserialize, Serialize};

use super::{ConnectionId, OrganisationId, SessionId, UserId};

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum IdentityEvent {
    /// Somebody showed that their address is theirs: they have an account now.
    Registered {
        /// Who.
        user: UserId,
    },
    /// Somebody signed in.
    SignedIn {
        /// Who.
        user: UserId,
        /// By which session.
        session: SessionId,
        /// How, such as `password totp`.
        methods: String,
    },
    /// Somebody could not sign in.
    SignInFailed {
        /// Whose account it was about, if there is one.
        user: Option<UserId>,
        /// By which method.
        method: String,
    },
    /// Somebody signed in with a browser or app that they had not used before.
    NewDevice {
        /// Who.
        user: UserId,
        /// By which session.
        session: SessionId,
    },
    /// Somebody signed in, or tries to, in a way that looks wrong.
    SuspiciousSignIn {
        /// Whose account.
        user: UserId,
        /// By which session, if it worked.
        session: Option<SessionId>,
    },
    /// Somebody has a new password.
    PasswordChanged {
        /// Who.
        user: UserId,
        /// How: `changed` or `reset`.
        how: String,
    },
    /// Sessions of somebody were ended.
    SessionsEnded {
        /// Whose.
        user: UserId,
        /// How many.
        count: u64,
    },
    /// Somebody can sign in by an account elsewhere.
    IdentityLinked {
        /// Who.
        user: UserId,
        /// By which connection.
        connection: ConnectionId,
    },
    /// Somebody does not sign in by that account elsewhere any more.
    IdentityUnlinked {
        /// Who.
        user: UserId,
        /// By which connection.
        connection: ConnectionId,
    },
    /// An organisation's identity provider gave somebody other roles.
    SsoRolesChanged {
        /// Who.
        user: UserId,
        /// Where.
        organisation: OrganisationId,
        /// By which connection.
        connection: ConnectionId,
    },
    /// A sign-in by an identity provider was refused.
    SsoRefused {
        /// By which connection.
        connection: ConnectionId,
        /// Whose that is, if it is not the platform's.
        organisation: Option<OrganisationId>,
        /// Why.
        code: String,
    },
    /// A connection to an identity provider was created, changed or deleted.
    SsoConnectionChanged {
        /// Which.
        connection: ConnectionId,
        /// Whose it is, if it is not the platform's.
        organisation: Option<OrganisationId>,
        /// What was done to it.
        change: String,
    },
    /// A mail domain was confirmed to be an organisation's.
    SsoDomainConfirmed {
        /// Whose.
        organisation: OrganisationId,
        /// Which.
        domain: String,
    },
    /// A refresh token was shown that had been used before: its session was ended.
    RefreshTokenReused {
        /// Whose.
        user: UserId,
        /// Which session.
        session: SessionId,
    },
}

impl IdentityEvent {
    /// The name of this kind of event in the outbox.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Registered { .. } => "identity.registered",
            Self::SignedIn { .. } => "identity.signed_in",
            Self::SignInFailed { .. } => "identity.sign_in_failed",
            Self::NewDevice { .. } => "identity.new_device",
            Self::SuspiciousSignIn { .. } => "identity.suspicious_sign_in",
            Self::PasswordChanged { .. } => "identity.password_changed",
            Self::SessionsEnded { .. } => "identity.sessions_ended",
            Self::RefreshTokenReused { .. } => "identity.refresh_token_reused",
            Self::IdentityLinked { .. } => "identity.linked",
            Self::IdentityUnlinked { .. } => "identity.unlinked",
            Self::SsoRolesChanged { .. } => "identity.sso_roles_changed",
            Self::SsoRefused { .. } => "identity.sso_refused",
            Self::SsoConnectionChanged { .. } => "identity.sso_connection_changed",
            Self::SsoDomainConfirmed { .. } => "identity.sso_domain_confirmed",
        }
    }

    /// In which organisation's audit trail it belongs, besides the platform's.
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::SsoRolesChanged { organisation, .. }
            | Self::SsoDomainConfirmed { organisation, .. } => Some(*organisation),
            Self::SsoRefused { organisation, .. }
            | Self::SsoConnectionChanged { organisation, .. } => *organisation,
            Self::Registered { .. }
            | Self::SignedIn { .. }
            | Self::SignInFailed { .. }
            | Self::NewDevice { .. }
            | Self::SuspiciousSignIn { .. }
            | Self::PasswordChanged { .. }
            | Self::SessionsEnded { .. }
            | Self::RefreshTokenReused { .. }
            | Self::IdentityLinked { .. }
            | Self::IdentityUnlinked { .. } => None,
        }
    }

    /// Whose account it is about.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Registered { user }
            | Self::SignedIn { user, .. }
            | Self::NewDevice { user, .. }
            | Self::SuspiciousSignIn { user, .. }
            | Self::PasswordChanged { user, .. }
            | Self::SessionsEnded { user, .. }
            | Self::RefreshTokenReused { user, .. }
            | Self::IdentityLinked { user, .. }
            | Self::IdentityUnlinked { user, .. }
            | Self::SsoRolesChanged { user, .. } => Some(*user),
            Self::SsoRefused { .. }
            | Self::SsoConnectionChanged { .. }
            | Self::SsoDomainConfirmed { .. } => None,
            Self::SignInFailed { user, .. } => *user,
        }
    }
}
