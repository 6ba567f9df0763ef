//! For which host a request is, and where it ends.
//!
//! Two servers in a row that read that differently serve one visitor what another one asked for, so a
//! request that can be read in two ways is refused, and its connection closed (RFC 9112, sections 3.2
//! and 6.1).

use axum::extract::Request;
use axum::http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, Version};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::Problem;

/// The layer.
pub(super) async fn be_clear(request: Request, next: Next) -> Result<Response, Problem> {
    let version = request.version();
    let problem = if !is_clear(version, request.uri(), request.headers()) {
        Problem::bad_request(
            "host_unclear",
            "Send one Host header that names the host, the same one as in the address if that has one.",
        )
    } else if !is_plainly_chunked(request.headers()) {
        Problem::bad_request(
            "transfer_encoding_unknown",
            "Send the body by its length, or once with Transfer-Encoding: chunked.",
        )
    } else {
        return Ok(next.run(request).await);
    };
    Err(if version < Version::HTTP_2 {
        problem.header(CONNECTION, HeaderValue::from_static("close"))
    } else {
        problem
    })
}

/// Whether the body is sent in chunks at most, and not packed in other ways that would be left to be
/// unpacked.
fn is_plainly_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(is_chunked) && codings.next().is_none()
}

fn is_clear(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, other) = (hosts.next(), hosts.next());
    if other.is_some() {
        return false;
    }
    let Some(host) = host else {
        // Before 1.1 there was no such header, and HTTP/2 has a field of its own for it.
        return version < Version::HTTP_11
            || (version >= Version::HTTP_2 && uri.authority().is_some());
    };
    let Ok(host) = Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let is_same = |authority: &Authority| *authority == host;
    !host.as_str().contains('@') && uri.authority().is_none_or(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_chunked_once_at_most() {
        let ask = |codings: &[&str]| {
            let mut headers = HeaderMap::new();
            for coding in codings {
                headers.append(TRANSFER_ENCODING, coding.parse().unwrap());
            }
            is_plainly_chunked(&headers)
        };
        assert!(ask(&[]) && ask(&["chunked"]) && ask(&["Chunked"]));
        for odd in [
            &["chunked", "chunked"] as &[_],
            &["chunked, chunked"],
            &["gzip, chunked"],
            &["gzip", "chunked"],
            &[""],
        ] {
            assert!(!ask(odd), "{odd:?}");
        }
    }

    /// covers: GW-2
    #[test]
    fn a_request_is_for_one_host() {
        let ask = |version, uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, host.parse().unwrap());
            }
            is_clear(version, &uri.parse().unwrap(), &headers)
        };
        let (old, usual, new) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        for (version, uri, hosts) in [
            (usual, "/", &["tickets.example"] as &[_]),
            (usual, "/", &["[::1]:8080"]),
            (usual, "*", &["127.0.0.1:8080"]),
            (usual, "http://Tickets.example:80/", &["tickets.example:80"]),
            (old, "/", &[]),
            (old, "/", &["tickets.example"]),
            (new, "https://tickets.example/", &[]),
            (new, "https://tickets.example/", &["tickets.example"]),
        ] {
            assert!(ask(version, uri, hosts), "{version:?} {uri} {hosts:?}");
        }
        for (version, uri, hosts) in [
            (usual, "/", &[] as &[_]),
            (usual, "/", &[""]),
            (usual, "/", &["a", "a"]),
            (usual, "/", &["a b"]),
            (usual, "/", &["a/b"]),
            (usual, "/", &["evil@tickets.example"]),
            (usual, "http://tickets.example/", &[]),
            (usual, "http://tickets.example/", &["evil.example"]),
            (old, "/", &["a", "b"]),
            (new, "/", &[]),
            (new, "https://tickets.example/", &["evil.example"]),
        ] {
            assert!(!ask(version, uri, hosts), "{version:?} {uri} {hosts:?}");
        }
    }
}
