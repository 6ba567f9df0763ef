//! Extractors that answer bad input with problems that name the field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::object::Object;
use super::unique::Unique;
use crate::error::Problem;

/// A JSON body, in and out. As an extractor it answers a wrong media type with 415, text that is
/// not JSON with 400, and JSON that is not a `T`, or names a field twice, with 422 naming the field.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::unsupported_media(
                "media_type",
                "Send the body as JSON, with Content-Type: application/json.",
            ));
        }
        let body = read_body(request, state).await?;
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(Object(&mut reader))
            .map_err(|error| json_problem(&error.path().to_string(), error.inner()))?;
        reader.end().map_err(|error| json_problem(".", &error))?;
        let mut again = serde_json::Deserializer::from_slice(&body);
        serde_path_to_error::deserialize::<_, Unique>(&mut again)
            .map_err(|error| json_problem(&error.path().to_string(), error.inner()))?;
        Ok(Self(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether the body says, once, that it is JSON; that is UTF-8 always.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return false;
    };
    let mut parts = kind.to_str().unwrap_or_default().split(';');
    let essence = parts.next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let is_other_charset = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset")
                && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    is_json && !parts.any(is_other_charset)
}

/// The whole body of a request.
///
/// # Errors
/// A problem 413 if it is larger than its route takes, 400 if it ends too early.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| body_problem(&rejection))
}

fn body_problem(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large("body_too_large", "The body of the request is too large.")
    } else {
        Problem::bad_request(
            "body_broken",
            "The body of the request could not be read to its end.",
        )
    }
}

fn json_problem(path: &str, error: &serde_json::Error) -> Problem {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => {
            // serde_json adds the place in the text, which the path says better.
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            field_problem(path, text)
        }
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request(
            "json_syntax",
            format!(
                "The body is not JSON: line {}, column {}.",
                error.line(),
                error.column()
            ),
        ),
    }
}

/// 422 for one field; serde's messages are short and about types, so they are shown.
fn field_problem(path: &str, text: &str) -> Problem {
    let known = |prefix: &str, code: &'static str| {
        let rest = text.strip_prefix(prefix)?.strip_prefix('`')?;
        let name = rest.split('`').next()?;
        let path = if path == "." {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        Some((path, code))
    };
    let (field, code) = known("missing field ", "missing")
        .or_else(|| known("duplicate field ", "duplicate"))
        .or_else(|| known("unknown field ", "unknown").map(|(_, code)| (path.to_owned(), code)))
        .unwrap_or_else(|| (path.to_owned(), "invalid"));
    let field = if field == "." { String::new() } else { field };
    Problem::invalid(Vec::new()).field(field, code, text)
}

/// The query string as a `T`; 422 naming the parameter if it is not one.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default().as_bytes();
        // Much of it is looked up as text, and PostgreSQL has no NUL in a text.
        let mut pairs = form_urlencoded::parse(text);
        if let Some((name, _)) = pairs.find(|(_, value)| value.contains('\0')) {
            return Err(field_problem(&name, "NUL is in no text"));
        }
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text));
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| field_problem(&error.path().to_string(), &error.inner().to_string()))
    }
}

/// The parameters of the path as a `T`; 404 if they are not one, because there is no such thing.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found =
            <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        found.map(|path| Self(path.0)).map_err(|rejection| {
            if rejection.status().is_server_error() {
                Problem::fault(&rejection)
            } else {
                Problem::not_found("not_found", "There is nothing at this address.")
            }
        })
    }
}

/// The caller's `Idempotency-Key`: 1 to 255 visible ASCII characters. Take an
/// `Option<IdempotencyKey>` where it may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// A problem 400 if it is not one.
    pub fn of(parts: &Parts) -> Result<Option<Self>, Problem> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let Some(key) = given.next() else {
            return Ok(None);
        };
        let text = key.to_str().unwrap_or_default();
        let is_key = (1..=255).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        if is_key && given.next().is_none() {
            Ok(Some(Self(text.to_owned())))
        } else {
            Err(Problem::bad_request(
                "idempotency_key_invalid",
                "Idempotency-Key must be given once and have 1 to 255 visible ASCII characters.",
            ))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts)?.ok_or_else(|| {
            Problem::bad_request(
                "idempotency_key_missing",
                "Send an Idempotency-Key header, a new random one for each thing you want done, so that a repeated request does it once.",
            )
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Self::of(parts)
    }
}
