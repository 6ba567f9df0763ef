//! Where traces and metrics go: section `[telemetry]`.
//!
//! Without any of it the server writes log lines, which need nobody else.

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;

use std::collections::BTreeMap;
use std::sync::Arc;

use bilten_kernel::telemetry::ExtraLayer;
use serde::Deserialize;

#[cfg(feature = "prometheus")]
pub use prometheus::{describe_process, prometheus, render, upkeep};

use crate::outgoing::Outside;

/// Where traces and metrics go: section `[telemetry]`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The address on which Prometheus finds `/metrics`, or empty: nowhere.
    pub metrics_listen: String,
    /// The collector's address for traces (OTLP over HTTP), or empty: no traces.
    pub otlp_url: String,
    /// Headers that it wants.
    pub otlp_headers: BTreeMap<String, String>,
    /// Which part of all traces is kept, from 0 to 1.
    pub sample_ratio: f64,
    /// What this installation is called in traces.
    pub service_name: String,
}

impl std::fmt::Debug for TelemetryConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers hold keys, and so may the URL.
        f.debug_struct("TelemetryConfig")
            .field("metrics_listen", &self.metrics_listen)
            .field("sample_ratio", &self.sample_ratio)
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}

/// The settings of telemetry make no sense.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address is wrong.
    #[error(
        "telemetry.otlp_url must be the address of a collector's traces, such as http://127.0.0.1:4318/v1/traces, without a name and a password: those go into telemetry.otlp_headers"
    )]
    Url,
    /// A header cannot be sent.
    #[error("telemetry.otlp_headers: `{0}` cannot be sent as a header")]
    Header(String),
    /// The ratio is none.
    #[error("telemetry.sample_ratio must be a number from 0 to 1")]
    Ratio,
    /// No client can be made.
    #[error("no connection to telemetry.otlp_url can be made: {0}")]
    Client(String),
    /// This program was built without it.
    #[error("telemetry.{0} is set, but this program was built without it")]
    NotBuilt(&'static str),
    /// Something else in this process collects metrics already.
    #[error("metrics are collected already")]
    SetUp,
}

/// What exports traces: a layer for the log's subscriber, and the end of it.
pub struct Traces {
    /// Sees what is traced; to be given to [`init_with`](bilten_kernel::telemetry::init_with).
    pub layer: ExtraLayer,
    finish: Box<dyn FnOnce() + Send>,
}

impl Traces {
    /// The layer, and what is to be called last: it sends what waits, for a few seconds at most, and
    /// blocks meanwhile.
    pub fn split(self) -> (ExtraLayer, Box<dyn FnOnce() + Send>) {
        (self.layer, self.finish)
    }
}

/// What the settings say about traces, within a runtime of tokio; nothing if they are not wanted.
///
/// # Errors
/// [`TelemetryError`] by what is wrong with the settings.
pub fn traces(
    config: &TelemetryConfig,
    outside: &Arc<Outside>,
) -> Result<Option<Traces>, TelemetryError> {
    check(config)?;
    if config.otlp_url.is_empty() {
        return Ok(None);
    }
    #[cfg(feature = "otlp")]
    return otlp::traces(config, Arc::clone(outside)).map(Some);
    #[cfg(not(feature = "otlp"))]
    {
        let _ = outside;
        Err(TelemetryError::NotBuilt("otlp_url"))
    }
}

/// Whether the settings make sense.
///
/// # Errors
/// [`TelemetryError`] by what is wrong with them.
pub fn check(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    if !(0.0..=1.0).contains(&config.sample_ratio) {
        return Err(TelemetryError::Ratio);
    }
    if !config.metrics_listen.is_empty() && cfg!(not(feature = "prometheus")) {
        return Err(TelemetryError::NotBuilt("metrics_listen"));
    }
    if config.otlp_url.is_empty() {
        return Ok(());
    }
    #[cfg(feature = "otlp")]
    return otlp::check(config);
    #[cfg(not(feature = "otlp"))]
    Err(TelemetryError::NotBuilt("otlp_url"))
}
