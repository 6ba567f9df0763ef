//! Which other sites' pages may read our answers (CORS).
//!
//! Never with cookies: a page of another site acts by a token that it has, or as a stranger. So a
//! browser never adds who is signed in here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Below which addresses the API is.
const API: &str = "/api/";
/// What pages may send.
const SENT: &str = "authorization, bilten-organisation, content-type, idempotency-key, if-match, if-none-match, \
    traceparent, tracestate, waiting-pass, waiting-place, x-request-id";
/// What pages may read besides the body.
const READ: &str = "deprecation, etag, idempotency-replayed, link, location, ratelimit, ratelimit-policy, retry-after, \
    sunset, x-request-id";
/// How they may ask.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// How long browsers remember it, in seconds.
const REMEMBERED: &str = "3600";

/// Which other sites may read what.
#[derive(Debug, Clone, Default)]
pub struct Cors {
    /// The sites whose pages may use the whole API, such as `https://shop.example.org`.
    pub origins: Arc<[String]>,
    /// How addresses begin that all sites' pages may use.
    pub open: &'static [&'static str],
}

impl Cors {
    /// What a site is told that may read answers of this address.
    fn allowed(&self, path: &str, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.open.iter().any(|open| path.starts_with(open)) {
            return Some(HeaderValue::from_static("*"));
        }
        let is_listed = self
            .origins
            .iter()
            .any(|one| one.as_bytes() == origin.as_bytes());
        (is_listed && path.starts_with(API)).then(|| origin.clone())
    }
}

/// The layer: answers browsers that ask beforehand, and marks answers that may be read.
pub(super) async fn share(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with(API) {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN);
    let allowed = origin.and_then(|origin| cors.allowed(path, origin));
    let is_asked_before = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_asked_before && allowed.is_some() {
        let said = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, SENT),
            (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED),
        ];
        (StatusCode::NO_CONTENT, said).into_response()
    } else {
        next.run(request).await
    };
    // A cache must not give one site's answer to another.
    vary(response.headers_mut(), "origin");
    if let Some(allowed) = allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(READ),
        );
    }
    response
}

/// Says that an answer depends on one more header of the request.
pub(super) fn vary(headers: &mut HeaderMap, name: &'static str) {
    let has = headers.get_all(header::VARY).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value
            .split(',')
            .any(|one| one.trim().eq_ignore_ascii_case(name))
    });
    if !has {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}
