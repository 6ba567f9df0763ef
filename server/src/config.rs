//! How a node is set up: a file, then the environment, over the defaults in
//! `bilten.default.toml`, where every key is explained.

use std::path::{Path, PathBuf};

use bilten_adapters::mail::MailConfig;
use bilten_adapters::outgoing::OutgoingConfig;
use bilten_adapters::sms::SmsConfig;
use bilten_adapters::telemetry::TelemetryConfig;
use bilten_kernel::config::{self, ConfigError, Values};
use bilten_kernel::db::DatabaseConfig;
use bilten_kernel::http::{HttpConfig, VisitorsConfig};
use bilten_kernel::random::Random;
use bilten_kernel::telemetry::LogConfig;
use serde::Deserialize;

use crate::edge::LimitsConfig;
use crate::identity::IdentityConfig;
use crate::inspect::InspectorConfig;
use crate::platform::{MasterKey, Masters, VaultError};
use crate::webhooks::WebhooksConfig;

/// The defaults, which name and explain every key.
pub const DEFAULTS: &str = include_str!("../bilten.default.toml");

/// How a node is set up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How it is reached.
    pub http: HttpConfig,
    /// Who is let in.
    pub visitors: VisitorsConfig,
    /// How often requests may be made.
    pub limits: LimitsConfig,
    /// Where its records are.
    pub database: DatabaseConfig,
    /// How it and other nodes wake each other.
    pub nodes: NodesConfig,
    /// What it logs.
    pub log: LogConfig,
    /// Where its master key is.
    pub secrets: SecretsConfig,
    /// How people sign in.
    pub identity: IdentityConfig,
    /// Where mail goes.
    pub mail: MailConfig,
    /// Who sends text messages.
    pub sms: SmsConfig,
    /// Where traces and metrics go.
    pub telemetry: TelemetryConfig,
    /// How others are told of what happens.
    pub webhooks: WebhooksConfig,
    /// How requests are kept for developers.
    pub inspector: InspectorConfig,
    /// How others are called.
    pub outgoing: OutgoingConfig,
}

/// How nodes that share a database wake each other: section `[nodes]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodesConfig {
    /// Where they tell each other that there is something to do; empty: by the database.
    pub url: String,
}

impl std::fmt::Debug for NodesConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("NodesConfig").finish_non_exhaustive()
    }
}

/// Where the master key is: section `[secrets]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsConfig {
    /// 64 hexadecimal digits, or empty.
    pub master_key: String,
    /// The file that holds it if it is empty above.
    pub master_key_file: PathBuf,
    /// Files of other master keys, by which data keys may still be wrapped.
    pub previous_master_key_files: Vec<PathBuf>,
}

impl std::fmt::Debug for SecretsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsConfig")
            .field("master_key_file", &self.master_key_file)
            .field("previous_master_key_files", &self.previous_master_key_files)
            .finish_non_exhaustive()
    }
}

impl SecretsConfig {
    /// The master key; made where there is none.
    ///
    /// # Errors
    /// [`VaultError`] if it cannot be read or made.
    pub fn master_key(&self, random: &dyn Random) -> Result<MasterKey, VaultError> {
        if self.master_key.is_empty() {
            if let Some(folder) = self.master_key_file.parent() {
                // If this fails, making the file says why.
                let _ = std::fs::create_dir_all(folder);
            }
            MasterKey::from_file(&self.master_key_file, random)
        } else {
            MasterKey::from_hex(&self.master_key)
        }
    }

    /// The master key, made where there is none, and all others that are named.
    ///
    /// # Errors
    /// [`VaultError`] if one cannot be read, or the first not be made.
    pub fn masters(&self, random: &dyn Random) -> Result<Masters, VaultError> {
        Ok(Masters::new(self.master_key(random)?, self.previous()?))
    }

    /// The master keys as they are, without making one; nothing if there is no master key yet.
    ///
    /// # Errors
    /// [`VaultError`] if one cannot be read.
    pub fn existing_masters(&self) -> Result<Option<Masters>, VaultError> {
        let current = if self.master_key.is_empty() {
            MasterKey::read_file(&self.master_key_file)?
        } else {
            Some(MasterKey::from_hex(&self.master_key)?)
        };
        let previous = self.previous()?;
        Ok(current.map(|current| Masters::new(current, previous)))
    }

    fn previous(&self) -> Result<Vec<MasterKey>, VaultError> {
        let read = |path: &PathBuf| {
            MasterKey::read_file(path)?.ok_or_else(|| VaultError::File {
                path: path.display().to_string(),
                source: std::io::ErrorKind::NotFound.into(),
            })
        };
        self.previous_master_key_files.iter().map(read).collect()
    }
}

impl Config {
    /// Reads the configuration from `file`, or from `bilten.toml` in the working folder if that
    /// is there, and from the environment.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file, the key and how to mend it.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with_values(file).map(|(config, _)| config)
    }

    /// Like [`load`](Self::load), with what the keys are set to.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with_values(file: Option<&Path>) -> Result<(Self, Values), ConfigError> {
        let usual = Path::new("bilten.toml");
        let file = file.or_else(|| usual.exists().then_some(usual));
        config::load_with_values(file, DEFAULTS, std::env::vars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_a_whole_configuration() {
        let config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
        assert_eq!(config.database.url, "sqlite:bilten-data/bilten.db");
        // The file must not drift from what the code takes as default.
        let kernel = HttpConfig::default();
        assert_eq!(config.http.listen, kernel.listen);
        assert_eq!(config.http.body_limit_bytes, kernel.body_limit_bytes);
        assert_eq!(config.http.max_connections, kernel.max_connections);
        assert_eq!(config.http.header_limit_bytes, kernel.header_limit_bytes);
        assert_eq!(config.http.max_in_flight, kernel.max_in_flight);
        assert_eq!(config.log.level, LogConfig::default().level);
        assert_eq!(config.outgoing, OutgoingConfig::default());
    }

    #[test]
    fn every_key_is_explained_by_a_comment() {
        for (number, line) in DEFAULTS.lines().enumerate() {
            if line.contains(" = ") && !line.starts_with('#') {
                let above = DEFAULTS
                    .lines()
                    .nth(number.saturating_sub(1))
                    .unwrap_or_default();
                assert!(above.starts_with("# "), "no comment above `{line}`");
            }
        }
    }

    #[test]
    fn a_wrong_key_names_the_nearest_one_and_secrets_are_not_printed() {
        let env = [("BILTEN_HTTP__LISTNE".to_owned(), "x".to_owned())];
        let error = config::load::<Config>(None, DEFAULTS, env.into_iter())
            .unwrap_err()
            .to_string();
        assert!(error.contains("http.listen"), "{error}");
        let env = [(
            "BILTEN_SECRETS__MASTER_KEY".to_owned(),
            "topsecret".to_owned(),
        )];
        let config: Config = config::load(None, DEFAULTS, env.into_iter()).unwrap();
        assert!(!format!("{config:?}").contains("topsecret"));
    }
}
