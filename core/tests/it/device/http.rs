//! The server in memory behind real HTTP, with faults to order.

use super::server::Server;
use super::world::{EVENING, event_issuer, paired};
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bilten_core::checkin::Policy;
use bilten_core::id::DeviceId;
use bilten_core::sync::pairing::{
    Challenge, ChallengeRequest, PairRequest, Session, SessionRequest, WipeOrder,
};
use bilten_core::sync::push;
use bilten_core::time::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong with one answer.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// This status, problem code and Retry-After instead.
    Status(u16, &'static str, Option<u32>),
    /// The work is done, but the answer breaks off.
    Lost,
    /// These bytes instead, said to be zstd.
    Zstd(Vec<u8>),
    /// These bytes instead.
    Plain(Vec<u8>),
}

pub(super) struct Fake {
    pub(super) server: Server,
    /// Faults to come, by path.
    pub(super) faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Requests that came, by path.
    pub(super) seen: BTreeMap<String, usize>,
    pub(super) page_size: usize,
    pub(super) sessions: BTreeMap<String, DeviceId>,
    pub(super) revoked: Option<(DeviceId, bool)>,
    pub(super) cursors_known: bool,
}

#[derive(Clone)]
pub(super) struct Handle {
    pub(super) fake: Arc<Mutex<Fake>>,
    pub(super) address: String,
}

impl Handle {
    pub(super) async fn start(policy: Policy) -> Self {
        let fake = Arc::new(Mutex::new(Fake {
            server: Server::new(policy, EVENING),
            faults: BTreeMap::new(),
            seen: BTreeMap::new(),
            page_size: 10_000,
            sessions: BTreeMap::new(),
            revoked: None,
            cursors_known: true,
        }));
        let app = Router::new()
            .route("/api/v1/sync/pair", post(pair))
            .route("/api/v1/sync/challenge", post(challenge))
            .route("/api/v1/sync/session", post(session))
            .route("/api/v1/sync/feed", get(feed))
            .route("/api/v1/sync/redemptions", post(redemptions))
            .route("/api/v1/sync/hints", get(hints))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&fake));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { fake, address }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().unwrap()
    }

    pub(super) fn link(&self) -> String {
        format!("bilten:pair?code=ABCDEFGH&server={}", self.address)
    }

    pub(super) fn fault(&self, path: &'static str, fault: Fault) {
        self.lock().faults.entry(path).or_default().push_back(fault);
    }

    pub(super) fn seen(&self, path: &str) -> usize {
        self.lock().seen.get(path).copied().unwrap_or(0)
    }
}

type Shared = State<Arc<Mutex<Fake>>>;

fn problem(status: u16, code: &str, retry_after: Option<u32>) -> Response {
    let body = format!(r#"{{"type":"about:blank","status":{status},"code":"{code}"}}"#);
    let mut answer = (StatusCode::from_u16(status).unwrap(), body).into_response();
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        "application/problem+json".parse().unwrap(),
    );
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// A body that breaks off in the middle.
fn torn() -> Response {
    let stream = futures_lite(vec![
        Ok(Bytes::from_static(b"{\"half\":")),
        Err(std::io::Error::other("the line was cut")),
    ]);
    Response::new(stream)
}

fn futures_lite(parts: Vec<Result<Bytes, std::io::Error>>) -> Body {
    struct Parts(std::vec::IntoIter<Result<Bytes, std::io::Error>>);
    impl tokio_stream::Stream for Parts {
        type Item = Result<Bytes, std::io::Error>;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(self.0.next())
        }
    }
    Body::from_stream(Parts(parts.into_iter()))
}

impl Fake {
    /// Counts the request; gives the fault that is due, unless the answer is only to get lost.
    fn enter(&mut self, path: &'static str) -> (Option<Response>, bool) {
        *self.seen.entry(path.to_owned()).or_default() += 1;
        match self.faults.get_mut(path).and_then(VecDeque::pop_front) {
            None => (None, false),
            Some(Fault::Lost) => (None, true),
            Some(Fault::Status(status, code, wait)) => (Some(problem(status, code, wait)), false),
            Some(Fault::Plain(bytes)) => (Some(bytes.into_response()), false),
            Some(Fault::Zstd(bytes)) => (
                Some(([(header::CONTENT_ENCODING, "zstd")], bytes).into_response()),
                false,
            ),
        }
    }

    fn who(&self, headers: &HeaderMap) -> Option<DeviceId> {
        let token = headers
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")?;
        self.sessions.get(token).cloned()
    }
}

