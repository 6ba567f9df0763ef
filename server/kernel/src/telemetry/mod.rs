//! What a running server says of itself: log lines, traces, metrics.
//!
//! Every line of a request carries its id, its trace and, once they are known, who asked and for
//! which organisation, by the span of [`http::layers`](crate::http::layers). Log what happened and
//! which ids it concerns; never bodies, tickets, names, keys or tokens.
//!
//! | file | holds |
//! |---|---|
//! | `afresh.rs` | a filter that is asked each time |
//! | `json.rs` | one flat JSON object a line |
//! | `context.rs` | [`TraceContext`]: the W3C `traceparent` |
//! | `trace.rs` | [`Trace`]: requests, jobs and deliveries as parts of one trace |
//! | `metric.rs` | [`metric!`](crate::metric): each metric declared once, next to what it counts |

mod afresh;
mod cause;
mod context;
mod json;
mod metric;
pub mod trace;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

pub use cause::Cause;
pub use context::TraceContext;
pub use metric::{Counter, Gauge, Histogram, METRICS, Metric, MetricKind, SECONDS, SIZES};
pub use trace::Trace;

/// Our own crates. Only they say more when more is asked for: what others log at `debug` may hold
/// headers and values.
const OURS: [&str; 4] = [
    "bilten_core",
    "bilten_kernel",
    "bilten_adapters",
    "bilten_server",
];

crate::text_enum! {
    /// How log lines look.
    pub enum LogFormat {
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line, for collectors.
        Json = "json",
    }
}

crate::text_enum! {
    /// From which importance on lines are written.
    pub enum Verbosity {
        /// What does not work.
        Error = "error",
        /// And what somebody should look at.
        Warn = "warn",
        /// And what happens.
        Info = "info",
        /// And why, for whoever looks for a fault.
        Debug = "debug",
        /// And every step.
        Trace = "trace",
    }
}

/// What is logged and how: section `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
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

/// A further listener to everything that is traced, such as an exporter.
pub type ExtraLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Sets up logging for the process; once, at its start.
///
/// # Errors
/// [`LogError::Level`] when the level is not one, [`LogError::SetUp`] when called twice.
pub fn init(config: &LogConfig) -> Result<LogLevel, LogError> {
    init_with(config, None)
}

/// Like [`init`], with an exporter that sees what it wants, whatever the level of the lines.
///
/// # Errors
/// As [`init`].
pub fn init_with(config: &LogConfig, extra: Option<ExtraLayer>) -> Result<LogLevel, LogError> {
    let (lines, handle) = lines(config, std::io::stderr)?;
    let layers: Vec<ExtraLayer> = extra.into_iter().chain([lines]).collect();
    tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .map_err(|_| LogError::SetUp)?;
    Ok(handle)
}

/// The layer that writes lines, and the handle that changes its level.
fn lines<W>(config: &LogConfig, writer: W) -> Result<(ExtraLayer, LogLevel), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(&config.level)?);
    let filter = afresh::Afresh(filter);
    let lines = fmt::layer().with_writer(writer);
    let layer = match config.format {
        LogFormat::Pretty => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines
            .fmt_fields(fmt::format::JsonFields::new())
            .event_format(json::Flat)
            .with_filter(filter)
            .boxed(),
    };
    Ok((layer, LogLevel(handle)))
}

/// Whether a text is a level, or a list of them.
///
/// # Errors
/// [`LogError::Level`] when it is not.
pub fn check_level(level: &str) -> Result<(), LogError> {
    filter(level).map(|_| ())
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let unknown = || LogError::Level(level.to_owned());
    let directives = match level.trim().to_ascii_lowercase().parse::<Verbosity>() {
        Ok(verbosity @ (Verbosity::Error | Verbosity::Warn | Verbosity::Info)) => {
            verbosity.to_string()
        }
        Ok(verbosity @ (Verbosity::Debug | Verbosity::Trace)) => {
            let ours = OURS.map(|name| format!(",{name}={verbosity}"));
            format!("info{}", ours.concat())
        }
        // A lone word that is no level would be read as the name of a crate.
        Err(_) if !level.contains(['=', ',']) && level.parse::<LevelFilter>().is_err() => {
            return Err(unknown());
        }
        Err(_) => level.to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, work: impl FnOnce(&LogLevel)) -> Vec<Value> {
        let config = LogConfig {
            format: LogFormat::Json,
            level: level.to_owned(),
        };
        let written = Written::default();
        let writer = written.clone();
        let (layer, handle) = lines(&config, move || writer.clone()).unwrap();
        let subscriber = tracing_subscriber::registry().with(vec![layer]);
        tracing::subscriber::with_default(subscriber, || work(&handle));
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// covers: MON-1
    #[test]
    fn a_line_is_one_flat_object_with_what_its_spans_know() {
        let lines = logged("warn", |_| {
            let span = tracing::error_span!(
                "request",
                request_id = "r1",
                user = tracing::field::Empty,
                status = 1,
            );
            let _in = span.enter();
            span.record("user", "usr_1");
            tracing::info!("too quiet");
            tracing::warn!(status = 503, error = %"a \"quoted\"\nline", "answered");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = lines[0].as_object().unwrap();
        assert_eq!(line["message"], "answered");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["request_id"], "r1");
        assert_eq!(line["user"], "usr_1");
        assert_eq!(line["status"], 503, "what the line says itself wins");
        assert_eq!(line["error"], "a \"quoted\"\nline");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(
            line["target"]
                .as_str()
                .unwrap()
                .starts_with("bilten_kernel")
        );
    }

    /// covers: BE-4, MON-1
    #[test]
    fn whoever_only_asks_whether_a_line_is_wanted_loses_no_span() {
        let lines = logged("info", |_| {
            let request = || {
                let span = tracing::info_span!("request", request_id = "r1");
                let _in = span.enter();
                tracing::info!("answered");
            };
            request();
            assert!(!tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG));
            request();
        });
        let ids: Vec<_> = lines.iter().map(|line| &line["request_id"]).collect();
        assert_eq!(ids, ["r1", "r1"], "{lines:?}");
    }

    /// covers: MON-1
    #[test]
    fn more_is_said_by_our_own_crates_only_and_the_level_can_change() {
        let lines = logged("debug", |handle| {
            tracing::debug!("ours");
            tracing::debug!(target: "hyper::proto", "others: Authorization: Bearer x");
            tracing::trace!("too loud");
            handle.set("trace").unwrap();
            tracing::trace!("loud");
            tracing::trace!(target: "h2::codec", "others");
            handle.set("error").unwrap();
            tracing::warn!("too quiet");
            assert!(handle.set("loudly").is_err());
            tracing::error!("still set");
        });
        let said: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
        assert_eq!(said, ["ours", "loud", "still set"]);
    }

    #[test]
    fn levels_and_lists_are_told_from_other_words() {
        for good in ["error", "INFO", "trace", "off", "info,bilten_kernel=debug"] {
            assert!(check_level(good).is_ok(), "{good}");
        }
        for bad in ["loud", "info,bilten_kernel=loud", "verbose "] {
            assert!(check_level(bad).is_err(), "{bad}");
        }
    }
}
