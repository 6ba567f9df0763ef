//! Other identity providers, and what we know and believe of them.

use std::collections::HashMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{OrganisationId, Role, UserId};
use crate::catalog::EventId;

typed_id!(pub ConnectionId, "sso", "Names a connection to an identity provider.");

/// How many rules a connection can have.
pub const MAX_ROLE_RULES: usize = 200;
/// For how many domains a connection can be.
pub const MAX_DOMAINS: usize = 50;

text_enum! {
    /// What a connection speaks.
    pub enum ConnectionKind {
        /// OpenID Connect.
        Oidc = "oidc",
        /// SAML 2.0.
        Saml = "saml",
    }
}

text_enum! {
    /// Which OpenID provider it is: what is special about it.
    pub enum Preset {
        /// Google.
        Google = "google",
        /// Apple.
        Apple = "apple",
        /// Facebook.
        Facebook = "facebook",
        /// LinkedIn.
        Linkedin = "linkedin",
        /// Any that keeps to the standard.
        Generic = "generic",
    }
}

/// What is special about a provider.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// Its address, if there is one for everybody.
    pub issuer: Option<&'static str>,
    /// What is asked for besides `openid`.
    pub scopes: &'static [&'static str],
    /// Where codes are exchanged, if its description does not say.
    pub token_endpoint: Option<&'static str>,
    /// Whether the secret goes into the form, if its description does not say.
    pub posts_secret: bool,
    /// Whether its ID tokens repeat the nonce.
    pub returns_nonce: bool,
    /// Whether the browser comes back by a form that posts.
    pub form_post: bool,
    /// Whether it is believed when it says that an address is somebody's.
    pub vouches: bool,
}

impl Preset {
    /// What is special about it.
    pub const fn quirks(self) -> Quirks {
        let usual = Quirks {
            issuer: None,
            scopes: &["email", "profile"],
            token_endpoint: None,
            posts_secret: false,
            returns_nonce: true,
            form_post: false,
            vouches: true,
        };
        match self {
            Self::Google => Quirks {
                issuer: Some("https://accounts.google.com"),
                ..usual
            },
            Self::Apple => Quirks {
                issuer: Some("https://appleid.apple.com"),
                scopes: &["email", "name"],
                posts_secret: true,
                form_post: true,
                ..usual
            },
            // Its description names no token endpoint, and it never says whose an address is.
            Self::Facebook => Quirks {
                issuer: Some("https://www.facebook.com"),
                scopes: &["email", "public_profile"],
                token_endpoint: Some("https://graph.facebook.com/v24.0/oauth/access_token"),
                posts_secret: true,
                vouches: false,
                ..usual
            },
            Self::Linkedin => Quirks {
                issuer: Some("https://www.linkedin.com/oauth"),
                posts_secret: true,
                returns_nonce: false,
                ..usual
            },
            Self::Generic => usual,
        }
    }
}

/// A key of a team at Apple, by which our secret there is made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppleTeamKey {
    /// The team's id.
    pub team_id: String,
    /// The key's id.
    pub key_id: String,
    /// The key in PEM; it is never shown again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub private_key: String,
}

/// How to talk to an OpenID provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// Which provider it is.
    pub preset: Preset,
    /// Its address; not needed where the preset knows it.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; never shown again, and kept when a change leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Instead of a secret: the key by which Apple wants one made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apple_key: Option<AppleTeamKey>,
    /// What is asked for besides `openid`, if not the usual.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Values of `acr` that stand for a second factor, besides `mfa` in `amr`.
    #[serde(default)]
    pub mfa_contexts: Vec<String>,
}

/// How to talk to a SAML identity provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlSettings {
    /// Its description; from it come the three below, which are not needed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Its name.
    #[serde(default)]
    pub entity_id: String,
    /// Where browsers bring requests to.
    #[serde(default)]
    pub sso_url: String,
    /// The certificates of its signing keys, in PEM or Base64.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// The attribute that names the person for ever, if the NameID does not.
    #[serde(default)]
    pub subject_attribute: Option<String>,
    /// The attribute that holds their e-mail address, if none of the usual ones.
    #[serde(default)]
    pub email_attribute: Option<String>,
    /// The attribute that holds what they are called, if none of the usual ones.
    #[serde(default)]
    pub name_attribute: Option<String>,
    /// Authentication context classes that stand for a second factor.
    #[serde(default)]
    pub mfa_contexts: Vec<String>,
}

