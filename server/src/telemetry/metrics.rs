//! `/metrics`, on an address of its own: never where the public comes in.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bilten_adapters::telemetry::{
    TelemetryConfig, TelemetryError, describe_process, prometheus, render,
};
use bilten_kernel::http::{self, HttpConfig, ServeError};
use tokio::net::TcpListener;

/// An address for Prometheus.
#[derive(Debug)]
pub struct MetricsListener(TcpListener);

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// They cannot be collected.
    #[error(transparent)]
    Collect(#[from] TelemetryError),
    /// The address cannot be listened on.
    #[error("telemetry.metrics_listen: {0}")]
    Listen(#[from] ServeError),
}

impl MetricsListener {
    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }
}

/// Begins to collect and listens for Prometheus, if the settings say so.
///
/// # Errors
/// [`MetricsError`] if the address is taken.
pub async fn bind_metrics(
    config: &TelemetryConfig,
) -> Result<Option<MetricsListener>, MetricsError> {
    if config.metrics_listen.is_empty() {
        return Ok(None);
    }
    prometheus()?;
    describe_process();
    let listener = http::bind(&config.metrics_listen).await?;
    Ok(Some(MetricsListener(listener)))
}

/// Serves Prometheus until `shutdown`.
///
/// # Errors
/// [`ServeError`] when the listener fails.
pub async fn serve_metrics(
    listener: MetricsListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let router = Router::new().route("/metrics", get(metrics));
    let config = HttpConfig {
        shutdown_grace_ms: 1_000,
        ..HttpConfig::default()
    };
    http::serve(listener.0, router, &config, shutdown).await
}

async fn metrics() -> Response {
    match render() {
        Some(text) => (
            [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            text,
        )
            .into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
