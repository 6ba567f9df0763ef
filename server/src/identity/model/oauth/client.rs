//! Clients: programs that are known to an organisation.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::redirect_fault;
use crate::identity::model::{OAuthClientId, OAuthGrantId, OrganisationId, Permission, UserId};

/// How many addresses to return to a client may have.
const MOST_REDIRECTS: usize = 10;
/// How long an old secret may still count, in seconds.
const MOST_OVERLAP_S: u32 = 30 * 86_400;

text_enum! {
    /// What a client can keep, and for whom it acts.
    pub enum OAuthClientKind {
        /// An app on people's own machines or in their browsers: it can keep no secret.
        Public = "public",
        /// A program on a server: it has a secret, and acts for people who agree.
        Confidential = "confidential",
        /// A service credential: it has a secret, and acts for the organisation by itself.
        Service = "service",
    }
}

impl OAuthClientKind {
    /// Whether it has a secret.
    pub const fn has_secret(self) -> bool {
        !matches!(self, Self::Public)
    }

    /// Whether it asks people.
    pub const fn asks_people(self) -> bool {
        !matches!(self, Self::Service)
    }
}

/// A program that is known to an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OAuthClient {
    /// Its id: what OAuth calls `client_id`.
    pub id: OAuthClientId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// What people are told it is called.
    pub name: String,
    /// What it can keep, and for whom it acts.
    pub kind: OAuthClientKind,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// What it may ask for at most.
    pub scopes: Vec<Permission>,
    /// Whether it works at all.
    pub is_enabled: bool,
    /// Whether members of other organisations may let it act for theirs.
    pub is_shared: bool,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Until when the secret before the current one still counts.
    pub previous_secret_until: Option<Timestamp>,
}

impl OAuthClient {
    /// Whether a browser may be sent back to this address.
    pub fn returns_to(&self, uri: &str) -> bool {
        let is_public = self.kind == OAuthClientKind::Public;
        self.redirect_uris
            .iter()
            .any(|registered| super::redirect_matches(registered, uri, is_public))
    }
}

/// A client that is to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthClientInput {
    /// What people are told it is called, 1 to 100 characters.
    pub name: String,
    /// What it can keep, and for whom it acts.
    pub kind: OAuthClientKind,
    /// Where browsers may be sent back to: https, a loopback address, or for public clients a kind
    /// of address of its own such as `com.example.app:/callback`. A service has none.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// What it may ask for at most.
    pub scopes: Vec<Permission>,
    /// Whether members of other organisations may let it act for theirs.
    #[serde(default)]
    pub is_shared: bool,
}

/// What is to be changed of a client.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthClientPatch {
    /// What people are told it is called.
    pub name: Option<String>,
    /// Where browsers may be sent back to.
    pub redirect_uris: Option<Vec<String>>,
    /// What it may ask for at most; what was granted above that is lost at once.
    pub scopes: Option<Vec<Permission>>,
    /// Whether it works at all.
    pub is_enabled: Option<bool>,
    /// Whether members of other organisations may let it act for theirs.
    pub is_shared: Option<bool>,
}

/// How a secret is changed.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotation {
    /// How long the secret before still counts, in seconds: a day unless told, 30 days at most.
    pub overlap_s: Option<u32>,
}

impl SecretRotation {
    /// How long the secret before still counts, in seconds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn seconds(self) -> Result<u32, FieldError> {
        let seconds = self.overlap_s.unwrap_or(86_400);
        if seconds > MOST_OVERLAP_S {
            return Err(fault(
                "overlap_s",
                "too_large",
                "An old secret counts for 30 days at most.",
            ));
        }
        Ok(seconds)
    }
}

/// A client with its secret, which is shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OAuthClientSecret {
    /// The client.
    pub client: OAuthClient,
    /// Its secret, if its kind has one; it is stored nowhere.
    pub secret: Option<String>,
}

