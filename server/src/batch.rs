//! Many reads in one request: `POST /api/v1/batch`.
//!
//! Each read goes through the whole router as if it had come by itself, with its sender's own
//! credentials: layers, limits, permissions, `?fields=` and tags are the same, and a refusal is the
//! answer to that read alone. Only reads of the API can be batched, and no batch holds another one.
//!
//! The route is part of the router that it asks, so it is handed that router by a layer around it
//! (see [`Inside`]): what it is handed knows no batch, and nothing holds itself.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::http::{Json, request_id};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt as _;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::identity;

/// How many reads a batch has at most.
const MOST: usize = 20;
/// How many of them are under way at once.
const AT_ONCE: usize = 4;
/// How large one answer may be, in bytes.
const MOST_EACH: usize = 1024 * 1024;
/// How large all answers together may be, in bytes.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long an address may be, in bytes.
const MOST_PATH: usize = 4_000;
/// What of the API is no plain read: devices' feeds and streams, and batches.
const NEVER: &[&str] = &["sync", "batch"];
/// The headers of a batch that are those of each read.
static PASSED_ON: [HeaderName; 9] = [
    header::ACCEPT_LANGUAGE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::USER_AGENT,
    HeaderName::from_static("bilten-organisation"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
];
/// The headers of an answer that are told.
static TOLD: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LINK,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("deprecation"),
    HeaderName::from_static("sunset"),
    HeaderName::from_static("x-request-id"),
];

/// The whole server, as its batches ask it.
#[derive(Clone)]
pub struct Inside(pub Router);

/// The route of batches.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// Reads that are asked for together.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// The reads, 1 to 20.
    #[schema(min_items = 1, max_items = 20)]
    requests: Vec<BatchRequest>,
}

/// A read in a batch.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchRequest {
    /// What its sender calls it: 1 to 64 visible ASCII characters, in each batch once.
    #[schema(min_length = 1, max_length = 64)]
    id: String,
    /// What is read: the path of a GET of this API with its query, such as `/api/v1/events?limit=5`.
    path: String,
}

/// What the reads of a batch were answered, in the order in which they were asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchAnswer {
    /// The answers.
    responses: Vec<BatchResponse>,
}

/// What one read of a batch was answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BatchResponse {
    /// What its sender calls it.
    id: String,
    /// The HTTP status.
    status: u16,
    /// Some of its headers, by their names in lower case.
    headers: BTreeMap<String, String>,
    /// The body; a problem if it was refused; `null` if there is none.
    body: Value,
    #[serde(skip)]
    size: usize,
    #[serde(skip)]
    is_kept_by_nobody: bool,
}

/// Read several things at once
///
/// Each read is answered as if it had been asked for by itself, with the credentials of the batch, and
/// counts as one request; one that is refused does not touch the others. At most 20 reads, of at most
/// 1 MiB each and 4 MiB together: what is more is answered with a problem `batch.answer_too_large` in
/// its place. Only paths of GET routes below `/api/`, but for `/sync/` and batches themselves.
#[utoipa::path(post, path = "/api/v1/batch", tag = "operations",
    responses((status = 200, body = BatchAnswer), (status = "4XX", body = Problem)))]
