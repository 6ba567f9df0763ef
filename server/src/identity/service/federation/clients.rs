//! The client that asks OpenID providers, made when it is first needed.

use std::sync::{Arc, OnceLock};

use bilten_adapters::oidc::OidcClient;

use crate::app::App;

/// Asks identity providers, and remembers how they are to be asked.
#[derive(Default)]
pub struct Sso(OnceLock<OidcClient>);

impl Sso {
    /// The client; it asks providers in private networks as well if the configuration says so.
    pub(super) fn oidc(&self, app: &App) -> &OidcClient {
        self.0.get_or_init(|| {
            let allows_private = app.config.identity.sso_private_networks;
            OidcClient::new(allows_private, Arc::clone(&app.outside))
        })
    }
}
