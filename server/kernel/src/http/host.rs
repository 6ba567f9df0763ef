//! For which host a request is.
//!
//! Two servers in a row that read it differently serve one another's visitors each other's answers,
//! so a request that can be read in two ways is refused (RFC 9112, section 3.2).

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::Problem;

/// The layer.
pub(super) async fn be_clear(request: Request, next: Next) -> Result<Response, Problem> {
    if is_clear(request.version(), request.uri(), request.headers()) {
        Ok(next.run(request).await)
    } else {
        Err(Problem::bad_request(
            "host_unclear",
            "Send one Host header that names the host, the same one as in the address if that has one.",
        ))
    }
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
