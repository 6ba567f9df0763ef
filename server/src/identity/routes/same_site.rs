//! Whether a request comes from one of our own pages.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`, and those that do not (or that are
//! on plain HTTP) in `Origin`. What says neither is no browser.

use axum::http::{HeaderMap, header};

/// Whether a request was sent by one of our own pages, or by no browser at all.
pub(crate) fn is_same_site(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        // `none` is the person themselves, for example by sending a form again after a restart.
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else {
        return true;
    };
    let host = text(header::HOST.as_str()).unwrap_or_default();
    let of_host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    origin == public_url || (!host.is_empty() && of_host == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same_site_with(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        is_same_site(&headers, "https://tickets.example.org")
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        for own in [
            &[] as &[_],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://tickets.example.org")],
            &[
                ("origin", "http://127.0.0.1:8080"),
                ("host", "127.0.0.1:8080"),
            ],
        ] {
            assert!(is_same_site_with(own), "{own:?}");
        }
        for other in [
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://tickets.example.org"),
            ] as &[_],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "null"), ("host", "tickets.example.org")],
            &[
                ("origin", "https://evil.example"),
                ("host", "tickets.example.org"),
            ],
            &[("origin", "https://tickets.example.org.evil.example")],
            &[("origin", "https://"), ("host", "")],
        ] {
            assert!(!is_same_site_with(other), "{other:?}");
        }
    }
}
