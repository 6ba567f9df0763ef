//! Pictures of seat maps as answers.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Its style is in the picture itself; nothing else is loaded or run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

/// A picture, or that it is still the one that the caller has. Whoever keeps it asks for it again each
/// time; if it is `personal`, only the caller keeps it.
pub fn svg_answer(request: &HeaderMap, picture: String, is_personal: bool) -> Response {
    let hash = Sha256::digest(picture.as_bytes());
    let hash: String = hash
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("W/\"{hash}\"");
    let keep = if is_personal {
        "private, no-cache"
    } else {
        "public, no-cache"
    };
    if knows_tag(request, &hash) {
        return (
            StatusCode::NOT_MODIFIED,
            [(ETAG, tag), (CACHE_CONTROL, keep.to_owned())],
        )
            .into_response();
    }
    (
        [
            (CONTENT_TYPE, "image/svg+xml".to_owned()),
            (ETAG, tag),
            (CACHE_CONTROL, keep.to_owned()),
            (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        ],
        picture,
    )
        .into_response()
}

/// Whether `If-None-Match` names what has this hash as its tag.
pub fn knows_tag(request: &HeaderMap, hash: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == hash || tag == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_picture_is_told_so() {
        let mut request = HeaderMap::new();
        let first = svg_answer(&request, "<svg/>".to_owned(), false);
        assert_eq!(first.status(), StatusCode::OK);
        request.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = svg_answer(&request, "<svg/>".to_owned(), false);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[ETAG], first.headers()[ETAG]);
        let another = svg_answer(&request, "<svg />".to_owned(), true);
        assert_eq!(another.status(), StatusCode::OK);
        assert_eq!(another.headers()[CACHE_CONTROL], "private, no-cache");
    }
}
