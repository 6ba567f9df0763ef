//! How webhooks are set up: section `[webhooks]`.

use serde::Deserialize;

/// How webhooks are set up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Whether receivers may be in private networks, and need no encryption.
    pub private_networks: bool,
}
