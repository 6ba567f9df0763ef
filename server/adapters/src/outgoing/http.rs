//! Calls by HTTP.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::telemetry::trace;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use reqwest::Client;
use reqwest::redirect::Policy;

use super::guard::{PublicOnly, Refusal, check};
use super::{NotAsked, Outside, Peer};

/// How long the beginning of an answer is waited for after its head.
const BEGINNING: Duration = Duration::from_secs(2);
/// How often a call is repeated at most.
const REPEATS: u32 = 2;

/// Which addresses may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones by https only: somebody outside has chosen the address.
    Public,
    /// All, in private networks and without encryption too, by the proxy of the environment if
    /// there is one: the operator has chosen the address, or allows it.
    Anywhere,
    /// All, and never by a proxy: this machine.
    Direct,
}

/// Where a call is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// In no trace.
    Nowhere,
    /// In the present trace, of which whoever is asked hears nothing.
    Here,
    /// In the present trace, and whoever is asked is told it (`traceparent`).
    AndTold,
}

/// What is read of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of it; more bytes than that are an error.
    Whole(usize),
    /// So many bytes from its beginning; the rest does not matter, nor whether it comes.
    Beginning(usize),
}

/// How requests are made.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whom they go to.
    pub peer: &'static Peer,
    /// Which addresses may be asked.
    pub reach: Reach,
    /// What is read of the answer.
    pub reading: Reading,
    /// Whether an answer with this status counts as a failure of whoever was asked.
    pub is_failure: fn(StatusCode) -> bool,
    /// Where the call is traced.
    pub traced: Traced,
}

/// Why a request has no answer. No error names the address, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// The address is not asked.
    #[error(transparent)]
    Address(#[from] Refusal),
    /// Nobody is asked just now.
    #[error(transparent)]
    NotAsked(#[from] NotAsked),
    /// It took too long.
    #[error("it took too long")]
    TooSlow,
    /// There is nobody, or they cannot prove who they are.
    #[error("no connection")]
    NoConnection,
    /// The answer has more bytes than are read.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not one of HTTP, or breaks off.
    #[error("the transfer broke")]
    Broken,
    /// No request can be made of it.
    #[error("the request cannot be sent")]
    Unusable,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// How it went.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as much of it as was read.
    pub body: Vec<u8>,
}

/// Connections by the present settings, made when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Clients {
    public: OnceLock<Option<Client>>,
    anywhere: OnceLock<Option<Client>>,
    direct: OnceLock<Option<Client>>,
}

impl Clients {
    fn get(&self, reach: Reach, connect: Duration) -> Result<Client, OutgoingError> {
        let kept = match reach {
            Reach::Public => &self.public,
            Reach::Anywhere => &self.anywhere,
            Reach::Direct => &self.direct,
        };
        kept.get_or_init(|| client(reach, connect).ok())
            .clone()
            .ok_or(OutgoingError::Unusable)
    }
}

fn client(reach: Reach, connect: Duration) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .connect_timeout(connect)
        .user_agent(concat!("Bilten/", env!("CARGO_PKG_VERSION")));
    match reach {
        // A proxy would resolve names by itself.
        Reach::Public => builder.no_proxy().dns_resolver(Arc::new(PublicOnly)),
        Reach::Anywhere => builder,
        Reach::Direct => builder.no_proxy(),
    }
    .build()
}

/// Asks others by HTTP, within its rules.
#[derive(Clone)]
pub struct Outgoing {
    outside: Arc<Outside>,
    rules: Rules,
}

impl Outgoing {
    /// Somebody who asks by these rules.
    pub const fn new(rules: Rules, outside: Arc<Outside>) -> Self {
        Self { outside, rules }
    }

    /// Until when whoever has this name is left alone, if that is so.
    pub fn left_alone_until(&self, name: &str) -> Option<Timestamp> {
        self.outside.left_alone_until(self.rules.peer, name)
    }

    /// Whether whoever has this name failed so often that one request has to find out whether they
    /// are back.
    pub fn is_doubtful(&self, name: &str) -> bool {
        self.outside.is_doubtful(self.rules.peer, name)
    }

