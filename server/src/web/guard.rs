//! Refuses forms that other sites send in a visitor's name.
//!
//! The storefront has no cookies, so such a form could do little; it is refused all the same,
//! before anything is held. Browsers say where a request comes from in `Sec-Fetch-Site`, and those
//! that do not (or that are on plain HTTP) in `Origin`. What says neither is no browser.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use bilten_kernel::error::Problem;

use crate::app::App;

/// Lets a request through unless it changes something and comes from another site.
pub(super) async fn refuse_other_sites(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || is_own(request.headers(), super::shell::public_url(&app)) {
        return Ok(next.run(request).await);
    }
    Err(Problem::forbidden(
        "web.other_site",
        "This form was sent from another site, so it was not carried out. Please use the form on our own page.",
    ))
}

fn is_own(headers: &HeaderMap, public_url: &str) -> bool {
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

    fn is_own_with(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        is_own(&headers, "https://tickets.example.org")
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
            assert!(is_own_with(own), "{own:?}");
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
            assert!(!is_own_with(other), "{other:?}");
        }
    }
}
