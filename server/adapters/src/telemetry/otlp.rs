//! Traces by OTLP: protobuf over HTTP, in batches, by our own HTTP client.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bilten_kernel::telemetry::trace::{Bridge, set_bridge};
use bilten_kernel::telemetry::{ExtraLayer, TraceContext};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;

use super::{TelemetryConfig, TelemetryError, Traces};
use crate::outgoing::{self, COLLECTOR, Outgoing, Outside, Reach, Reading, Rules, Traced};

/// How long the last traces may take when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the exporter waits for us at most; we give up before.
const LONGEST: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;

const RULES: Rules = Rules {
    peer: &COLLECTOR,
    reach: Reach::Anywhere,
    reading: Reading::Whole(MOST_BYTES),
    is_failure,
    // Each batch would be the beginning of the next one.
    traced: Traced::Nowhere,
};

fn is_failure(status: StatusCode) -> bool {
    !status.is_success()
}

pub(super) fn check(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    url(config)?;
    headers(config).map(|_| ())
}

pub(super) fn traces(
    config: &TelemetryConfig,
    outside: Arc<Outside>,
) -> Result<Traces, TelemetryError> {
    let failed = |error: &dyn std::fmt::Display| TelemetryError::Client(error.to_string());
    let client = Http {
        outgoing: Outgoing::new(RULES, outside),
        headers: headers(config)?,
        runtime: Handle::current(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(LONGEST)
        .with_endpoint(url(config)?)
        .build()
        .map_err(|error| failed(&error))?;
    let resource = Resource::builder_empty()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            config.sample_ratio,
        ))))
        .with_resource(resource)
        .build();
    let layer: ExtraLayer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bilten"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_traced))
        .boxed();
    set_bridge(Box::new(Otel {
        ratio: config.sample_ratio,
        secret: RandomState::new(),
    }));
    let finish = Box::new(move || {
        if let Err(error) = provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    });
    Ok(Traces { layer, finish })
}

/// What is exported: our own spans, and of our lines those that matter.
fn is_traced(about: &Metadata<'_>) -> bool {
    about.target().starts_with("bilten_") && (about.is_span() || *about.level() <= Level::INFO)
}

fn url(config: &TelemetryConfig) -> Result<Url, TelemetryError> {
    let url: Url = config.otlp_url.parse().map_err(|_| TelemetryError::Url)?;
    outgoing::check(&url, true).map_err(|_| TelemetryError::Url)?;
    Ok(url)
}

fn headers(config: &TelemetryConfig) -> Result<HeaderMap, TelemetryError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.otlp_headers {
        let wrong = || TelemetryError::Header(name.clone());
        let key: HeaderName = name.parse().map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Our client, for the exporter's thread, which has no runtime of its own.
struct Http {
    outgoing: Outgoing,
    headers: HeaderMap,
    runtime: Handle,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The headers hold keys.
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        let headers = self.headers.clone();
        parts.headers.extend(headers);
        let request = Request::from_parts(parts, body.to_vec());
        let outgoing = self.outgoing.clone();
        // Ids make spans that came twice one: a batch may be sent again.
        let sent = self
            .runtime
            .spawn(async move { outgoing.send_repeatable("", request).await });
        let reply = sent.await??;
        let mut response = Response::new(Bytes::from(reply.body));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        Ok(response)
    }
}

/// Spans by the ids under which they are exported.
struct Otel {
    ratio: f64,
    secret: RandomState,
}

impl Otel {
    /// Whether a stranger's trace is kept: not by its id alone, which they choose.
    fn keeps(&self, trace: u128) -> bool {
        (self.secret.hash_one(trace) as f64) < self.ratio * (u64::MAX as f64)
    }
}

impl Bridge for Otel {
    fn adopt(&self, span: &Span, parent: TraceContext, is_trusted: bool) {
        let is_kept = if is_trusted {
            parent.is_sampled()
        } else {
            self.keeps(parent.trace())
        };
        let parent = span_context(parent, is_kept);
        // Refused for a span that nobody exports.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }

    fn link(&self, span: &Span, other: TraceContext) {
        span.add_link(span_context(other, other.is_sampled()));
    }

    fn context(&self, span: &Span) -> Option<TraceContext> {
        if span.is_none() || span.is_disabled() {
            return None;
        }
        let context = span.context();
        let context = context.span().span_context().clone();
        let trace = u128::from_be_bytes(context.trace_id().to_bytes());
        let span = u64::from_be_bytes(context.span_id().to_bytes());
        TraceContext::from_ids(trace, span, context.is_sampled())
    }
}

fn span_context(context: TraceContext, is_kept: bool) -> SpanContext {
    let flags = if is_kept {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::NOT_SAMPLED
    };
    SpanContext::new(
        TraceId::from_bytes(context.trace().to_be_bytes()),
        SpanId::from_bytes(context.span().to_be_bytes()),
        flags,
        true,
        TraceState::NONE,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config(url: &str, ratio: f64) -> TelemetryConfig {
        TelemetryConfig {
            metrics_listen: String::new(),
            otlp_url: url.to_owned(),
            otlp_headers: BTreeMap::from([("x-key".to_owned(), "topsecret".to_owned())]),
            sample_ratio: ratio,
            service_name: "bilten".to_owned(),
        }
    }

    /// covers: MON-3
    #[test]
    fn settings_that_make_no_sense_are_refused_and_keys_not_printed() {
        let good = config("http://127.0.0.1:4318/v1/traces", 0.5);
        assert!(super::super::check(&good).is_ok());
        assert!(!format!("{good:?}").contains("topsecret"));
        for url in [
            "127.0.0.1:4318",
            "ftp://collector/v1/traces",
            "http://",
            "http://name:password@127.0.0.1:4318/v1/traces",
            "x",
        ] {
            assert!(super::super::check(&config(url, 1.0)).is_err(), "{url}");
        }
        for ratio in [-0.1, 1.1, f64::NAN] {
            assert!(super::super::check(&config("", ratio)).is_err(), "{ratio}");
        }
        let mut odd = good;
        odd.otlp_headers
            .insert("two words".to_owned(), String::new());
        assert!(super::super::check(&odd).is_err());
    }

    /// covers: MON-3
    #[test]
    fn a_part_of_strangers_traces_is_kept() {
        let otel = |ratio| Otel {
            ratio,
            secret: RandomState::new(),
        };
        let kept = |ratio: f64| {
            let otel = otel(ratio);
            (1..=10_000u128).filter(|trace| otel.keeps(*trace)).count()
        };
        assert_eq!(kept(0.0), 0);
        assert_eq!(kept(1.0), 10_000);
        assert!((700..1_300).contains(&kept(0.1)), "{}", kept(0.1));
    }
}
