//! The client that asks OpenID providers, made when it is first needed.

use std::sync::OnceLock;

use bilten_adapters::oidc::{OidcClient, OidcError};

/// Asks identity providers, and remembers how they are to be asked.
#[derive(Default)]
pub struct Sso(OnceLock<Result<OidcClient, OidcError>>);

impl Sso {
    /// The client; with `allows_private`, it asks providers in private networks as well.
    pub(super) fn oidc(&self, allows_private: bool) -> Result<&OidcClient, OidcError> {
        self.0
            .get_or_init(|| OidcClient::new(allows_private))
            .as_ref()
            .map_err(Clone::clone)
    }
}
