//! Reading the configuration again: what can change without a restart does, as a whole or not at
//! all.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bilten_kernel::config::{ConfigError, Values};
use bilten_kernel::db::DbError;
use bilten_kernel::error::{IntoProblem, Problem};
use bilten_kernel::telemetry::{LogConfig, LogError, check_level};
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex as AsyncMutex;
use utoipa::ToSchema;

use crate::app::{App, Post, PostError};
use crate::config::Config;
use crate::edge::LimitsConfig;
use crate::identity::IdentityConfig;
use crate::platform::{self, AuditRecord};

/// The keys that can change without a restart; a dot at the end means a whole section.
pub const RELOADABLE: &[&str] = &[
    "log.level",
    "mail.",
    "sms.",
    "identity.session_idle_s",
    "identity.session_absolute_s",
    "identity.access_token_s",
    "identity.token_key_s",
    "identity.attempts_kept_s",
    "identity.consents.",
    "limits.api.",
    "limits.browse.",
    "limits.buy.",
    "limits.device.",
    "limits.sign_in.",
    "outgoing.",
];

/// Where the configuration came from, so that it can be read again.
#[derive(Debug, Default)]
pub struct Source {
    file: Mutex<Option<PathBuf>>,
    /// One reads at a time.
    values: AsyncMutex<Option<Known>>,
}

/// What the configuration said.
#[derive(Debug)]
struct Known {
    /// When the server was started: of what needs a restart, that counts.
    started: Values,
    /// When it was last read.
    last: Values,
}

