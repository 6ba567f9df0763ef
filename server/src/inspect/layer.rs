//! The layer that takes down what programs ask and what they are answered.
//!
//! It lies within compression, so that it sees what a handler wrote, and around the extractors, which
//! say who asks. A request's body is looked at as it flows by, up to what is kept; an answer's only
//! if it is there as a whole. So nothing that streams is held up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{ClientIp, RequestId};
use futures_util::StreamExt;

use super::model::{Captured, LeftOut, RawBody, RawMessage};
use crate::app::App;
use crate::identity::{self, Noted, Principal};

/// What is not kept: looking at what was kept.
const OWN: &str = "/api/v1/requests";

/// Whether a request may be one that is kept.
fn is_ours(parts: &Parts) -> bool {
    let path = parts.uri.path();
    path.starts_with("/api/")
        && !path.starts_with(OWN)
        && identity::bearer(parts).is_some_and(identity::is_of_program)
}

/// The layer.
pub(crate) async fn keep_request(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let noted = Noted::of(&mut request);
    let (parts, body) = request.into_parts();
    if !app.config.inspector.enabled || !is_ours(&parts) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let limit = app.config.inspector.body_limit_bytes;
    let asked = Asked::of(&app, &parts);
    let (body, sent) = Sent::watch(&parts.headers, body, limit);
    let response = next.run(Request::from_parts(parts, body)).await;
    let duration = asked.began.elapsed();
    let Some(principal) = noted.principal() else {
        return response;
    };
    let Principal::Program(program) = &*principal else {
        return response;
    };
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let per_minute = app.config.inspector.per_minute;
    if !app.inspector.wants(
        program.organisation,
        is_error,
        per_minute,
        asked.captured.at,
    ) {
        return response;
    }
    let problem = response.extensions().get::<Problem>();
    let problem = problem.map(|problem| problem.code().to_owned());
    let (response, answered) = match answered(response, limit).await {
        Ok(whole) => whole,
        Err(problem) => return problem.into_response(),
    };
    let mut captured = asked.captured;
    captured.organisation = program.organisation;
    captured.actor.clone_from(&program.actor);
    captured.status = status.as_u16();
    captured.problem = problem;
    captured.duration_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    captured.request.body = sent.map(|sent| sent.taken());
    captured.response = answered;
    app.inspector.offer(captured);
    response
}

/// What is known of a request before it is served.
struct Asked {
    began: Instant,
    captured: Captured,
}

impl Asked {
    fn of(app: &App, parts: &Parts) -> Self {
        let id = parts.extensions.get::<RequestId>();
        let route = parts.extensions.get::<MatchedPath>();
        let path = parts.uri.path_and_query();
        let captured = Captured {
            request_id: id.map_or_else(String::new, |id| id.0.to_string()),
            // Who asks is found out as it is served.
            organisation: identity::OrganisationId::from_bytes([0; 16]),
            actor: String::new(),
            at: app.now(),
            method: parts.method.as_str().to_owned(),
            route: route.map(|route| route.as_str().to_owned()),
            path: path.map_or_else(String::new, |path| path.as_str().to_owned()),
            status: 0,
            problem: None,
            duration_ms: 0,
            client: parts.extensions.get::<ClientIp>().map(|client| client.0),
            request: RawMessage {
                headers: parts.headers.clone(),
                body: None,
            },
            response: RawMessage::default(),
        };
        Self {
            began: Instant::now(),
            captured,
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The body of a request as it flows by.
struct Sent {
    seen: Arc<Mutex<Seen>>,
    is_json: bool,
    /// What the caller says it is.
    said: Option<u64>,
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    size: u64,
    is_too_large: bool,
}

impl Seen {
    fn add(&mut self, chunk: &Bytes, limit: usize) {
        self.size = self
            .size
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if self.is_too_large || self.bytes.len().saturating_add(chunk.len()) > limit {
            self.is_too_large = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(chunk);
        }
    }
}

impl Sent {
    /// Watches a body, if there is one.
    fn watch(headers: &HeaderMap, body: Body, limit: usize) -> (Body, Option<Self>) {
        let said = headers.get(header::CONTENT_LENGTH);
        let said = said
            .and_then(|size| size.to_str().ok())
            .and_then(|size| size.parse::<u64>().ok());
        let has_body =
            said.is_some_and(|size| size > 0) || headers.contains_key(header::TRANSFER_ENCODING);
        if !has_body && body.is_end_stream() {
            return (body, None);
        }
        let sent = Self {
            seen: Arc::default(),
            is_json: is_json(headers),
            said,
        };
        if !sent.is_json {
            return (body, Some(sent));
        }
        let seen = Arc::clone(&sent.seen);
        let flow = body.into_data_stream().inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.add(chunk, limit);
            }
        });
        (Body::from_stream(flow), Some(sent))
    }

