//! Requests to addresses that somebody outside has chosen: identity providers, receivers of webhooks.
//!
//! Such an address must not become a way into the network that the server stands in, and whoever
//! answers there must not be able to hold the server up. All of that is decided here, once:
//!
//! - only https, only public addresses, looked at again when the name is resolved for the
//!   connection ([`check`], [`is_public`]); no redirects, no proxies of the environment;
//! - limits of time and size ([`Rules`]);
//! - who fails again and again is left alone for a while, by the name the caller gives;
//! - what may be repeated (GET, HEAD) is sent once more when the connection breaks, as long as
//!   such repeats are few among all requests.

mod breaker;
mod guard;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use http::{HeaderMap, Method, Request, StatusCode};
use reqwest::redirect::Policy;
use tower::retry::budget::{Budget, TpsBudget};

pub use breaker::BreakerRules;
pub use guard::{Refusal, check, is_public};

use breaker::Breakers;
use guard::PublicOnly;

/// How long the beginning of an answer is waited for after its head.
const BEGINNING: Duration = Duration::from_secs(2);

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
    /// Whether private networks may be asked, and without encryption.
    pub allows_private: bool,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long all of it may take.
    pub whole: Duration,
    /// What is read of the answer.
    pub reading: Reading,
    /// Whether an answer with this status counts as a failure of whoever was asked.
    pub is_failure: fn(StatusCode) -> bool,
    /// When whoever fails is left alone.
    pub breaker: BreakerRules,
}

/// Why a request has no answer. No error names the address, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// The address is not asked.
    #[error(transparent)]
    Address(#[from] Refusal),
    /// Whoever is there has failed again and again, so nobody asks until then.
    #[error("it has failed again and again, so it is left alone until {0}")]
    LeftAlone(Timestamp),
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

/// Asks others, within its rules.
pub struct Outgoing {
    client: reqwest::Client,
    rules: Rules,
    breakers: Breakers,
    budget: TpsBudget,
    clock: Arc<dyn Clock>,
}

impl Outgoing {
    /// Somebody who asks by these rules.
    ///
    /// # Errors
    /// [`OutgoingError::Unusable`] if no connections can be made at all.
    pub fn new(rules: Rules, clock: Arc<dyn Clock>) -> Result<Self, OutgoingError> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(rules.connect)
            .timeout(rules.whole)
            .user_agent(concat!("Bilten/", env!("CARGO_PKG_VERSION")));
        if !rules.allows_private {
            // A proxy would resolve names by itself.
            builder = builder.no_proxy().dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self {
            client: builder.build().map_err(|_| OutgoingError::Unusable)?,
            rules,
            breakers: Breakers::new(rules.breaker),
            // One repeat for five requests, and two a second in any case.
            budget: TpsBudget::new(Duration::from_secs(10), 2, 0.2),
            clock,
        })
    }

    /// Until when whoever has this name is left alone, if that is so.
    pub fn left_alone_until(&self, name: &str) -> Option<Timestamp> {
        self.breakers.open_until(name, self.clock.now())
    }

    /// Whether whoever has this name failed so often that one request has to find out whether they
    /// are back.
    pub fn is_doubtful(&self, name: &str) -> bool {
        self.breakers.is_doubtful(name)
    }

    /// Sends a request. Failures are counted under `name`: choose it so that one tenant's are not
    /// another's.
    ///
    /// # Errors
    /// [`OutgoingError`] if there is no answer, whatever its status would be.
    pub async fn send(
        &self,
        name: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Reply, OutgoingError> {
        let request = reqwest::Request::try_from(request).map_err(|_| OutgoingError::Unusable)?;
        check(request.url(), self.rules.allows_private)?;
        let pass = self
            .breakers
            .admit(name, self.clock.now())
            .map_err(OutgoingError::LeftAlone)?;
        self.budget.deposit();
        let result = self.send_and_repeat(request).await;
        match &result {
            Ok(reply) if !(self.rules.is_failure)(reply.status) => pass.worked(),
            Ok(_) | Err(_) => pass.failed(self.clock.now()),
        }
        result
    }

    async fn send_and_repeat(&self, request: reqwest::Request) -> Result<Reply, OutgoingError> {
        let may_be_repeated = matches!(*request.method(), Method::GET | Method::HEAD);
        let again = request.try_clone().filter(|_| may_be_repeated);
        let first = self.send_once(request).await;
        match (&first, again) {
            // What took too long once would do so again.
            (Err(OutgoingError::NoConnection | OutgoingError::Broken), Some(again))
                if self.budget.withdraw() =>
            {
                self.send_once(again).await
            }
            _ => first,
        }
    }

    async fn send_once(&self, request: reqwest::Request) -> Result<Reply, OutgoingError> {
        let mut response = self
            .client
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