/// What a connection is set up with: stored sealed only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionSettings {
    /// OpenID Connect.
    Oidc(OidcSettings),
    /// SAML 2.0.
    Saml(SamlSettings),
}

impl std::fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Oidc(_) => "Oidc",
            Self::Saml(_) => "Saml",
        })
    }
}

impl ConnectionSettings {
    /// What it speaks.
    pub const fn kind(&self) -> ConnectionKind {
        match self {
            Self::Oidc(_) => ConnectionKind::Oidc,
            Self::Saml(_) => ConnectionKind::Saml,
        }
    }

    /// Whether the provider lets somebody prove anew who they are, and says when they did. The
    /// social networks do not say.
    pub const fn asks_again(&self) -> bool {
        match self {
            Self::Oidc(settings) => matches!(settings.preset, Preset::Generic),
            Self::Saml(_) => true,
        }
    }
}

/// Who has a value in an attribute has a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// The name of the attribute or claim, such as `groups`.
    pub attribute: String,
    /// The value that it must have, or hold among others.
    pub value: String,
    /// The role; not owner.
    pub role: Role,
    /// For which event; without it, for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
}

/// Which attributes give which roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleMapping {
    /// The first rule that fits gives the role for everything; all that fit give roles for events.
    #[serde(default)]
    pub rules: Vec<RoleRule>,
    /// The role of those whom no rule fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_role: Option<Role>,
}

/// What the rules make of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// There are no rules: roles are given by people.
    Unmanaged,
    /// No rule fits.
    Nothing,
    /// These roles: one for everything, and those for single events.
    Roles(Option<Role>, Vec<(EventId, Role)>),
}

impl RoleMapping {
    /// What somebody with these attributes is.
    pub fn apply(&self, attributes: &HashMap<String, Vec<String>>) -> Mapped {
        if self.rules.is_empty() && self.default_role.is_none() {
            return Mapped::Unmanaged;
        }
        let fits = |rule: &&RoleRule| {
            attributes
                .get(&rule.attribute)
                .is_some_and(|values| values.contains(&rule.value))
        };
        let (mut whole, mut events) = (None, Vec::new());
        for rule in self.rules.iter().filter(fits) {
            match rule.event {
                None => whole = whole.or(Some(rule.role)),
                Some(event) if events.iter().all(|(known, _)| *known != event) => {
                    events.push((event, rule.role));
                }
                Some(_) => {}
            }
        }
        if whole.is_none() && events.is_empty() {
            whole = self.default_role;
        }
        match (whole, &*events) {
            (None, []) => Mapped::Nothing,
            (whole, _) => Mapped::Roles(whole, events),
        }
    }
}

/// A connection as it is to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionInput {
    /// Its short name in addresses; for an organisation, its own short name, perhaps with more
    /// after a hyphen.
    pub slug: String,
    /// What the button says.
    pub name: String,
    /// Whether people can sign in with it.
    #[serde(default = "enabled")]
    pub is_enabled: bool,
    /// The mail domains of an organisation: only their people sign in with it. They count once the
    /// platform has confirmed them.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Which attributes give which roles.
    #[serde(default)]
    pub role_mapping: RoleMapping,
    /// For OpenID Connect.
    #[serde(default)]
    pub oidc: Option<OidcSettings>,
    /// For SAML 2.0.
    #[serde(default)]
    pub saml: Option<SamlSettings>,
}

const fn enabled() -> bool {
    true
}

impl std::fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcSettings")
            .field("preset", &self.preset)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SamlSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SamlSettings")
            .field("entity_id", &self.entity_id)
            .finish_non_exhaustive()
    }
}

/// A connection as the service has it, opened.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is; the platform's if nobody's.
    pub organisation: Option<OrganisationId>,
    /// Its short name.
    pub slug: String,
    /// What the button says.
    pub name: String,
    /// How to talk to the provider.
    pub settings: ConnectionSettings,
    /// Its mail domains.
    pub domains: Vec<String>,
    /// Which attributes give which roles.
    pub role_mapping: RoleMapping,
    /// Whether people can sign in with it.
    pub is_enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A mail domain of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DomainView {
    /// The domain.
    pub domain: String,
    /// Whether the platform has confirmed that it is the organisation's.
    pub is_confirmed: bool,
}