async fn batch(
    State(app): State<App>,
    inside: Option<Extension<Inside>>,
    parts: Parts,
    Json(batch): Json<Batch>,
) -> Result<Response, Problem> {
    let faults = faults(&batch);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    // Browsers add cookies to whatever other sites make them send.
    let is_cookie = parts.headers.contains_key(header::COOKIE)
        && !parts.headers.contains_key(header::AUTHORIZATION);
    if is_cookie && !identity::is_same_site(&parts.headers, &app.config.http.public_url) {
        return Err(Problem::forbidden(
            "identity.other_site",
            "This was sent from another site, so it was not carried out.",
        ));
    }
    let Some(Extension(Inside(router))) = inside else {
        return Err(Problem::bad_request("batch.nested", NESTED));
    };
    let asked: Vec<BoxFuture<'static, BatchResponse>> = batch
        .requests
        .into_iter()
        .zip(1..)
        .map(|(read, number)| ask(router.clone(), read, request_for(&parts, number)))
        .map(|asked| -> BoxFuture<'static, BatchResponse> { Box::pin(asked) })
        .collect();
    let mut answers = futures_util::stream::iter(asked).buffered(AT_ONCE);
    let (mut responses, mut left) = (Vec::new(), MOST_BYTES);
    while let Some(answer) = answers.next().await {
        let answer = if answer.size <= left {
            left -= answer.size;
            answer
        } else {
            told(answer.id, too_large().into_response()).await
        };
        responses.push(answer);
    }
    let is_kept_by_nobody = responses.iter().any(|answer| answer.is_kept_by_nobody);
    let mut response = Json(BatchAnswer { responses }).into_response();
    if is_kept_by_nobody {
        let no_store = HeaderValue::from_static("no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_store);
    }
    Ok(response)
}

const NESTED: &str = "A batch cannot hold another batch.";

/// What is wrong with a batch as a whole.
fn faults(batch: &Batch) -> Vec<FieldError> {
    let fault = |field: String, code: &'static str, detail: &str| FieldError {
        field,
        code: code.into(),
        detail: detail.to_owned(),
    };
    if !(1..=MOST).contains(&batch.requests.len()) {
        let detail = "A batch has 1 to 20 reads.";
        return vec![fault("requests".to_owned(), "out_of_range", detail)];
    }
    let mut ids = HashSet::new();
    let mut faults = Vec::new();
    for (place, read) in batch.requests.iter().enumerate() {
        let field = || format!("requests[{place}].id");
        let is_id = (1..=64).contains(&read.id.len())
            && read.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id {
            let detail = "An id has 1 to 64 visible ASCII characters.";
            faults.push(fault(field(), "malformed", detail));
        } else if !ids.insert(read.id.as_str()) {
            faults.push(fault(field(), "taken", "Another read has this id."));
        }
    }
    faults
}

/// The request of a read, but for its address.
fn request_for(parts: &Parts, number: usize) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    *request.version_mut() = parts.version;
    let headers = request.headers_mut();
    for name in &PASSED_ON {
        for value in parts.headers.get_all(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    // HTTP/2 names the host in the address, which is that of the read here.
    let host = parts
        .uri
        .authority()
        .map(|host| HeaderValue::try_from(host.as_str()));
    if let (false, Some(Ok(host))) = (headers.contains_key(header::HOST), host) {
        headers.insert(header::HOST, host);
    }
    // Each has its own, by which the log finds it beside that of the batch.
    let id = request_id::current().map(|id| id.0.chars().take(120).collect::<String>());
    let id = id.and_then(|id| HeaderValue::try_from(format!("{id}.{number}")).ok());
    if let Some(id) = id {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        request.extensions_mut().insert(*peer);
    }
    request
}

/// Asks for one read.
async fn ask(router: Router, read: BatchRequest, mut request: Request<Body>) -> BatchResponse {
    let response = match checked(&read.path) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        Err(problem) => problem.into_response(),
    };
    told(read.id, response).await
}

/// The address of a read, if it can be one.
fn checked(path: &str) -> Result<axum::http::Uri, Problem> {
    let refuse = |detail: &str| Err(Problem::bad_request("batch.path", detail));
    if path.len() > MOST_PATH {
        return refuse("A path has at most 4,000 characters.");
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte);
    if !path.bytes().all(is_plain) {
        return refuse(
            "Write all but visible ASCII characters of a path as %XX, and leave out what follows a #.",
        );
    }
    let place = path.split('?').next().unwrap_or_default();
    let mut segments = place.split('/');
    let is_api = segments.next() == Some("") && segments.next() == Some("api");
    if !is_api {
        return refuse("A batch reads paths that begin with /api/, without scheme and host.");
    }
    if place
        .split('/')
        .skip(1)
        .any(|part| matches!(part, "" | "." | ".."))
    {
        return refuse("Write the path without empty parts, and without . and .. in it.");
    }
    let Some(first) = segments.nth(1) else {
        return refuse("There is nothing to read at this path.");
    };
    if NEVER.contains(&first) {
        return refuse(if first == "batch" {
            NESTED
        } else {
            "What devices exchange cannot be part of a batch."
        });
    }
    path.parse()
        .or_else(|_| refuse("This is not a path with a query."))
}

fn too_large() -> Problem {
    Problem::too_large(
        "batch.answer_too_large",
        "This answer is too large for the batch. Ask for it by itself, in pages, or with ?fields=.",
    )
}

/// What is told of an answer.
async fn told(id: String, response: Response) -> BatchResponse {
    let is_json = |headers: &HeaderMap| {
        let kind = headers.get(header::CONTENT_TYPE);
        kind.and_then(|kind| kind.to_str().ok()).is_none_or(|kind| {
            kind.starts_with("application/json") || kind.starts_with("application/problem+json")
        })
    };
    let response = if is_json(response.headers()) {
        response
    } else {
        // A stream is dropped here and ends.
        Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "batch.not_json",
            "This answer is not JSON. Ask for it by itself.",
        )
        .into_response()
    };
    let (parts, body) = response.into_parts();
    let (parts, bytes) = match to_bytes(body, MOST_EACH).await {
        Ok(bytes) => (parts, bytes),
        Err(_) => {
            let (parts, body) = too_large().into_response().into_parts();
            (parts, to_bytes(body, MOST_EACH).await.unwrap_or_default())
        }
    };
    let text = |name: &HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let keep = parts.headers.get(header::CACHE_CONTROL);
    let is_kept_by_nobody = keep
        .and_then(|keep| keep.to_str().ok())
        .is_some_and(|keep| keep.contains("no-store"));
    BatchResponse {
        id,
        status: parts.status.as_u16(),
        headers: TOLD.iter().filter_map(text).collect(),
        // An empty body is none.
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        size: bytes.len(),
        is_kept_by_nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: GW-1
    #[test]
    fn only_paths_of_plain_reads_are_batched() {
        for good in [
            "/api/v1/events",
            "/api/v1/events/evt_1?fields=id,name&limit=2",
            "/api/v2/anything",
            "/api/v1/synchronous",
            "/api/v1/events?cursor=a//b..c",
        ] {
            assert!(checked(good).is_ok(), "{good}");
        }
        let long = format!("/api/v1/{}", "x".repeat(MOST_PATH));
        for bad in [
            "",
            "events",
            "/",
            "/livez",
            "/e/gala",
            "/api",
            "/apis/v1/events",
            "//api/v1/events",
            "http://other.example/api/v1/events",
            "/api/v1/../v1/sync/feed",
            "/api/v1//sync/feed",
            "/api//v1/events",
            "/api/v1/./batch",
            "/api/v1/sync/feed",
            "/api/v1/sync/hints?x=1",
            "/api/v1/batch",
            "/api/v1/batch?x",
            "/api/v1/events#x",
            "/api/v1/events\r\nx: y",
            "/api/v1/Večer",
            "/api/v1/ events",
            long.as_str(),
        ] {
            let refused = checked(bad).map_err(|problem| problem.code().to_owned());
            assert_eq!(refused.err().as_deref(), Some("batch.path"), "{bad}");
        }
    }
}
