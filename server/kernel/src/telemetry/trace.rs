//! Requests, jobs and deliveries as parts of one trace.
//!
//! What runs is always somewhere in a trace, whether or not anybody collects traces: so a line in
//! the log of a job names the request that caused it. Spans are those of `tracing`. Whoever exports
//! them (an adapter) registers a [`Bridge`], and from then on its ids are the ones that count.

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::TraceContext;
use crate::metric;
use crate::random::Random;

/// Knows spans by the ids under which they are exported.
pub trait Bridge: Send + Sync {
    /// Makes a span the child of another one, that may be of another process. Only a trusted
    /// parent decides whether the trace is kept.
    fn adopt(&self, span: &Span, parent: TraceContext, is_trusted: bool);

    /// Says that a span has to do with another one as well.
    fn link(&self, span: &Span, other: TraceContext);

    /// The ids of a span; nothing if it is not exported.
    fn context(&self, span: &Span) -> Option<TraceContext>;
}

static BRIDGE: OnceLock<Box<dyn Bridge>> = OnceLock::new();

/// Registers the exporter's view of spans; once, before anything is traced. A second one is
/// ignored.
pub fn set_bridge(bridge: Box<dyn Bridge>) {
    let _ = BRIDGE.set(bridge);
}

fn bridge() -> Option<&'static dyn Bridge> {
    BRIDGE.get().map(|bridge| &**bridge)
}

tokio::task_local! {
    static CURRENT: Trace;
}

/// A piece of work with a place in a trace: a request, a job, a delivery.
#[derive(Debug, Clone)]
pub struct Trace {
    context: TraceContext,
    span: Span,
}

impl Trace {
    /// Begins a piece of work, after `parent` if something caused it. The span should have an empty
    /// field `trace_id`.
    pub fn begin(
        span: Span,
        parent: Option<TraceContext>,
        is_trusted: bool,
        random: &dyn Random,
    ) -> Self {
        if let (Some(bridge), Some(parent)) = (bridge(), parent) {
            bridge.adopt(&span, parent, is_trusted);
        }
        let exported = bridge().and_then(|bridge| bridge.context(&span));
        let context = exported.unwrap_or_else(|| match parent {
            Some(parent) => parent.child(random),
            None => TraceContext::fresh(random),
        });
        if !span.is_disabled() {
            span.record("trace_id", context.trace_id());
        }
        Self { context, span }
    }

    /// Where it is.
    pub const fn context(&self) -> TraceContext {
        self.context
    }

    /// Its span.
    pub const fn span(&self) -> &Span {
        &self.span
    }

    /// Says that it has to do with another trace as well.
    pub fn link(&self, other: TraceContext) {
        if let Some(bridge) = bridge() {
            bridge.link(&self.span, other);
        }
    }

    /// Runs a future as this piece of work.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let future = future.instrument(self.span.clone());
        CURRENT.scope(self.clone(), future).await
    }

    /// Runs a closure as this piece of work, on whatever thread it is.
    pub(crate) fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// The piece of work that this task does, if it does one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}

/// Where in which trace this task is, if it is in one: to be passed on with what it causes.
pub fn current() -> Option<TraceContext> {
    let exported = bridge().and_then(|bridge| bridge.context(&Span::current()));
    exported.or_else(|| CURRENT.try_with(|trace| trace.context).ok())
}

/// [`current`] as the text that is stored with jobs and entries of the outbox.
pub fn current_text() -> Option<String> {
    current().map(|context| context.to_string())
}

/// Reads what [`current_text`] gave.
pub fn parse(text: Option<&str>) -> Option<TraceContext> {
    text.and_then(|text| text.parse().ok())
}

/// Notes with the request that is served who asks, and for whom if they are bound to one
/// organisation: ids only.
pub fn note_caller(user: &dyn fmt::Display, organisation: Option<&dyn fmt::Display>) {
    let _ = CURRENT.try_with(|trace| {
        trace.span.record("user", tracing::field::display(user));
    });
    if let Some(organisation) = organisation {
        note_organisation(organisation);
    }
}

/// Notes with the request that is served which organisation it is about: its id only.
pub fn note_organisation(organisation: &dyn fmt::Display) {
    let _ = CURRENT.try_with(|trace| {
        let id = tracing::field::display(organisation);
        trace.span.record("organisation", id);
    });
}

metric! {
    /// How long calls to others took, by who they are to us and whether they worked.
    CALLS: Histogram = "bilten_outgoing_duration_seconds"
}

/// Makes a call to somebody else a part of the present trace, and measures it. `peer` is what they
/// are to us (`sms`, `identity_provider`), never their address. Within `call`, [`current_text`]
/// is the `traceparent` to send along.
///
/// # Errors
/// Those of `call`.
pub async fn outgoing<T, E>(
    peer: &'static str,
    method: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = tracing::error_span!(
        "outgoing",
        otel.name = %format_args!("{method} {peer}"),
        otel.kind = "client",
        otel.status_code = Empty,
        peer.service = peer,
    );
    let answer = measured(peer, call).instrument(span.clone()).await;
    if answer.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    answer
}

/// Measures a call to somebody else as [`outgoing`] does, but makes it a part of no trace.
///
/// # Errors
/// Those of `call`.
pub async fn measured<T, E>(
    peer: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let began = Instant::now();
    let answer = call.await;
    let outcome = if answer.is_ok() { "ok" } else { "failed" };
    CALLS.time(&[("outcome", outcome), ("peer", peer)], began.elapsed());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    /// covers: MON-3
    #[tokio::test]
    async fn what_is_caused_stays_in_the_trace_of_its_cause() {
        let random = SeededRandom::new(3);
        assert_eq!(current(), None);
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let work = Trace::begin(Span::none(), parse(Some(parent)), true, &random);
        let seen = work.scope(async { current_text() }).await.unwrap();
        assert!(seen.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(seen.ends_with("-01") && seen != parent, "{seen}");
        let carried = work.scope(async { Trace::current() }).await.unwrap();
        assert_eq!(carried.sync_scope(current), Some(work.context()));
        assert_eq!(current(), None);
        let other = Trace::begin(Span::none(), parse(Some("nonsense")), true, &random);
        assert_ne!(other.context().trace(), work.context().trace());
    }
}
