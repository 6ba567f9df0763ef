//! Conditional requests: who has an answer already is told so in a few bytes (RFC 9110).
//!
//! The tag is taken of the body, so it is right whatever made the body. It is weak: compressed or
//! not, the answer is the same. An answer that says `no-store` has none, and neither has one that is
//! not there as a whole, such as a stream. A handler that knows a version of its thing may set a tag
//! of its own; this only compares it then. The tag of what has a revision begins with it, see
//! `revision.rs`; then the answer to a change has a tag as well, from which the next one can start.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::revision::Revision;
use crate::error::Problem;

/// How large a body is looked at.
const MOST: u64 = 1024 * 1024;

/// The layer: sets the tag of what can be asked for again, and answers 304 to whoever has it.
pub(super) async fn answer(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return tagged_change(next.run(request).await).await;
    }
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let is_personal = [header::AUTHORIZATION, header::COOKIE]
        .iter()
        .any(|name| request.headers().contains_key(name));
    let mut response = next.run(request).await;
    if response.status() != StatusCode::OK || !can_be_kept(&response) {
        return response;
    }
    if !response.headers().contains_key(header::ETAG) {
        response = tagged(response).await;
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        // Kept, and asked for again each time, which is what the tag is for.
        let keep = if is_personal {
            "private, no-cache"
        } else {
            "no-cache"
        };
        let keep = HeaderValue::from_static(keep);
        response.headers_mut().insert(header::CACHE_CONTROL, keep);
    }
    let tag = response.headers().get(header::ETAG);
    match (known, tag) {
        (Some(known), Some(tag)) if names(&known, tag) => not_modified(response.headers()),
        (Some(_) | None, Some(_) | None) => response,
    }
}

/// The answer to a change, with the tag that what was changed has now.
async fn tagged_change(response: Response) -> Response {
    let has_revision = response.extensions().get::<Revision>().is_some();
    if has_revision && response.status().is_success() && can_be_kept(&response) {
        tagged(response).await
    } else {
        response
    }
}

/// An answer with the tag of its body.
async fn tagged(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::internal().into_response();
    };
    let tag = tag(parts.extensions.get::<Revision>().copied(), &bytes);
    parts.headers.insert(header::ETAG, tag);
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether an answer is one that a cache may keep and that is there as a whole.
fn can_be_kept(response: &Response) -> bool {
    let text = |name| {
        let value = response.headers().get(name);
        value.and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let is_kind = ["application/json", "text/html", "application/xml"]
        .iter()
        .any(|one| kind.starts_with(one));
    let keep = text(header::CACHE_CONTROL).unwrap_or_default();
    let is_small = response
        .body()
        .size_hint()
        .exact()
        .is_some_and(|size| size <= MOST);
    is_kind && is_small && !keep.contains("no-store")
}

/// The tag of a body, and of the revision that it shows.
fn tag(revision: Option<Revision>, body: &[u8]) -> HeaderValue {
    let hash = Sha256::digest(body);
    let hash = URL_SAFE_NO_PAD.encode(&hash[..15]);
    let text = match revision {
        Some(Revision(revision)) => format!("W/\"{revision}.{hash}\""),
        None => format!("W/\"{hash}\""),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether an `If-None-Match` names a tag; weak and strong ones are the same here.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else {
        return false;
    };
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|one| plain(one) == plain(tag))
}

fn not_modified(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    for (name, value) in headers {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let is_named = |known: &'static str, tag: &'static str| {
            names(
                &HeaderValue::from_static(known),
                &HeaderValue::from_static(tag),
            )
        };
        for known in ["W/\"a\"", "\"a\"", "\"x\", W/\"a\"", "*", " W/\"a\" "] {
            assert!(is_named(known, "W/\"a\""), "{known}");
        }
        for known in ["", "\"b\"", "a", "\"a\"b"] {
            assert!(!is_named(known, "W/\"a\""), "{known}");
        }
        assert_ne!(tag(None, b"a"), tag(None, b"b"));
        assert_eq!(tag(None, b"a"), tag(None, b"a"));
        assert_ne!(tag(Some(Revision(1)), b"a"), tag(Some(Revision(2)), b"a"));
        let tag = tag(Some(Revision(7)), b"a");
        assert!(tag.to_str().unwrap().starts_with("W/\"7."));
    }
}