    /// What was seen of it.
    fn taken(&self) -> RawBody {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = if !self.is_json {
            Some(LeftOut::NotJson)
        } else if seen.is_too_large {
            Some(LeftOut::TooLarge)
        } else if seen.size == 0 {
            Some(LeftOut::NotRead)
        } else {
            None
        };
        let bytes = std::mem::take(&mut seen.bytes);
        RawBody {
            bytes: left_out.is_none().then(|| Bytes::from(bytes)),
            size: self.said.or((seen.size > 0).then_some(seen.size)),
            left_out,
        }
    }
}

/// An answer, and what is kept of it.
async fn answered(response: Response, limit: usize) -> Result<(Response, RawMessage), Problem> {
    let headers = response.headers().clone();
    let size = response.body().size_hint().exact();
    let small = size.and_then(|size| usize::try_from(size).ok());
    let small = small.filter(|size| *size <= limit);
    let left_out = match (is_json(&headers), small) {
        _ if size == Some(0) => {
            let message = RawMessage {
                headers,
                body: None,
            };
            return Ok((response, message));
        }
        (false, _) => Some(LeftOut::NotJson),
        (true, None) if size.is_none() => Some(LeftOut::NotRead),
        (true, None) => Some(LeftOut::TooLarge),
        (true, Some(_)) => None,
    };
    let (response, bytes) = if left_out.is_none() {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, limit)
            .await
            .map_err(|error| Problem::fault(&error))?;
        let whole = Response::from_parts(parts, Body::from(bytes.clone()));
        (whole, Some(bytes))
    } else {
        (response, None)
    };
    let body = RawBody {
        bytes,
        size,
        left_out,
    };
    let message = RawMessage {
        headers,
        body: Some(body),
    };
    Ok((response, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        headers
    }

    fn chunks(parts: &'static [&'static str]) -> Body {
        let parts = parts
            .iter()
            .map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part.as_bytes())));
        Body::from_stream(futures_util::stream::iter(parts.collect::<Vec<_>>()))
    }

    /// covers: GW-7
    #[tokio::test]
    async fn a_body_flows_by_and_is_kept_up_to_its_limit() {
        let (body, sent) = Sent::watch(&json(), chunks(&["{\"a\":", " 1}"]), 8);
        let sent = sent.unwrap();
        assert_eq!(sent.taken().left_out, Some(LeftOut::NotRead));
        assert_eq!(to_bytes(body, 100).await.unwrap(), "{\"a\": 1}");
        let taken = sent.taken();
        assert_eq!(taken.bytes.as_deref(), Some(&b"{\"a\": 1}"[..]));
        assert_eq!((taken.size, taken.left_out), (Some(8), None));

        let (body, sent) = Sent::watch(&json(), chunks(&["{\"a\":", "  1}"]), 8);
        to_bytes(body, 100).await.unwrap();
        let taken = sent.unwrap().taken();
        assert_eq!((taken.bytes, taken.size), (None, Some(9)));
        assert_eq!(taken.left_out, Some(LeftOut::TooLarge));

        let (_, sent) = Sent::watch(&HeaderMap::new(), Body::empty(), 8);
        assert!(sent.is_none());
        let (_, sent) = Sent::watch(&HeaderMap::new(), Body::from("secret"), 8);
        assert_eq!(sent.unwrap().taken().left_out, Some(LeftOut::NotJson));
    }

    /// covers: GW-7
    #[tokio::test]
    async fn an_answer_that_streams_is_not_read() {
        let of = |body: Body| {
            let mut response = Response::new(body);
            *response.headers_mut() = json();
            answered(response, 8)
        };
        let (response, message) = of(chunks(&["{}"])).await.unwrap();
        assert_eq!(message.body.unwrap().left_out, Some(LeftOut::NotRead));
        assert_eq!(to_bytes(response.into_body(), 9).await.unwrap(), "{}");
        let (response, message) = of(Body::from("{}")).await.unwrap();
        assert_eq!(message.body.unwrap().bytes.as_deref(), Some(&b"{}"[..]));
        assert_eq!(response.body().size_hint().exact(), Some(2));
        let (_, message) = of(Body::from("[1, 2, 3, 4]")).await.unwrap();
        assert_eq!(message.body.unwrap().left_out, Some(LeftOut::TooLarge));
        assert!(of(Body::empty()).await.unwrap().1.body.is_none());
    }
}