    /// Sends a request, and again if it may be repeated by its method and it makes sense to do so.
    /// Failures are counted under `name`: choose it so that one tenant's are not another's.
    ///
    /// # Errors
    /// [`OutgoingError`] if there is no answer, whatever its status would be.
    pub async fn send(
        &self,
        name: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Reply, OutgoingError> {
        let is_safe = [Method::GET, Method::HEAD].contains(request.method());
        self.ask(name, request, is_safe).await
    }

    /// Sends a request of which the caller knows that it does no harm to send it twice.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_repeatable(
        &self,
        name: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Reply, OutgoingError> {
        self.ask(name, request, true).await
    }

    async fn ask(
        &self,
        name: &str,
        request: Request<Vec<u8>>,
        may_be_repeated: bool,
    ) -> Result<Reply, OutgoingError> {
        let method = match request.method().as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            _ => "HTTP",
        };
        let mut request =
            reqwest::Request::try_from(request).map_err(|_| OutgoingError::Unusable)?;
        let Rules { peer, reach, .. } = self.rules;
        check(request.url(), reach != Reach::Public)?;
        let settings = self.outside.settings();
        let client = settings.clients.get(reach, settings.config.connect())?;
        let whole = settings.config.whole(peer);
        let turn = self.outside.turn(peer, name).await?;
        let call = async {
            if self.rules.traced == Traced::AndTold
                && let Some(parent) = trace::current_text()
                && let Ok(parent) = HeaderValue::try_from(parent)
            {
                request.headers_mut().insert("traceparent", parent);
            }
            match self
                .send_and_repeat(&client, request, may_be_repeated, whole)
                .await
            {
                // What answered so has failed, and the caller wants to see its answer.
                Ok(reply) if (self.rules.is_failure)(reply.status) => Err(Ok(Box::new(reply))),
                Ok(reply) => Ok(reply),
                Err(error) => Err(Err(error)),
            }
        };
        let answer = match self.rules.traced {
            Traced::Nowhere => trace::measured(peer.name, call).await,
            Traced::Here | Traced::AndTold => trace::outgoing(peer.name, method, call).await,
        };
        match answer {
            Ok(reply) => {
                turn.worked();
                Ok(reply)
            }
            Err(answer) => {
                turn.failed();
                answer.map(|reply| *reply)
            }
        }
    }

    async fn send_and_repeat(
        &self,
        client: &Client,
        mut request: reqwest::Request,
        may_be_repeated: bool,
        whole: Duration,
    ) -> Result<Reply, OutgoingError> {
        let (began, peer) = (Instant::now(), self.rules.peer);
        self.outside.called(peer);
        let mut repeats = 0;
        loop {
            let again = if may_be_repeated && repeats < REPEATS {
                request.try_clone()
            } else {
                None
            };
            let left = whole.saturating_sub(began.elapsed());
            *request.timeout_mut() = Some(left.max(Duration::from_millis(1)));
            let result = self.send_once(client, request).await;
            let Some(again) = again.filter(|_| may_pass(&result)) else {
                return result;
            };
            let pause = self.outside.pause(repeats);
            if began.elapsed() + pause >= whole || !self.outside.may_repeat(peer) {
                return result;
            }
            tokio::time::sleep(pause).await;
            request = again;
            repeats += 1;
        }
    }

    async fn send_once(
        &self,
        client: &Client,
        request: reqwest::Request,
    ) -> Result<Reply, OutgoingError> {
        let mut response = client
            .execute(request)
            .await
            .map_err(|error| failed(&error))?;
        let mut reply = Reply {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Vec::new(),
        };
        match self.rules.reading {
            Reading::Whole(most) => {
                while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
                    if reply.body.len() + part.len() > most {
                        return Err(OutgoingError::TooLarge);
                    }
                    reply.body.extend_from_slice(&part);
                }
            }
            Reading::Beginning(most) => {
                let read = async {
                    while reply.body.len() < most {
                        let Ok(Some(part)) = response.chunk().await else {
                            break;
                        };
                        let room = most - reply.body.len();
                        reply.body.extend(part.iter().take(room));
                    }
                };
                // Whoever trickles is not listened to any more.
                let _ = tokio::time::timeout(BEGINNING, read).await;
            }
        }
        Ok(reply)
    }
}

/// Whether it may be better a moment later. What took too long once would do so again.
fn may_pass(result: &Result<Reply, OutgoingError>) -> bool {
    match result {
        Ok(reply) => {
            let passing = [
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ];
            passing.contains(&reply.status) && !reply.headers.contains_key(RETRY_AFTER)
        }
        Err(error) => matches!(error, OutgoingError::NoConnection | OutgoingError::Broken),
    }
}

/// What went wrong, without the address.
fn failed(error: &reqwest::Error) -> OutgoingError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if let Some(refusal) = one.downcast_ref::<Refusal>() {
            return OutgoingError::Address(*refusal);
        }
        cause = one.source();
    }
    if error.is_timeout() {
        OutgoingError::TooSlow
    } else if error.is_connect() {
        OutgoingError::NoConnection
    } else if error.is_builder() {
        OutgoingError::Unusable
    } else {
        OutgoingError::Broken
    }
}
