//! The id of a request: taken from the caller or made here, in every log line, every problem and
//! the answer's `X-Request-Id`.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::random::Random;
use crate::telemetry::TraceContext;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of the request being served; also in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

/// The id of the request that this task serves, if it serves one.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs a future as part of the request with this id.
pub async fn scope<F: Future>(id: RequestId, future: F) -> F::Output {
    CURRENT.scope(id, future).await
}

/// Runs a closure as part of the request with this id, on whatever thread it is.
pub(crate) fn sync_scope<T>(id: RequestId, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(id, work)
}

/// The caller's `X-Request-Id` or the trace id of its `traceparent` if they are well-formed;
/// otherwise a new id.
pub fn from_headers(headers: &HeaderMap, random: &dyn Random) -> RequestId {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = text("x-request-id").filter(|id| is_plain(id));
    let id = given
        .map(str::to_owned)
        .or_else(|| text("traceparent").and_then(trace_id));
    RequestId(
        id.unwrap_or_else(|| crate::random::token(random, 26))
            .into(),
    )
}

/// 1 to 128 characters that are safe in logs and headers.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The trace id of a W3C `traceparent`.
fn trace_id(header: &str) -> Option<String> {
    let context: TraceContext = header.parse().ok()?;
    Some(context.trace_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn id(name: &'static str, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        from_headers(&headers, &SeededRandom::new(1)).0.to_string()
    }

    #[test]
    fn a_well_formed_id_is_kept_and_another_replaced() {
        let made = from_headers(&HeaderMap::new(), &SeededRandom::new(1))
            .0
            .to_string();
        assert_eq!(made.len(), 26);
        assert_eq!(id("x-request-id", "abc-1.2_3:4"), "abc-1.2_3:4");
        for bad in ["", "a b", "a\tb", &"x".repeat(129), "<script>"] {
            assert_eq!(id("x-request-id", bad), made, "{bad}");
        }
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            id("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01")),
            trace
        );
        for bad in [
            "00-0-0-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "x",
        ] {
            assert_eq!(id("traceparent", bad), made, "{bad}");
        }
    }
}
