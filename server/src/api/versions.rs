//! Versions side by side.
//!
//! A version is a part of the address, `/api/v1/…`, and holds what a caller can rely on: within one
//! nothing is taken away and nothing changes its meaning. A route that needs another shape gets a
//! second address in the next version; both call the same service. The older one is then listed in
//! [`DEPRECATED`], and from that line follow
//!
//! - the headers `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link` of all its answers,
//! - `deprecated` and `x-sunset` in the description,
//! - what `GET /api` says of it,
//! - and 410 `api.sunset` once its day has come. Then route and line can be removed.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use jiff::civil::{Date, date};
use jiff::fmt::rfc2822::DateTimePrinter;

use super::DOCS;
use super::operation::Operation;
use crate::app::App;

bilten_kernel::text_enum! {
    /// How far a version is in its life.
    pub enum VersionState {
        /// What to build on.
        Current = "current",
        /// It goes on for a while; build on a newer one.
        Deprecated = "deprecated",
    }
}

/// A version of the API.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Its name, which is a part of its addresses.
    pub name: &'static str,
    /// How far it is in its life.
    pub state: VersionState,
    /// What it holds, in a sentence.
    pub holds: &'static str,
}

/// All versions, the oldest first.
pub const VERSIONS: &[Version] = &[
    Version {
        name: "v1",
        state: VersionState::Current,
        holds: "Everything that is not in v2.",
    },
    Version {
        name: "v2",
        state: VersionState::Current,
        holds: "The routes whose answers needed another shape; all others are still those of v1.",
    },
];

/// A route that another one replaces.
#[derive(Clone, Copy, Debug)]
pub struct Deprecation {
    /// Its method, in capital letters.
    pub method: &'static str,
    /// Its address.
    pub path: &'static str,
    /// The first day on which it should not be used any more.
    pub since: Date,
    /// The first day on which it does not answer any more.
    pub sunset: Date,
    /// The address that replaces it; its parameters have the same names.
    pub successor: &'static str,
    /// Why, in a sentence.
    pub reason: &'static str,
}

/// All routes that are replaced. At least twelve months lie between the two days.
pub const DEPRECATED: &[Deprecation] = &[Deprecation {
    method: "GET",
    path: "/api/v1/events/{event}/stock",
    since: date(2026, 12, 1),
    sunset: date(2028, 1, 1),
    successor: "/api/v2/events/{event}/stock",
    reason: "It is a bare list, which cannot say how much is left of the event as a whole.",
}];

impl Deprecation {
    /// Since when it should not be used any more.
    pub fn since_at(&self) -> Timestamp {
        midnight(self.since)
    }

    /// From when it does not answer any more.
    pub fn sunset_at(&self) -> Timestamp {
        midnight(self.sunset)
    }

