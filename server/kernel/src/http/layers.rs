//! The layers around the whole router.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::{HttpConfig, request_id};
use crate::db::DbError;
use crate::error::Problem;
use crate::random::Random;

/// What the layers need to know.
struct Around {
    time_limit: Duration,
    is_https: bool,
    random: Arc<dyn Random>,
}

/// Wraps a router in what every route shares. Call it once, last, on the merged router.
///
/// Every request gets an id, a span and one log line without its query or body; a panic is a
/// problem 500; whatever has no route is a problem 404 or 405; plain-text errors of axum become
/// problems; an answer that takes too long to begin is a problem 408; security headers are set
/// unless the handler set them.
pub fn layers(router: Router, config: &HttpConfig, random: Arc<dyn Random>) -> Router {
    let around = Arc::new(Around {
        time_limit: Duration::from_millis(config.request_timeout_ms),
        is_https: config.public_url.starts_with("https://"),
        random,
    });
    router
        .fallback(|| async { Problem::not_found("not_found", "There is nothing at this address.") })
        .method_not_allowed_fallback(|| async {
            Problem::method_not_allowed(
                "method_not_allowed",
                "This address does not take this method.",
            )
        })
        .layer(DefaultBodyLimit::max(config.body_limit_bytes))
        .layer(axum::Extension(super::client::Proxies(
            config.trusted_proxies.clone().into(),
        )))
        .layer(from_fn_with_state(around, serve_one))
}

async fn serve_one(
    State(around): State<Arc<Around>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id::from_headers(request.headers(), &*around.random);
    let span = tracing::info_span!(
        "request",
        id = &*id.0,
        method = %request.method(),
        path = request.uri().path(),
    );
    request.extensions_mut().insert(id.clone());
    let began = Instant::now();
    let work = async {
        let run = AssertUnwindSafe(next.run(request)).catch_unwind();
        let response = match tokio::time::timeout(around.time_limit, run).await {
            Ok(Ok(response)) => as_problem(response),
            Ok(Err(payload)) => {
                let error = DbError::panicked(&*payload);
                tracing::error!(%error, "a handler panicked");
                Problem::internal().into_response()
            }
            Err(_) => {
                Problem::timed_out("request_timeout", "The request took too long.").into_response()
            }
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), ms, "answered");
        response
    };
    let mut response = request_id::scope(id.clone(), work.instrument(span)).await;
    finish(&mut response, &id.0, around.is_https);
    response
}

/// Errors that axum answers by itself are plain text; everybody gets problems instead.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_error || !is_plain {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body_too_large", "The body of the request is too large.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "media_type",
            "The body is of a type that is not taken here.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => (
            "invalid",
            "The request is understood, but something in it is wrong.",
        ),
        _ if status.is_client_error() => ("bad_request", "The request cannot be understood."),
        _ => ("internal", "Something went wrong on our side."),
    };
    let mut problem = Problem::new(status, code, detail);
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            problem = problem.header(name, value.clone());
        }
    }
    problem.into_response()
}

fn finish(response: &mut Response, id: &str, is_https: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(header::REFERRER_POLICY, "strict-origin-when-cross-origin");
    unless_set(header::X_FRAME_OPTIONS, "DENY");
    unless_set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    unless_set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    if is_https {
        unless_set(
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        );
    }
}
