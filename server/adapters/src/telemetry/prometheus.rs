//! Metrics for Prometheus: collected in this process, rendered as text when it asks.

use std::sync::OnceLock;

use bilten_kernel::telemetry::{METRICS, MetricKind};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::TelemetryError;

static COLLECTED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to collect every metric of the program; doing so again changes nothing.
///
/// # Errors
/// [`TelemetryError::SetUp`] if something else collects them already.
pub fn prometheus() -> Result<(), TelemetryError> {
    if COLLECTED.get().is_some() {
        return Ok(());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let MetricKind::Histogram(limits) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder
                .set_buckets_for_metric(name, limits)
                .map_err(|_| TelemetryError::SetUp)?;
        }
    }
    let handle = match builder.install_recorder() {
        Ok(handle) => handle,
        // Another thread may have been faster.
        Err(_) if COLLECTED.get().is_some() => return Ok(()),
        Err(_) => return Err(TelemetryError::SetUp),
    };
    let _ = COLLECTED.set(handle);
    for metric in METRICS {
        describe(metric.name, metric.about.trim(), metric.kind);
    }
    Ok(())
}

fn describe(name: &'static str, about: &'static str, kind: MetricKind) {
    match kind {
        MetricKind::Counter => metrics::describe_counter!(name, about),
        MetricKind::Gauge => metrics::describe_gauge!(name, about),
        MetricKind::Histogram(_) => metrics::describe_histogram!(name, about),
    }
}

/// What `process_…` metrics mean.
pub fn describe_process() {
    Collector::default().describe();
}

/// Sums up what histograms were told, to be called every few seconds: they keep each value until
/// somebody does, and Prometheus may never ask.
pub fn upkeep() {
    if let Some(handle) = COLLECTED.get() {
        handle.run_upkeep();
    }
}

/// Everything as the text that Prometheus reads; nothing if nobody collects.
pub fn render() -> Option<String> {
    let handle = COLLECTED.get()?;
    Collector::default().collect();
    Some(handle.render())
}
