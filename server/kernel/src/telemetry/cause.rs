//! What caused something that is done later: a job, a delivery, a message to somebody else.

use super::{TraceContext, trace};
use crate::http::request_id::{self, RequestId};

/// Where in which trace, and by which request, something was caused. It is stored with jobs and with
/// entries of the outbox, so that one id leads from a request to all that came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    trace: Option<TraceContext>,
    request: Option<RequestId>,
}

impl Cause {
    /// What this task does just now.
    pub fn current() -> Self {
        Self {
            trace: trace::current(),
            request: request_id::current(),
        }
    }

    /// What was stored.
    pub fn stored(traceparent: Option<&str>, request_id: Option<&str>) -> Self {
        Self {
            trace: trace::parse(traceparent),
            request: request_id.map(|id| RequestId(id.into())),
        }
    }

    /// Where in which trace.
    pub const fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The trace as it is stored.
    pub fn traceparent(&self) -> Option<String> {
        self.trace.map(|context| context.to_string())
    }

    /// By which request.
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_ref().map(|id| &*id.0)
    }

    /// The parts that are known of this, and those of `other` where they are not.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            trace: self.trace.or(other.trace),
            request: self.request.or(other.request),
        }
    }

    /// Runs a future as something that the same request caused.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        match self.request.clone() {
            Some(id) => request_id::scope(id, future).await,
            None => future.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: BE-4
    #[tokio::test]
    async fn what_a_request_causes_is_run_under_its_id() {
        assert_eq!(Cause::current(), Cause::default());
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let stored = Cause::stored(Some(parent), Some("abc"));
        assert_eq!(
            (stored.traceparent().as_deref(), stored.request_id()),
            (Some(parent), Some("abc"))
        );
        let seen = stored.scope(async { Cause::current() }).await;
        assert_eq!(seen.request_id(), Some("abc"));
        assert_eq!(seen.or(stored.clone()), stored);
        assert_eq!(Cause::default().scope(async { 1 }).await, 1);
    }
}
