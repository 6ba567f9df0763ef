//! Errors as pages.

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::request_id;

use super::shell::{self, Privacy, Shell};

/// Where a page of an error leads on to.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The address.
    pub(super) link: String,
    /// What the button says.
    pub(super) text: String,
}

impl Way {
    /// To the list of events.
    pub(super) fn home() -> Self {
        Self {
            link: "/".to_owned(),
            text: "See all events".to_owned(),
        }
    }

    /// To an event.
    pub(super) fn event(slug: &str) -> Self {
        Self {
            link: format!("/e/{slug}"),
            text: "Choose tickets again".to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    shell: Shell,
    status: String,
    heading: &'static str,
    detail: String,
    errors: Vec<String>,
    link: String,
    link_text: String,
    code: String,
    request_id: Option<String>,
}

const fn heading(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "That was not carried out",
        404 => "There is nothing here",
        405 | 415 | 400 => "That was not understood",
        408 | 504 => "That took too long",
        409 => "That is not possible any more",
        410 => "This is no longer here",
        413 => "That is too large",
        422 => "Something is not right yet",
        429 => "Too many tries at once",
        500 => "Something went wrong on our side",
        502 | 503 => "Very busy just now",
        _ => "That did not work",
    }
}

/// A message as a sentence: it begins large and ends in a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.trim().chars();
    let mut sentence: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(chars)
        .collect();
    if !sentence.is_empty() && !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// A problem as a page that leads on to somewhere.
pub(super) fn problem_page(problem: &Problem, way: Way, request_id: Option<String>) -> Response {
    let status = problem.status();
    let heading = heading(status);
    let page = ProblemPage {
        shell: Shell::personal(heading),
        status: format!("Error {}", status.as_u16()),
        heading,
        detail: sentence(problem.detail()),
        errors: match status {
            StatusCode::UNPROCESSABLE_ENTITY => problem
                .errors()
                .iter()
                .map(|error| sentence(&error.detail))
                .collect(),
            // Those are for programs.
            _ => Vec::new(),
        },
        link: way.link,
        link_text: way.text,
        code: problem.code().to_owned(),
        request_id,
    };
    // Should even this page fail, the problem itself is the answer.
    shell::page(status, &page, Privacy::Secret).unwrap_or_else(IntoResponse::into_response)
}

/// A problem as a page, for handlers that know where to go from there.
pub(super) fn lead_on(problem: impl Into<Problem>, way: Way) -> Response {
    let problem = problem.into();
    problem_page(
        &problem,
        way,
        request_id::current().map(|id| id.0.to_string()),
    )
}

/// Turns problems into pages where a person with a browser asked; programs get them as they are.
///
/// To be wrapped around everything, so that faults of any layer are seen.
pub fn errors_as_pages(router: Router) -> Router {
    router.layer(from_fn(as_page))
}

async fn as_page(request: Request, next: Next) -> Response {
    let is_for_people = is_for_people(request.uri().path(), request.headers());
    let again = request.uri().path().to_owned();
    let response = next.run(request).await;
    let problem = response
        .extensions()
        .get::<Problem>()
        .filter(|_| is_for_people)
        .cloned();
    let Some(problem) = problem else {
        return response;
    };

    let text = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let way = match problem.status() {
        // Only addresses that were asked for by a link can be asked for again by one.
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
            if again.starts_with("/e/") && !again.ends_with("/hold") =>
        {
            Way {
                link: again,
                text: "Try again".to_owned(),
            }
        }
        _ if problem.code() == "identity.mfa_required" => Way {
            link: "/account/factors".to_owned(),
            text: "To your second step".to_owned(),
        },
        _ if again.starts_with("/sso/") => Way {
            link: "/sign-in".to_owned(),
            text: "Back to signing in".to_owned(),
        },
        _ => Way::home(),
    };
    let mut page = problem_page(&problem, way, text("x-request-id"));
    for (name, value) in response.headers() {
        let of_the_body = [
            header::CONTENT_ENCODING,
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
        ];
        let is_replaced = of_the_body.contains(name);
        if !is_replaced && !page.headers().contains_key(name) {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page.extensions_mut().insert(problem);
    page
}

/// How the addresses of pages begin.
const PAGES: [&str; 15] = [
    "/e/",
    "/checkout/",
    "/orders/",
    "/account",
    "/check-mail",
    "/forgotten",
    "/invitation",
    "/oauth/authorize",
    "/register",
    "/reset",
    "/sign-in",
    "/sign-out",
    "/transfers/",
    "/verify",
    "/waitlist/",
];

/// Whether a page is wanted: by an address of the storefront or by a browser's `Accept`.
fn is_for_people(path: &str, headers: &HeaderMap) -> bool {
    if path.starts_with("/api/") {
        return false;
    }
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_page = path == "/" || PAGES.iter().any(|start| path.starts_with(start));
    accept.contains("text/html") || (is_page && !accept.contains("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_pages_and_programs_get_problems() {
        let wants = |path: &str, accept: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]);
            is_for_people(path, &headers)
        };
        assert!(wants("/e/x", "*/*") && wants("/", "") && wants("/nowhere", "text/html,*/*;q=0.8"));
        assert!(
            !wants("/api/v1/events", "text/html")
                && !wants("/e/x", "application/json")
                && !wants("/healthz", "*/*")
        );
    }

    /// covers: WEB-7
    #[tokio::test]
    async fn every_status_has_its_page() {
        for status in [
            400, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504, 418,
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let problem = Problem::new(status, "web.<test>", "It is <b>so</b>.").field(
                "a",
                "b",
                "Field & all",
            );
            let page = problem_page(&problem, Way::home(), Some("\"id\"".to_owned()));
            assert_eq!(page.status(), status);
            let body = axum::body::to_bytes(page.into_body(), 100_000)
                .await
                .unwrap();
            let html = String::from_utf8(body.to_vec()).unwrap();
            assert!(
                html.contains("It is &#60;b&#62;so") && html.contains("web.&#60;test&#62;"),
                "{html}"
            );
            assert_eq!(html.contains("Field &#38; all."), status == 422);
            assert!(html.contains("<h1>"));
        }
    }
}