/// A connection as it is shown: without secrets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// Its id.
    pub id: ConnectionId,
    /// Its short name.
    pub slug: String,
    /// What the button says.
    pub name: String,
    /// What it speaks.
    pub kind: ConnectionKind,
    /// Whether people can sign in with it.
    pub is_enabled: bool,
    /// Its mail domains.
    pub domains: Vec<DomainView>,
    /// Which attributes give which roles.
    pub role_mapping: RoleMapping,
    /// For OpenID Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcSettings>,
    /// For SAML 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlSettings>,
    /// What the provider must know of us: where browsers come back to.
    pub callback_url: String,
    /// For SAML 2.0: where our description is, which is our name too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A button for signing in by another identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SsoButton {
    /// The short name in `/sso/{slug}/start`.
    pub slug: String,
    /// What the button says.
    pub name: String,
    /// What it speaks.
    pub kind: ConnectionKind,
}

/// An account elsewhere by which somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkedIdentity {
    /// Which connection.
    pub connection: ConnectionId,
    /// Its short name.
    pub slug: String,
    /// What its button says.
    pub name: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// Who somebody is, by an identity provider that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Federated {
    /// What the provider calls them.
    pub subject: String,
    /// Their address, as the provider writes it.
    pub email: Option<String>,
    /// Whether the provider says that it is theirs, or is not; some say neither.
    pub is_email_verified: Option<bool>,
    /// What they are called.
    pub name: Option<String>,
    /// Whether a second factor was shown there.
    pub is_mfa: bool,
    /// What else is said of them.
    pub attributes: HashMap<String, Vec<String>>,
}

/// Why a sign-in goes to an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FederationIntent {
    /// To sign in.
    SignIn,
    /// To sign in with that account from now on, too.
    Link {
        /// Who.
        user: UserId,
    },
    /// To prove once more who they are.
    Reauthenticate {
        /// Who.
        user: UserId,
        /// In which session.
        session: super::SessionId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(groups: &[&str]) -> HashMap<String, Vec<String>> {
        let values = groups.iter().map(|group| (*group).to_owned()).collect();
        HashMap::from([("groups".to_owned(), values)])
    }

    fn rule(value: &str, role: Role, event: Option<EventId>) -> RoleRule {
        RoleRule {
            attribute: "groups".to_owned(),
            value: value.to_owned(),
            role,
            event,
        }
    }

    /// covers: AUTH-5
    #[test]
    fn attributes_give_roles() {
        let event = EventId::from_bytes([7; 16]);
        let mut mapping = RoleMapping {
            rules: vec![
                rule("heads", Role::Manager, None),
                rule("all", Role::Viewer, None),
                rule("door", Role::DoorStaff, Some(event)),
                rule("all", Role::Viewer, Some(event)),
            ],
            default_role: None,
        };
        let apply = |mapping: &RoleMapping, groups: &[&str]| mapping.apply(&attributes(groups));
        assert_eq!(
            apply(&mapping, &["all", "heads", "door"]),
            Mapped::Roles(Some(Role::Manager), vec![(event, Role::DoorStaff)])
        );
        assert_eq!(
            apply(&mapping, &["door"]),
            Mapped::Roles(None, vec![(event, Role::DoorStaff)])
        );
        assert_eq!(apply(&mapping, &["Heads"]), Mapped::Nothing);
        mapping.default_role = Some(Role::Viewer);
        assert_eq!(
            apply(&mapping, &[]),
            Mapped::Roles(Some(Role::Viewer), vec![])
        );
        assert_eq!(
            RoleMapping::default().apply(&attributes(&["heads"])),
            Mapped::Unmanaged
        );
    }

    #[test]
    fn presets_are_whole() {
        for preset in Preset::ALL {
            let quirks = preset.quirks();
            assert_eq!(quirks.issuer.is_none(), *preset == Preset::Generic);
            assert!(quirks.scopes.contains(&"email"));
        }
    }
}
