//! Answers made smaller on their way.
//!
//! Only what is text, larger than a packet and not compressed yet. Event streams are not: each
//! event must leave at once.
//!
//! Nor is whatever holds a secret and may hold what a stranger put there, since its length would
//! tell the secret piece by piece (BREACH). A stranger needs the victim's browser to ask with the
//! victim's credential, so the rule is: an answer that depends on a cookie, or a page that is for one
//! person ([`no-store`](axum::http::header::CACHE_CONTROL)) is sent as it is, unless it says that it
//! is `public`. Programs name their token themselves, which no other site can make them do.

use axum::extract::Request;
use axum::http::{Response as HttpResponse, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// What fits one packet gains nothing.
const SMALL: u64 = 1_200;
/// Quick and nearly as small as the best; the best takes a hundred times as long.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);

/// Kinds of bodies that are text.
const TEXTS: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/problem+json",
    "image/svg+xml",
    "text/calendar",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/xml",
];

/// Marks an answer that must not be compressed.
#[derive(Debug, Clone, Copy)]
struct Secret;

/// What may be compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts;

impl Predicate for Texts {
    fn should_compress<B: axum::body::HttpBody>(&self, response: &HttpResponse<B>) -> bool {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        TEXTS.contains(&kind)
            && response.extensions().get::<Secret>().is_none()
            && SizeAbove::new(SMALL).should_compress(response)
    }
}

/// The layer that compresses.
pub(super) fn layer() -> CompressionLayer<Texts> {
    CompressionLayer::new().quality(LEVEL).compress_when(Texts)
}

/// The layer that marks secrets; inside of the one that compresses.
pub(super) async fn mark_secrets(request: Request, next: Next) -> Response {
    let has_cookie = request.headers().contains_key(header::COOKIE);
    let mut response = next.run(request).await;
    let has = |name: header::HeaderName, what: &str| {
        let value = response.headers().get(name);
        value.is_some_and(|value| value.to_str().unwrap_or_default().contains(what))
    };
    let is_public = has(header::CACHE_CONTROL, "public");
    let is_page = has(header::CONTENT_TYPE, "text/html");
    let is_personal = has_cookie || (is_page && has(header::CACHE_CONTROL, "no-store"));
    if is_personal && !is_public {
        response.extensions_mut().insert(Secret);
    }
    response
}
