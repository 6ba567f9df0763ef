//! Logs: structured lines on standard error.
//!
//! Every line of a request carries its id by the span of [`http::layers`](crate::http::layers).
//! Log what happened and which ids it concerns; never bodies, tickets, names, keys or tokens.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

crate::text_enum! {
    /// How log lines look.
    pub enum LogFormat {
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line, for collectors.
        Json = "json",
    }
}

/// What is logged and how: section `[log]`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` or `json`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,bilten_kernel=debug`.
    pub level: String,
}

impl Default for LogConfig {
    /// Information, for people.
    fn default() -> Self {
        Self {
            format: LogFormat::Pretty,
            level: "info".to_owned(),
        }
    }
}

/// Why logging cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is not one.
    #[error(
        "log.level `{0}` is not a level. Use error, warn, info, debug, trace, or a list such as info,bilten_kernel=debug."
    )]
    Level(String),
    /// Something else in this process has set up logging before.
    #[error("logging is set up already")]
    SetUp,
}

/// Changes the level while the process runs.
#[derive(Debug, Clone)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Logs from this level on.
    ///
    /// # Errors
    /// [`LogError::Level`] when it is not a level.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        self.0.reload(filter(level)?).map_err(|_| LogError::SetUp)
    }
}

/// Sets up logging for the process; once, at its start.
///
/// # Errors
/// [`LogError::Level`] when the level is not one, [`LogError::SetUp`] when called twice.
pub fn init(config: &LogConfig) -> Result<LogLevel, LogError> {
    let (filter, handle) = reload::Layer::new(filter(&config.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    match config.format {
        LogFormat::Pretty => registry.with(lines).try_init(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_current_span(true))
            .try_init(),
    }
    .map_err(|_| LogError::SetUp)?;
    Ok(LogLevel(handle))
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(level).map_err(|_| LogError::Level(level.to_owned()))
}