    /// The successor of this address, which is one of this route.
    fn successor_of(&self, path: &str) -> String {
        let given: Vec<(&str, &str)> = self.path.split('/').zip(path.split('/')).collect();
        let parts = self.successor.split('/').map(|part| {
            let same = given.iter().find(|(name, _)| *name == part);
            match same {
                Some((name, value)) if name.starts_with('{') => *value,
                Some(_) | None => part,
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// What answers of this address say of it.
    fn headers(&self, path: &str) -> Vec<(HeaderName, String)> {
        let sunset = self.sunset_at().to_jiff();
        let sunset = DateTimePrinter::new().timestamp_to_rfc9110_string(&sunset);
        let successor = self.successor_of(path);
        let mut all = vec![
            (
                DEPRECATION.clone(),
                format!("@{}", self.since_at().ms() / 1_000),
            ),
            (
                header::LINK,
                format!("<{successor}>; rel=\"successor-version\""),
            ),
            (
                header::LINK,
                format!("<{DOCS}>; rel=\"deprecation\"; type=\"text/html\""),
            ),
        ];
        // Every day of the calendar that can be written here can be written there.
        all.extend(sunset.ok().map(|sunset| (SUNSET.clone(), sunset)));
        all
    }

    fn is_of(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}

static DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
static SUNSET: HeaderName = HeaderName::from_static("sunset");

fn midnight(day: Date) -> Timestamp {
    let at = day.to_zoned(jiff::tz::TimeZone::UTC);
    at.map(|at| at.timestamp()).unwrap_or_default().into()
}

fn deprecation_of(method: &str, path: &str) -> Option<&'static Deprecation> {
    DEPRECATED.iter().find(|one| one.is_of(method, path))
}

/// The layer: says of each answer of a deprecated route that it is one, and ends routes whose day
/// has come.
pub(crate) async fn announce(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = if request.method() == Method::HEAD {
        "GET"
    } else {
        request.method().as_str()
    };
    let matched = request.extensions().get::<MatchedPath>();
    let found = matched.and_then(|path| deprecation_of(method, path.as_str()));
    let Some(deprecation) = found else {
        return next.run(request).await;
    };
    let path = request.uri().path().to_owned();
    let mut response = if app.now() < deprecation.sunset_at() {
        next.run(request).await
    } else {
        let successor = deprecation.successor_of(&path);
        Problem::gone(
            "api.sunset",
            format!("This address ended; {successor} is in its place."),
        )
        .into_response()
    };
    add(response.headers_mut(), deprecation.headers(&path));
    response
}

fn add(headers: &mut HeaderMap, more: Vec<(HeaderName, String)>) {
    for (name, value) in more {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
}

/// Says of an operation that it is deprecated, if it is.
pub(super) fn complete(operation: &mut Operation<'_>) {
    let method = operation.method.to_uppercase();
    let Some(deprecation) = deprecation_of(&method, operation.path) else {
        return;
    };
    let sunset = deprecation.sunset.to_string();
    operation.describe(&format!(
        "Deprecated: {} Use `{}`; from {sunset} on this one answers 410.",
        deprecation.reason, deprecation.successor
    ));
    let fields = &mut *operation.fields;
    fields.insert("deprecated".to_owned(), true.into());
    fields.insert("x-sunset".to_owned(), sunset.into());
    let successor = deprecation.successor.to_owned();
    fields.insert("x-successor".to_owned(), successor.into());
    let Some(responses) = operation.responses() else {
        return;
    };
    let gone = serde_json::json!({"$ref": "#/components/responses/Gone"});
    responses.entry("410").or_insert(gone);
    // Those of refusals are the shared ones.
    let all = responses.values_mut();
    for headers in all.filter_map(|one| one.get_mut("headers")?.as_object_mut()) {
        for name in ["Deprecation", "Sunset", "Link"] {
            let reference = format!("#/components/headers/{name}");
            headers.insert(name.to_owned(), serde_json::json!({ "$ref": reference }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-8
    #[test]
    fn the_successor_of_an_address_has_its_parameters() {
        let deprecation = Deprecation {
            method: "GET",
            path: "/api/v1/a/{a}/b/{b}",
            since: date(2026, 12, 1),
            sunset: date(2028, 1, 1),
            successor: "/api/v2/b/{b}/of/{a}",
            reason: "",
        };
        assert_eq!(
            deprecation.successor_of("/api/v1/a/1/b/%20"),
            "/api/v2/b/%20/of/1"
        );
        let headers = deprecation.headers("/api/v1/a/1/b/2");
        let text = |name: &HeaderName| {
            let of_name = headers.iter().filter(|(one, _)| one == name);
            of_name
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(text(&DEPRECATION), "@1796083200");
        assert_eq!(text(&SUNSET), "Sat, 01 Jan 2028 00:00:00 GMT");
        assert_eq!(
            text(&header::LINK),
            "</api/v2/b/2/of/1>; rel=\"successor-version\", </api/docs>; rel=\"deprecation\"; type=\"text/html\""
        );
    }

    /// covers: GW-8
    #[test]
    fn who_uses_a_deprecated_route_has_a_year() {
        let paths = &crate::router::openapi()["paths"];
        for one in DEPRECATED {
            let year = one.since.checked_add(jiff::Span::new().months(12)).unwrap();
            assert!(one.sunset >= year, "{}", one.path);
            for path in [one.path, one.successor] {
                let operation = &paths[path][one.method.to_lowercase()];
                assert!(operation.is_object(), "{} {path} is not there", one.method);
                assert_eq!(operation["deprecated"] == true, path == one.path);
            }
        }
    }
}