async fn pair(State(fake): Shared, Json(request): Json<PairRequest>) -> Response {
    let mut fake = fake.lock().unwrap();
    let (fault, is_lost) = fake.enter("pair");
    if let Some(fault) = fault {
        return fault;
    }
    if !request.is_genuine() || request.code != "ABCDEFGH" {
        return problem(403, "access.pairing_refused", None);
    }
    let device = fake.server.pair(request.public_key);
    let mut answer = paired(1, fake.server.policy, fake.server.now);
    answer.device = device;
    if is_lost {
        torn()
    } else {
        (StatusCode::CREATED, Json(answer)).into_response()
    }
}

async fn challenge(State(fake): Shared, Json(request): Json<ChallengeRequest>) -> Response {
    let mut fake = fake.lock().unwrap();
    if let (Some(fault), _) = fake.enter("challenge") {
        return fault;
    }
    let nonce = format!("nonce-{}", request.device);
    Json(Challenge {
        nonce,
        server_time: fake.server.now,
    })
    .into_response()
}

async fn session(State(fake): Shared, Json(request): Json<SessionRequest>) -> Response {
    let mut fake = fake.lock().unwrap();
    if let (Some(fault), _) = fake.enter("session") {
        return fault;
    }
    let Some(key) = fake.server.devices.get(&request.device).copied() else {
        return problem(401, "access.device_unknown", None);
    };
    if !request.is_genuine(&key) {
        return problem(401, "access.bad_signature", None);
    }
    let token = format!("token-{}", fake.sessions.len());
    fake.sessions.insert(token.clone(), request.device.clone());
    let wipe = fake
        .revoked
        .clone()
        .filter(|(device, _)| *device == request.device);
    let wipe = wipe.map(|(device, genuine)| {
        let issuer = if genuine {
            event_issuer()
        } else {
            super::world::other_issuer()
        };
        WipeOrder::sign(device, EVENING, &issuer)
    });
    let expires_at = Timestamp(fake.server.now.ms() + 3_600_000);
    Json(Session {
        token,
        expires_at,
        wipe,
    })
    .into_response()
}

#[derive(Deserialize)]
struct FeedQuery {
    cursor: Option<String>,
    limit: usize,
}

async fn feed(State(fake): Shared, headers: HeaderMap, Query(query): Query<FeedQuery>) -> Response {
    let mut fake = fake.lock().unwrap();
    let (fault, is_lost) = fake.enter("feed");
    if let Some(fault) = fault {
        return fault;
    }
    let Some(device) = fake.who(&headers) else {
        return problem(401, "access.session_over", None);
    };
    if fake
        .revoked
        .as_ref()
        .is_some_and(|(revoked, _)| *revoked == device)
    {
        return problem(403, "access.device_revoked", None);
    }
    if query.cursor.is_some() && !fake.cursors_known {
        fake.cursors_known = true;
        return problem(410, "access.cursor_unknown", None);
    }
    let from = query.cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let page = fake.server.page(from, query.limit.min(fake.page_size));
    if is_lost {
        return torn();
    }
    let body = zstd::stream::encode_all(page.as_slice(), 1).unwrap();
    ([(header::CONTENT_ENCODING, "zstd")], body).into_response()
}

async fn redemptions(State(fake): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let mut fake = fake.lock().unwrap();
    let (fault, is_lost) = fake.enter("redemptions");
    if let Some(fault) = fault {
        return fault;
    }
    let Some(device) = fake.who(&headers) else {
        return problem(401, "access.session_over", None);
    };
    assert_eq!(headers[header::CONTENT_ENCODING], "zstd");
    let body = zstd::stream::decode_all(&body[..]).unwrap();
    let mut lines = body.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let header: push::Header = serde_json::from_slice(lines.next().unwrap()).unwrap();
    let scans: Vec<_> = lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(header.count as usize, scans.len());
    assert!(scans.len() <= bilten_core::sync::MAX_PUSH);
    assert!((header.device_time.ms() - fake.server.now.ms()).abs() < 10_000);
    let receipt = fake.server.push(&device, &scans);
    if is_lost {
        torn()
    } else {
        Json(receipt).into_response()
    }
}

async fn hints(State(fake): Shared) -> Response {
    let mut locked = fake.lock().unwrap();
    if let (Some(fault), _) = locked.enter("hints") {
        return fault;
    }
    drop(locked);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tokio::spawn(async move {
        let mut told = 0;
        while !sender.is_closed() {
            let now = fake.lock().unwrap().server.log.len();
            if now > told {
                told = now;
                let event = format!("event: hint\ndata: {{\"to\": {now}}}\n\n");
                if sender.send(Ok(event.into())).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
