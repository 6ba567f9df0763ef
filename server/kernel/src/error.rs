//! Problems: every refusal and failure of the API, as RFC 9457 `application/problem+json`.
//!
//! A domain has an error enum of its own and says once, by [`IntoProblem`], what each variant is
//! outside: a status, a stable `code` such as `sales.sold_out` for programs, a sentence for
//! people. Handlers give `Result<_, Problem>` and use `?`. Faults of ours are logged here, with
//! what is known about them, and shown without any of it.
//!
//! The request id is filled in when the problem becomes a response, see
//! [`http::request_id`](crate::http::request_id). The problem is also kept in the response's
//! extensions, so that the pages can show it as HTML.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::db::DbError;

/// What is wrong with one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The path of the field, such as `items[2].quantity`.
    pub field: String,
    /// A stable code for programs, such as `too_long`.
    #[schema(value_type = String)]
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub detail: String,
}

/// A refusal or failure as the caller of the API sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Body>);

/// A refusal or failure, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
struct Body {
    /// A reference that names the kind of problem: `/problems/` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words.
    #[schema(value_type = String)]
    title: Cow<'static, str>,
    /// The HTTP status.
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16, example = 409)]
    status: StatusCode,
    /// A stable code for programs.
    #[schema(value_type = String, example = "area.reason")]
    code: Cow<'static, str>,
    /// What happened this time, in a sentence for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The id of the request, to be quoted to support.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn status_number<S: serde::Serializer>(
    status: &StatusCode,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

macro_rules! constructors {
    ($($(#[$meta:meta])* $name:ident $status:ident;)+) => {
        impl Problem {
            $($(#[$meta])*
            pub fn $name(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
                Self::new(StatusCode::$status, code, detail)
            })+
        }
    };
}

constructors! {
    /// 400: the input cannot be understood.
    bad_request BAD_REQUEST;
    /// 401: nobody is signed in, or the key is not known.
    unauthorized UNAUTHORIZED;
    /// 403: who is signed in may not do this.
    forbidden FORBIDDEN;
    /// 404: there is no such thing, or it belongs to somebody else.
    not_found NOT_FOUND;
    /// 405: the thing is there, but not for this method.
    method_not_allowed METHOD_NOT_ALLOWED;
    /// 408: the request took too long to arrive or to answer.
    timed_out REQUEST_TIMEOUT;
    /// 409: the state of the thing does not allow it, or no longer.
    conflict CONFLICT;
    /// 410: the thing was there and will not come back.
    gone GONE;
    /// 412: the caller's copy is stale.
    stale PRECONDITION_FAILED;
    /// 413: the body is too large.
    too_large PAYLOAD_TOO_LARGE;
    /// 415: the body is of a type that is not taken here.
    unsupported_media UNSUPPORTED_MEDIA_TYPE;
    /// 422: the input is understood and wrong; say where with [`Problem::field`].
    unprocessable UNPROCESSABLE_ENTITY;
    /// 429: too often; say when to come back with [`Problem::retry_after`].
    too_many TOO_MANY_REQUESTS;
    /// 502: somebody we depend on gave a wrong answer.
    bad_gateway BAD_GATEWAY;
    /// 503: not just now; say when to come back with [`Problem::retry_after`].
    unavailable SERVICE_UNAVAILABLE;
}

impl Problem {
    /// A problem of this status; one of the named constructors usually says it better.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        let code = code.into();
        Self(Box::new(Body {
            kind: format!("/problems/{code}"),
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Problem")),
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            request_id: None,
            headers: Vec::new(),
        }))
    }

    /// 500 for a fault of ours; log what is known before, nothing of it is shown.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side. It was recorded; please try again.",
        )
    }

    /// 500 for a fault of ours, logged with its error.
    pub fn fault(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "fault");
        Self::internal()
    }

    /// 422 with what is wrong with each field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::unprocessable("invalid", "Some fields are not as they should be.");
        problem.0.errors = errors;
        problem
    }

    /// Replaces the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.0.title = title.into();
        self
    }

    /// Adds what is wrong with a field.
    #[must_use]
    pub fn field(
        mut self,
        field: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        self.0.errors.push(FieldError {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        });
        self
    }

    /// Tells the caller to come back in so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Sets the id of the request.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What is wrong with which field.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Body::schema()
    }
}

impl utoipa::ToSchema for Problem {
    fn schemas(
        schemas: &mut Vec<(
            String,
            utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>,
        )>,
    ) {
        Body::schemas(schemas);
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.0.status.as_u16(),
            self.0.code,
            self.0.detail
        )
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        if self.0.request_id.is_none() {
            self.0.request_id = crate::http::request_id::current().map(|id| id.0.to_string());
        }
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in std::mem::take(&mut self.0.headers) {
            headers.insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What an error of a domain is to the caller of the API.
pub trait IntoProblem {
    /// Says it as a problem; logs it if it is a fault of ours.
    fn into_problem(self) -> Problem;
}

impl<E: IntoProblem> From<E> for Problem {
    fn from(error: E) -> Self {
        error.into_problem()
    }
}

impl IntoProblem for DbError {
    fn into_problem(self) -> Problem {
        if self.is_passing() {
            tracing::warn!(error = %self, code = self.code(), "database not available");
            return Problem::unavailable(
                self.code(),
                "There is more going on than can be served just now. Please try again in a moment.",
            )
            .retry_after(1);
        }
        tracing::error!(error = %self, code = self.code(), "database fault");
        Problem::internal()
    }
}