/// What somebody allowed a client to do, or a service credential acting by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OAuthGrant {
    /// Its id.
    pub id: OAuthGrantId,
    /// Which client.
    pub client_id: OAuthClientId,
    /// What the client is called.
    pub client_name: String,
    /// Who allowed it; nobody for a service credential.
    pub user_id: Option<UserId>,
    /// For which organisation.
    pub organisation_id: OrganisationId,
    /// What that organisation is called.
    pub organisation_name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// When it was allowed.
    pub created_at: Timestamp,
    /// When it last fetched a token.
    pub last_used_at: Option<Timestamp>,
    /// When it ends unless it is used.
    pub expires_at: Option<Timestamp>,
}

fn fault(field: impl Into<String>, code: &'static str, detail: &str) -> FieldError {
    FieldError {
        field: field.into(),
        code: code.into(),
        detail: detail.to_owned(),
    }
}

/// What is wrong with a client, by its fields.
pub fn client_faults(
    name: &str,
    kind: OAuthClientKind,
    redirect_uris: &[String],
    scopes: &[Permission],
    is_shared: bool,
) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        faults.push(fault(
            "name",
            "name",
            "A client has a name of 1 to 100 characters.",
        ));
    }
    if scopes.is_empty() {
        faults.push(fault(
            "scopes",
            "empty",
            "Name what the client may ask for.",
        ));
    }
    for (place, scope) in scopes.iter().enumerate() {
        if !scope.is_for_programs() {
            faults.push(fault(
                format!("scopes[{place}]"),
                "not_for_programs",
                "No program may have this permission.",
            ));
        }
    }
    if kind.asks_people() {
        if redirect_uris.is_empty() || redirect_uris.len() > MOST_REDIRECTS {
            faults.push(fault(
                "redirect_uris",
                "count",
                "A client that asks people has 1 to 10 addresses to return to.",
            ));
        }
        let is_public = kind == OAuthClientKind::Public;
        for (place, uri) in redirect_uris.iter().enumerate() {
            if let Some(text) = redirect_fault(uri, is_public) {
                faults.push(fault(
                    format!("redirect_uris[{place}]"),
                    "redirect_uri",
                    text,
                ));
            }
        }
    } else {
        if !redirect_uris.is_empty() {
            faults.push(fault(
                "redirect_uris",
                "not_empty",
                "A service acts by itself: no browser returns to it.",
            ));
        }
        if is_shared {
            faults.push(fault(
                "is_shared",
                "service",
                "A service acts for its own organisation only.",
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_sound_or_its_faults_are_named() {
        let faults = |name: &str, kind, uris: &[&str], scopes: &[Permission], is_shared| {
            let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
            client_faults(name, kind, &uris, scopes, is_shared)
                .into_iter()
                .map(|fault| fault.field)
                .collect::<Vec<_>>()
        };
        let read = [Permission::EventsRead];
        let home = ["https://a.example/cb"];
        use OAuthClientKind::{Confidential, Public, Service};
        assert!(faults("A", Confidential, &home, &read, true).is_empty());
        assert!(faults("A", Service, &[], &read, false).is_empty());
        assert_eq!(faults("\0", Public, &home, &read, false), ["name"]);
        assert_eq!(faults(" ", Public, &home, &[], false), ["name", "scopes"]);
        assert_eq!(
            faults("A", Public, &home, &[Permission::KeysManage], false),
            ["scopes[0]"]
        );
        assert_eq!(faults("A", Public, &[], &read, false), ["redirect_uris"]);
        assert_eq!(
            faults("A", Public, &["https://a.example/cb", "x"], &read, false),
            ["redirect_uris[1]"]
        );
        assert_eq!(
            faults("A", Service, &home, &read, true),
            ["redirect_uris", "is_shared"]
        );
        assert!(
            SecretRotation {
                overlap_s: Some(u32::MAX)
            }
            .seconds()
            .is_err()
        );
    }
}