impl Source {
    /// Remembers where the configuration came from and what it says.
    pub async fn remember(&self, file: Option<PathBuf>, values: Values) {
        *self.lock() = file;
        *self.values.lock().await = Some(Known {
            started: values.clone(),
            last: values,
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<PathBuf>> {
        self.file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What reading the configuration again has led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reloaded {
    /// The keys that count by now.
    pub changed: Vec<String>,
    /// The keys that differ but count after a restart only.
    pub needs_restart: Vec<String>,
}

/// Why the configuration stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Mail or text messages cannot be sent by it.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The level is none.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A time is too short to be meant.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// This node does not know where its configuration came from.
    #[error("this server was not started from a configuration that can be read again")]
    NoSource,
    /// The change could not be recorded.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl ReloadError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) | Self::Post(_) | Self::Log(_) | Self::Zero(_) => {
                "platform.configuration_wrong"
            }
            Self::NoSource => "platform.configuration_fixed",
            Self::Db(_) => "platform.configuration_unrecorded",
        }
    }
}

impl IntoProblem for ReloadError {
    fn into_problem(self) -> Problem {
        let code = self.code();
        match self {
            Self::Db(error) => error.into_problem(),
            Self::NoSource => Problem::conflict(code, self.to_string()),
            Self::Config(_) | Self::Post(_) | Self::Log(_) | Self::Zero(_) => {
                Problem::conflict(code, format!("{self} Everything stays as it was."))
            }
        }
    }
}

/// Reads the configuration again, on this node. If anything in it is wrong, nothing changes.
///
/// # Errors
/// [`ReloadError`] by what is wrong with it.
pub async fn reload(app: &App, actor: &str) -> Result<Reloaded, ReloadError> {
    let file = app.source.lock().clone();
    let mut values = app.source.values.lock().await;
    let known = values.as_mut().ok_or(ReloadError::NoSource)?;
    let (new, read) = Config::load_with_values(file.as_deref())?;
    let mut changed = known.last.changed(&read);
    changed.retain(|key| is_reloadable(key));
    let mut needs_restart = known.started.changed(&read);
    needs_restart.retain(|key| !is_reloadable(key));
    let config = with_what_may_change(&app.config, new);
    check(&config)?;
    let post = Post::new(&config, Arc::clone(&app.outside))?;
    let reloaded = Reloaded {
        changed,
        needs_restart,
    };
    note(app, actor, &reloaded).await?;
    app.outside.set_up(config.outgoing);
    app.config.replace(config);
    app.mailer.replace(post.mailer);
    app.sms.replace(post.sms);
    known.last = read;
    drop(values);
    platform::obey_log_level(app).await;
    tracing::info!(
        changed = reloaded.changed.join(" "),
        needs_restart = reloaded.needs_restart.join(" "),
        "the configuration was read again"
    );
    Ok(reloaded)
}

fn is_reloadable(key: &str) -> bool {
    RELOADABLE
        .iter()
        .any(|one| *one == key || (one.ends_with('.') && key.starts_with(one)))
}

/// The configuration as it is, with what may change without a restart taken from `new`.
fn with_what_may_change(old: &Config, new: Config) -> Config {
    Config {
        log: LogConfig {
            level: new.log.level,
            ..old.log.clone()
        },
        mail: new.mail,
        sms: new.sms,
        outgoing: new.outgoing,
        limits: LimitsConfig {
            url: old.limits.url.clone(),
            keys: old.limits.keys,
            ..new.limits
        },
        identity: IdentityConfig {
            session_idle_s: new.identity.session_idle_s,
            session_absolute_s: new.identity.session_absolute_s,
            access_token_s: new.identity.access_token_s,
            token_key_s: new.identity.token_key_s,
            attempts_kept_s: new.identity.attempts_kept_s,
            consents: new.identity.consents,
            ..old.identity.clone()
        },
        ..old.clone()
    }
}

fn check(config: &Config) -> Result<(), ReloadError> {
    check_level(&config.log.level)?;
    let identity = &config.identity;
    for (key, value) in [
        ("identity.session_idle_s", identity.session_idle_s),
        ("identity.session_absolute_s", identity.session_absolute_s),
        ("identity.access_token_s", identity.access_token_s),
        ("identity.token_key_s", identity.token_key_s),
    ] {
        if value == 0 {
            return Err(ReloadError::Zero(key));
        }
    }
    Ok(())
}

async fn note(app: &App, actor: &str, reloaded: &Reloaded) -> Result<(), DbError> {
    let detail = json!({"changed": reloaded.changed, "needs_restart": reloaded.needs_restart});
    let record = AuditRecord::new(actor, "configuration.reloaded", "configuration").detail(detail);
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { platform::audit(&work, c, record).await }))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULTS;

    fn read(text: &str) -> (Config, Values) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bilten.toml");
        std::fs::write(&path, text).unwrap();
        bilten_kernel::config::load_with_values(Some(&path), DEFAULTS, std::iter::empty()).unwrap()
    }

    /// Every key that is named as reloadable is taken over, and no other.
    #[test]
    fn what_is_named_is_what_changes() {
        let (old, old_values) = read("");
        let (new, new_values) = read(
            r#"
            [http]
            listen = "0.0.0.0:1"
            [log]
            level = "warn"
            format = "json"
            [mail]
            from = "New <new@example.org>"
            [sms]
            url = "https://sms.example.org"
            [identity]
            session_idle_s = 1
            session_absolute_s = 2
            access_token_s = 3
            token_key_s = 4
            attempts_kept_s = 5
            argon2_iterations = 9
            [identity.consents]
            terms = "2"
            [limits]
            keys = 5
            [limits.browse]
            address = "7/60"
            [outgoing]
            at_once = 3
            "#,
        );
        let changed = old_values.changed(&new_values);
        let (kept, lost): (Vec<_>, Vec<_>) = changed.iter().partition(|key| is_reloadable(key));
        assert_eq!(
            lost,
            [
                "http.listen",
                "identity.argon2_iterations",
                "limits.keys",
                "log.format"
            ]
        );
        assert_eq!(kept.len(), 11);
        let merged = with_what_may_change(&old, new);
        assert_eq!(merged.http.listen, old.http.listen);
        assert_eq!(merged.log.format, old.log.format);
        assert_eq!(
            merged.identity.argon2_iterations,
            old.identity.argon2_iterations
        );
        assert_eq!(merged.log.level, "warn");
        assert_eq!(merged.mail.from, "New <new@example.org>");
        assert_eq!(merged.sms.url, "https://sms.example.org");
        let identity = &merged.identity;
        let times = [
            identity.session_idle_s,
            identity.session_absolute_s,
            identity.access_token_s,
            identity.token_key_s,
            identity.attempts_kept_s,
        ];
        assert_eq!(times, [1, 2, 3, 4, 5]);
        assert_eq!(identity.consents.terms, "2");
        assert_eq!(merged.outgoing.at_once, 3);
        assert_eq!(merged.limits.browse.address, "7/60".parse().ok());
        assert_eq!(merged.limits.keys, old.limits.keys);
    }

    #[test]
    fn every_reloadable_key_exists() {
        let (_, values) = read("");
        let shown = format!("{values:?}");
        for key in RELOADABLE {
            assert!(shown.contains(key), "{key} is none");
        }
    }
}
