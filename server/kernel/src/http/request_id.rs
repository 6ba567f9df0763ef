//! The id of a request: taken from the caller or made here, in every log line, every problem and
//! the answer's `X-Request-Id`.

use std::sync::Arc;

use axum::http::HeaderMap;

use crate::random::Random;

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
    let id = given.or_else(|| text("traceparent").and_then(trace_id));
    RequestId(id.map_or_else(|| crate::random::token(random, 26).into(), Arc::from))
}

/// 1 to 128 characters that are safe in logs and headers.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The trace id of a W3C `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(header: &str) -> Option<&str> {
    let is_hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = header.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (span, flags) = (parts.next()?, parts.next()?);
    let is_known = version == "00" && parts.next().is_none();
    let is_whole = is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    (is_known && is_whole && trace.bytes().any(|byte| byte != b'0')).then_some(trace)
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
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "x",
        ] {
            assert_eq!(id("traceparent", bad), made, "{bad}");
        }
    }
}
