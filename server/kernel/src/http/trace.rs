//! What is traced and measured of each request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use tracing::field::Empty;

use super::{Network, RequestId};
use crate::metric;
use crate::random::Random;
use crate::telemetry::{Trace, TraceContext};

metric! {
    /// Requests that were answered: how long until the answer began, by route and class of status.
    REQUESTS: Histogram = "bilten_http_request_duration_seconds"
}
metric! {
    /// Requests that are being served.
    IN_FLIGHT: Gauge = "bilten_http_requests_in_flight"
}
metric! {
    /// Requests whose callers left before there was an answer.
    ABANDONED: Counter = "bilten_http_requests_abandoned_total"
}

/// How a request without a route is counted: whatever strangers try is one line.
const UNMATCHED: &str = "unmatched";

/// A request that is being served.
pub(super) struct Observed {
    trace: Trace,
    route: Option<MatchedPath>,
    method: &'static str,
    began: Instant,
    is_answered: bool,
}

impl Observed {
    /// Begins to observe. The trace goes on where the caller's `traceparent` says; whether it is
    /// kept is decided by callers in trusted networks only.
    pub(super) fn begin(
        request: &Request,
        id: &RequestId,
        trusted: &[Network],
        random: &dyn Random,
    ) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = method(request.method());
        let name = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        // The most important of all levels: lines of any level name the request they belong to.
        let span = tracing::error_span!(
            "request",
            otel.name = %format_args!("{method} {name}"),
            otel.kind = "server",
            otel.status_code = Empty,
            request_id = &*id.0,
            trace_id = Empty,
            http.request.method = method,
            http.route = name,
            http.response.status_code = Empty,
            user = Empty,
            organisation = Empty,
        );
        let is_trusted = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .is_some_and(|peer| trusted.iter().any(|net| net.contains(peer.0.ip())));
        let parent = parent(request);
        IN_FLIGHT.up(&[]);
        Self {
            trace: Trace::begin(span, parent, is_trusted, random),
            route,
            method,
            began: Instant::now(),
            is_answered: false,
        }
    }

    /// Serves the request as a part of its trace.
    pub(super) async fn serve<F: Future<Output = Response>>(mut self, serve: F) -> Response {
        let trace = self.trace.clone();
        let observed = async {
            let response = serve.await;
            self.answered(response.status());
            response
        };
        trace.scope(observed).await
    }

    fn answered(&mut self, status: StatusCode) {
        self.is_answered = true;
        let took = self.began.elapsed();
        REQUESTS.time(
            &[
                ("method", self.method),
                ("route", self.route()),
                ("status", class(status)),
            ],
            took,
        );
        let span = self.trace.span();
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = status.as_u16(), ms, "answered");
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        IN_FLIGHT.down(&[]);
        if !self.is_answered {
            ABANDONED.add(&[], 1);
        }
    }
}

/// The networks whose callers may say which traces are kept.
pub(super) fn trusted(networks: &[Network]) -> Arc<[Network]> {
    networks.into()
}

/// Where the caller says that this goes on; nothing if that is said twice.
fn parent(request: &Request) -> Option<TraceContext> {
    let mut given = request.headers().get_all("traceparent").iter();
    let (first, second) = (given.next()?, given.next());
    let text = first.to_str().ok().filter(|_| second.is_none());
    crate::telemetry::trace::parse(text)
}

/// The method, if it is one that everybody knows: others are made up by callers.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        0..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
