//! What devices and the server say to each other; `docs/protocol.md` describes it in words, and
//! `bilten_core::sync` holds the types that both sides use.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bilten_core::sync::MAX_MESSAGE_BYTES;
use bilten_core::sync::pairing::{
    Challenge, ChallengeRequest, PairRequest, Paired, Session, SessionRequest,
};
use bilten_core::sync::push::Receipt;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Json, Query};
use futures_util::Stream;
use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::DeviceWith;
use crate::access::DOOR_WORK;
use crate::access::service::{self, AccessError, News, ReadPush};
use crate::api;
use crate::app::App;
use crate::identity::permit;

/// Pushes larger than this are read away from other requests.
const SMALL_PUSH: usize = 32 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    let push = OpenApiRouter::new()
        .routes(routes!(push))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES));
    OpenApiRouter::new()
        .routes(routes!(pair))
        .routes(routes!(challenge))
        .routes(routes!(session))
        .routes(routes!(feed))
        .routes(routes!(hints))
        .merge(push)
}

/// Pair a device by a one-time code
#[utoipa::path(post, path = "/api/v1/sync/pair", tag = "sync",
    request_body(content = Value, description = "`PairRequest` of the protocol"),
    responses((status = 201, body = Value, description = "`Paired` of the protocol"), (status = "4XX", body = Problem)))]
async fn pair(
    State(app): State<App>,
    Json(request): Json<PairRequest>,
) -> Result<(StatusCode, Json<Paired>), Problem> {
    let paired = service::pair(&app, request).await?;
    Ok((StatusCode::CREATED, Json(paired)))
}

/// Ask for something to sign, to open a session with
#[utoipa::path(post, path = "/api/v1/sync/challenge", tag = "sync",
    request_body(content = Value, description = "`ChallengeRequest` of the protocol"),
    responses((status = 200, body = Value, description = "`Challenge` of the protocol"), (status = "4XX", body = Problem)))]
async fn challenge(
    State(app): State<App>,
    Json(request): Json<ChallengeRequest>,
) -> Json<Challenge> {
    Json(service::give_challenge(&app, &request))
}

/// Open a session by the signed challenge; a revoked device gets the order to wipe itself
#[utoipa::path(post, path = "/api/v1/sync/session", tag = "sync",
    request_body(content = Value, description = "`SessionRequest` of the protocol"),
    responses((status = 200, body = Value, description = "`Session` of the protocol"), (status = "4XX", body = Problem)))]
async fn session(
    State(app): State<App>,
    Json(request): Json<SessionRequest>,
) -> Result<impl IntoResponse, Problem> {
    let session: Session = service::open_session(&app, request).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(session)))
}

/// Where a page of the feed begins, and how long it is.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FeedQuery {
    /// The `next` of the page before; absent for the first page.
    cursor: Option<String>,
    /// How many changes, 1 to 10,000; 10,000 if absent.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

/// Fetch the page of the feed after a cursor, signed by the event's key
#[utoipa::path(get, path = "/api/v1/sync/feed", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.read"))), params(FeedQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson"),
        (status = 410, body = Problem, description = "Begin again without a cursor"), (status = "4XX", body = Problem)))]
async fn feed(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInRead>,
    Query(query): Query<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wants_zstd = accepts_zstd(&headers);
    let cursor = query.cursor.as_deref();
    let page = service::feed_page(&app, &device.device, cursor, query.limit, wants_zstd).await?;
    let mut response = page.bytes.into_response();
    let headers = response.headers_mut();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    headers.insert(CONTENT_TYPE, ndjson);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if page.is_zstd {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    }
    Ok(response)
}

fn accepts_zstd(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_zstd = parts.next() == Some("zstd");
            is_zstd && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

/// Report scans, accepted or not; doing so again changes nothing
#[utoipa::path(post, path = "/api/v1/sync/redemptions", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.scan"))),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "A header and at most 1,000 scans, one a line; plain or with `Content-Encoding: zstd`"),
    responses((status = 200, body = Value, description = "`Receipt` of the protocol"), (status = "4XX", body = Problem)))]
async fn push(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInScan>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Receipt>, Problem> {
    let received_at = app.now();
    let encoding = headers
        .get(CONTENT_ENCODING)
        .map(|encoding| encoding.to_str().unwrap_or("unknown").to_owned());
    let is_small = body.len() <= SMALL_PUSH && encoding.is_none();
    let read = move || -> Result<ReadPush, AccessError> {
        service::read_push(&service::unpack(&body, encoding.as_deref())?, received_at)
    };
    let read = if is_small {
        read()
    } else {
        let read = DOOR_WORK.run(read).await;
        read.map_err(|error| Problem::fault(&error))?
    };
    Ok(Json(
        service::push(&app, device.device, received_at, read?).await?,
    ))
}

/// What the stream of hints consists of.
struct HintEvent;

impl PartialSchema for HintEvent {
    fn schema() -> RefOr<Schema> {
        let position = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .description(Some("Up to which position the feed goes by now."));
        let data = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("to", position)
            .required("to");
        api::stream::event("hint", data)
    }
}

impl ToSchema for HintEvent {}

/// Listen for hints that the feed has grown, as server-sent events
///
/// Each event is called `hint` and its data is `{"to": position}`. The first one comes at once. The
/// stream ends when the device is revoked.
#[utoipa::path(get, path = "/api/v1/sync/hints", tag = "sync", security(("device_session" = [])),
    extensions(("x-permission" = json!("check_in.read"))),
    responses((status = 200, body = inline(HintEvent), content_type = "text/event-stream"), (status = "4XX", body = Problem)))]
async fn hints(
    State(app): State<App>,
    device: DeviceWith<permit::CheckInRead>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = service::listen(&app, device.device);
    Sse::new(futures_util::stream::unfold(news, next_hint)).keep_alive(KeepAlive::default())
}

async fn next_hint(mut news: News) -> Option<(Result<Event, Infallible>, News)> {
    match news.next().await {
        Ok(position) => {
            let event = Event::default()
                .event("hint")
                .data(format!(r#"{{"to":{}}}"#, position?));
            Some((Ok(event), news))
        }
        Err(error) => {
            // The device asks again by itself.
            tracing::warn!(%error, "a stream of hints ends");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_zstd(&headers)
        };
        assert!(accepts("zstd"));
        assert!(accepts("gzip, br;q=0.5,zstd ; q=0.1"));
        assert!(!accepts("gzip"));
        assert!(!accepts("zstd;q=0"));
        assert!(!accepts("zstdx"));
        assert!(!accepts_zstd(&HeaderMap::new()));
    }
}
