//! The layer by which any POST of the API that carries an `Idempotency-Key` is done once.
//!
//! A key is the caller's own: the same text of somebody else, or for another address, is another
//! key. Strangers have none here, since nobody could tell one from another. What sells, takes
//! money or checks in keeps its keys itself. What is promised when a node dies is told at
//! [`platform::begin_once`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bilten_kernel::db::guarded;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IdempotencyKey, read_body, request_id};
use bilten_kernel::telemetry::Trace;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::app::App;
use crate::catalog::{MAX_SEAT_MAP_BYTES, SEAT_MAP_PATHS};
use crate::identity;
use crate::platform::{self, Begun, Claim, KeptAnswer, Once};

/// How addresses begin of what keeps its keys itself.
const OWN: &[&str] = &["/api/v1/shop/", "/api/v1/sync/", "/api/v1/auth/"];
/// How they end.
const OWN_ENDS: &[&str] = &["/check-in"];
/// How large an answer is kept.
const MOST: u64 = 256 * 1024;
/// How much longer than a request may take it is waited for.
const SPARE: Duration = Duration::from_secs(5);
/// The headers that are kept with an answer.
static KEPT: &[HeaderName] = &[
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::LOCATION,
];
/// By which a caller knows that this was answered before.
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whether a request is one that this layer does once.
fn is_ours(request: &Request) -> bool {
    request.method() == Method::POST
        && request.headers().contains_key("idempotency-key")
        && is_done_once(request.uri().path())
}

/// Whether POSTs to an address are done once by this layer.
pub(crate) fn is_done_once(path: &str) -> bool {
    path.starts_with("/api/")
        && !OWN.iter().any(|own| path.starts_with(own))
        && !OWN_ENDS.iter().any(|own| path.ends_with(own))
}

/// The layer.
pub(crate) async fn done_once(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if !is_ours(&request) {
        return Ok(next.run(request).await);
    }
    // Routes say further inside how large a body they take; these take large ones.
    if request.uri().path().starts_with(SEAT_MAP_PATHS) {
        DefaultBodyLimit::max(MAX_SEAT_MAP_BYTES).apply(&mut request);
    }
    let (mut parts, body) = request.into_parts();
    let key = IdempotencyKey::of(&parts)?;
    // Who is not let in gets to hear why from the route.
    let caller = identity::caller(&mut parts, &app).await;
    let (Some(key), Ok(caller)) = (key, caller) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    // The copy knows how large a body may be.
    let body = read_body(Request::from_parts(parts.clone(), body), &app).await?;
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map_or(&b""[..], HeaderValue::as_bytes)
    };
    let route = format!("{} {}", parts.method, parts.uri);
    let organisation = header("bilten-organisation");
    let actor = caller.actor();
    let id = hash(&[
        actor.as_bytes(),
        organisation,
        route.as_bytes(),
        key.as_str().as_bytes(),
    ]);
    let once = Once {
        id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        request_hash: hash(&[header("content-type"), &body]),
    };
    let time = Duration::from_millis(app.config.http.request_timeout_ms) + SPARE;
    let claim = match platform::begin_once(&app, &once, time).await? {
        Begun::New(claim) => claim,
        Begun::Done(answer) => return Ok(again(answer)),
        Begun::UnderWay => {
            return Err(Problem::conflict(
                "edge.idempotency_under_way",
                "The same request is being carried out. Ask again in a moment for its answer.",
            )
            .retry_after(1));
        }
        Begun::Unknown => {
            return Err(Problem::conflict(
                "edge.idempotency_unknown",
                "This request was begun before and wrote something, but its answer was lost. It is not done again: look at what there is, and use a new key if something is missing.",
            ));
        }
        Begun::Reused => {
            return Err(Problem::unprocessable(
                "edge.idempotency_key_reused",
                "This Idempotency-Key was used for another request. Use a new one for each.",
            ));
        }
    };
    let request = Request::from_parts(parts, Body::from(body));
    // A caller who goes away must not stop it between doing and remembering.
    let work = async move {
        let guard = Arc::<Claim>::clone(&claim);
        let response = guarded(guard, next.run(request)).await;
        keep(&app, &claim, response).await
    };
    let work = work.instrument(tracing::Span::current());
    let done = match (request_id::current(), Trace::current()) {
        (Some(id), Some(trace)) => {
            tokio::spawn(request_id::scope(
                id,
                async move { trace.scope(work).await },
            ))
            .await
        }
        (Some(_) | None, Some(_) | None) => tokio::spawn(work).await,
    };
    match done {
        Ok(response) => response,
        Err(error) => Err(Problem::fault(&error)),
    }
}

/// Keeps an answer, unless trying again may give another one.
async fn keep(app: &App, claim: &Arc<Claim>, response: Response) -> Result<Response, Problem> {
    let status = response.status();
    if [StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED].contains(&status) {
        platform::refused_once(app, claim).await?;
        return Ok(response);
    }
    let is_small = axum::body::HttpBody::size_hint(response.body())
        .exact()
        .is_some_and(|size| size <= MOST);
    if status.is_server_error() || !is_small {
        platform::failed_once(app, claim).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| Problem::fault(&error))?;
    let headers = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    });
    let answer = KeptAnswer {
        status: status.as_u16(),
        headers: headers.collect(),
        body: bytes.to_vec(),
    };
    if let Err(error) = platform::answered_once(app, claim, &answer).await {
        // It was done, and its answer is right; a repeated request will be told that it is not known.
        tracing::error!(%error, "an answer was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// The same answer once more.
fn again(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    response
}

/// A hash of parts, each with its length, so that no two lists of parts are alike.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
